"""Images with the answers of `edgeml.run` drawn onto them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeml_runtime.errors import InputError
from edgeml_runtime.tasks import Result


class Drawings:
    """Draws answers onto their images, and writes them as PNG files once all are there.

    Args:
        folder: Where to; None for no drawings.
        names: What the samples are called.
    """

    def __init__(self, folder: Path | None, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = names
        self._images: dict[str, bytes] = {}

    def add(
        self, index: int, sample: np.ndarray | Mapping[str, np.ndarray], answer: Result
    ) -> None:
        """Draw *answer* onto the sample of that index.

        Raises:
            InputError: The sample is no image.
        """
        if self._folder is None:
            return
        import cv2  # noqa: PLC0415 - only drawings need OpenCV

        from edgeml_runtime.drawing import draw  # noqa: PLC0415 - as above

        name = self._names[index]
        if isinstance(sample, Mapping) or sample.dtype != np.uint8 or sample.ndim not in (2, 3):
            raise InputError(
                f"--draw: {name} is no image of height x width x 3, uint8.",
                "Give images, or leave out --draw.",
            )
        drawn = draw(sample, answer)
        _, encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        stem = name.removesuffix(Path(name).suffix)
        file = f"{stem}.png"
        if file in self._images:
            file = f"{stem}-{index}.png"
        self._images[file] = encoded.tobytes()

    def written(self) -> tuple[Path, ...]:
        """Write the files, each whole or not at all, and return their paths.

        Raises:
            InputError: The folder cannot be written.
        """
        if self._folder is None:
            return ()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name, content in self._images.items():
                temporary = self._folder / f".{name}.tmp"
                try:
                    temporary.write_bytes(content)
                    temporary.replace(self._folder / name)
                finally:
                    temporary.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"--draw {self._folder} cannot be written: {error.strerror}.",
                "Choose a folder that can be written.",
            ) from error
        return tuple(self._folder / name for name in self._images)
