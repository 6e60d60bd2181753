"""What a model's outputs mean: the task of a conversion, its options, and whether it reads them.

The task is the runtime's own, so that what is refused here is what the board would refuse.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edgeml.pipeline.order import Order
from edgeml_converters.data import Sample
from edgeml_converters.isolation import reading
from edgeml_converters.sources import SourceModel
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks import Result, Task, make_task

if TYPE_CHECKING:
    from edgeml.pipeline.plan import Plan

DOCUMENTED: Final = "docs/tasks.md has the options of each task."
_CHECKED_BY_SHAPE: Final = ("classification", "raw")


def chosen_task(order: Order, source: SourceModel, labels: tuple[str, ...]) -> str:
    """Return the task that was asked for, or what labels speak for.

    Raises:
        InputError: The model has outputs of another kind, or the task other options.
    """
    task = order.task or ("classification" if labels or order.evaluate else "raw")
    if task == "classification":
        _check_scores(source, labels, order.task_options)
    _task(task, order.task_options, source, labels)
    return task


def read_characters(source: SourceModel) -> tuple[str, ...]:
    """Return the labels that recognizers of PaddleOCR carry in their metadata; else none."""
    if source.native is not None or source.path.suffix != ".onnx":
        return ()
    with reading(source.path):
        listed = source.graph.metadata_props.get("character", "")
    return tuple(listed.rstrip("\n").split("\n")) if listed else ()


def try_task(plan: "Plan") -> None:
    """Have the task read what the source answers to the first sample.

    Raises:
        InputError: It cannot; names the options to change.
    """
    if plan.task in _CHECKED_BY_SHAPE and not plan.task_options:
        return
    data = plan.verification_data()
    sample = next(iter(data.take(1)), None)
    if sample is None:
        return
    with reading(plan.source.path), closing(plan.source.reference()) as engine:
        outputs = engine.run(sample.inputs)
    if data.synthetic and any(np.isnan(array).any() for array in outputs.values()):
        return  # noise is no input that the model is made for
    task = task_of(plan)
    try:
        answer(plan, task, sample, outputs)
    except InputError as error:
        given = "".join(f" --task-option {name}" for name in plan.task_options)
        raise InputError(
            f"--task {plan.task}{given} does not fit {plan.source.path}: {error.problem}",
            f"Give another --task, --task-option or --labels. {DOCUMENTED}",
        ) from error


def task_of(plan: "Plan") -> Task:
    """Return the task of a conversion, as the board will have it."""
    return _task(plan.task, plan.task_options, plan.source, plan.labels)


def answer(plan: "Plan", task: Task, sample: Sample, outputs: Mapping[str, np.ndarray]) -> Result:
    """Return what *task* makes of the source's outputs for a sample; raises InputError."""
    place = None
    if plan.pipeline is not None and sample.raw.ndim in (2, 3):
        place = plan.pipeline.geometry(*sample.raw.shape[:2])
    read = {**sample.inputs, **outputs} if hasattr(task, "reads_inputs") else outputs
    return task(read, place)


def _task(
    task: str, options: Mapping[str, Any], source: SourceModel, labels: tuple[str, ...]
) -> Task:
    manifest = Manifest(
        name=source.name,
        version="",
        serial=1,
        task=task,
        inputs=source.inputs,
        outputs=source.outputs,
        variants=(),
        labels=labels,
        task_options=options,
    )
    try:
        return make_task(manifest)
    except InputError as error:
        problem = error.problem.partition(": ")[2] or error.problem
        raise InputError(
            f"--task {task}, --task-option: {problem}", f"Correct it. {DOCUMENTED}"
        ) from error


def _check_scores(source: SourceModel, labels: tuple[str, ...], options: Mapping[str, Any]) -> None:
    shapes = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in source.outputs)
    chosen = [spec for spec in source.outputs if spec.name == options.get("output")]
    scores, *others = chosen or source.outputs
    if len(scores.shape) != 2 or any(len(spec.shape) > 1 for spec in others):
        raise InputError(
            "Classification wants scores of shape (N, classes) as the first output, and at most "
            f"one value a sample in others; {source.path} has {shapes}.",
            "Add --task raw, or --task-option output=NAME for the output with the scores.",
        )
    classes = scores.shape[1]
    if labels and classes is not None and len(labels) != classes:
        raise InputError(
            f"--labels has {len(labels)} names, and the model has {classes} classes.",
            "Give one name a line, in the order of the classes.",
        )
