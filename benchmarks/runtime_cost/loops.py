"""One inference by an engine's own interface, and by the runtime: what the two loops repeat.

It runs in the emulated board too: numpy and edgeml_runtime only, on Python 3.9 or newer.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import edgeml_runtime

Call = Callable[[], Any]


def runtime_calls(bundle: str, variant: str, engine: str) -> dict[str, Call]:
    """Return ``run`` and ``call``: ``Model.run`` and ``Model(sample)`` on seeded noise."""
    model = edgeml_runtime.load(bundle, variant=variant, engine=engine, threads=1)
    (spec,) = model.manifest.inputs
    sample = np.random.RandomState(0).random_sample([size or 1 for size in spec.shape])
    inputs = {spec.name: sample.astype(spec.dtype)}
    return {"run": lambda: model.run(inputs), "call": lambda: model(inputs[spec.name])}


def engine_call(engine: str, path: str) -> Call:
    """Return one inference as a plain loop over *engine* has it, on seeded noise."""
    if engine == "onnxruntime":
        return _onnxruntime_call(path)
    return _litert_call(path)


def _onnxruntime_call(path: str) -> Call:
    import onnxruntime  # noqa: PLC0415 - one of the two

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # The runtime asks for exact 8-bit sums, which take other kernels on some x86; here too.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (tensor,) = session.get_inputs()
    shape = [size if isinstance(size, int) else 1 for size in tensor.shape]
    inputs = {tensor.name: np.random.RandomState(0).random_sample(shape).astype(np.float32)}
    return lambda: session.run(None, inputs)


def _litert_call(path: str) -> Call:
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - one of the two

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    given: Mapping[str, Any] = interpreter.get_input_details()[0]
    found = interpreter.get_output_details()[0]["index"]
    values = np.random.RandomState(0).random_sample(given["shape"]).astype(given["dtype"])

    def call() -> np.ndarray:
        interpreter.set_tensor(given["index"], values)
        interpreter.invoke()
        output: np.ndarray = interpreter.get_tensor(found)
        return output

    return call
