"""What a conversion is asked to do, checked before any work is done."""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeml.pipeline.formats import FORMATS, Format
from edgeml.pipeline.min_runtime import MinRuntimes, parse_min_runtimes
from edgeml.pipeline.precisions import PRECISIONS, needs_calibration
from edgeml_converters.data import Dataset, open_data, synthetic_data
from edgeml_converters.data.python_callable import load_callable
from edgeml_converters.data.synthetic import NAME as SYNTHETIC
from edgeml_converters.lint import made_up_samples
from edgeml_converters.sources import SourceModel, SourceSettings, load_source
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline

TASKS = ("classification", "raw")
METRICS = ("top1", "top5")


@dataclass(frozen=True, kw_only=True)
class Order:
    """The arguments of `edgeml.convert`, as they were given."""

    source: Path
    output: Path
    formats: Sequence[str]
    precisions: Sequence[str]
    calibrate: str | None
    evaluate: str | None
    task: str | None
    metrics: Sequence[str]
    preprocess: Path | None
    max_drop: float | None
    input_shapes: Mapping[str, tuple[int, ...]]
    settings: SourceSettings
    labels: Path | None
    name: str | None
    min_runtimes: Sequence[str]


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

    def verification_data(self) -> Dataset:
        """Return evaluation data, else calibration data, else seeded synthetic samples."""
        return self.evaluation or self.calibration or synthetic_data(self.source.inputs)


def make_plan(order: Order) -> Plan:
    """Check an order: first its words, then its files, then its data.

    Raises:
        InputError: Something in it is wrong; names the option, what was given and what is allowed.
    """
    _check_words(order)
    min_runtimes = parse_min_runtimes(order.min_runtimes, order.formats)
    source = load_source(str(order.source), order.input_shapes, order.settings)
    pipeline = None if order.preprocess is None else read_pipeline(order.preprocess)
    labels = source.labels if order.labels is None else _read_labels(order.labels)
    task = order.task or ("classification" if labels or order.evaluate else "raw")
    metrics = _metrics(order, task)
    _check_task(source, task, labels)
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
        formats=tuple(FORMATS[name] for name in order.formats),
        precisions=_precisions(order, source),
        calibration=calibration,
        evaluation=evaluation,
        task=task,
        metrics=metrics,
        pipeline=pipeline,
        labels=labels,
        max_drop=order.max_drop,
        min_runtimes=min_runtimes,
    )


def read_pipeline(path: Path) -> Pipeline:
    """Return the preprocessing that the TOML file *path* describes.

    Raises:
        InputError: The file is missing, not TOML, or not ``edgeml.preprocess/1``.
    """
    try:
        document = tomllib.loads(_read_text(path, "--preprocess"))
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"--preprocess {path} is not TOML: {error}.", "Correct the file."
        ) from error
    try:
        return Pipeline.from_json(document)
    except InputError as error:
        raise InputError(f"--preprocess {path}: {error.problem}", error.remedy) from error


def _check_words(order: Order) -> None:
    _check_names("--to", order.formats, FORMATS)
    _check_names("--quantize", order.precisions, PRECISIONS)
    if order.task is not None:
        _check_names("--task", [order.task], TASKS)
    for metric in order.metrics:
        if ":" not in metric:
            _check_names("--metric", [metric], (*METRICS, "module:callable"))
    calibrated = [name for name in order.precisions if needs_calibration(name)]
    if calibrated and order.calibrate is None:
        raise InputError(
            f"{calibrated[0]} needs data to set its scales from, and --calibrate is missing.",
            "Add --calibrate DATA with 50 or more typical samples, or --calibrate synthetic where "
            "there are none.",
        )
    if order.evaluate == SYNTHETIC:
        raise InputError(
            "Made-up samples have no labels, so nothing can be scored on them.",
            "Give labelled data with --evaluate, or leave it out.",
        )
    for option, value in (("--max-drop", order.max_drop), ("--metric", order.metrics)):
        if value not in (None, (), []) and order.evaluate is None:
            raise InputError(
                f"{option} needs data to score on, and --evaluate is missing.",
                "Add --evaluate DATA with labelled samples.",
            )
    if order.max_drop is not None and not (math.isfinite(order.max_drop) and order.max_drop >= 0):
        raise InputError(
            f"--max-drop {order.max_drop} is no number of percentage points.",
            "Give 0 or more, such as --max-drop 0.5.",
        )
    if any("\ud800" <= character <= "\udfff" for character in order.source.name):
        raise InputError(f"The name of {order.source} is not UTF-8.", "Rename the file.")
    if order.name is not None and re.fullmatch(r"\w[\w.+-]*", order.name) is None:
        raise InputError(
            f"--name {order.name!r} cannot be the name of a file.",
            "Give a plain word, such as --name mobilenet.",
        )


def _check_names(option: str, given: Sequence[str], allowed: Iterable[str]) -> None:
    known = ", ".join(allowed)
    for name in given:
        if name not in allowed:
            raise InputError(f"{option} {name!r} is not known.", f"Choose from {known}.")
    if not given:
        raise InputError(f"{option} is empty.", f"Choose from {known}.")


def _metrics(order: Order, task: str) -> tuple[str, ...]:
    if order.evaluate is None:
        return ()
    metrics = tuple(order.metrics) or (("top1",) if task == "classification" else ())
    if order.max_drop is not None and not metrics:
        raise InputError(
            "--max-drop needs a score, and task raw has none of its own.",
            "Add --metric module:callable, or --task classification.",
        )
    for metric in metrics:
        if ":" in metric:
            load_callable(metric)  # what does not load is told before the work, not after it
    return metrics


def _precisions(order: Order, source: SourceModel) -> tuple[str, ...]:
    """Return what to write, each precision once: a file that is int8 already stays so."""
    if source.native is None:
        return tuple(order.precisions)
    return tuple(dict.fromkeys(map(source.native.resolve, order.precisions)))


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


def _check_task(source: SourceModel, task: str, labels: tuple[str, ...]) -> None:
    if task != "classification":
        return
    shapes = ", ".join(f"{spec.name} {list(spec.shape)}" for spec in source.outputs)
    scores, *others = source.outputs
    if len(scores.shape) != 2 or any(len(spec.shape) > 1 for spec in others):
        raise InputError(
            "Classification wants scores of shape (N, classes) as the first output, and at most "
            f"one value a sample in others; {source.path} has {shapes}.",
            "Add --task raw.",
        )
    classes = scores.shape[1]
    if labels and classes is not None and len(labels) != classes:
        raise InputError(
            f"--labels has {len(labels)} names, and the model has {classes} classes.",
            "Give one name a line, in the order of the classes.",
        )


def _read_labels(path: Path) -> tuple[str, ...]:
    labels = tuple(line.strip() for line in _read_text(path, "--labels").splitlines())
    if not labels or not all(labels):
        raise InputError(f"--labels {path} has empty lines.", "Give one class name a line.")
    return labels


def _read_text(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{option} {path} cannot be read: {error.strerror}.", "Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{option} {path} is not UTF-8 text.", "Give a plain text file."
        ) from error


def _open_calibration(
    spec: str | None, source: SourceModel, pipeline: Pipeline | None
) -> Dataset | None:
    if spec == SYNTHETIC:
        return made_up_samples(source, pipeline)
    return _open(spec, source, pipeline)


def _open(spec: str | None, source: SourceModel, pipeline: Pipeline | None) -> Dataset | None:
    return None if spec is None else open_data(spec, source.inputs, pipeline)
