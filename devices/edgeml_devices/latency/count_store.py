"""Where counts are kept, by a digest of all that they depend on.

Must not know what was counted: a document goes in and comes out.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from edgeml_devices.cache import cache_root, make_folder
from edgeml_devices.device import Device
from edgeml_devices.emulation.plugin import plugin_digest
from edgeml_devices.emulation.qemu import find_qemu, qemu_version
from edgeml_devices.emulation.sysroot import Sysroot

Counted = TypeVar("Counted")


def stored_path(
    device: Device, sysroot: Sysroot, engine: str, model: Path, others: Mapping[str, Any]
) -> Path:
    """Return where the counts of *model* in *engine* are kept.

    Args:
        device: The board.
        sysroot: Its user space.
        engine: Name of the engine.
        model: The file that was run.
        others: What else these counts depend on, as JSON values; its ``schema`` among them.
    """
    parts = {
        "model": file_sha256(model),
        "engine": engine,
        "sysroot": sysroot.digest,
        "qemu": qemu_version(str(find_qemu(device))),
        "qemu_cpu": device.qemu_cpu,
        "plugin": plugin_digest(),
        **others,
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return cache_root() / "profiles" / f"{key}.json"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_kept(path: Path, parse: Callable[[Mapping[str, Any]], Counted]) -> Counted | None:
    """Return the counts kept at *path*; ``None`` where there are none, or they are damaged."""
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (AttributeError, LookupError, TypeError, ValueError):
        return None  # not what was written: it is counted again, and replaced


def keep(path: Path, document: Mapping[str, Any]) -> None:
    """Write *document* to *path* so that it appears whole or not at all."""
    make_folder(path.parent)
    descriptor, partial = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, separators=(",", ":"))
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
