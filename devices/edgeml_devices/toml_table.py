"""Reading a TOML document key by key, so that every fault is worded: file, key, found, allowed.

Knows TOML types and ranges; must not know what the keys mean.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NoReturn, TypeVar

from edgeml_runtime.errors import InputError

Word = TypeVar("Word", bound=str)

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9]+(\.[0-9a-z]+)*")


class TomlTable:
    """One table of a TOML document; remembers which of its keys were read.

    Every reading method raises `InputError` when the key is missing, has another type or is out of
    range.

    Args:
        file: Name of the file, for messages.
        key: Dotted key of the table in the file; empty for the document itself.
        content: The parsed table.
    """

    def __init__(self, file: str, key: str, content: Mapping[str, Any]) -> None:
        self.file = file
        self.key = key
        self._content = content
        self._children: list[TomlTable] = []
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def text(self, key: str, allowed: Sequence[str] = ()) -> str:
        """Return a string that is not empty, one of *allowed* if given."""
        value = self._value(key)
        if not isinstance(value, str) or not value or (allowed and value not in allowed):
            self.refuse(key, value, _words(allowed) if allowed else "text that is not empty")
        return value

    def name(self, key: str) -> str:
        """Return a name that can stand in a path and on a command line."""
        value = self.text(key)
        if not _NAME.fullmatch(value):
            self.refuse(key, value, "small letters and digits, with single dashes between them")
        return value

    def choice(self, key: str, allowed: tuple[Word, ...]) -> Word:
        """Return one of the words *allowed*."""
        return allowed[allowed.index(self.text(key, allowed))]

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(key, value, "a list of texts")
        return tuple(value)

    def all_texts(self) -> dict[str, str]:
        """Return the whole table, whose values are all strings."""
        return {key: self.text(key) for key in self._content}

    def all_versions(self) -> dict[str, str]:
        """Return the whole table, whose values are all versions, such as ``1.22.1``."""
        versions = self.all_texts()
        for key, value in versions.items():
            if not _VERSION.fullmatch(value):
                self.refuse(key, value, "a version such as '1.22.1'")
        return versions

    def integer(self, key: str, low: int, high: int) -> int:
        """Return a whole number, *low* <= value <= *high*."""
        value = self._value(key)
        if type(value) is not int or not low <= value <= high:
            self.refuse(key, value, f"a whole number from {low} to {high}")
        return value

    def integers(self, key: str, low: int, high: int) -> tuple[int, ...]:
        """Return a list of whole numbers, each *low* <= value <= *high*."""
        value = self._value(key)
        if not isinstance(value, list) or not all(
            type(item) is int and low <= item <= high for item in value
        ):
            self.refuse(key, value, f"a list of whole numbers from {low} to {high}")
        return tuple(value)

    def number(self, key: str, low: float, high: float) -> float:
        """Return a number, *low* <= value <= *high*."""
        value = self._value(key)
        if type(value) not in (int, float) or not low <= value <= high:
            self.refuse(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    def boolean(self, key: str) -> bool:
        """Return ``true`` or ``false``."""
        value = self._value(key)
        if not isinstance(value, bool):
            self.refuse(key, value, "true or false")
        return value

    def date(self, key: str) -> date:
        """Return a TOML date."""
        value = self._value(key)
        if type(value) is not date:
            self.refuse(key, value, "a date such as 2026-01-31, without quotes")
        return value

    def table(self, key: str) -> "TomlTable":
        """Return the table below *key*."""
        value = self._value(key)
        if not isinstance(value, dict):
            self.refuse(key, value, "a table")
        return self._child(key, value)

    def tables(self, key: str) -> Iterator["TomlTable"]:
        """Return the tables of the list below *key*; none when the key is absent."""
        value = self._value(key) if key in self else []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(key, value, "a list of tables")
        return iter([self._child(f"{key}[{i}]", item) for i, item in enumerate(value)])

    def refuse(self, key: str, found: object, allowed: str) -> NoReturn:
        """Refuse the value *found* of *key*, or the table itself when *key* is empty.

        Raises:
            InputError: Always; *allowed* says in words what would be right.
        """
        dotted = ".".join(part for part in (self.key, key) if part)
        value = "a table" if found and isinstance(found, dict) else repr(found)
        raise InputError(f"{self.file}: the key '{dotted}' is {value}.", f"Allowed is {allowed}.")

    def refuse_unread(self) -> None:
        """Refuse keys of this table and of those read from it that nobody asked for.

        Raises:
            InputError: There is such a key.
        """
        for key, value in self._content.items():
            if key not in self._read:
                known = _words(sorted(self._read))
                self.refuse(key, value, f"no such key; known here are {known}")
        for child in self._children:
            child.refuse_unread()

    def _child(self, key: str, content: Mapping[str, Any]) -> "TomlTable":
        child = TomlTable(self.file, f"{self.key}.{key}" if self.key else key, content)
        self._children.append(child)
        return child

    def _value(self, key: str) -> Any:  # noqa: ANN401 - any TOML value; the callers check its type
        self._read.add(key)
        if key not in self._content:
            where = f"[{self.key}] of {self.file}" if self.key else self.file
            raise InputError(f"The key '{key}' is missing in {where}.", "Add it to the file.")
        return self._content[key]


def parse_toml(text: str, file: str) -> TomlTable:
    """Return the document in *text*.

    Args:
        text: The TOML source.
        file: Name of the file, for messages.

    Raises:
        InputError: The text is not TOML.
    """
    try:
        return TomlTable(file, "", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not valid TOML: {error}.", "Correct that line.") from error


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
