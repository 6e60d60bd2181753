"""The engine ``tflite-runtime``: TFLite models on 32-bit boards and older Python (NumPy 1)."""

from tflite_runtime.interpreter import Interpreter

from edgeml_runtime.engines.tflite_interpreter import TfliteEngine


def open_model(name: str, version: str, model: bytes, threads: int) -> TfliteEngine:
    """Return the engine with *model*, the bytes of a TFLite file, loaded."""
    return TfliteEngine(name, version, model, threads, Interpreter)
