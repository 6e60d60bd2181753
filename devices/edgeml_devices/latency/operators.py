"""Which operators an engine shares out to its threads, read from ``operators.toml``."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


def is_parallel(engine: str, kind: str) -> bool:
    """Return whether *engine* shares operators of type *kind* (its own name) out to threads."""
    table = _table().get(engine, {})
    if "parallel" in table:
        return kind in table["parallel"]
    return kind not in table.get("serial", ())


@cache
def _table() -> dict[str, dict[str, Any]]:
    text = (files("edgeml_devices.latency") / "operators.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    return {name: table for name, table in document.items() if isinstance(table, dict)}
