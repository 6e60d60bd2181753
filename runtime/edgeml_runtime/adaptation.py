"""Between the tensors of the source model and those of one variant: layout, type, quantization."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Optional

import numpy as np

from edgeml_runtime.engines.refusal import check_feeds
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass, replace
from edgeml_runtime.tensors import Quantization, TensorSpec

_dtype = lru_cache(maxsize=None)(np.dtype)
_AXES: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("NCHW", "NHWC"): (0, 2, 3, 1),
    ("NHWC", "NCHW"): (0, 3, 1, 2),
}


@dataclass(frozen=True)
class TensorAdapter:
    """Converts one tensor between its form in the source model and its form in a variant.

    Args:
        source: The tensor of the source model.
        variant: The tensor of the same name in the variant.
    """

    source: TensorSpec
    variant: TensorSpec

    @property
    def is_plain(self) -> bool:
        """Whether both forms are the same."""
        axes = self._axes(self.source.layout, self.variant.layout)
        return axes is None and self.source.dtype == self.variant.dtype

    @property
    def fed_spec(self) -> TensorSpec:
        """The source's tensor with the variant's layout and element type."""
        axes = self._axes(self.source.layout, self.variant.layout)
        shape = self.source.shape
        shape = shape if axes is None else tuple(shape[axis] for axis in axes)
        return replace(self.variant, shape=shape)

    def to_variant(self, array: np.ndarray) -> np.ndarray:
        """Return *array*, given as the source has it, as the variant wants it."""
        axes = self._axes(self.source.layout, self.variant.layout)
        moved = array if axes is None else np.ascontiguousarray(array.transpose(axes))
        return self.encode(moved)

    def to_source(self, array: np.ndarray) -> np.ndarray:
        """Return *array*, as the variant gave it, as the source would have given it."""
        axes = self._axes(self.variant.layout, self.source.layout)
        real = self._decode(array)
        return real if axes is None else np.ascontiguousarray(real.transpose(axes))

    def encode(self, array: np.ndarray) -> np.ndarray:
        """Return *array* (in the variant's layout) with the variant's element type."""
        if array.dtype == _dtype(self.variant.dtype):
            return array
        if self.variant.quantization is None:
            return array.astype(self.variant.dtype)
        return _quantize(array, self.variant.quantization, self.variant.dtype)

    def encode_source(self, array: np.ndarray) -> np.ndarray:
        """Return what ``encode`` does, of an array that must have the source's element type.

        Raises:
            InputError: It has another one.
        """
        check_feeds((replace(self.source, shape=(None,) * array.ndim),), {self.source.name: array})
        return self.encode(array)

    def _decode(self, array: np.ndarray) -> np.ndarray:
        if array.dtype == _dtype(self.source.dtype):
            return array
        if self.variant.quantization is None:
            return array.astype(self.source.dtype)
        quantization = self.variant.quantization
        steps = array.astype(np.float32) - np.float32(quantization.zero_point)
        real: np.ndarray = steps * np.float32(quantization.scale)
        return real.astype(self.source.dtype, copy=False)

    @staticmethod
    def _axes(of: str, to: str) -> Optional[tuple[int, ...]]:
        return _AXES.get((of, to))


def match_tensors(
    sources: tuple[TensorSpec, ...], variants: tuple[TensorSpec, ...], files: tuple[TensorSpec, ...]
) -> dict[str, TensorAdapter]:
    """Return the adapters by tensor name, in the order of *sources*.

    Args:
        sources: The tensors of the source model.
        variants: The same tensors in the variant, as the manifest describes them.
        files: The tensors that the engine found in the variant's file.

    Raises:
        InputError: The file is not what the manifest describes.
    """
    by_name = {spec.name: spec for spec in variants}
    found = {spec.name: spec for spec in files}
    for name, spec in by_name.items():
        if name not in found or not _agree(spec, found[name]):
            raise InputError(
                f"The manifest says {_described(spec)}, and the model file has "
                f"{_described(found[name]) if name in found else sorted(found)}.",
                "Make the bundle again with 'edgeml convert'.",
            )
    return {spec.name: TensorAdapter(spec, by_name[spec.name]) for spec in sources}


def _agree(told: TensorSpec, found: TensorSpec) -> bool:
    sizes = zip(told.shape, found.shape)
    return (
        told.dtype == found.dtype
        and len(told.shape) == len(found.shape)
        and all(a is None or b is None or a == b for a, b in sizes)
    )


def _described(spec: TensorSpec) -> str:
    return f"'{spec.name}' {spec.dtype} {list(spec.shape)}"


def _quantize(array: np.ndarray, quantization: Quantization, dtype: str) -> np.ndarray:
    """Return the nearest quantized values, ties to even as ONNX QuantizeLinear has them."""
    limits = np.iinfo(dtype)
    steps = np.rint(array / np.float32(quantization.scale)) + quantization.zero_point
    clipped: np.ndarray = np.clip(steps, limits.min, limits.max)
    return clipped.astype(dtype)
