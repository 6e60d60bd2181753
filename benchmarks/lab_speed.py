"""Wall time of the device lab for MobileNet v2 in float32: `python -m benchmarks.lab_speed`.

Everything happens in a cache of its own, which is empty at first. Needs the network and two cores
that have nothing else to do.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.command import worded
from benchmarks.lab_commands import run_edgeml, write_network
from edgeml_devices.profile import list_devices

NETWORK = "mobilenet-v2-1.0-224"


def main() -> int:
    """Print each time beside its limit; return 1 when one is above."""
    boards = ",".join(d.name for d in list_devices() if d.arch == "aarch64")
    with tempfile.TemporaryDirectory(prefix="edgeml-lab-speed-") as name:
        folder = Path(name)
        cache = folder / "cache"
        _, lite = write_network(NETWORK, folder)
        profile = ("profile", str(lite), "--target", "rpi4")
        times = [
            _timed("set-up of rpi4, nothing cached", 90, ("devices", "setup", "rpi4"), cache),
            _timed("first profile on rpi4", 20, profile, cache),
            _timed("profile again with --no-cache", 12, (*profile, "--no-cache"), cache),
            _timed("profile again", 1, profile, cache),
        ]
        for board in boards.split(","):
            run_edgeml(("devices", "setup", board), cache)
        everywhere = ("profile", str(lite), "--target", boards, "--no-cache")
        count = len(boards.split(","))
        times.append(_timed(f"one profile of {count} boards", 180, everywhere, cache))
    return int(not all(times))


def _timed(what: str, limit_s: float, arguments: tuple[str, ...], cache: Path) -> bool:
    _, seconds = run_edgeml(arguments, cache)
    print(f"{what}: {seconds:.1f} s (limit {limit_s:g} s)", flush=True)
    return seconds <= limit_s


if __name__ == "__main__":
    sys.exit(worded(main))
