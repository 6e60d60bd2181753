"""What a conversion is asked to do, in the words of its options, and which words make sense."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeml.pipeline.formats import FORMATS
from edgeml.pipeline.precisions import AUTO, PRECISIONS, needs_calibration
from edgeml_converters.data.synthetic import NAME as SYNTHETIC
from edgeml_converters.sources import SourceSettings
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import TASKS

DEFAULT_FORMATS = ("onnx", "tflite")
DEFAULT_PRECISIONS = ("float32",)
METRICS = ("top1", "top5")


@dataclass(frozen=True, kw_only=True)
class Int8Options:
    """How int8 is made, where it is not as usual.

    Args:
        effort: ``fast``, ``default`` or ``high``.
        calibrate_method: How activations are given a range: ``minmax``, ``percentile``,
            ``percentile:99.9``, ``mse`` or ``entropy``.
        keep_float: Names of nodes that stay float.
        recipe: A TOML file that says all of this instead.
    """

    effort: str | None = None
    calibrate_method: str | None = None
    keep_float: Sequence[str] = ()
    recipe: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Order:
    """The arguments of `edgeml.convert`, as they were given."""

    source: Path
    output: Path
    formats: Sequence[str] | None
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
    int8: Int8Options
    targets: Sequence[str] = ()
    fold_preprocess: bool = False
    task_options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def asked_formats(self) -> Sequence[str]:
        """The formats to write: those that were given, or else the usual ones."""
        return DEFAULT_FORMATS if self.formats is None else self.formats


def check_words(order: Order) -> None:
    """Refuse words that are not known, and options that need others.

    Raises:
        InputError: Names the option, what was given and what is allowed.
        UnsupportedError: A board of the search cannot be timed.
    """
    check_names("--to", order.asked_formats, FORMATS)
    check_names("--quantize", order.precisions, (*PRECISIONS, AUTO))
    _check_formats(order)
    _check_folding(order)
    _check_auto(order)
    if order.task is not None:
        check_names("--task", [order.task], TASKS)
    for metric in order.metrics:
        if ":" not in metric:
            check_names("--metric", [metric], (*METRICS, "module:callable"))
    calibrated = [name for name in order.precisions if needs_calibration(name)]
    if calibrated and order.calibrate is None:
        raise InputError(
            f"{calibrated[0]} needs data to set its scales from, and --calibrate is missing.",
            "Add --calibrate DATA with 50 or more typical samples, or --calibrate synthetic where "
            "there are none.",
        )
    if order.int8.recipe is None or order.precisions != DEFAULT_PRECISIONS:
        _check_recipe_options(order, calibrated)
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


def _check_formats(order: Order) -> None:
    """Refuse a format that has none of the precisions."""
    for name in order.asked_formats:
        if not any(map(FORMATS[name].has, order.precisions)):
            raise InputError(
                f"--to {name} has the precisions {', '.join(FORMATS[name].precisions or ())}, and "
                f"--quantize asks for {', '.join(order.precisions)}.",
                f"Leave {name} out of --to, or add one of these to --quantize.",
            )


def _check_folding(order: Order) -> None:
    if order.fold_preprocess and order.preprocess is None:
        raise InputError(
            "--fold-preprocess folds the steps of --preprocess, which is missing.",
            "Add --preprocess FILE, or leave --fold-preprocess out.",
        )


def _check_auto(order: Order) -> None:
    """Refuse a search without what it needs, and beside what it may choose."""
    if AUTO not in order.precisions:
        if order.targets:
            raise InputError(
                "--target names boards for a search, and none is made.",
                "Add --quantize auto, or use edgeml profile on what is written.",
            )
        return
    for option, given in _recipe_options(order).items():
        if given is not None:
            raise InputError(
                f"--quantize auto decides itself on what {option} asks for.",
                f"Leave {option} out, or write --quantize int8.",
            )
    for name in order.targets:
        load_device(name).require_timing()
    others = [name for name in order.precisions if name not in (AUTO, "float32")]
    if others:
        raise InputError(
            f"--quantize auto may itself choose {others[0]}, and both would be one file.",
            "Ask for auto alone, or with float32.",
        )
    for option, value in (("--calibrate", order.calibrate), ("--evaluate", order.evaluate)):
        if value is None:
            raise InputError(
                f"--quantize auto tries precisions on data, and {option} is missing.",
                f"Add {option} DATA.",
            )


def _recipe_options(order: Order) -> Mapping[str, object]:
    """Return what is asked of int8, None where it is not, by option."""
    return {
        "--effort": order.int8.effort,
        "--calibrate-method": order.int8.calibrate_method,
        "--keep-float": order.int8.keep_float or None,
        "--recipe": order.int8.recipe,
    }


def _check_recipe_options(order: Order, calibrated: Sequence[str]) -> None:
    for option, value in _recipe_options(order).items():
        if value is not None and not calibrated:
            raise InputError(
                f"{option} says how int8 is made, and --quantize {','.join(order.precisions)} "
                "makes none.",
                f"Add --quantize int8, or leave {option} out.",
            )


def check_names(option: str, given: Sequence[str], allowed: Iterable[str]) -> None:
    """Refuse a name that *option* does not allow, or that there is none.

    Raises:
        InputError: Names it, and what is allowed.
    """
    known = ", ".join(allowed)
    for name in given:
        if name not in allowed:
            raise InputError(f"{option} {name!r} is not known.", f"Choose from {known}.")
    if not given:
        raise InputError(f"{option} is empty.", f"Choose from {known}.")
