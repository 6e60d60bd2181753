"""What is tried on a board: how fast a model is, and whether all variants pass the self-test.

Only the engine is timed: one inference on inputs that are ready in the variant's own form. It is
what an emulated profile estimates, so that the two can be compared.
"""

import os
import time
from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy as np

from edgeml_runtime.bundle import Bundle, open_bundle, unpack_golden
from edgeml_runtime.choice import Choice, fits, runnable
from edgeml_runtime.engines import installed_engines
from edgeml_runtime.errors import EngineCrashError, GateError, InputError, MissingToolError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.memory import recall, remember
from edgeml_runtime.probe import tried_apart
from edgeml_runtime.progress import Progress, silent
from edgeml_runtime.selftest import SelfTest, board_threads
from edgeml_runtime.session import Model, engine_key, open_model


@dataclass(frozen=True)
class Latency:
    """Times of one inference in milliseconds; percentiles interpolate linearly."""

    min_ms: float
    p50_ms: float
    mean_ms: float
    p90_ms: float
    p99_ms: float
    std_ms: float
    n: int

    def to_json(self) -> dict[str, Any]:
        """Return the entry ``latency_ms`` of a measured result."""
        return {
            "min": self.min_ms,
            "p50": self.p50_ms,
            "mean": self.mean_ms,
            "p90": self.p90_ms,
            "p99": self.p99_ms,
            "std": self.std_ms,
            "n": self.n,
        }


@dataclass(frozen=True)
class Bench:
    """A measurement and what was measured."""

    bundle: str
    variant: str
    engine: str
    engine_version: str
    threads: int
    warmup: int
    latency: Latency

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.bench/1`` document."""
        return {
            "schema": "edgeml.bench/1",
            "bundle": self.bundle,
            "variant": self.variant,
            "engine": {"name": self.engine, "version": self.engine_version},
            "threads": self.threads,
            "method": "measured",
            "warmup": self.warmup,
            "latency_ms": self.latency.to_json(),
        }


def bench(model: Model, *, runs: int = 50, warmup: int = 5, progress: Progress = silent) -> Bench:
    """Time *model*, on the golden inputs in turn, or on seeded noise where it has none.

    Args:
        model: A loaded model.
        runs: How many inferences are timed.
        warmup: How many are run before, untimed.
        progress: Told of every inference.

    Raises:
        InputError: *runs* is below 1 or *warmup* below 0.
    """
    if runs < 1 or warmup < 0:
        raise InputError(
            f"runs is {runs} and warmup is {warmup}.", "Give at least 1 run and 0 for warm-up."
        )
    feeds = model.example_feeds()
    times_ms: list[float] = []
    for index in range(warmup + runs):
        feed = feeds[index % len(feeds)]
        start_ns = time.perf_counter_ns()
        model.engine.run(feed)
        times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
        progress("bench", index + 1, warmup + runs)
    return Bench(
        bundle=model.manifest.name,
        variant=model.variant.id,
        engine=model.engine.name,
        engine_version=model.engine.version,
        threads=model.engine.threads,
        warmup=warmup,
        latency=latency_of(times_ms[warmup:]),
    )


def measure_threads(bundle: Bundle, choice: Choice) -> tuple[int, str]:
    """Return the number of threads that is fastest for *choice* on this board, and what was timed.

    Of numbers within a tenth of the fastest the smallest is taken. It is timed once for each board,
    engine version and model, for about a second, and remembered.
    """
    key = f"threads\n{engine_key(choice)}"
    record = recall(key)
    if record is None or not isinstance(record.get("threads"), int):
        most = board_threads()[0]
        counts = [count for count in (1, 2, 4) if count < most] + [most]
        times_ms = {count: _time_ms(bundle, choice, count) for count in counts}
        limit_ms = 1.1 * min(times_ms.values())
        best = next(count for count in counts if times_ms[count] <= limit_ms)
        told = ", ".join(f"{times_ms[count]:.3g} ms on {count}" for count in counts)
        record = remember(key, threads=best, told=told)
    return record["threads"], f"measured on {record['when']}: {record['told']}"


def _time_ms(bundle: Bundle, choice: Choice, threads: int) -> float:
    """Return the median of the inferences that fit into a quarter of a second, of at least 3."""
    model = open_model(bundle, choice.variant, choice.engine, threads)
    feed = model.example_feeds()[0]
    times_ms: list[float] = []
    model.engine.run(feed)
    while len(times_ms) < 3 or sum(times_ms) < 250.0:
        start_ns = time.perf_counter_ns()
        model.engine.run(feed)
        times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    model.close()
    return float(np.median(times_ms))


def latency_of(times_ms: Sequence[float]) -> Latency:
    """Return the statistics of at least one time."""
    times = np.array(times_ms, np.float64)
    p50_ms, p90_ms, p99_ms = (float(value) for value in np.percentile(times, (50, 90, 99)))
    return Latency(
        min_ms=float(times.min()),
        p50_ms=p50_ms,
        mean_ms=float(times.mean()),
        p90_ms=p90_ms,
        p99_ms=p99_ms,
        std_ms=float(times.std()),
        n=len(times),
    )


@dataclass(frozen=True)
class Check:
    """One variant that was run in one engine.

    Args:
        variant: The variant's id.
        engine: The engine's name.
        engine_version: The engine's version.
        outcome: Of the self-test; None when the engine refused the model.
        error: Why the engine refused it; empty when it ran.
    """

    variant: str
    engine: str
    engine_version: str
    outcome: Optional[SelfTest]
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answers were right."""
        return self.outcome is not None and self.outcome.passed

    @property
    def detail(self) -> str:
        """One sentence of what came out."""
        if self.outcome is None:
            return self.error
        return (
            f"worst error {self.outcome.worst_error:.3g} of {self.outcome.tolerance:.3g} "
            f"in {self.outcome.samples} samples"
        )

    def to_json(self) -> dict[str, Any]:
        """Return an entry of ``results``."""
        return {
            "variant": self.variant,
            "engine": {"name": self.engine, "version": self.engine_version},
            "passed": self.passed,
            "self_test": None if self.outcome is None else self.outcome.to_json(),
            "error": self.error or None,
        }


@dataclass(frozen=True)
class Skip:
    """One variant that could not be run in one engine, as it is not on this board."""

    variant: str
    engine: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return an entry of ``skipped``."""
        return {"variant": self.variant, "engine": self.engine, "reason": self.reason}


@dataclass(frozen=True)
class Verification:
    """All checks of one bundle; at least one was run."""

    manifest: Manifest
    checks: tuple[Check, ...]
    skipped: tuple[Skip, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return 0 if self.passed else GateError.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.verify/1`` document."""
        return {
            "schema": "edgeml.verify/1",
            "bundle": {"name": self.manifest.name, "version": self.manifest.version},
            "passed": self.passed,
            "results": [check.to_json() for check in self.checks],
            "skipped": [skip.to_json() for skip in self.skipped],
        }


def verify_bundle(path: Union[str, "os.PathLike[str]"], *, threads: int = 1) -> Verification:
    """Read every file of a bundle and run every self-test that this board can.

    Raises:
        InputError: The bundle is damaged.
        MissingToolError: No engine for any variant is installed.
    """
    bundle = open_bundle(path)
    if bundle.manifest.golden is not None:
        unpack_golden(bundle.read(bundle.manifest.golden.path))  # damage is no finding of an engine
    installed = installed_engines()
    checks: list[Check] = []
    skipped: list[Skip] = []
    for choice in runnable(bundle.manifest.variants, None):
        if fits(choice, installed):
            version = installed[choice.engine]
            here = Choice(choice.variant, choice.engine, version)
            checks.append(_check(bundle, here, version, threads))
        else:
            minimum = choice.variant.engines[choice.engine]
            what = f"{choice.engine} {minimum}".strip()
            version = installed.get(choice.engine, "")
            reason = f"{what} is needed, not {version}" if version else f"{what} is not installed"
            skipped.append(Skip(choice.variant.id, choice.engine, reason))
    if not checks:
        raise MissingToolError(
            f"{bundle.path}: no engine for any variant is installed.",
            "Install one of: " + ", ".join(sorted({skip.engine for skip in skipped})) + ".",
        )
    return Verification(bundle.manifest, tuple(checks), tuple(skipped))


def _check(bundle: Bundle, choice: Choice, version: str, threads: int) -> Check:
    try:
        found = tried_apart(bundle, choice)
        if found is not None and threads == 1:
            digests, worst = tuple(found["outputs_sha256"]), found["worst_error"]
            worst = float("inf") if worst is None else worst
            outcome = SelfTest(**{**found, "worst_error": worst, "outputs_sha256": digests})
            return Check(choice.variant.id, choice.engine, version, outcome)
        model = open_model(bundle, choice.variant, choice.engine, threads)
        outcome = model.self_test()
    except (EngineCrashError, InputError, MissingToolError) as error:
        # The finding of this check, and the others still run.
        return Check(choice.variant.id, choice.engine, version, None, str(error))
    model.close()
    return Check(choice.variant.id, choice.engine, version, outcome)
