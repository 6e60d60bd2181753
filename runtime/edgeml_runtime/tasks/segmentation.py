"""The task ``segmentation``: the class of each pixel of the image."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.step import Geometry
from edgeml_runtime.tasks.options import OutputTask

if TYPE_CHECKING:
    from edgeml_runtime.drawing import Shape

_MOST_RUNS = 20_000
_AT_ONCE = 1 << 21  # values that are interpolated together, to bound the memory


@dataclass(frozen=True)
class Segmentation:
    """The answer for one image.

    Args:
        mask: Classes, (H,W) of the image, or of the output without one; uint8 or uint16, whose
            largest value stands for what the preprocessing cut away.
        labels: Names by class.
        shares: ``(label, index, share)`` of what the model saw, largest first.
    """

    mask: np.ndarray
    labels: tuple[str, ...]
    shares: tuple[tuple[str, int, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return size, shares and ``runs``: class, length, ... by rows; null beyond 20,000."""
        flat = self.mask.ravel()
        starts = np.append(0, np.flatnonzero(flat[1:] != flat[:-1]) + 1)
        runs = np.stack([flat[starts], np.diff(starts, append=flat.size)], axis=1)
        return {
            "height": self.mask.shape[0],
            "width": self.mask.shape[1],
            "shares": [dict(zip(("label", "index", "share"), entry)) for entry in self.shares],
            "runs": runs.ravel().tolist() if len(runs) <= _MOST_RUNS else None,
        }

    def summary(self) -> str:
        """Return the largest classes with their shares."""
        return ", ".join(f"{label} {share:.1%}" for label, _, share in self.shares[:4])

    def shapes(self) -> list["Shape"]:
        """Return a tint for each class but the first, which often is the background."""
        from edgeml_runtime.drawing import Shape  # noqa: PLC0415 - for those who draw

        return [
            Shape(index, f"{label} {share:.0%}", mask=self.mask == index)
            for label, index, share in self.shares
            if index
        ]


class Segmenter(OutputTask):
    """Makes a ``Segmentation`` of scores of each class, of one score, or of a map of classes."""

    def read_options(self, fields: Fields) -> None:
        """Read how a mask is scaled, and from which value on a single score is class 1."""
        self._nearest = fields.choice("upscale", ("bilinear", "nearest"), "bilinear") == "nearest"
        self._threshold = fields.numbers("threshold")[0] if fields.has("threshold") else None

    def answer(
        self,
        array: np.ndarray,
        outputs: Mapping[str, np.ndarray],  # noqa: ARG002 - OutputTask
        geometry: Optional[Geometry],
    ) -> Segmentation:
        """Return the answer."""
        maps, labels = self.maps(array), self.labels
        if len(maps) > 1:
            if len(labels) not in (0, len(maps)):
                raise self.unfit(array, f"maps of {len(labels)} classes as there are labels")
            classes = len(maps)
        elif array.dtype.kind == "f":
            # One half is 0.5 of probabilities, 0 of logits.
            half = 0.5 if maps.min() >= 0.0 and maps.max() <= 1.0 else 0.0
            score = maps[0] - np.float32(half if self._threshold is None else self._threshold)
            maps, classes = np.stack([-score, score]), 2
            labels = ("background", *labels) if len(labels) == 1 else labels
        else:
            classes = int(maps.max()) + 1
        kind = np.uint8 if classes < 256 else np.uint16
        mask = (maps.argmax(axis=0) if len(maps) > 1 else maps[0]).astype(kind)
        if geometry is not None:
            mask = self._in_image(mask, maps, geometry)
        counts = np.bincount(mask.ravel())[: np.iinfo(kind).max]
        shares = tuple(
            (
                labels[index] if index < len(labels) else str(index),
                index,
                counts[index] / sum(counts),
            )
            for index in np.argsort(-counts, kind="stable").tolist()
            if counts[index]
        )
        return Segmentation(mask, labels, shares)

    def _in_image(self, best: np.ndarray, maps: np.ndarray, geometry: Geometry) -> np.ndarray:
        """Return the classes of the image's pixels, by scores interpolated between those around.

        Where these are of one class, so is what lies between: only the others are computed.
        """
        g = geometry
        y, sees_y = _places(g.image_height, g.offset_y, g.scale_y, g.height, best.shape[0])
        x, sees_x = _places(g.image_width, g.offset_x, g.scale_x, g.width, best.shape[1])
        if self._nearest or len(maps) == 1:
            y, x = np.rint(y), np.rint(x)
        around = [(rows, columns) for rows in _around(y) for columns in _around(x)]
        mask: np.ndarray
        mask, *others = (best[np.ix_(rows, columns)] for (rows, _), (columns, _) in around)
        all_rows, all_columns = np.nonzero(np.any([other != mask for other in others], axis=0))
        step = max(1, _AT_ONCE // len(maps))
        for start in range(0, all_rows.size, step):
            r, c = all_rows[start : start + step], all_columns[start : start + step]
            mixed = np.zeros((len(maps), r.size), np.float32)
            for (rows, down), (columns, across) in around:
                mixed += maps[:, rows[r], columns[c]] * (down[r] * across[c])
            mask[r, c] = mixed.argmax(axis=0)
        mask[~np.outer(sees_y, sees_x)] = np.iinfo(mask.dtype).max
        return mask


def _places(
    count: int, offset: float, scale: float, input_size: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return where an axis of the image lies in a map (off added borders), and what was seen."""
    at_input = (np.arange(count) + 0.5 - offset) / scale
    zoom = size / input_size
    low = min(max(0.0, -offset / scale * zoom), size - 1.0)
    high = max(low, min(size, (count - offset) / scale * zoom) - 1.0)
    places = np.clip(at_input * zoom - 0.5, low, high)
    return places, (at_input >= 0.0) & (at_input <= input_size)


def _around(places: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return the pixels before and after, each with its weight."""
    before, after = places.astype(int), np.ceil(places).astype(int)
    weight = (places - before).astype(np.float32)
    return (before, 1 - weight), (after, weight)
