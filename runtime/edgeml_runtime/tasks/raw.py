"""The task ``raw``: the output tensors as they are."""

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.tasks.options import task_fields


@dataclass(frozen=True)
class RawOutputs:
    """The outputs of a model by name, in the source model's layout and types."""

    outputs: Mapping[str, np.ndarray]

    def to_json(self) -> dict[str, Any]:
        """Return the tensors as nested lists; NaN and infinities become null."""
        return {"outputs": {name: _nested(array) for name, array in self.outputs.items()}}

    def summary(self) -> str:
        """Return name, type, shape and range of each output."""
        return "; ".join(_described(name, array) for name, array in self.outputs.items())


class RawTask:
    """Gives the outputs back as they are."""

    def __init__(self, manifest: Manifest) -> None:
        task_fields(manifest).nothing_else()

    def __call__(
        self,
        outputs: Mapping[str, np.ndarray],
        geometry: Optional[Geometry] = None,  # noqa: ARG002 - Task
    ) -> RawOutputs:
        """Return the outputs."""
        return RawOutputs(dict(outputs))


def _nested(array: np.ndarray) -> Any:  # noqa: ANN401 - lists nested as deep as the rank
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        values = array.astype(object)
        values[~np.isfinite(array)] = None
        return values.tolist()
    return array.tolist()


def _described(name: str, array: np.ndarray) -> str:
    shape = "x".join(str(size) for size in array.shape) or "scalar"
    span = f" from {array.min():.6g} to {array.max():.6g}" if array.size else ""
    return f"{name} {array.dtype.name} {shape}{span}"
