"""The tasks of places in the image: ``segmentation``, classes of pixels, and ``keypoints``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess import Geometry
from edgeml_runtime.tasks import Answer, OutputTask

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


@dataclass(frozen=True)
class Keypoint:
    """A point in pixels of the image, how sure it is from 0 to 1, and its depth if there is one."""

    label: str
    x: float
    y: float
    score: float
    z: Optional[float] = None


@dataclass(frozen=True)
class Pose:
    """The points of one person, hand or thing."""

    score: float
    points: tuple[Keypoint, ...]


@dataclass(frozen=True)
class Keypoints(Answer):
    """The answer for one image: poses, best first, and which points to join by lines."""

    poses: tuple[Pose, ...]
    skeleton: tuple[tuple[int, int], ...]

    def summary(self) -> str:
        """Return the first points of each pose."""
        lines = (
            f"pose {pose.score:.4f}: "
            + ", ".join(f"{point.label} {point.x:.0f},{point.y:.0f}" for point in pose.points[:3])
            for pose in self.poses
        )
        return "; ".join(lines) or "no pose"

    def shapes(self) -> list["Shape"]:
        """Return the points of each pose, joined by lines."""
        from edgeml_runtime.drawing import Shape  # noqa: PLC0415 - for those who draw

        return [
            Shape(color, points=[(point.x, point.y) for point in pose.points], lines=self.skeleton)
            for color, pose in enumerate(self.poses)
        ]


class KeypointReader(OutputTask):
    """Makes ``Keypoints`` of heatmaps, of coordinates, or of boxes with points as YOLO has them."""

    def read_options(self, fields: Fields) -> None:
        """Read what the numbers mean."""
        self._format = fields.choice("format", ("auto", "heatmaps", "coordinates", "yolo"), "auto")
        self._fields = fields.text("fields", "xy")
        if set(self._fields) - set("xyzs-") or not {"x", "y"} <= set(self._fields):
            raise fields.fault(f"'fields' is '{self._fields}', and must be such as xy, yxs, xyz-")
        self._units = fields.choice("units", ("auto", "normalized", "pixels"), "auto")
        self._refine = fields.choice("refine", ("quarter", "soft", "none"), "quarter")
        self._cell = fields.fraction("cell", 0.5)
        self._threshold = fields.fraction("threshold", 0.25)
        self._overlap = fields.fraction("overlap", 0.65)
        pairs = (
            Fields({"skeleton": pair}, fields.where, fields.remedy).wholes(
                "skeleton", 2, 0, (len(self.labels) or 1000) - 1
            )
            for pair in (fields.items("skeleton") if fields.has("skeleton") else ())
        )
        self._skeleton = tuple((start, end) for start, end in pairs)

    def answer(
        self,
        array: np.ndarray,
        outputs: Mapping[str, np.ndarray],  # noqa: ARG002 - OutputTask
        geometry: Optional[Geometry],
    ) -> Keypoints:
        """Return the answer."""
        geometry = geometry or self._whole_input()
        form, fields = self._format, self._fields
        if form == "auto" and array.ndim == 4:  # MoveNet has (1,1,points,3)
            is_movenet = array.shape[:2] == (1, 1) and array.shape[3] == 3
            form, fields = ("", "yxs") if is_movenet else ("heatmaps", "")
        if form == "heatmaps":  # each becomes (poses,points,3 or 4): x, y, score, z
            points = self._peaks(self.maps(array).astype(np.float64), geometry)
            scores = points[..., 2].mean(axis=1)
        elif form == "yolo":
            points, scores = self._boxes(array)
        else:
            fits = len(fields) == array.shape[-1] or array.size == max(array.shape)
            if not fits or array.size % len(fields):
                raise self.unfit(array, f"rows of '{fields}'")
            rows = array.reshape(1, -1, len(fields)).astype(np.float64)
            points = np.ones((*rows.shape[:2], 4 if "z" in fields else 3))
            for letter in set(fields) - {"-"}:
                points[..., "xysz".index(letter)] = rows[..., fields.index(letter)]
            scores = points[..., 2].mean(axis=1)
        labels = self.labels or tuple(map(str, range(points.shape[1])))
        if len(labels) != points.shape[1]:
            raise self.unfit(array, f"{len(labels)} points as there are labels")
        places = points[..., :2]
        small = self._units == "auto" and np.abs(places).max(initial=0.0) <= 2.0
        if form != "heatmaps" and (small or self._units == "normalized"):
            places *= (geometry.width, geometry.height)
        places *= (geometry.scale_x, geometry.scale_y)
        places += (geometry.offset_x, geometry.offset_y)
        poses = tuple(
            Pose(score, tuple(Keypoint(label, *values) for label, values in zip(labels, pose)))
            for score, pose in zip(scores.tolist(), points.tolist())
        )
        return Keypoints(poses, self._skeleton)

    def _whole_input(self) -> Geometry:
        """Return the geometry of a sample that is the model's input."""
        spec = self.manifest.inputs[0]
        sizes = {"NCHW": spec.shape[2:], "NHWC": spec.shape[1:3]}.get(spec.layout, ())
        return Geometry.identity(*(size or 1 for size in sizes or (1, 1)))

    def _peaks(self, maps: np.ndarray, geometry: Geometry) -> np.ndarray:
        """Read heatmaps: the peak, a quarter of a cell towards its larger neighbour.

        ``soft`` is the mean place under softmax (Sun et al., Integral Human Pose Regression, 2018).
        """
        count, height, width = maps.shape
        each = np.arange(count)
        row, column = np.divmod(maps.reshape(count, -1).argmax(axis=1), width)
        score = maps[each, row, column]
        y, x = row, column
        if self._refine == "soft":
            weights = np.exp(maps - score[:, np.newaxis, np.newaxis])
            weights /= weights.sum(axis=(1, 2), keepdims=True)
            y, x = weights.sum(axis=2) @ np.arange(height), weights.sum(axis=1) @ np.arange(width)
        elif self._refine == "quarter":
            wide = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
            down = wide[each, row + 2, column + 1] - wide[each, row, column + 1]
            across = wide[each, row + 1, column + 2] - wide[each, row + 1, column]
            y, x = row + np.sign(down) / 4, column + np.sign(across) / 4
        x = (x + self._cell) * (geometry.width / width)
        y = (y + self._cell) * (geometry.height / height)
        return np.stack([x, y, score], axis=1)[np.newaxis]

    def _boxes(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read x, y, width, height, score, then x, y, score of each point."""
        rows = array.reshape(array.shape[-2:]) if len(array) == 1 else array
        rows = rows.T if len(rows) < rows.shape[-1] else rows
        if rows.ndim != 2 or rows.shape[1] % 3 != 2:
            raise self.unfit(array, "boxes with points")
        from edgeml_runtime.tasks.detection import suppress  # noqa: PLC0415 - not for heatmaps

        rows = rows[rows[:, 4] >= self._threshold].astype(np.float64)
        half = rows[:, 2:4] / 2
        boxes = np.hstack([rows[:, :2] - half, rows[:, :2] + half])
        rows = rows[suppress(boxes, rows[:, 4], self._overlap)]
        return rows[:, 5:].reshape(len(rows), rows.shape[1] // 3 - 1, 3), rows[:, 4]
