"""A JSON document as indented lines for people."""

from collections.abc import Iterator, Mapping

_ROOM = 100
"""Columns that an entry may fill before it is spread over several lines."""
_SHAPES = ("shape",)
"""Keys of lists of sizes, which are written as products."""


def describe(document: Mapping[str, object], indent: str = "") -> Iterator[str]:
    """Yield the document as ``key: value`` lines in its own order, without what is empty."""
    for key, value in document.items():
        if key == "schema" or value is None or value in ("", [], (), {}):
            continue
        title = key.replace("_", " ")
        line = f"{indent}{title}: {_inline(value, product=key in _SHAPES)}"
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


def _inline(value: object, *, product: bool = False) -> str:
    """Return *value* in one line; a list that is a *product*, such as a shape, as ``3x224``."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{key} {_inline(part, product=key in _SHAPES)}" for key, part in value.items()
        )
    if isinstance(value, list | tuple):
        if product:
            return "x".join("?" if part is None else str(part) for part in value)
        return ", ".join(str(p) if isinstance(p, int) else _inline(p) for p in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "?" if value is None else str(value)
