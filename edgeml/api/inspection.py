"""`edgeml.inspect`: what a model file holds and needs."""

from pathlib import Path

from edgeml_converters.inspection import Inspection, inspect_model


def inspect(model: Path | str) -> Inspection:
    """Return what the file *model* (.onnx, .tflite or .edgeml) holds, without running it.

    What stands in the way of a conversion is a finding, not an error.

    Raises:
        InputError: The file is missing, damaged or of an unknown kind.
    """
    return inspect_model(Path(model))
