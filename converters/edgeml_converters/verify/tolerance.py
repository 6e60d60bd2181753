"""The limits that parity must keep, by precision, read from ``tolerances.toml``."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from edgeml_converters.verify.parity import Parity
from edgeml_runtime.errors import InputError


@dataclass(frozen=True)
class Tolerance:
    """The limits of one precision; None stands for a figure that is not judged.

    Args:
        rel_range: The most that an output may differ, relative to its range.
        agreement: The least agreement in per cent.
        agreement_samples: The least number of samples from which agreement is judged.
        sqnr_db: The least signal-to-noise ratio of outputs that are not scores of classes.
    """

    rel_range: float | None = None
    agreement: float | None = None
    agreement_samples: int = 1
    sqnr_db: float | None = None


@cache
def load_tolerances() -> dict[str, Tolerance]:
    """Return the limits by precision, from the table in the package."""
    text = resources.files(__package__).joinpath("tolerances.toml").read_text(encoding="utf-8")
    return {name: Tolerance(**row) for name, row in tomllib.loads(text)["precision"].items()}


def check_parity(parity: Parity, precision: str, *, classes: bool = True) -> str | None:
    """Return a sentence that says why *parity* is not good enough, or None when it is.

    Args:
        parity: What was measured.
        precision: ``float32``, ``float16``, ``dynamic``, ``int8`` or ``int8x16``.
        classes: Whether outputs are scores of classes, if they look like it. The largest number of
            an embedding means nothing.

    Raises:
        InputError: The precision has no row in the table.
    """
    tolerances = load_tolerances()
    if precision not in tolerances:
        raise InputError(
            f"There is no precision '{precision}'.", f"It is one of {', '.join(tolerances)}."
        )
    tolerance = tolerances[precision]
    if parity.failure is not None:
        return parity.failure
    if tolerance.rel_range is not None and parity.rel_range > tolerance.rel_range:
        worst = parity.worst
        return (
            f"Output '{worst.name}' differs by {worst.rel_range:.2g} of its range "
            f"(at most {worst.max_abs:.3g}); {precision} allows {tolerance.rel_range:g}."
        )
    if not classes:
        return _noise(parity, precision, tolerance)
    if (
        tolerance.agreement is not None
        and parity.agreement is not None
        and parity.samples >= tolerance.agreement_samples
        and parity.agreement < tolerance.agreement
    ):
        return (
            f"Only {parity.agreement:.1f} % of {parity.samples} samples keep their best class; "
            f"{precision} wants {tolerance.agreement:g} %."
        )
    return None


def _noise(parity: Parity, precision: str, tolerance: Tolerance) -> str | None:
    if tolerance.sqnr_db is None or parity.sqnr_db >= tolerance.sqnr_db:
        return None
    return (
        f"The outputs have a signal-to-noise ratio of {parity.sqnr_db:.1f} dB; "
        f"{precision} wants {tolerance.sqnr_db:g} dB."
    )
