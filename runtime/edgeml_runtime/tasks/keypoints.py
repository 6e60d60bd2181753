"""The task ``keypoints``: named points, of one pose or of several."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.step import Geometry
from edgeml_runtime.tasks.options import Answer, OutputTask

if TYPE_CHECKING:
    from edgeml_runtime.drawing import Shape


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
