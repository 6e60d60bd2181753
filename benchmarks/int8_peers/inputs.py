"""Network inputs in a folder of ``.npy`` files, one a photo: what every quantizer reads.

Imported by the peers' interpreters too, so it knows numpy only.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np


class Inputs:
    """Inputs (1, 3, 224, 224) float32 of a folder, from the first again at its end.

    They are read one at a time, so that nothing is held that the quantizer does not hold.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._files = sorted(folder.glob("*.npy"))
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in range(self._count):
            yield np.load(self._files[index % len(self._files)])
