"""Converting a network as a user does, and what LiteRT answers with the file.

Knows the commands of edgeml; must not know how figures are printed.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.process_cost import run_measured
from benchmarks.tflite_answers import Answers, ask
from benchmarks.torch_networks.catalog import TorchNetwork
from edgeml_runtime.bundle import pack_golden

ROUTES = ("module", "dynamo", "legacy")
"""edgeml's own reading of the module, and the files of PyTorch's two exporters."""


@dataclass(frozen=True)
class Conversion:
    """One network by one route.

    Args:
        network: Its name.
        route: One of `ROUTES`.
        cpu_s: Of the command, with the export where that is part of it.
        peak_mib: Of the command.
        reason: Why there is no file; empty when there is one.
        answers: What LiteRT makes of the file.
    """

    network: str
    route: str
    cpu_s: float
    peak_mib: float
    reason: str
    answers: Answers


def export(network: TorchNetwork, python: Path, folder: Path) -> Path:
    """Write what PyTorch answers and exports to *folder*; return the file of its answers.

    Raises:
        subprocess.CalledProcessError: PyTorch failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    golden = folder / "golden.npz"
    if not golden.exists():
        script = [str(python), "-m", "benchmarks.torch_networks.torch_side"]
        subprocess.run([*script, network.name, str(folder)], check=True, capture_output=True)
        with np.load(folder / "answers.npz") as arrays:
            inputs = [{"x": array} for array in arrays["inputs"]]
            outputs = [{"y": array} for array in arrays["answers"]]
        golden.write_bytes(pack_golden(inputs, outputs))
    return golden


def convert(network: TorchNetwork, folder: Path) -> Iterator[Conversion]:
    """Convert *network* by each route; `export` has filled *folder*, which keeps the files."""
    for route in ROUTES:
        source = network.factory if route == "module" else str(folder / f"{route}.onnx")
        shape = ("--input-shape", network.input_shape) if route == "module" else ()
        out = folder / f"edgeml-{route}"
        shutil.rmtree(out, ignore_errors=True)
        edgeml = (sys.executable, "-m", "edgeml", "convert", source, *shape)
        run = run_measured([*edgeml, "--to", "tflite", "--yes", "--json", "-o", str(out)])
        files = sorted(out.glob("*.tflite"))
        if run.exit_code != 0 or not files:
            lines = [line for line in run.log.splitlines() if line.startswith("error: ")]
            reason = lines[-1] if lines else f"exit code {run.exit_code}"
            yield Conversion(network.name, route, run.cpu_s, run.peak_mib, reason, Answers())
            continue
        kept = folder / f"edgeml-{route}.tflite"
        kept.write_bytes(files[0].read_bytes())
        found = ask(kept, folder / "golden.npz")
        yield Conversion(network.name, route, run.cpu_s, run.peak_mib, found.reason, found)
