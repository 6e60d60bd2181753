"""What a user allows, and tells beside shapes, when a source is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edgeml_runtime.progress import Progress, silent

Consent = Callable[[str], bool]
"""``consent(question)`` says whether the user agrees."""


def refuse(question: str) -> bool:  # noqa: ARG001 - the answer to any question
    """Agree to nothing."""
    return False


@dataclass(frozen=True)
class SourceSettings:
    """How a source may be read.

    Args:
        input_dtypes: Element types by input name, for sources that do not know their own.
        trust_pickle: Whether a pickle may be loaded, which runs whatever code it holds.
        consent: Asked before something large is fetched.
        progress: Told what is being done.
    """

    input_dtypes: Mapping[str, str] = field(default_factory=dict)
    trust_pickle: bool = False
    consent: Consent = refuse
    progress: Progress = silent
