"""What is known of a model's input or output: name, shape, type, layout, quantization."""

from collections.abc import Mapping
from typing import Any, Optional

from edgeml_runtime.frozen import dataclass


@dataclass(frozen=True)
class Quantization:
    """Affine quantization of a whole tensor: ``real = scale * (q - zero_point)``."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a model.

    Args:
        name: The name in the source model; every artifact keeps it.
        shape: Sizes; ``None`` stands for a size that is free at run time.
        dtype: The numpy name of the element type, such as ``float32`` or ``int8``.
        layout: ``NCHW``, ``NHWC`` or empty where the axes have no image meaning.
        quantization: Set when the tensor holds quantized values.
    """

    name: str
    shape: tuple[Optional[int], ...]
    dtype: str
    layout: str = ""
    quantization: Optional[Quantization] = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry that stands for this tensor in manifests and ``--json`` documents."""
        entry: dict[str, Any] = {"name": self.name, "shape": list(self.shape), "dtype": self.dtype}
        if self.layout:
            entry["layout"] = self.layout
        if self.quantization is not None:
            entry["quantization"] = {
                "scale": self.quantization.scale,
                "zero_point": self.quantization.zero_point,
            }
        return entry

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> "TensorSpec":
        """Return the tensor that ``to_json`` described; the caller has validated the types."""
        quantization = entry.get("quantization")
        return cls(
            name=entry["name"],
            shape=tuple(entry["shape"]),
            dtype=entry["dtype"],
            layout=entry.get("layout", ""),
            quantization=None if quantization is None else Quantization(**quantization),
        )
