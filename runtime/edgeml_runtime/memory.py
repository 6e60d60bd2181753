"""What was found out on this board and need not be found out again.

Anything odd about the memory counts as no memory. A key is kept whole beside what is remembered, so
that files of two keys cannot be mistaken for each other.
"""

import os
import zlib
from contextlib import suppress
from typing import Any, Optional

from edgeml_runtime.document import json_bytes, parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.private_cache import keep, private_folder

_FOLDER = "self-tests"
_LIMIT_BYTES = 1024 * 1024  # of about a thousand records


def recall(key: str) -> Optional[dict[str, Any]]:
    """Return what is remembered under *key*, or None."""
    try:
        with open(_file(key), "rb") as file:
            record = parse_json(file.read(), _FOLDER, "")
    except (OSError, InputError):
        return None
    return record if isinstance(record, dict) and record.get("key") == key else None


def remember(key: str, **found: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Remember what was *found*, and return the record; a folder that cannot be written is fine."""
    import time  # noqa: PLC0415 - not needed at every start

    record = {**found, "when": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()), "key": key}
    with suppress(OSError):  # the next start finds it out again
        keep(_file(key), (json_bytes(record),), _LIMIT_BYTES)
    return record


def _file(key: str) -> str:
    name = f"{zlib.crc32(key.encode()):08x}{len(key):x}"
    return os.path.join(private_folder(_FOLDER), name)
