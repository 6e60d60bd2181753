"""Quantizes a graph, writes both files, and holds the answers of the engines beside each other."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.graph.axis_layout import border_layouts
from edgeml_converters.quantize import Recipe, calibrate, quantization_summary, quantize_int8
from edgeml_converters.quantize.summary import ExcludedNode
from edgeml_converters.tflite import write_tflite
from edgeml_converters.tflite_import.reading import read_program
from edgeml_runtime.engines import open_engine

ENGINES = ("litert", "litert-builtin")
"""Those of the TFLite file: XNNPACK, and the kernels without it."""

_LAST, _FIRST = (0, 2, 3, 1), (0, 3, 1, 2)
Array = npt.NDArray[np.float32]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Agreement:
    """How far the answers of an engine of the TFLite file are from those of onnxruntime.

    Args:
        steps: The largest difference, in steps of the output's scale.
        equal: The share of values that are equal.
        sqnr_db: The answers of onnxruntime over the difference, in dB.
    """

    steps: float
    equal: float
    sqnr_db: float


@dataclass(frozen=True)
class Trial:
    """One graph in int8.

    Args:
        by_engine: The agreement with onnxruntime of each of ``ENGINES``.
        excluded: The nodes that stayed float.
        floats: The operators of the TFLite file that compute floats within it.
        float_sqnr_db: The float answers over what int8 changes in them, in onnxruntime.
    """

    by_engine: Mapping[str, Agreement]
    excluded: tuple[ExcludedNode, ...]
    floats: tuple[str, ...]
    float_sqnr_db: float


def attempt(model: ir.Model, samples: Sequence[Arrays], *, alone: bool = False) -> Trial:
    """Return what becomes of *model*, calibrated and asked on *samples*.

    Args:
        model: A float graph.
        samples: Its inputs.
        alone: One operator is looked at: what makes its input must hand on integers as they are,
            which it does where that input's range is not trimmed. Ties would be rounded else.
    """
    quantized = quantize_int8(model, calibrate(model, samples), Recipe(trim_ranges=not alone))
    data = write_tflite(quantized)
    steps = _output_scales(quantized)
    expected, reference = (
        _answers("onnxruntime", serialize_onnx(graph), model, samples)
        for graph in (quantized, model)
    )
    found = {name: _answers(name, data, model, samples) for name in ENGINES}
    return Trial(
        by_engine={name: _agreement(expected, found[name], steps) for name in ENGINES},
        excluded=quantization_summary(quantized).excluded,
        floats=_floats(data),
        float_sqnr_db=_sqnr_db(reference, expected),
    )


def random_samples(model: ir.Model, count: int = 4) -> list[Arrays]:
    """Return standard normal inputs of *model*; free axes are 1."""
    random = np.random.default_rng(1)
    return [
        {
            value.name or "": random.standard_normal(_sizes(value)).astype(np.float32)
            for value in model.graph.inputs
        }
        for _ in range(count)
    ]


def _sizes(value: ir.Value) -> list[int]:
    assert value.shape is not None
    return [size if isinstance(size, int) else 1 for size in value.shape]


def _output_scales(model: ir.Model) -> dict[str, float]:
    """Return the scale of each output that an integer operator made; of others there is none."""
    scales = {}
    for output in model.graph.outputs:
        maker = output.producer()
        if maker is not None and maker.op_type == "DequantizeLinear":
            scale = maker.inputs[1]
            assert scale is not None
            assert scale.const_value is not None
            scales[output.name or ""] = float(scale.const_value.numpy())
    return scales


def _answers(
    engine: str, content: bytes, model: ir.Model, samples: Sequence[Arrays]
) -> list[Arrays]:
    """Return outputs in the order of axes of *model*; a TFLite file has images channels-last."""
    layouts = border_layouts(model.graph)
    turned = engine in ENGINES
    answers: list[Arrays] = []
    with closing(open_engine(engine, content)) as opened:
        for sample in samples:
            given = {n: _turned(a, _LAST, layouts.inputs[n], turned) for n, a in sample.items()}
            found = opened.run(given)
            answers.append(
                {n: _turned(a, _FIRST, layouts.outputs[n], turned) for n, a in found.items()}
            )
    return answers


def _turned(array: Array, order: tuple[int, ...], layout: str, turned: bool) -> Array:
    return np.ascontiguousarray(array.transpose(order)) if turned and layout == "NCHW" else array


def _agreement(
    expected: Sequence[Arrays], found: Sequence[Arrays], scales: Mapping[str, float]
) -> Agreement:
    counted = np.concatenate(
        [
            np.abs(wanted[name] - given[name]).ravel() / scale
            for wanted, given in zip(expected, found, strict=True)
            for name, scale in scales.items()
        ]
        or [np.zeros(1)]
    )
    return Agreement(
        steps=float(np.rint(counted).max()),
        equal=float((counted < 0.5).mean()),
        sqnr_db=_sqnr_db(expected, found),
    )


def _sqnr_db(expected: Sequence[Arrays], found: Sequence[Arrays]) -> float:
    wanted, given = (np.concatenate(list(_flat(arrays))) for arrays in (expected, found))
    noise = float(((wanted - given) ** 2).sum())
    return float("inf") if noise == 0 else 10 * float(np.log10((wanted**2).sum() / noise))


def _flat(answers: Sequence[Arrays]) -> Iterator[npt.NDArray[np.float64]]:
    for arrays in answers:
        for name in sorted(arrays):
            yield arrays[name].astype(np.float64).ravel()


def _floats(data: bytes) -> tuple[str, ...]:
    """Return the operators of a TFLite file that compute floats, those at its end left out."""
    program, _ = read_program(data, "int8.tflite")
    ends = {id(tensor) for _, tensor in program.outputs}
    return tuple(
        operator.code
        for operator in program.operators
        if any(output.dtype == np.float32 for output in operator.outputs)
        and not (operator.code == "DEQUANTIZE" and id(operator.outputs[0]) in ends)
    )
