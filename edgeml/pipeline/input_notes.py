"""The check of the samples in a conversion, whose findings are notes of its record."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from edgeml.pipeline.draft import Draft
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.precisions import needs_calibration
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml_converters.inspection import list_operators
from edgeml_converters.isolation import reading
from edgeml_converters.lint import InputCheck

InputNotes = Callable[[Sequence[Draft]], tuple[str, ...]]


def watched_inputs(plan: Plan, watch: Stopwatch) -> tuple[Plan, InputNotes]:
    """Return *plan* with its data watched, and what to ask for notes once they were read."""
    check = InputCheck(
        plan.source,
        plan.pipeline,
        plan.calibration,
        plan.evaluation,
        scored=plan.classifies,
    )

    def notes(drafts: Sequence[Draft]) -> tuple[str, ...]:
        with watch.timing("check samples"), reading(plan.source.path):
            macs = sum(operator.macs or 0 for operator in list_operators(drafts[0].path))
            return (*synthetic_notes(plan, drafts), *check.notes(macs))

    return replace(plan, calibration=check.calibration, evaluation=check.evaluation), notes


def synthetic_notes(plan: Plan, drafts: Sequence[Draft]) -> tuple[str, ...]:
    """Return what must be known where the samples to calibrate on were made up."""
    made = dict.fromkeys(draft.precision for draft in drafts)
    calibrated = [name for name in made if needs_calibration(name)]
    if plan.calibration is None or not plan.calibration.synthetic or not calibrated:
        return ()
    note = (
        f"The scales of {', '.join(calibrated)} were set from {plan.calibration.size} made-up "
        "samples, not from data, so the accuracy may be far lower than it could be. Give "
        "--calibrate DATA with 50 or more typical samples before it is used."
    )
    return (note,)
