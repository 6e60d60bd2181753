"""The check of the samples in a conversion, whose findings are notes of its record."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from edgeml.pipeline.draft import Draft
from edgeml.pipeline.plan import Plan
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
        scored=plan.task == "classification",
    )

    def notes(drafts: Sequence[Draft]) -> tuple[str, ...]:
        with watch.timing("check samples"), reading(plan.source.path):
            macs = sum(operator.macs or 0 for operator in list_operators(drafts[0].path))
            return check.notes(macs)

    return replace(plan, calibration=check.calibration, evaluation=check.evaluation), notes
