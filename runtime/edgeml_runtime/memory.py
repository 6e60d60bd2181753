"""What was found out on this board and need not be found out again.

Anything odd about the memory counts as no memory. A key is kept whole beside what is remembered, so
that files of two keys cannot be mistaken for each other.
"""

import json
import os
import zlib
from typing import Any, Optional

_SCHEMA = "edgeml.memory/1"


def recall(key: str) -> Optional[dict[str, Any]]:
    """Return what is remembered under *key*, or None."""
    try:
        with open(memory_file(key), encoding="utf-8") as file:  # noqa: PTH123 - pathlib is slow
            record = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    known = (
        isinstance(record, dict) and record.get("schema") == _SCHEMA and record.get("key") == key
    )
    return record if known else None


def remember(key: str, **found: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Remember what was *found*, and return the record; a folder that cannot be written is fine."""
    import time  # noqa: PLC0415 - not needed at every start

    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    record = {"schema": _SCHEMA, "key": key, "when": when, **found}
    path = memory_file(key)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - as said
        with open(temporary, "w", encoding="utf-8") as file:  # noqa: PTH123 - as said
            json.dump(record, file, indent=1)
        os.replace(temporary, path)  # noqa: PTH105 - as said
    except OSError:
        pass  # the next start finds it out again
    return record


def memory_file(key: str) -> str:
    """Return the path of the file for *key*, which need not exist."""
    folder = os.environ.get("EDGEML_RUNTIME_CACHE") or "~/.cache/edgeml-runtime"
    name = f"{zlib.crc32(key.encode()):08x}{len(key):x}.json"
    return os.path.join(os.path.expanduser(folder), name)  # noqa: PTH111, PTH118 - as said
