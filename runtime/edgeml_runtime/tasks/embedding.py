"""The task ``embedding``: a vector that lies near those of similar samples."""

from collections.abc import Mapping
from typing import Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.tasks.options import OutputTask

_TINY = 1e-30  # for a vector of zeros


@dataclass(frozen=True)
class Embedding:
    """The answer for one sample: *vector*, (size,) float32."""

    vector: np.ndarray

    def cosine(self, other: "Embedding") -> float:
        """Return the cosine of the angle to another vector: 1 for the same direction."""
        if self.vector.shape != other.vector.shape:
            raise InputError(
                f"Vectors of {self.vector.size} and {other.vector.size} numbers were compared.",
                "Compare those of one model.",
            )
        lengths = np.linalg.norm(self.vector) * np.linalg.norm(other.vector)
        return float(self.vector @ other.vector / max(float(lengths), _TINY))

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        return {"vector": self.vector.tolist()}

    def summary(self) -> str:
        """Return the size and the first numbers."""
        first = ", ".join(f"{value:.4f}" for value in self.vector[:4])
        return f"{self.vector.size} numbers: {first}, ..."


class Embedder(OutputTask):
    """Makes an ``Embedding`` of a vector, or of one for each token."""

    reads_inputs = True  # the attention mask

    def read_options(self, fields: Fields) -> None:
        """Read what is done with vectors."""
        self._scales = fields.choice("norm", ("l2", "none"), "l2") == "l2"
        names = [spec.name for spec in self.manifest.inputs]
        self._mask = fields.choice("mask", names) if fields.has("mask") else "attention_mask"
        self._pooling = fields.choice("pooling", ("none", "mean", "max", "first"), "none")

    def answer(
        self,
        array: np.ndarray,
        outputs: Mapping[str, np.ndarray],
        geometry: Optional[Geometry],  # noqa: ARG002 - OutputTask
    ) -> Embedding:
        """Return the answer."""
        if self._pooling != "none" and array.ndim == 3 and len(array) == 1:
            array, mask = array[0], outputs.get(self._mask)
            if self._pooling == "first":
                array = array[0]
            else:
                if mask is not None:
                    if mask.size != len(array) or not mask.any():
                        raise self.unfit(array, f"a token for each in {self._mask}, or that is 0")
                    array = array[mask.reshape(-1) != 0]
                array = array.mean(axis=0) if self._pooling == "mean" else array.max(axis=0)
        vector = self.vector(array, "one vector; see the task option 'pooling'").astype(np.float32)
        if self._scales:
            vector = vector / max(float(np.linalg.norm(vector)), _TINY)
        return Embedding(vector)
