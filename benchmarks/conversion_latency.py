"""Speed of converted files on an emulated board: `python -m benchmarks.conversion_latency`.

Takes the float32 files that `benchmarks.converter_peers` has kept, ours and the peers', and
profiles those whose answers are right: the same engine, board and inputs. Goes on where it was
interrupted, as edgeml keeps what it has emulated.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.command import worded
from benchmarks.converter_peers.trial import kept_file, kept_trial
from benchmarks.lab_commands import run_edgeml
from edgeml_runtime.cache_folder import cache_root
from edgeml_runtime.errors import InputError

OWN = "edgeml"
PEERS = ("onnx2tf", "litert-torch")
MARGIN = 0.01
"""Less than this is the place of tensors in memory, not the converter."""


@dataclass(frozen=True)
class Pair:
    """One model's latency by two converters, in milliseconds."""

    subject: str
    peer: str
    own_ms: float
    peer_ms: float

    @property
    def ratio(self) -> float:
        """Ours as a share of the peer's."""
        return self.own_ms / self.peer_ms

    @property
    def standing(self) -> str:
        """Whether ours is faster (leads), as fast (ties) or slower (trails)."""
        if abs(self.ratio - 1.0) <= MARGIN:
            return "ties"
        return "leads" if self.ratio < 1.0 else "trails"


def main() -> int:
    """Print every pair; return 1 when ours is slower in one."""
    options = _options()
    pairs = []
    for pair in _pairs(options):
        pairs.append(pair)
        if not options.json:
            print(_line(pair), flush=True)
    slower = [pair for pair in pairs if pair.standing == "trails"]
    if options.json:
        print(json.dumps([{**asdict(pair), "standing": pair.standing} for pair in pairs], indent=1))
        return int(bool(slower))
    for peer in PEERS:
        standings = [pair.standing for pair in pairs if pair.peer == peer]
        counts = ", ".join(f"{w} in {standings.count(w)}" for w in ("leads", "ties", "trails"))
        print(f"beside {peer}: {counts} (trails in at most 0)")
    return int(bool(slower))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.conversion_latency", description=__doc__
    )
    parser.add_argument("--keep", type=Path, help="the folder that was given to converter_peers")
    parser.add_argument("--models", default="", help="names, with commas between them")
    parser.add_argument("--target", default="rpi4", help="the board (default: rpi4)")
    parser.add_argument("--json", action="store_true", help="print every pair as JSON")
    return parser.parse_args()


def _pairs(options: argparse.Namespace) -> Iterator[Pair]:
    root = options.keep or cache_root() / "benchmarks" / "converter_peers"
    wanted = set(options.models.split(",")) if options.models else None
    folders = [folder for folder in sorted(root.glob("*")) if (folder / f"{OWN}.json").exists()]
    if not folders:
        raise InputError(
            f"There are no converted models in {root}.",
            "Run: python -m benchmarks.converter_peers",
        )
    for folder in folders:
        if wanted is not None and folder.name not in wanted:
            continue
        if not _is_right(folder, OWN):
            continue
        for peer in PEERS:
            if _is_right(folder, peer):
                own_ms, peer_ms = (
                    _latency_ms(kept_file(folder, name), options.target) for name in (OWN, peer)
                )
                if own_ms is not None and peer_ms is not None:
                    yield Pair(folder.name, peer, own_ms, peer_ms)


def _is_right(folder: Path, converter: str) -> bool:
    trial = kept_trial(folder, converter)
    return trial is not None and trial.right


def _latency_ms(file: Path, target: str) -> float | None:
    """Return the estimate; None, and a line on stderr, where the board does not run the file."""
    command = ("profile", str(file), "--target", target, "--engine", "litert")
    try:
        document, _ = run_edgeml(command)
    except subprocess.CalledProcessError as error:
        print(f"{file} is not profiled (exit code {error.returncode})", file=sys.stderr)
        return None
    return float(document["results"][0]["latency_ms"]["estimate"])


def _line(pair: Pair) -> str:
    return (
        f"{pair.subject:22} edgeml {pair.own_ms:9.3f} ms  {pair.peer:12} {pair.peer_ms:9.3f} ms"
        f"  ratio {pair.ratio:.3f}  {pair.standing}"
    )


if __name__ == "__main__":
    sys.exit(worded(main))
