"""What an artifact must reach to be delivered: parity with its source, and a bounded drop."""

from collections.abc import Sequence
from typing import Final

from edgeml_converters.verify import Accuracy, Parity, check_parity
from edgeml_runtime.errors import GateError

_DEFECT: Final = "This is a defect of the conversion; report it with the model."
_PARITY_REMEDY: Final = {
    "float16": "Use --quantize float32.",
    "dynamic": "Use --quantize float16, or int8 with --calibrate.",
    "int8": "Calibrate on data that looks like the real inputs, or use --quantize int8x16.",
    "int8x16": "Calibrate on data that looks like the real inputs, or use --quantize float32.",
}


def failed_gates(
    name: str,
    precision: str,
    parity: Parity,
    scores: Sequence[Accuracy],
    max_drop: float | None,
    *,
    classes: bool,
) -> tuple[GateError, ...]:
    """Return one error for each gate that the artifact *name* does not pass.

    Args:
        name: The file, for the message.
        precision: Decides which parity is asked for.
        parity: What was measured against the source.
        scores: What was scored; the first one is gated.
        max_drop: Largest accuracy drop in percentage points, or None for no gate.
        classes: Whether the outputs are scores of classes.
    """
    failures = []
    broken = check_parity(parity, precision, classes=classes)
    if broken is not None:
        remedy = _PARITY_REMEDY.get(precision, _DEFECT)
        if parity.failure is not None and "the reference" in parity.failure:
            remedy = (
                "The source itself gives no numbers: give inputs it is made for, by --evaluate."
            )
        failures.append(GateError(f"{name} is not its source: {broken}", remedy))
    if max_drop is not None and scores and scores[0].drop > max_drop:
        score = scores[0]
        failures.append(
            GateError(
                f"{name} loses {score.drop:.2f} points of {score.metric} "
                f"({score.reference:.2f} % to {score.value:.2f} %), more than {max_drop:g}.",
                "Calibrate on more or better samples, allow more, or use --quantize float32.",
            )
        )
    return tuple(failures)
