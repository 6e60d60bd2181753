"""Which variant and engine fit this board.

It knows the manifest and the names and versions of the engines. It must not load any of them.
"""

import re
from collections.abc import Mapping
from typing import Any, Optional

from edgeml_runtime.engines import ENGINE_FORMATS, install_line
from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest, Variant
from edgeml_runtime.selftest import board_threads

SAFE_DROP_POINTS = 1.0
"""A variant that lost no more accuracy than this, in percentage points, is used unasked."""

_ARM = ("aarch64", "arm64", "armv6l", "armv7l", "armv8l")
_ORDER_ON_ARM = ("litert", "tflite-runtime", "onnxruntime", "litert-builtin", "numpy")
_FASTEST_FIRST = ("int8", "dynamic", "float32", "float16", "int8x16")
"""float16 is as fast as float32, and less exact; int8x16 has plain kernels only."""
_ORDER_ELSEWHERE = ("onnxruntime", "litert", "tflite-runtime", "litert-builtin", "numpy")
# Below these, waking threads for every operator costs about what they save.
_SMALL_MS = 2.0
_SMALL_BYTES = 256 * 1024


@dataclass(frozen=True)
class Choice:
    """A variant, and an engine of this board that runs it.

    Args:
        variant: The variant.
        engine: The engine's name.
        version: Of the engine, where it is installed.
        latency_ms: What is recorded for the two, where that was compared.
        recorded_on: Target and method of the record.
    """

    variant: Variant
    engine: str
    version: str = ""
    latency_ms: Optional[float] = None
    recorded_on: str = ""


def rank_choices(
    manifest: Manifest,
    installed: Mapping[str, str],
    machine: str,
    *,
    variant: Optional[str] = None,
    engine: Optional[str] = None,
    threads: int = 1,
) -> tuple[Choice, ...]:
    """Return what can run here, best first; never empty.

    Variants whose accuracy is known to be safe (float32, or a recorded drop of at most
    ``SAFE_DROP_POINTS``) come first. Among them the one with the smallest recorded latency wins;
    without records int8 comes before dynamic and float32, and LiteRT before onnxruntime on Arm.

    Args:
        manifest: Of the bundle.
        installed: Engine name to version, as ``installed_engines`` gives it.
        machine: As ``platform.machine()`` gives it.
        variant: Only this variant.
        engine: Only this engine.
        threads: Only latency records for this number of threads count.

    Raises:
        InputError: No such variant or engine, or the variant has no form for the engine.
        MissingToolError: No engine that fits is installed, or it is too old.
    """
    variants = manifest.variants if variant is None else (manifest.variant(variant),)
    wanted = runnable(variants, engine)
    choices = [
        Choice(choice.variant, choice.engine, installed[choice.engine])
        for choice in wanted
        if fits(choice, installed)
    ]
    if not choices:
        raise _nothing_fits(wanted, installed)
    order = _ORDER_ON_ARM if machine.lower() in _ARM else _ORDER_ELSEWHERE

    def rank(choice: Choice) -> tuple[bool, float, int, int]:
        return (
            not is_safe(choice.variant),
            float("inf") if choice.latency_ms is None else choice.latency_ms,
            _precision_rank(choice.variant),
            order.index(choice.engine),
        )

    return tuple(sorted(_with_latencies(choices, threads), key=rank))


def choose_threads(choice: Choice) -> tuple[int, str]:
    """Return how many threads *choice* gets on this board unasked, and why.

    The board's number; but one for a small model: below 2 ms on one thread by its record, or
    without a record below 256 KiB.
    """
    if choice.latency_ms is not None and choice.latency_ms < _SMALL_MS:
        return 1, f"the model is small: {choice.latency_ms:.3g} ms on one ({choice.recorded_on})"
    if choice.latency_ms is None and choice.variant.size_bytes < _SMALL_BYTES:
        return 1, f"the model is small: {choice.variant.size_bytes} bytes"
    return board_threads()


def accuracy_drop(variant: Variant) -> Optional[float]:
    """Return the recorded loss of accuracy in percentage points, or None where there is none."""
    return _number((variant.accuracy or {}).get("drop"))


def runnable(variants: tuple[Variant, ...], engine: Optional[str]) -> list[Choice]:
    """Return the pairs of *variants* and known engines (only *engine* if given), installed or not.

    Raises:
        InputError: *engine* is not known, or there is no pair.
    """
    if engine is not None and engine not in ENGINE_FORMATS:
        raise InputError(
            f"There is no engine called '{engine}'.", f"Use one of: {', '.join(ENGINE_FORMATS)}."
        )
    choices = [
        Choice(variant, name)
        for variant in variants
        for name in variant.engines
        # An engine that this version of the runtime does not know is left to newer ones.
        if ENGINE_FORMATS.get(name) == variant.format and engine in (None, name)
    ]
    if not choices:
        forms = ", ".join(f"{variant.id} ({variant.format})" for variant in variants)
        raise InputError(
            f"No variant runs in {engine or 'an engine that is known here'}.",
            f"The bundle has: {forms}. Choose another engine or variant.",
        )
    return choices


def fits(choice: Choice, installed: Mapping[str, str]) -> bool:
    """Return whether the engine of *choice* is in *installed* and new enough."""
    version = installed.get(choice.engine)
    minimum = choice.variant.engines[choice.engine]
    return version is not None and _version(version) >= _version(minimum)


def _version(text: str) -> tuple[int, ...]:
    """Return the leading numbers: (1, 16) of ``1.16``, also of ``1.16.0``, () of an empty text."""
    numbers = re.match(r"\d+(\.\d+)*", text)
    parts = [int(part) for part in numbers.group().split(".")] if numbers is not None else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _nothing_fits(wanted: list[Choice], installed: Mapping[str, str]) -> MissingToolError:
    engines = {choice.engine: choice.variant.engines[choice.engine] for choice in wanted}
    needs = ", ".join(f"{name} {minimum}".strip() for name, minimum in engines.items())
    have = ", ".join(f"{name} {version}" for name, version in installed.items()) or "none"
    return MissingToolError(
        f"The bundle needs one of the engines {needs}; installed here: {have}.",
        f"Run: {install_line(next(iter(engines)))} --upgrade",
    )


def is_safe(variant: Variant) -> bool:
    """Return whether it is known that the variant lost little accuracy."""
    drop = accuracy_drop(variant)
    if drop is None:
        return variant.precision == "float32"
    return drop <= SAFE_DROP_POINTS


def _precision_rank(variant: Variant) -> int:
    precision = variant.precision
    return _FASTEST_FIRST.index(precision) if precision in _FASTEST_FIRST else len(_FASTEST_FIRST)


def _with_latencies(choices: list[Choice], threads: int) -> list[Choice]:
    """Return the choices with their recorded latencies on one target.

    Times on different targets are not comparable: the target with the most records counts.
    """
    by_target: dict[str, dict[int, tuple[float, str]]] = {}
    for place, choice in enumerate(choices):
        for record in choice.variant.latency:
            latency_ms = _latency_ms(record)
            if latency_ms is None or record.get("threads", threads) != threads:
                continue
            if _engine_name(record) == choice.engine:
                target = str(record.get("target", ""))
                found = (latency_ms, f"{target}, {record.get('method', 'recorded')}")
                times = by_target.setdefault(target, {})
                times[place] = min(found, times.get(place, found))
    if not by_target:
        return choices
    best = by_target[min(by_target, key=lambda name: (-len(by_target[name]), name))]
    return [
        Choice(choice.variant, choice.engine, choice.version, *best.get(place, (None, "")))
        for place, choice in enumerate(choices)
    ]


def _engine_name(record: Mapping[str, Any]) -> object:
    engine = record.get("engine")
    return engine.get("name") if isinstance(engine, dict) else engine


def _latency_ms(record: Mapping[str, Any]) -> Optional[float]:
    """Return the time of a record: ``p50`` of a measured one, ``estimate`` of an emulated one."""
    latency = record.get("latency_ms")
    if not isinstance(latency, dict):
        return None
    return _number(latency.get("p50", latency.get("estimate")))


def _number(value: object) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)
