"""QUANTIZE and DEQUANTIZE: the same real numbers, rounded anew or not at all."""

from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import AGNOSTIC
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step


@importing("DEQUANTIZE", "QUANTIZE", ports=AGNOSTIC)
def raise_quantize(step: Step, emit: Emitter) -> None:
    """Let the real numbers of the input stand for the output; making it rounds where need be."""
    source = emit.input(step)
    if step.input().dtype.name == "float16":
        source = emit.node("Cast", source, to=1)  # TensorProto.FLOAT
    emit.output(step, source)
