"""What a conversion is asked to do, checked before any work is done."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeml.pipeline.formats import FORMATS, Format
from edgeml.pipeline.min_runtime import MinRuntimes, parse_min_runtimes
from edgeml.pipeline.order import (
    DEFAULT_PRECISIONS,
    Order,
    check_words,
)
from edgeml.pipeline.precisions import AUTO, needs_calibration
from edgeml.pipeline.recipe_choice import chosen_recipe
from edgeml.pipeline.task_choice import chosen_task, read_characters
from edgeml.pipeline.text_file import read_text
from edgeml_converters.data import Dataset, open_data, synthetic_data
from edgeml_converters.data.python_callable import load_callable
from edgeml_converters.data.synthetic import NAME as SYNTHETIC
from edgeml_converters.isolation import reading
from edgeml_converters.lint import made_up_samples
from edgeml_converters.quantize import Recipe
from edgeml_converters.sources import SourceModel, load_source
from edgeml_converters.sources.pixels import PixelSource, fold_preprocess
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An order that was found to make sense, with its files read and its data opened."""

    source: SourceModel
    name: str
    formats: tuple[Format, ...]
    precisions: tuple[str, ...]
    calibration: Dataset | None
    evaluation: Dataset | None
    task: str
    metrics: tuple[str, ...]
    pipeline: Pipeline | None
    labels: tuple[str, ...]
    max_drop: float | None
    min_runtimes: MinRuntimes
    recipe: Recipe
    targets: tuple[str, ...] = ()
    formats_open: bool = False  # the user named none
    pixels: PixelSource | None = None  # where preprocessing is folded into the model
    task_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classifies(self) -> bool:
        """Whether the outputs are scores of classes."""
        return self.task == "classification" or (self.task == "tabular" and bool(self.labels))

    def verification_data(self) -> Dataset:
        """Return evaluation data, else calibration data, else seeded synthetic samples."""
        return self.evaluation or self.calibration or synthetic_data(self.source.inputs)


def make_plan(order: Order) -> Plan:
    """Check an order: first its words, then its files, then its data.

    Raises:
        InputError: Something in it is wrong; names the option, what was given and what is allowed.
    """
    check_words(order)
    min_runtimes = parse_min_runtimes(order.min_runtimes, order.asked_formats)
    recipe = chosen_recipe(order.int8)
    source = load_source(str(order.source), order.input_shapes, order.settings)
    precisions = _precisions(order, source, recipe)
    pipeline = None if order.preprocess is None else read_pipeline(order.preprocess)
    pixels = None
    if order.fold_preprocess and pipeline is not None:
        with reading(source.path):
            pixels = fold_preprocess(source, pipeline)
        source, pipeline = pixels.source, pixels.pipeline
    labels = _labels(order, source)
    task = chosen_task(order, source, labels)
    metrics = _metrics(order, task, labels)
    calibration = _open_calibration(order.calibrate, source, pipeline)
    evaluation = _open(order.evaluate, source, pipeline)
    if evaluation is not None and metrics and not evaluation.labelled:
        raise InputError(
            f"--evaluate {order.evaluate} has no labels, so nothing can be scored on it.",
            "Give labelled data, for example an .npz with `inputs` and `labels`.",
        )
    _check_native(order, source)
    return Plan(
        source=source,
        name=order.name or source.name,
        formats=tuple(FORMATS[name] for name in order.asked_formats),
        precisions=precisions,
        calibration=calibration,
        evaluation=evaluation,
        task=task,
        metrics=metrics,
        pipeline=pipeline,
        labels=labels,
        max_drop=order.max_drop,
        min_runtimes=min_runtimes,
        recipe=recipe,
        targets=tuple(dict.fromkeys(order.targets)),
        task_options=dict(order.task_options),
        formats_open=order.formats is None,
        pixels=pixels,
    )


def read_pipeline(path: Path) -> Pipeline:
    """Return the preprocessing that the TOML file *path* describes.

    Raises:
        InputError: The file is missing, not TOML, or not ``edgeml.preprocess/1``.
    """
    try:
        document = tomllib.loads(read_text(path, "--preprocess"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"--preprocess {path} is not TOML: {error}.", "Correct the file."
        ) from error
    try:
        return Pipeline.from_json(document)
    except InputError as error:
        raise InputError(f"--preprocess {path}: {error.problem}", error.remedy) from error


def _metrics(order: Order, task: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    if order.evaluate is None:
        return ()
    of_classes = task == "classification" or (task == "tabular" and labels)
    metrics = tuple(order.metrics) or (("top1",) if of_classes else ())
    scored = [] if order.max_drop is None else ["--max-drop"]
    scored += ["--quantize auto"] if AUTO in order.precisions else []
    if scored and not metrics:
        raise InputError(
            f"{scored[0]} needs a score, and task {task} has none of its own.",
            "Add --metric module:callable, or --task classification.",
        )
    for metric in metrics:
        if ":" in metric:
            load_callable(metric)  # what does not load is told before the work, not after it
    return metrics


def _precisions(order: Order, source: SourceModel, recipe: Recipe) -> tuple[str, ...]:
    """Return what to write, each precision once: a file that is int8 already stays so."""
    wanted = tuple(order.precisions)
    if order.int8.recipe is not None and wanted == DEFAULT_PRECISIONS:
        wanted = (recipe.scheme,)
        if needs_calibration(recipe.scheme) and order.calibrate is None:
            raise InputError(
                f"--recipe {order.int8.recipe} makes {recipe.scheme}, which needs data to set its "
                "scales from, and --calibrate is missing.",
                "Add --calibrate with the DATA that the recipe was found with.",
            )
    if source.native is None:
        return wanted
    return tuple(dict.fromkeys(map(source.native.resolve, wanted)))


def _check_native(order: Order, source: SourceModel) -> None:
    native = source.native
    if native is not None and native.precision not in {"float32", "float16"}:
        given = ("float32", native.precision)  # the first asks for no change
        wanted = [name for name in order.precisions if name not in given]
        if wanted:
            raise InputError(
                f"{source.path} is quantized already ({native.precision}), and --quantize asks "
                f"for {', '.join(wanted)}.",
                "Leave --quantize out, or start from the float model.",
            )
    if source.stateful and order.evaluate is not None:
        raise InputError(
            f"{source.path} remembers what it was fed, so samples cannot be scored one by one.",
            "Leave --evaluate out.",
        )


def _labels(order: Order, source: SourceModel) -> tuple[str, ...]:
    if order.labels is None:
        return source.labels or (read_characters(source) if order.task == "ocr" else ())
    text = read_text(order.labels, "--labels")
    if order.task == "ocr":  # a space of any width is a character too
        return tuple(line.rstrip("\r") for line in text.removesuffix("\n").split("\n"))
    labels = tuple(line.strip() for line in text.splitlines())
    if not labels or not all(labels):
        raise InputError(f"--labels {order.labels} has empty lines.", "Give one class name a line.")
    return labels


def _open_calibration(
    spec: str | None, source: SourceModel, pipeline: Pipeline | None
) -> Dataset | None:
    if spec == SYNTHETIC:
        return made_up_samples(source, pipeline)
    return _open(spec, source, pipeline)


def _open(spec: str | None, source: SourceModel, pipeline: Pipeline | None) -> Dataset | None:
    return None if spec is None else open_data(spec, source.inputs, pipeline)
