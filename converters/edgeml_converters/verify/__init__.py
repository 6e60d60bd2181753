"""Parity of an artifact with its source, and its score on labelled data.

Knows tensors in the source model's layout and how to bring an engine's to it; must not know how an
artifact was made.
"""

from edgeml_converters.verify.accuracy import Accuracy, score
from edgeml_converters.verify.adaptation import Runner, artifact_runner
from edgeml_converters.verify.comparison import compare_outputs, verify
from edgeml_converters.verify.parity import OutputParity, Parity, no_parity
from edgeml_converters.verify.tolerance import Tolerance, check_parity, load_tolerances

__all__ = [
    "Accuracy",
    "OutputParity",
    "Parity",
    "Runner",
    "Tolerance",
    "artifact_runner",
    "check_parity",
    "compare_outputs",
    "load_tolerances",
    "no_parity",
    "score",
    "verify",
]
