"""By how much two profiles of one model differ: `python -m benchmarks.lab_repeatability`.

Each engine emulates three times: twice alone, once while every core has other work to do.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.command import worded
from benchmarks.lab_commands import run_edgeml, write_network

NETWORK = "mobilenet-v2-1.0-224"
LIMIT = 0.001
ENGINES = {"litert": ".tflite", "litert-builtin": ".tflite", "onnxruntime": ".onnx"}


def main() -> int:
    """Print the largest difference of each engine beside the limit; return 1 when one is above."""
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="edgeml-lab-repeatability-") as name:
        files = {path.suffix: path for path in write_network(NETWORK, Path(name))}
        for engine, suffix in ENGINES.items():
            found = [_figures(engine, files[suffix]) for _ in range(2)]
            with _busy_cores():
                found.append(_figures(engine, files[suffix]))
            instructions, estimates = (_spread(values) for values in zip(*found, strict=True))
            print(
                f"{engine}: instructions differ by {instructions:.6%}, estimates by "
                f"{estimates:.6%} (limit {LIMIT:.1%})",
                flush=True,
            )
            worst = max(worst, instructions, estimates)
    return int(worst > LIMIT)


def _figures(engine: str, model: Path) -> tuple[float, float]:
    """Return the instructions, and the estimate in milliseconds, of a fresh emulation on rpi4."""
    document, _ = run_edgeml(
        ("profile", str(model), "--target", "rpi4", "--engine", engine, "--no-cache")
    )
    (result,) = document["results"]
    return result["instructions"], result["latency_ms"]["estimate"]


def _spread(values: tuple[float, ...]) -> float:
    return max(values) / min(values) - 1


@contextmanager
def _busy_cores() -> Iterator[None]:
    workers = [
        multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)
    ]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    sys.exit(worded(main))
