"""Typed reading of JSON documents: manifests and preprocessing.

Every field is read by a function that says where it stands, what was found and what is allowed.
This module knows JSON and nothing of what the documents mean.
"""

import math
from _json import make_scanner
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional, TypeVar

from edgeml_runtime.errors import InputError

_LARGEST = 2**63 - 1  # what every reader of JSON and every engine can hold
_MAX_DEPTH = 64
_BLANKS = " \t\n\r"

_Value = TypeVar("_Value")

_KINDS: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    list: "a list",
    dict: "a table",
}


class Fields:
    """The fields of one JSON object, each read once and checked.

    Args:
        value: The parsed JSON; anything but an object is refused.
        where: What the object is, for the error text: ``manifest.json, variant 2``.
        remedy: What to do about any fault in the whole document.
    """

    def __init__(self, value: object, where: str, remedy: str) -> None:
        self.where = where
        self.remedy = remedy
        self._fields = dict(self._typed(value, dict, where))
        self._read: list[str] = []

    def fault(self, problem: str) -> InputError:
        """Return the error for *problem*, which completes the sentence "WHERE: ..."."""
        return InputError(f"{self.where}: {problem}.", self.remedy)

    def has(self, key: str) -> bool:
        """Return whether *key* is there, and not null."""
        return self._fields.get(key) is not None

    def text(self, key: str, default: Optional[str] = None) -> str:
        """Return a text."""
        return self._typed(self._get(key, default), str, f"'{key}'")

    def choice(self, key: str, allowed: Iterable[str], default: Optional[str] = None) -> str:
        """Return a text that is one of *allowed*."""
        value, options = self.text(key, default), tuple(allowed)
        if value not in options:
            raise self.fault(f"'{key}' is '{value}', and must be one of {', '.join(options)}")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.fault(f"'{key}' is {_shown(value)}, and must be true or false")
        return value

    def whole(
        self, key: str, minimum: int, maximum: int = _LARGEST, default: Optional[int] = None
    ) -> int:
        """Return a whole number from *minimum* to *maximum*."""
        return self._whole(self._get(key, default), f"'{key}'", minimum, maximum)

    def fraction(self, key: str, default: float) -> float:
        """Return a number from 0 to 1."""
        number = self._number(self._get(key, default), f"'{key}'")
        if not 0.0 <= number <= 1.0:
            raise self.fault(f"'{key}' is {number}, and must be from 0 to 1")
        return number

    def numbers(self, key: str, default: Optional[float] = None) -> tuple[float, ...]:
        """Return the finite numbers of a list, or of a single number."""
        value = self._get(key, default)
        values = value if isinstance(value, list) else [value]
        if not values:
            raise self.fault(f"'{key}' is an empty list")
        return tuple(self._number(entry, f"'{key}'") for entry in values)

    def wholes(self, key: str, count: int, minimum: int, maximum: int) -> tuple[int, ...]:
        """Return a list of exactly *count* whole numbers from *minimum* to *maximum*."""
        values = self.items(key)
        if len(values) != count:
            raise self.fault(f"'{key}' has {len(values)} entries, and must have {count}")
        return tuple(self._whole(value, f"'{key}'", minimum, maximum) for value in values)

    def items(self, key: str) -> list[Any]:
        """Return a list."""
        return self._typed(self._get(key, None), list, f"'{key}'")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        return tuple(self._typed(item, str, f"an entry of '{key}'") for item in self.items(key))

    def table(self, key: str) -> dict[str, Any]:
        """Return an object as it stands."""
        return self._typed(self._get(key, None), dict, f"'{key}'")

    def sizes(self, key: str) -> tuple[Optional[int], ...]:
        """Return the sizes of a shape; null stands for a free one."""
        return tuple(
            None if size is None else self._whole(size, f"a size of '{key}'", 0)
            for size in self.items(key)
        )

    def tables(self, key: str) -> tuple[dict[str, Any], ...]:
        """Return a list of objects as they stand."""
        return tuple(self._typed(item, dict, f"an entry of '{key}'") for item in self.items(key))

    def text_table(self, key: str) -> dict[str, str]:
        """Return an object whose values are texts."""
        table = self.table(key)
        return {name: self._typed(table[name], str, f"'{key}.{name}'") for name in table}

    def number_table(self, key: str) -> dict[str, float]:
        """Return an object whose values are finite numbers."""
        table = self.table(key)
        return {name: self._number(table[name], f"'{key}.{name}'") for name in table}

    def nothing_else(self) -> None:
        """Refuse keys that were not asked for.

        Raises:
            InputError: Names the key and the ones that are allowed.
        """
        for key in self._fields:
            if key not in self._read:
                allowed = ", ".join(sorted(set(self._read)))
                raise self.fault(f"there is no key '{key}' here; allowed are {allowed}")

    def _get(self, key: str, default: object) -> object:
        self._read.append(key)
        value = self._fields.get(key, default)
        if value is None:
            raise self.fault(f"'{key}' is missing")
        return value

    def _typed(self, value: object, kind: type[_Value], what: str) -> _Value:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.fault(f"{what} is {_shown(value)}, and must be {_KINDS[kind]}")
        return value

    def _whole(self, value: object, what: str, minimum: int, maximum: int = _LARGEST) -> int:
        number = self._typed(value, int, what)
        if not minimum <= number <= maximum:
            limit = f"at least {minimum}" if number < minimum else f"at most {maximum}"
            raise self.fault(f"{what} is {_shown(number)}, and must be {limit}")
        return number

    def _number(self, value: object, what: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fault(f"{what} is {_shown(value)}, and must be a number")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise self.fault(f"{what} is {_shown(value)}, and must be a finite number")
        return number


def parse_json(data: bytes, where: str, remedy: str) -> object:
    """Return the parsed JSON text *data*; stricter than ``json.loads``.

    Raises:
        InputError: It is not UTF-8 or not JSON, holds NaN, infinity or a whole number of over 20
            digits, names a key twice, or is nested deeper than 64.
    """
    try:
        text = data.decode("utf-8").strip(_BLANKS)
        try:
            value, end = _scanner()(text, 0)
        except StopIteration as stopped:
            raise ValueError(f"a value is missing at character {stopped.value}") from stopped
        if end != len(text):
            raise ValueError(f"more follows at character {end}")
        _check_depth(value)
        if b"\\ud" in data.lower():  # half of a surrogate pair cannot be printed or written
            json_bytes({"": value})
        return value
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: is not valid JSON: {error}.", remedy) from error


def json_bytes(document: Mapping[str, Any]) -> bytes:
    """Return *document* as JSON text that is the same for equal documents.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    import json  # noqa: PLC0415 - as in _scanner

    text = json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def _scanner() -> Callable[[str, int], tuple[object, int]]:
    """Return the parser behind ``json.loads``.

    The import of ``json`` compiles patterns for the parser in Python, which is not used; that takes
    more than one percent of a program's start on a board.
    """
    rules: Any = _Rules
    scanner: Callable[[str, int], tuple[object, int]] = make_scanner(rules)
    return scanner


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key '{twice}' stands twice in one object")
    return table


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large")
    return number


def _short(text: str) -> int:
    if len(text) > 20:  # older Pythons take minutes for millions of digits
        raise ValueError(f"{text[:20]}... is too large")
    return int(text)


class _Rules:
    """What ``json.JSONDecoder`` is given."""

    strict = True
    object_hook = None
    object_pairs_hook = staticmethod(_unique_keys)
    parse_float = staticmethod(_finite)
    parse_int = staticmethod(_short)
    parse_constant = staticmethod(_no_constant)


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        nodes = [list(node.values()) if isinstance(node, dict) else node for node in level]
        level = [child for node in nodes if isinstance(node, list) for child in node]
        if not level:
            return
    raise ValueError(f"it is nested more than {_MAX_DEPTH} deep")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
