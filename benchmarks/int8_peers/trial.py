"""What came of one way to quantize: what it cost, and what each of its files answers."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.int8_peers.inputs import Inputs
from benchmarks.int8_peers.methods import SAMPLES, Method, Order
from benchmarks.int8_peers.subject import Subject
from benchmarks.process_cost import CommandRun, run_measured
from edgeml_converters.verify import artifact_runner, compare_outputs
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import InputError

ENGINES = {"onnx": "onnxruntime", "tflite": "litert"}
"""The engine that scores each format. onnxruntime runs with its exact kernels for x86 processors
without VNNI (``session.x64quantprecision``), for every quantizer's files: others saturate, as no
board does."""
_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Quality:
    """What a file answers to the scored photos.

    Args:
        format: ``onnx`` or ``tflite``.
        size_bytes: Of the file.
        top1: Right answers, in per cent.
        drop: Percentage points that the float network has more.
        agreement: Answers that are the float network's, in per cent.
        sqnr_db: Of the logits, the float network's being the signal.
    """

    format: str
    size_bytes: int
    top1: float
    drop: float
    agreement: float
    sqnr_db: float


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Args:
        method: The way to quantize.
        cpu_s: Of the process, with all that it started.
        peak_mib: Likewise.
        qualities: One a file; none if it failed.
        reason: Why it failed.
    """

    method: str
    cpu_s: float
    peak_mib: float
    qualities: tuple[Quality, ...]
    reason: str = ""


class Judge:
    """Holds the answers of the float network, to which files are held."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._labels = np.array(subject.scored.labels)
        self._logits = self._answers(subject.onnx)
        self.top1 = self._top1(self._logits)

    def quality(self, file: Path) -> Quality:
        """Return what *file* answers."""
        logits = self._answers(file)
        parity = compare_outputs(_outputs(self._logits), _outputs(logits))
        agreement = parity.agreement
        assert agreement is not None, "the outputs are class scores"
        top1 = self._top1(logits)
        return Quality(
            format=file.suffix.removeprefix("."),
            size_bytes=file.stat().st_size,
            top1=top1,
            drop=self.top1 - top1,
            agreement=agreement,
            sqnr_db=parity.sqnr_db,
        )

    def _answers(self, file: Path) -> np.ndarray:
        """Return the logits (photos, 1000) of *file*."""
        subject = self._subject
        with closing(open_engine(ENGINES[file.suffix.removeprefix(".")], file)) as engine:
            run = artifact_runner(engine, subject.inputs, subject.outputs)
            name, output = subject.inputs[0].name, subject.outputs[0].name
            arrays = Inputs(subject.scored.inputs, len(self._labels))
            return np.concatenate([run({name: array})[output] for array in arrays])

    def _top1(self, logits: np.ndarray) -> float:
        return float(np.mean(logits.argmax(axis=1) == self._labels)) * 100.0


def _outputs(logits: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    for row in logits:
        yield {"logits": row[np.newaxis]}


def attempt(method: Method, python: Path, judge: Judge, subject: Subject, folder: Path) -> Trial:
    """Return what comes of *method*.

    Args:
        method: The way to quantize.
        python: An interpreter that has it.
        judge: What holds its files to the float network.
        subject: The network.
        folder: Where its files are kept, in a folder of their own.
    """
    out = folder / method.name.replace(" ", "_")
    order = Order(subject, subject.calibration.inputs, SAMPLES, out)
    run = quantize(method, python, order)
    files = sorted(file for suffix in ENGINES for file in out.glob(f"model*.{suffix}"))
    if run.exit_code != 0 or not files:
        lines = [line for line in run.log.splitlines() if line.strip()] or [""]
        reason = f"exit code {run.exit_code}: {lines[-1][:200]}"
        return Trial(method.name, run.cpu_s, run.peak_mib, (), reason)
    try:
        qualities = tuple(judge.quality(file) for file in files)
    except InputError as error:
        return Trial(method.name, run.cpu_s, run.peak_mib, (), error.problem)
    return Trial(method.name, run.cpu_s, run.peak_mib, qualities)


def quantize(method: Method, python: Path, order: Order) -> CommandRun:
    """Run *method* and return what it cost; what was in its folder is removed before."""
    out = order.out
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join((str(_REPOSITORY), os.environ.get("PYTHONPATH", "")))
    if not method.own:
        path = str(_REPOSITORY)
    return run_measured(
        method.command(order, python),
        environment={"PYTHONPATH": path},
        folder=out.parent,
    )
