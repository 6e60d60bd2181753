"""litert-quantizer's part: ``litert_side FLOAT_TFLITE INPUTS COUNT OUT MODE``.

MODE is ``default``, or ``profiler`` for its quicker way to see the ranges, on one thread.
"""

import sys
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import quantizer, recipe  # type: ignore[import-not-found]  # its own only

from benchmarks.int8_peers.inputs import Inputs


def main() -> None:
    """Write ``model.tflite`` to the folder that the arguments name."""
    model, inputs, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    out, mode = Path(sys.argv[4]), sys.argv[5]
    ((signature, tensors),) = Interpreter(model_path=model).get_signature_list().items()
    (name,) = tensors["inputs"]
    # A generator would be read by its progress bar, and none of it be left to calibrate on.
    data = [{name: array.transpose(0, 2, 3, 1).copy()} for array in Inputs(inputs, count)]
    options = {}
    if mode == "profiler":
        chosen = quantizer.calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED
        options = {"num_threads": 1, "mode": chosen}
    tool = quantizer.Quantizer(model, recipe.static_wi8_ai8())
    found = tool.calibrate({signature: data}, **options)
    out.mkdir()
    tool.quantize(found).export_model(str(out / "model.tflite"))


if __name__ == "__main__":
    main()
