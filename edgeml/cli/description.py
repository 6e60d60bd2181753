"""A JSON document as indented lines for people."""

from collections.abc import Iterator, Mapping

_ROOM = 100
"""Columns that an entry may fill before it is spread over several lines."""


def describe(document: Mapping[str, object], indent: str = "") -> Iterator[str]:
    """Yield the document as ``key: value`` lines in its own order, without what is empty."""
    for key, value in document.items():
        if key == "schema" or value is None or value in ("", [], (), {}):
            continue
        title = key.replace("_", " ")
        line = f"{indent}{title}: {_inline(value)}"
        if not isinstance(value, Mapping | list | tuple) or _fits(value, line):
            yield line
        elif isinstance(value, Mapping):
            yield f"{indent}{title}:"
            yield from describe(value, f"{indent}  ")
        else:
            yield f"{indent}{title}:"
            for item in value:
                yield from _item(item, f"{indent}  ")


def _item(item: object, indent: str) -> Iterator[str]:
    line = f"{indent}- {_inline(item)}"
    if not isinstance(item, Mapping) or _fits(item, line):
        yield line
        return
    first, *rest = describe(item, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}"
    yield from rest


def _fits(value: object, line: str) -> bool:
    parts = value.values() if isinstance(value, Mapping) else value
    nested = isinstance(parts, list | tuple) and any(isinstance(p, Mapping) for p in parts)
    deep = isinstance(value, Mapping) and any(isinstance(p, Mapping | list) for p in value.values())
    return len(line) <= _ROOM and not nested and (not deep or "shape" in value)  # type: ignore[operator]


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_inline(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        numbers = all(part is None or isinstance(part, int) for part in value)
        return ("x" if numbers else ", ").join(_inline(part) for part in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "?" if value is None else str(value)
