"""How many operators of a model are shared out to threads, each for a wake-up and a join.

Knows where the two model formats list their operators; must not know what sharing out costs.
"""

import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files


def parallel_operators(model: bytes, model_format: str) -> int:
    """Return the number of operators in the main graph of *model* that run on several threads.

    Args:
        model: The bytes of a file that an engine has read.
        model_format: ``tflite`` or ``onnx``.
    """
    alone = _alone(model_format)
    return sum(name not in alone for name in _READERS[model_format](model))


@cache
def _alone(model_format: str) -> frozenset[str]:
    text = (files("edgeml_devices.latency") / "operators.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(text)[model_format]["alone"])


def _tflite_operators(model: bytes) -> Iterable[str]:
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - slow to import

    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    file = schema.Model.GetRootAs(model, 0)
    graph = file.Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        code = file.OperatorCodes(graph.Operators(index).OpcodeIndex())
        # Files older than 2020 have the narrow field only; newer ones keep the larger of both.
        yield names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]


def _onnx_operators(model: bytes) -> Iterable[str]:
    import onnx  # noqa: PLC0415 - slow to import

    return (node.op_type for node in onnx.load_model_from_string(model).graph.node)


_READERS: dict[str, Callable[[bytes], Iterable[str]]] = {
    "tflite": _tflite_operators,
    "onnx": _onnx_operators,
}
