"""onnxruntime's part: ``onnxruntime_side FLOAT_ONNX INPUTS COUNT OUT METHOD``.

Quantizes as its documentation advises for CPUs: prepared graph, QDQ, int8 both, per channel.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.int8_peers.inputs import Inputs


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # untyped
    def __init__(self, name: str, arrays: Iterator[np.ndarray]) -> None:
        self._name, self._arrays = name, arrays

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next input, or None."""
        array = next(self._arrays, None)
        return None if array is None else {self._name: array}


def main() -> None:
    """Write ``model.onnx`` to the folder that the arguments name."""
    model, inputs, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    out, method = Path(sys.argv[4]), sys.argv[5]
    out.mkdir()
    name = onnx.load(model, load_external_data=False).graph.input[0].name
    quant_pre_process(model, str(out / "prepared.onnx"))
    quantize_static(
        str(out / "prepared.onnx"),
        str(out / "model.onnx"),
        _Reader(name, iter(Inputs(inputs, count))),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[method],
    )


if __name__ == "__main__":
    main()
