"""Between the tensors of the source model and those of one variant: layout, type, quantization."""

from collections.abc import Mapping
from functools import cached_property
from typing import Optional

import numpy as np

from edgeml_runtime.engines.refusal import check_feeds
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass, replace
from edgeml_runtime.tensors import Quantization, TensorSpec

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

    @cached_property
    def is_plain(self) -> bool:
        """Whether both forms are the same."""
        return self._axes is None and self.source.dtype == self.variant.dtype

    @property
    def fed_spec(self) -> TensorSpec:
        """The source's tensor with the variant's layout and element type."""
        shape = self.source.shape
        shape = shape if self._axes is None else tuple(shape[axis] for axis in self._axes)
        return replace(self.variant, shape=shape)

    def to_variant(self, array: np.ndarray) -> np.ndarray:
        """Return *array*, given as the source has it, as the variant wants it."""
        return self.encode(array if self._axes is None else _moved(array, self._axes))

    def to_source(self, array: np.ndarray) -> np.ndarray:
        """Return *array*, as the variant gave it, as the source would have given it."""
        real = self._decode(array)
        return real if self._axes_back is None else _moved(real, self._axes_back)

    def encode(self, array: np.ndarray) -> np.ndarray:
        """Return *array* (in the variant's layout) with the variant's element type."""
        if array.dtype == self._variant_dtype:
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
        if array.dtype == self._source_dtype:
            return array
        if self.variant.quantization is None:
            return array.astype(self.source.dtype)
        quantization = self.variant.quantization
        steps = array.astype(np.float32) - np.float32(quantization.zero_point)
        real: np.ndarray = steps * np.float32(quantization.scale)
        return real.astype(self.source.dtype, copy=False)

    @cached_property
    def _axes(self) -> Optional[tuple[int, ...]]:
        return _AXES.get((self.source.layout, self.variant.layout))

    @cached_property
    def _axes_back(self) -> Optional[tuple[int, ...]]:
        return _AXES.get((self.variant.layout, self.source.layout))

    @cached_property
    def _source_dtype(self) -> np.dtype:
        return np.dtype(self.source.dtype)

    @cached_property
    def _variant_dtype(self) -> np.dtype:
        return np.dtype(self.variant.dtype)


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


def _moved(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Return *array* with its axes in another order, as one block of memory."""
    view = array.transpose(axes)
    if axes[3] != 1 or not 1 < view.shape[3] <= 4:
        return np.ascontiguousarray(view)
    # numpy would go through such an image pixel by pixel, which takes four times as long.
    moved = np.empty(view.shape, array.dtype)
    for channel in range(view.shape[3]):
        moved[..., channel] = view[..., channel]
    return moved


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
