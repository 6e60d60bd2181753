"""The ways to quantize, as commands. To add one: a line in `METHODS`.

Knows how each is called and what it may cost; must not know what is made of its files.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.int8_peers.subject import PREPROCESS, Subject
from benchmarks.peer_environments import read_peers
from edgeml_converters.sources.foreign.framework import Framework

Way = Literal["functions", "command", "onnxruntime", "nncf", "litert"]
MAX_DROP = "0.34"
"""Percentage points that a search may lose: one of 300 photos."""
SAMPLES = 100
"""Photos to calibrate on."""

_PEERS = {
    "onnxruntime": "onnxruntime_quantization",
    "nncf": "nncf",
    "litert": "litert_quantizer",
}


@dataclass(frozen=True)
class Order:
    """What is to be quantized.

    Args:
        subject: The network.
        inputs: The inputs to calibrate on.
        samples: How many; the command of edgeml takes the calibration photos of *subject*.
        out: A folder for the files, not there yet.
    """

    subject: Subject
    inputs: Path
    samples: int
    out: Path


@dataclass(frozen=True)
class Method:
    """One way to quantize the network.

    Args:
        name: What it is called.
        way: What quantizes: edgeml's ``functions``, which do no more than peers do, its
            ``command``, which also reads the photos and verifies what it wrote, or a peer.
        arguments: Of the way: options of the command, or what its script is told.
        sqnr_db: The least ratio of signal to noise that is asked for.
        cpu_s: The most CPU time.
        peak_mib: The most memory.
    """

    name: str
    way: Way
    arguments: tuple[str, ...] = ()
    sqnr_db: float | None = None
    cpu_s: float | None = None
    peak_mib: float | None = None

    @property
    def own(self) -> bool:
        """Whether it is edgeml's."""
        return self.way not in _PEERS

    @property
    def peer(self) -> Framework | None:
        """The environment that it runs in; None for this one."""
        return None if self.own else _peers()[_PEERS[self.way]]

    def command(self, order: Order, python: Path) -> list[str]:
        """Return the command that quantizes.

        Args:
            order: What to quantize.
            python: An interpreter that has the quantizer.
        """
        subject, out = order.subject, order.out
        if self.way == "command":
            convert = [sys.executable, "-m", "edgeml", "convert", str(subject.onnx), "-o", str(out)]
            data = ["--calibrate", str(subject.calibration.folder), "--preprocess", str(PREPROCESS)]
            if "auto" in self.arguments:
                data += ["--evaluate", str(subject.scored.folder), "--max-drop", MAX_DROP]
            return [*convert, *data, "--name", "model", *self.arguments]
        script = "edgeml_side" if self.own else f"{self.way}_side"
        model = subject.tflite if self.way == "litert" else subject.onnx
        side = [str(python), "-m", f"benchmarks.int8_peers.{script}"]
        return [*side, str(model), str(order.inputs), str(order.samples), str(out), *self.arguments]


def _recipe(name: str, **entries: str) -> Method:
    """Return one of edgeml's own ways; *entries* are those of a recipe, in TOML."""
    lines = ('schema = "edgeml.recipe/1"', *(f"{key} = {value}" for key, value in entries.items()))
    return Method(name, "functions", ("\n".join(lines),), cpu_s=15.0)


MIN_MAX = Method("edgeml", "functions", sqnr_db=21.0, cpu_s=5.0, peak_mib=300.0)
METHODS: tuple[Method, ...] = (
    MIN_MAX,
    _recipe("edgeml fast", trim_ranges="false", correct_bias="false"),
    _recipe("edgeml percentile", ranges='"percentile"'),
    _recipe("edgeml mse", ranges='"mse"'),
    _recipe("edgeml entropy", ranges='"entropy"'),
    _recipe("edgeml equalize", equalize="true"),
    _recipe("edgeml rounding", round_adaptively="true"),
    _recipe("edgeml mse rounding", ranges='"mse"', round_adaptively="true"),
    _recipe("edgeml high", ranges='"mse"', round_adaptively="true", equalize="true"),
    Method("edgeml convert", "command", ("--quantize", "int8"), sqnr_db=21.0),
    Method("edgeml auto", "command", ("--quantize", "auto"), sqnr_db=23.0),
    Method("onnxruntime min-max", "onnxruntime", ("MinMax",)),
    Method("onnxruntime percentile", "onnxruntime", ("Percentile",)),
    Method("onnxruntime entropy", "onnxruntime", ("Entropy",)),
    Method("NNCF", "nncf"),
    Method("litert-quantizer", "litert", ("default",)),
    Method("litert-quantizer profiler", "litert", ("profiler",)),
)


@cache
def _peers() -> Mapping[str, Framework]:
    return read_peers("benchmarks.int8_peers")
