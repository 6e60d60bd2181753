"""edgeml's part: ``edgeml_side FLOAT_ONNX INPUTS COUNT OUT [RECIPE]``, no more than peers do.

Reads inputs as they do, calibrates, quantizes and writes both files; verifies nothing. RECIPE is
TOML, and what it leaves out is as by default.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.int8_peers.inputs import Inputs
from edgeml_converters.graph import Bytes, onnx_parts, optimize
from edgeml_converters.quantize import Quantizer, Recipe
from edgeml_converters.sources import load_source
from edgeml_converters.tflite import convert_tflite


class _Samples:
    """Inputs by name, to be read again and again."""

    def __init__(self, name: str, inputs: Inputs) -> None:
        self._name = name
        self._inputs = inputs

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return ({self._name: array} for array in self._inputs)


def main() -> None:
    """Write ``model.onnx`` and ``model.tflite`` to the folder that the arguments name."""
    source = load_source(sys.argv[1])
    inputs, count, out = Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    graph = optimize(source.graph)
    name = source.inputs[0].name
    recipe = Recipe.from_toml(sys.argv[5]) if len(sys.argv) > 5 else Recipe()
    quantized = Quantizer(graph, _Samples(name, Inputs(inputs, count))).int8(recipe)
    out.mkdir()
    _write(out / "model.onnx", onnx_parts(quantized))
    _write(out / "model.tflite", convert_tflite(quantized).parts)


def _write(file: Path, parts: Sequence[Bytes]) -> None:
    with file.open("wb") as stream:
        stream.writelines(parts)


if __name__ == "__main__":
    main()
