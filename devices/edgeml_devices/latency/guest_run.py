"""One inference in the emulated board, under the counter.

Knows how to start the guest's scripts; must not know what the counts are for.
"""

import json
import tempfile
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from edgeml_devices.device import Device
from edgeml_devices.emulation.guest import run_guest
from edgeml_devices.emulation.plugin import (
    CacheShape,
    Counts,
    LevelName,
    build_plugin,
    read_counts,
)
from edgeml_devices.emulation.sysroot import Sysroot
from edgeml_runtime.errors import InternalError

PLAIN_SCRIPT = "profile_engine.py"
OPERATOR_SCRIPT = "profile_operators.py"
COUNTING_SCRIPTS = (PLAIN_SCRIPT, OPERATOR_SCRIPT, "litert_model.py")
"""All that the counts depend on."""
_LEVELS: tuple[LevelName, ...] = ("l1d", "l2", "l3")
# A network whose weights are far larger than the last cache finds nothing of its last inference
# there; a file below this many times that cache gets a simulated inference to fill the caches.
_WARM_CACHES_BELOW = 4
_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class GuestRun:
    """What to run: a model in an engine on a board, on one thread.

    Args:
        device: The board.
        sysroot: Its user space, with the engine in it.
        engine: Name of the engine.
        model: A model file in the engine's format.
        inputs: An ``.npz`` with an array for each input; seeded ones without it.
    """

    device: Device
    sysroot: Sysroot
    engine: str
    model: Path
    inputs: Path | None

    def count(self, script: str) -> tuple[dict[str, Any], Counts]:
        """Return what a guest script printed, and the counter's report.

        Raises:
            InputError: The engine cannot read the model or the inputs.
            EngineCrashError: The engine died in the guest.
        """
        shapes = cache_shapes(self.device)
        with (
            tempfile.TemporaryDirectory(prefix="edgeml-profile-") as folder,
            as_file(guest_scripts()) as scripts,
        ):
            report = Path(folder) / "counts.json"
            # The lengths of its arguments move a program's stack, and so its misses a little.
            model = Path(folder) / f"model{self.model.suffix}"
            model.symlink_to(self.model.resolve())
            guest = run_guest(
                self.device,
                self.sysroot,
                [str(scripts / script), self.engine, str(model), *self._options()],
                plugin=build_plugin().argument(report, shapes),
                timeout_s=_TIMEOUT_S,
            )
            counts = read_counts(report)
        try:
            return dict(json.loads(guest.stdout)), counts
        except ValueError as error:
            raise InternalError(
                f"The emulated program answered '{guest.stdout.strip()[:80]}', which is no report.",
                "Run again with --debug; when that repeats, please report it with the model.",
            ) from error

    def _options(self) -> list[str]:
        last = cache_shapes(self.device)[-1]
        warm = self.model.stat().st_size < _WARM_CACHES_BELOW * last.size_bytes
        options = ["--warm-caches"] if warm else []
        if self.inputs is not None:
            options += ["--inputs", str(self.inputs.resolve())]
        return options


def cache_shapes(device: Device) -> tuple[CacheShape, ...]:
    """Return the data caches of *device* from the core outwards."""
    shapes = []
    for level, name in enumerate(_LEVELS, start=1):
        found = device.cache(level)
        if found is None:
            break
        shapes.append(CacheShape(name, found.size_kib * 1024, found.ways, found.line_bytes))
    return tuple(shapes)


def guest_scripts() -> Traversable:
    """Return the folder of the scripts that run in the guest."""
    return files("edgeml_devices.latency") / "guest_scripts"
