"""The engine ``numpy``: small models of tables. Format: docs/numpy-models.md."""

from collections.abc import Mapping
from typing import Any, Callable, Optional, Union

import numpy as np

from edgeml_runtime.document import Fields, parse_json
from edgeml_runtime.engines.refusal import check_feeds
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

SCHEMA = "edgeml.numpy/1"
DTYPES = {  # by their names in safetensors
    f"{kind}{bits}": np.dtype(f"<{kind.lower()}{bits // 8}")
    for kind, sizes in (("F", (32, 64)), ("I", (8, 16, 32, 64)), ("U", (8, 16, 32)))
    for bits in sizes
}

_REMEDY = "Make the model again with 'edgeml convert'."
_Op = Callable[..., np.ndarray]
_Step = tuple[_Op, tuple[str, ...], str, dict[str, Any]]  # with what it reads, makes, its options


class NumpyEngine:
    """A program over arrays; the contract is that of ``Engine``."""

    def __init__(self, name: str, version: str, data: bytes, threads: int) -> None:
        self.name = name
        self.version = version
        self.threads = threads
        start = 8 + int.from_bytes(data[:8], "little")
        arrays = _fields(parse_json(data[8:start], "the model", _REMEDY))
        text = _fields(arrays.table("__metadata__")).text(SCHEMA)
        program = _fields(parse_json(text.encode(), SCHEMA, _REMEDY))
        self.inputs = tuple(map(_spec, program.tables("inputs")))
        self.outputs = tuple(map(_spec, program.tables("outputs")))
        self._values = {
            key: _array(_fields(arrays.table(key)), data[start:]) for key in program.texts("arrays")
        }
        self._steps: Optional[list[_Step]] = list(map(_step, program.tables("steps")))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all outputs by name; see ``Engine.run``."""
        if self._steps is None:
            raise InputError("The model was closed.", "Load it again before running it.")
        check_feeds(self.inputs, inputs)
        values = {**self._values, **inputs}
        try:
            with np.errstate(all="ignore"):
                for op, reads, made, options in self._steps:
                    values[made] = op(*[values[name] for name in reads], **options)
            return {spec.name: np.array(values[spec.name], spec.dtype) for spec in self.outputs}
        except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
            raise InputError(f"numpy cannot run the model: {error}.", _REMEDY) from error

    def close(self) -> None:
        """Release the program."""
        self._steps = None


def open_model(name: str, version: str, model: Union[bytes, str], threads: int) -> NumpyEngine:
    """Return the engine with *model*, a file or its bytes, loaded."""
    if isinstance(model, str):
        with open(model, "rb") as stream:
            model = stream.read()
    return NumpyEngine(name, version, model, threads)


def _trees(rows: np.ndarray, *table: np.ndarray, depth: int) -> np.ndarray:
    """Return the sums of the leaves, (N, targets) in float64.

    All trees go down one level at a time: from a node to its child, or to the one after that where
    the feature is above the threshold (or NaN, and ``missing`` is set). A leaf is its own child
    with a threshold of NaN, which nothing is above; its values are row ``leaf`` of them.
    """
    roots, child, feature, threshold, missing, leaf, values = table
    roots, child, feature, leaf = map(_places, (roots, child, feature, leaf))
    flat, holds_nan = rows.ravel(), np.isnan(rows).any()
    offsets = np.arange(len(rows))[:, np.newaxis] * rows.shape[1]
    node = np.repeat(roots[np.newaxis], len(rows), axis=0)
    for _ in range(min(depth, len(child))):
        value = flat.take(feature.take(node) + offsets)
        above = value > threshold.take(node)
        if holds_nan:
            above |= np.isnan(value) & (missing.take(node) > 0)
        node = child.take(node) + above
    sums: np.ndarray = values.take(leaf.take(node), axis=0).sum(axis=1, dtype=np.float64)
    return sums


def _places(indices: np.ndarray) -> np.ndarray:
    """Return *indices* as numpy wants them, which on a 32-bit board refuses to narrow them."""
    return indices.astype(np.intp, copy=False)


def _take(x: np.ndarray, indices: np.ndarray, **options: Any) -> np.ndarray:  # noqa: ANN401 - numpy's
    return np.take(x, _places(indices), **options)


def _concatenate(*parts: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate(parts, axis)


def _reshape(x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return x.reshape([size or x.shape[axis] for axis, size in enumerate(shape.tolist())])


# Functions of NumPy; the options that JSON can give them do no harm.
_NAMES = """abs add argmax argmin array divide equal exp expand_dims full greater greater_equal
 isnan less less_equal log logical_and logical_not logical_or matmul max maximum mean min minimum
 multiply negative power prod shape sqrt squeeze subtract sum tanh transpose where"""
OPS: Mapping[str, _Op] = {
    **{name: getattr(np, name) for name in _NAMES.split()},
    "concatenate": _concatenate,
    "reshape": _reshape,
    "take": _take,
    "trees": _trees,
}


def _step(entry: Mapping[str, Any]) -> _Step:
    fields = _fields(entry)
    given = fields.table("with") if fields.has("with") else {}
    options = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
    return OPS[fields.choice("op", OPS)], fields.texts("in"), fields.text("out"), options


def _spec(entry: Mapping[str, Any]) -> TensorSpec:
    fields = _fields(entry)
    dtype = fields.choice("dtype", [dtype.name for dtype in DTYPES.values()])
    return TensorSpec(fields.text("name"), fields.sizes("shape"), dtype)


def _array(fields: Fields, body: bytes) -> np.ndarray:
    shape = [size or 0 for size in fields.sizes("shape")]
    start, end = fields.wholes("data_offsets", 2, 0, len(body))
    try:
        return np.frombuffer(body[start:end], DTYPES[fields.choice("dtype", DTYPES)]).reshape(shape)
    except ValueError as error:
        raise fields.fault(f"{end - start} bytes do not fill the shape {shape}") from error


def _fields(value: object) -> Fields:
    return Fields(value, "the model", _REMEDY)
