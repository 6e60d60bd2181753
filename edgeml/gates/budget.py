"""Budgets: the largest figures that a profile may have, board by board.

A budget is a TOML file::

    schema = "edgeml.budget/1"

    [target."*"]                          # every board, where nothing closer says otherwise
    size_kib = 200

    [target.rpi4]
    p50_ms = 2.0

    [target.rpi4.variant."int8.tflite"]   # of a bundle; or the name of a file
    p50_ms = 1.0

The closest limit counts: of the variant on the board, of the board, of the variant on every board,
of every board. Knows documents and limits; must not know how a profile is made.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final, NoReturn

from edgeml.gates.measures import MEASURES, START_MEASURES, Entry, Measure
from edgeml.gates.percentage import percent_words
from edgeml.gates.verdict import EntryKey, Verdict
from edgeml_runtime.errors import GateError, InputError

SCHEMA: Final = "edgeml.budget/1"
EVERY: Final = "*"
"""Stands for every board."""


@dataclass(frozen=True)
class Budget:
    """A budget that was read.

    Args:
        file: Its name, for messages.
        limits: Board and variant to limits by key; the board may be `EVERY`, and the variant empty
            for all of them.
    """

    file: str
    limits: Mapping[tuple[str, str], Mapping[str, float]]

    def check_covers(self, keys: Sequence[EntryKey]) -> None:
        """Refuse a profile that this budget does not fit.

        Raises:
            InputError: A board has no limits, not even empty ones, or a variant is not among
                those of *keys*.
        """
        named = {target for target, _ in self.limits}
        for target in dict.fromkeys(key.target for key in keys):
            if not named & {target, EVERY}:
                raise InputError(
                    f"{self.file} has no limits for {target}.",
                    f'Add [target.{target}], empty if all may pass, or [target."{EVERY}"].',
                )
        variants = sorted({key.variant for key in keys})
        targets = {EVERY, *(key.target for key in keys)}
        for target, variant in self.limits:
            if variant and target in targets and variant not in variants:
                _refuse(
                    f"{self.file} has limits for the variant '{variant}' of {target}, "
                    "which is not profiled",
                    variants,
                )

    def limits_start(self, key: EntryKey) -> bool:
        """Return whether a figure of *key* has a limit that only a cold start gives."""
        return any(self._limit(key, measure.key) is not None for measure in START_MEASURES)

    def judge(self, entry: Entry) -> Iterator[Verdict]:
        """Yield a verdict on each figure of *entry* that has a limit.

        Raises:
            InputError: The entry lacks a figure that has a limit.
        """
        key = EntryKey.of(entry)
        for measure in MEASURES.values():
            limit = self._limit(key, measure.key)
            if limit is not None:
                yield self._verdict(entry, key, measure, limit)

    def _limit(self, key: EntryKey, measure: str) -> float | None:
        places = [(key.target, key.variant), (key.target, ""), (EVERY, key.variant), (EVERY, "")]
        limits = (self.limits.get(place, {}).get(measure) for place in places)
        return next((limit for limit in limits if limit is not None), None)

    def _verdict(self, entry: Entry, key: EntryKey, measure: Measure, limit: float) -> Verdict:
        value = measure.read(entry)
        if value is None:
            raise InputError(
                f"{self.file} limits {measure.key}, and the profile of {key} does not have it.",
                f"Remove {measure.key} from the budget.",
            )
        failure = None
        if value > limit:
            above = f", {percent_words(value / limit - 1)} above" if limit else ""
            failure = GateError(
                f"{key}: {measure.title} is {measure.words(value)}{above} {self.file}'s "
                f"{measure.key} of {measure.words(limit)}.",
                measure.remedy,
            )
        return Verdict(key, "budget", measure.key, value, limit, None, failure)


def load_budget(path: Path, boards: Collection[str]) -> Budget:
    """Return the budget in the file at *path*.

    Args:
        path: A TOML file.
        boards: Names of all boards that there are.

    Raises:
        InputError: It cannot be read, or a key, a board or a limit in it is not one.
    """
    document = _parse(path)
    file = path.name
    _check_keys(file, "", document, ("schema", "target"))
    if document.get("schema") != SCHEMA:
        _refuse(f"{file}: the key 'schema' is {document.get('schema')!r}", [SCHEMA])
    limits: dict[tuple[str, str], Mapping[str, float]] = {}
    targets = _table(file, "target", document.get("target", {}))
    _check_keys(file, "target", targets, (EVERY, *sorted(boards)))
    for target, content in targets.items():
        key = f"target.{target}"
        table = _table(file, key, content)
        _check_keys(file, key, table, (*MEASURES, "variant"))
        limits[target, ""] = _limits(file, key, {k: v for k, v in table.items() if k != "variant"})
        for variant, inner in _table(file, f"{key}.variant", table.get("variant", {})).items():
            place = f"{key}.variant.{variant}"
            inner_table = _table(file, place, inner)
            _check_keys(file, place, inner_table, tuple(MEASURES))
            limits[target, variant] = _limits(file, place, inner_table)
    return Budget(file, limits)


def _parse(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"--budget {path} cannot be read: {error.strerror}.", "Give the path of a TOML file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}.", "Correct that line.") from error


def _table(file: str, key: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{file}: the key '{key}' is {value!r}.", "Allowed is a table.")
    return value


def _check_keys(file: str, place: str, table: Mapping[str, Any], allowed: Sequence[str]) -> None:
    for key in table:
        if key not in allowed:
            where = f"[{place}] of {file}" if place else file
            _refuse(f"{where} has the key '{key}', which means nothing there", allowed)


def _limits(file: str, place: str, table: Mapping[str, Any]) -> Mapping[str, float]:
    for key, value in table.items():
        number = type(value) in {int, float} and isfinite(value) and value >= 0
        if not number:
            raise InputError(
                f"{file}: the key '{place}.{key}' is {value!r}.",
                "Allowed is a number, 0 or more.",
            )
    return dict(table)


def _refuse(problem: str, allowed: Sequence[str]) -> NoReturn:
    words = ", ".join(f"'{word}'" for word in allowed)
    raise InputError(f"{problem}.", f"Allowed {'are' if len(allowed) > 1 else 'is'} {words}.")
