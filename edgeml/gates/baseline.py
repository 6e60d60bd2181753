"""Baselines: an earlier profile that the present one may not be much slower than.

Entries are matched by board, engine, variant and threads. What differs besides the model (versions,
constants, clock) is said, as it may be the cause. Knows documents; must not know how one is made.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeml.gates.measures import MEASURES, Measure
from edgeml.gates.operator_changes import OperatorChange, slower_operators
from edgeml.gates.percentage import percent_words
from edgeml.gates.snapshot import Difference, Operator, Snapshot
from edgeml.gates.verdict import EntryKey, Verdict
from edgeml_runtime.errors import GateError, InputError

SCHEMA: Final = "edgeml.profile/1"
MAX_REGRESSION: Final = 0.03
"""Of estimate and instructions, by default: thirty times what two runs of a profile differ by."""

_NAMED_OPERATORS: Final = 3
_WORTH_NAMING: Final = 0.1
"""Of the growth of the operator that grew most; what grew less is noise beside it."""
_IN_THE_SENTENCE: Final = ("engine", "constants", "values of the constants", "clock")
"""Conditions that move every figure by themselves."""


@dataclass(frozen=True)
class Baseline:
    """An earlier profile.

    Args:
        file: Its name, for messages.
        entries: By key.
    """

    file: str
    entries: Mapping[EntryKey, Snapshot]

    def check_covers(self, keys: Sequence[EntryKey]) -> None:
        """Refuse a profile that has nothing in common with this one.

        Raises:
            InputError: None of *keys* is in the baseline.
        """
        if not any(key in self.entries for key in keys):
            raise InputError(
                f"{self.file} has none of what is profiled now, such as {keys[0]}; "
                f"it has {_names(list(self.entries))}.",
                "Make the baseline by the same command with --save.",
            )

    def judge(self, entry: Mapping[str, Any], max_regression: float) -> Iterator[Verdict]:
        """Yield a verdict on latency and one on instructions; none if *entry* is new."""
        now = Snapshot.of(entry)
        then = self.entries.get(now.key)
        if then is not None:
            for comparison in _COMPARISONS:
                yield comparison.verdict(self.file, then, now, max_regression)

    def remarks(self, entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Yield what was not compared, and what was compared under other conditions."""
        snapshots = {now.key: now for now in map(Snapshot.of, entries)}
        added = [key for key in snapshots if key not in self.entries]
        if added:
            yield f"not in {self.file}, so not compared: {_names(added)}"
        gone = [key for key in self.entries if key not in snapshots]
        if gone:
            yield f"in {self.file}, but not profiled now: {_names(gone)}"
        keys_of: dict[tuple[Difference, ...], list[EntryKey]] = {}
        for key, now in snapshots.items():
            if key in self.entries:
                keys_of.setdefault(tuple(now.differences(self.entries[key])), []).append(key)
        for differences, keys in keys_of.items():
            if differences:
                yield (
                    f"compared with {self.file} under other conditions "
                    f"({'; '.join(map(str, differences))}): {_names(keys)}"
                )


@dataclass(frozen=True)
class _Comparison:
    """One figure of an entry that is compared, and how its growth is told."""

    measure: Measure
    of_entry: Callable[[Snapshot], float]
    of_operator: Callable[[Operator], float]
    growth: str

    def verdict(self, file: str, then: Snapshot, now: Snapshot, max_regression: float) -> Verdict:
        reference, value = self.of_entry(then), self.of_entry(now)
        limit = reference * (1 + max_regression)
        failure = None
        if value > limit:
            failure = GateError(
                f"{now.key} {self.growth.format(percent_words(value / reference - 1))} than in "
                f"{file} ({self.measure.words(reference)} then, {self.measure.words(value)} now, "
                f"{percent_words(max_regression)} allowed): {self._causes(then, now)}"
                f"{_conditions(then, now)}.",
                "See the operators with --ops, or save a new baseline if this is intended.",
            )
        return Verdict(
            now.key, "baseline", self.measure.key, value, round(limit, 6), reference, failure
        )

    def _causes(self, then: Snapshot, now: Snapshot) -> str:
        slower = slower_operators(then.operators, now.operators, self.of_operator)
        if not slower:
            return "no single operator grew"
        least = slower[0].growth(self.of_operator) * _WORTH_NAMING
        named = [c for c in slower[:_NAMED_OPERATORS] if c.growth(self.of_operator) >= least]
        return ", ".join(map(self._cause, named))

    def _cause(self, change: OperatorChange) -> str:
        value = self.of_operator(change.now)
        if change.then is None:
            return f"{change.now} is new with {self.measure.words(value)}"
        before = self.of_operator(change.then)
        same = (change.then.name, change.then.kind) == (change.now.name, change.now.kind)
        replaced = "" if same else f" in place of {change.then}"
        share = f" (+{percent_words(value / before - 1)})" if before else ""
        return (
            f"{change.now}{replaced} went from {self.measure.words(before)} to "
            f"{self.measure.words(value)}{share}"
        )


_COMPARISONS: Final = (
    _Comparison(
        MEASURES["p50_ms"],
        lambda entry: entry.estimate_ms,
        lambda operator: operator.latency_ms,
        "is {} slower",
    ),
    _Comparison(
        MEASURES["instructions"],
        lambda entry: entry.instructions,
        lambda operator: operator.instructions,
        "executes {} more instructions",
    ),
)


def load_baseline(path: Path) -> Baseline:
    """Return the profile that an earlier ``profile --json`` or ``--save`` left at *path*.

    Raises:
        InputError: It cannot be read or is not such a document.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"--baseline {path} cannot be read: {error.strerror}.",
            "Give a file that `edgeml profile --save` wrote.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"--baseline {path} is not valid JSON: {error}.",
            "Give a file that `edgeml profile --save` wrote.",
        ) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"--baseline {path}: the key 'schema' is {schema!r}, not {SCHEMA!r}.",
            "Give a file that `edgeml profile --save` wrote.",
        )
    return Baseline(path.name, {entry.key: entry for entry in _snapshots(path, document)})


def _snapshots(path: Path, document: Mapping[str, Any]) -> list[Snapshot]:
    try:
        snapshots = [Snapshot.of(entry) for entry in document["results"]]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(
            f"--baseline {path} is not a whole profile: {type(error).__name__} {error}.",
            "Make it again with `edgeml profile --save`.",
        ) from error
    if not snapshots:
        raise InputError(
            f"--baseline {path} has no results.", "Give a profile in which an engine ran."
        )
    for snapshot in snapshots:
        if not (snapshot.estimate_ms > 0 and snapshot.instructions > 0):
            raise InputError(
                f"--baseline {path}: {snapshot.key} took no time or no instructions.",
                "Make it again with `edgeml profile --save`.",
            )
    return snapshots


def _conditions(then: Snapshot, now: Snapshot) -> str:
    named = [d for d in now.differences(then) if d.condition in _IN_THE_SENTENCE]
    return f"; not under the same conditions: {'; '.join(map(str, named))}" if named else ""


def _names(keys: Sequence[EntryKey]) -> str:
    return ", ".join(map(str, keys))
