"""The worker of a small framework that is really there: numpy, with a model ``y = x @ w + 1``.

The SPEC tells how it behaves: words joined by ``-``, each of which is looked for below.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[4] / "converters/edgeml_converters/sources/workers"))

from worker_frames import (  # type: ignore[import-not-found]  # found by the line above
    Answer,
    Options,
    UserError,
    main,
)

WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2)


def _misbehave(spec: str, moment: str) -> None:
    if f"{moment}segfault" in spec:
        os.kill(os.getpid(), signal.SIGSEGV)
    if f"{moment}killed" in spec:
        os.kill(os.getpid(), signal.SIGKILL)
    if f"{moment}sleep" in spec:
        time.sleep(600)
    if f"{moment}refuse" in spec:
        raise UserError(f"{spec} is refused.", "Name another one.")
    if f"{moment}missing" in spec:
        raise UserError(f"{spec} lacks a package.", "pip install it", 3)
    if f"{moment}raise" in spec:
        raise RuntimeError("no such luck\nsecond line")
    if f"{moment}leave" in spec:
        sys.exit(0)


def export(spec: str, folder: Path, options: Options) -> dict[str, object]:
    """Write the model, with the batch free."""
    print("chatter that belongs to nobody")
    os.write(1, b"chatter of C code\n")
    _misbehave(spec, "export")
    import onnx  # noqa: PLC0415 - only the export takes the time for it
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - as above

    rows = options["input_shapes"].get("x", [None, 3])[0]
    bias = 2.0 if "wrong" in spec else 1.0
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Add", ["p", "b"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (rows, 3))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (rows, 2))],
        [
            numpy_helper.from_array(WEIGHTS, "w"),
            numpy_helper.from_array(np.array([bias], np.float32), "b"),
        ],
    )
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), folder / "model.onnx")
    return {
        "framework": f"numpy {np.__version__}",
        "exporter": "by hand",
        "opset": 17,
        "notes": ["The batch is free."],
    }


def open_model(spec: str, _options: Options) -> Answer:
    """Return the model."""
    _misbehave(spec, "load")

    def answer(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        print("chatter")
        _misbehave(spec, "run")
        return {"y": inputs["x"] @ WEIGHTS + np.float32(1)}

    return answer


if __name__ == "__main__":
    sys.exit(main(export, open_model))
