"""Runs in the emulated board: a program that starts, opens a model and runs it once.

Usage: ``start.py bare|runtime ENGINE FILE``. FILE is a model, which the engine's own interface
opens (bare), or a bundle with the variant's id behind a ``#`` (runtime). The inputs are zeros. The
counter's timeline is cut where the program's own work begins, so that the interpreter's start,
which both have, does not count. It imports nothing that such a program does not need.
"""

# ruff: noqa: PLC0415 - what is imported, and when, is what is measured

import os
import sys

_CUT, _END = 0x0EDCE102, 0x0EDCE104  # see edgeml_count.c


def mark(event: int) -> None:
    """Tell the counter of *event*: a system call that does nothing else, and always fails."""
    try:  # noqa: SIM105 - contextlib is not loaded yet
        os.sched_get_priority_max(event)
    except OSError:
        pass


def onnxruntime_alone(path: str) -> None:
    """Open an ONNX file and run it on one thread."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (tensor,) = session.get_inputs()
    shape = [size if isinstance(size, int) else 1 for size in tensor.shape]
    session.run(None, {tensor.name: np.zeros(shape, np.float32)})


def litert_alone(path: str) -> None:
    """Open a TFLite file and run it on one thread."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    (details,) = interpreter.get_input_details()
    interpreter.set_tensor(details["index"], np.zeros(details["shape"], details["dtype"]))
    interpreter.invoke()
    interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def with_runtime(engine: str, bundle: str) -> None:
    """Load a bundle and run it on the source model's input."""
    import numpy as np

    import edgeml_runtime

    path, _, variant = bundle.partition("#")
    model = edgeml_runtime.load(path, variant=variant, engine=engine, threads=1)
    (spec,) = model.manifest.inputs
    model.run({spec.name: np.zeros([size or 1 for size in spec.shape], spec.dtype)})


def main() -> None:
    """Start what the command line names."""
    how, engine, path = sys.argv[1:]
    mark(_CUT)
    if how == "runtime":
        with_runtime(engine, path)
    elif engine == "onnxruntime":
        onnxruntime_alone(path)
    else:
        litert_alone(path)
    mark(_END)


if __name__ == "__main__":
    main()
