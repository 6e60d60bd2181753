"""What was found out on this board and need not be found out again.

Anything odd about the memory counts as no memory. A key is kept whole beside what is remembered, so
that files of two keys cannot be mistaken for each other.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

from edgeml_runtime.private_cache import keep, private_folder

_SCHEMA = "edgeml.memory/1"
_MEMORY_BYTES = 1024 * 1024  # of all that is remembered: about a thousand records


def recall(key: str) -> Optional[dict[str, Any]]:
    """Return what is remembered under *key*, or None."""
    try:
        record = json.loads(_memory(key).read_text(encoding="utf-8"))
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
    with suppress(OSError):  # the next start finds it out again
        keep(_memory(key), (json.dumps(record, indent=1).encode("utf-8"),), _MEMORY_BYTES)
    return record


def _memory(key: str) -> Path:
    digest = hashlib.sha256(key.encode("utf-8")).hexdigest()
    return private_folder("self-tests") / digest
