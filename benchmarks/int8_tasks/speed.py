"""What an artifact takes on emulated boards, and whether int8 is the faster one."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from benchmarks.int8_tasks.answers import ENGINES, Candidate
from benchmarks.lab_commands import run_edgeml

BOARDS = ("rpi4", "rpi5")


@dataclass(frozen=True)
class Race:
    """One model in one format on one board: milliseconds in float32 and as *name*."""

    task: str
    board: str
    name: str
    float_ms: float
    int8_ms: float

    @property
    def faster(self) -> bool:
        """Whether int8 wins."""
        return self.int8_ms < self.float_ms


def races(task: str, candidates: Sequence[Candidate]) -> list[Race]:
    """Return what the quantized ones of *candidates* gain in their format, on each board."""
    found = []
    float_ms = {c.format: _latency_ms(c) for c in candidates if c.name.startswith("float32.")}
    for candidate in candidates:
        if not candidate.name.startswith("float32."):
            own_ms, reference_ms = _latency_ms(candidate), float_ms[candidate.format]
            found += [
                Race(task, board, candidate.name, reference_ms[board], own_ms[board])
                for board in BOARDS
                if board in own_ms and board in reference_ms
            ]
    return found


def _latency_ms(candidate: Candidate) -> Mapping[str, float]:
    """Return the estimate by board; nothing, and a line on stderr, where it does not run."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"model.{candidate.format}"  # a rejected one has another suffix
        copyfile(candidate.path, file)
        engine = ENGINES[candidate.format]
        command = ("profile", str(file), "--target", ",".join(BOARDS), "--engine", engine)
        try:
            document, _ = run_edgeml(command)
        except subprocess.CalledProcessError as error:
            print(f"{candidate.path} is not profiled ({error.returncode})", file=sys.stderr)
            return {}
    return {
        result["target"]: float(result["latency_ms"]["estimate"]) for result in document["results"]
    }
