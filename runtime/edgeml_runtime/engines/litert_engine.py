"""The engines ``litert`` (XNNPACK) and ``litert-builtin`` (no delegate): TFLite models."""

from functools import partial
from typing import Union

from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeml_runtime.engines.tflite_interpreter import TfliteEngine


def open_model(name: str, version: str, model: Union[bytes, str], threads: int) -> TfliteEngine:
    """Return the engine with *model*, a file or its bytes, on XNNPACK where it applies."""
    return TfliteEngine(name, version, model, threads, Interpreter)


def open_model_builtin(
    name: str, version: str, model: Union[bytes, str], threads: int
) -> TfliteEngine:
    """Return the engine with *model* on the built-in kernels alone."""
    factory = partial(
        Interpreter,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    return TfliteEngine(name, version, model, threads, factory)
