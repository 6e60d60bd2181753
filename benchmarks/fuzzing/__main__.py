"""Fuzzes a reader until both limits are reached: `python -m benchmarks.fuzzing bundle`.

The reader is `bundle` (files and golden vectors) or `preprocess` (documents, and the chains that
they make). It fails when anything but an `EdgemlError` comes out, when an input takes ten seconds
or 3 GiB, or when something outside of one folder is touched; the input that did it is kept.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.command import worded
from benchmarks.fuzzing.seeds import write_seeds
from benchmarks.peer_environments import peer_python, read_peers
from edgeml_runtime.cache_folder import cache_root, make_folder
from edgeml_runtime.errors import MissingToolError

ROOT = Path(__file__).parents[2]
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
TARGETS = ("bundle", "preprocess")
MAX_INPUT_BYTES = 64 * 1024
MAX_INPUT_S = 10


@dataclass(frozen=True)
class Run:
    """What one run of libFuzzer came to."""

    inputs: int
    seconds: float
    edges: int
    failure: str


def main() -> int:
    """Print how many inputs were read and what failed; return 1 when something did."""
    options = _options()
    peer = read_peers("benchmarks.fuzzing")["atheris"]
    python = peer_python(peer, not options.no_install)
    if python is None:
        raise MissingToolError(
            "atheris is not set up.", "Leave out --no-install to set it up in edgeml's cache."
        )
    found = []
    for target in [options.target] if options.target else TARGETS:
        run = fuzz(python, target, options.minutes * 60, options.runs)
        found.append(run)
        print(
            f"{target}: {run.inputs:,} inputs (at least {options.runs:,}) in {run.seconds:.0f} s "
            f"(at least {options.minutes * 60:.0f}), {run.edges} edges of code; "
            + (f"FAILED:\n{run.failure}" if run.failure else "0 failures (0)"),
            flush=True,
        )
    return int(any(run.failure for run in found))


def fuzz(python: Path, target: str, least_s: float, least_runs: int) -> Run:
    """Fuzz *target* for that long and that often; what was found is kept in the cache folder."""
    folder = make_folder(cache_root() / "fuzzing" / target)
    corpus = make_folder(folder / "corpus")
    seeds = folder / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    write_seeds(target, make_folder(seeds))
    start = time.monotonic()
    inputs = edges = 0
    failure = ""
    while not failure and (inputs < least_runs or time.monotonic() - start < least_s):
        left_s = least_s - (time.monotonic() - start)
        limit = (
            f"-max_total_time={left_s + 1:.0f}" if left_s > 0 else f"-runs={least_runs - inputs}"
        )
        output, failure = _libfuzzer(python, target, folder, [limit, str(corpus), str(seeds)])
        inputs += _last(r"^#(\d+)\s", output)
        edges = _last(r"cov: (\d+)", output)
    return Run(inputs, time.monotonic() - start, edges, failure)


def _libfuzzer(python: Path, target: str, folder: Path, arguments: list[str]) -> tuple[str, str]:
    """Return what libFuzzer wrote, and what failed."""
    flags = (
        f"-max_len={MAX_INPUT_BYTES}",
        f"-timeout={MAX_INPUT_S}",
        f"-artifact_prefix={folder}/",
        "-rss_limit_mb=2048",
    )
    # Thousands of files a second are for memory, not for a disk.
    in_memory = MEMORY_FOLDER if os.access(MEMORY_FOLDER, os.W_OK) else None
    with TemporaryDirectory(prefix="edgeml-fuzzing-", dir=in_memory) as outside:
        sandbox = make_folder(Path(outside, "inside"))
        command = [str(python), "-m", "benchmarks.fuzzing.fuzz", target, str(sandbox)]
        done = subprocess.run(
            [*command, *flags, *arguments],
            env=_environment(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        failure = "" if done.returncode == 0 else done.stdout[-4000:]
        if not failure and list(Path(outside).iterdir()) != [sandbox]:
            failure = f"files appeared beside {sandbox}"
    return done.stdout, failure


def _environment() -> dict[str, str]:
    paths = os.pathsep.join((str(ROOT), str(ROOT / "runtime")))
    return {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}


def _last(pattern: str, text: str) -> int:
    """Return the number of the last place where *pattern* is found, or 0."""
    return int(next(reversed(re.findall(pattern, text, re.MULTILINE)), "0"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing", description=__doc__)
    parser.add_argument("target", nargs="?", choices=TARGETS, help="what to fuzz (default: both)")
    parser.add_argument("--minutes", type=float, default=10, help="least time for each (10)")
    parser.add_argument("--runs", type=int, default=200_000, help="least inputs for each (200000)")
    parser.add_argument("--no-install", action="store_true", help="do not set atheris up")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(worded(main))
