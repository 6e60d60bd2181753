"""What to say when an engine does not take a model; it knows the engines' own sentences."""

import re

from edgeml_runtime.errors import InputError, UnsupportedError

_UPDATE = "Update the engine, or convert the model with --min-runtime {engine}=={version}."
_PLAIN = "Export the model with operators of {format} alone, or use another engine."
_REASONS = (
    (
        r"model IR version: (\d+)",
        "it is too old for ONNX files of version {0}",
        _UPDATE,
    ),
    (r"Opset (\d+) is under dev", "it is too old for operator set {0}", _UPDATE),
    (r"opcode '(\w+)' version '(\d+)'", "it is too old for version {1} of {0}", _UPDATE),
    (r"implementation for (\w+)\((\d+)\)", "it has no {0} for the types of the model", _UPDATE),
    (r"\((Flex\w+)\) failed to prepare", "{0} is an operator of TensorFlow (Flex)", _PLAIN),
    (r"unresolved custom op: (\w+)", "{0} is an operator that it does not have", _PLAIN),
    (r"(?:registered for|Fatal error:) ([\w.:]+)", "{0} is an operator that it lacks", _PLAIN),
)


def load_error(engine: str, version: str, error: Exception) -> InputError:
    """Return the error for *error*, which *engine* raised when it was given a model to load.

    UnsupportedError when another version or engine may take the model.
    """
    text = " ".join(str(error).split())
    problem = f"{engine} {version} cannot load the model"
    for pattern, reason, remedy in _REASONS:
        found = re.search(pattern, text)
        if found is not None:
            kind = "ONNX" if engine == "onnxruntime" else "TFLite"
            return UnsupportedError(
                f"{problem}: {reason.format(*found.groups())}.",
                remedy.format(engine=engine, version=version, format=kind),
            )
    text = text.rstrip(".")[:300]
    return InputError(f"{problem}: {text}.", "Check that it is a whole model file.")
