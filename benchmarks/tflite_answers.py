"""What LiteRT makes of a TFLite file: ``python -m benchmarks.tflite_answers FILE GOLDEN.npz``.

A process of its own, because an engine may die of a file. Prints JSON: the operators, whether it
loads, and how far its answers are from those in the npz. Any converter's file is read: tensors are
matched by name where the names are kept and by size where they are not, whatever order the axes
are in.
"""

import itertools
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.process_cost import run_measured
from edgeml_converters.inspection import inspect_model
from edgeml_runtime.bundle import unpack_golden
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import EdgemlError
from edgeml_runtime.tensors import TensorSpec

ENGINE = "litert"
MOST_ERROR_SHARE = 1e-3
"""Of the range of the answers; float32 in another order of sums stays a hundred times below."""

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Answers:
    """What became of a file in the engine.

    Args:
        ops: Operators of its main graph.
        transposes: How many of them are TRANSPOSE.
        error_share: The largest error as a share of the range of the answers; None when the file
            does not load or run.
        reason: Why it does not.
    """

    ops: int = 0
    transposes: int = 0
    error_share: float | None = None
    reason: str = ""

    @property
    def right(self) -> bool:
        """Whether the answers are the source's."""
        return self.error_share is not None and self.error_share <= MOST_ERROR_SHARE


def ask(file: Path, golden: Path) -> Answers:
    """Return what a process of its own says of *file*."""
    module = (sys.executable, "-m", "benchmarks.tflite_answers")
    run = run_measured([*module, str(file), str(golden)])
    lines = run.log.strip().splitlines() or [""]
    if run.exit_code != 0:
        return Answers(reason=f"the engine died (exit code {run.exit_code}): {lines[-1]}")
    return Answers(**json.loads(lines[-1]))


def answers(file: Path, golden: bytes) -> Answers:
    """Return what the engine makes of *file*, in this process.

    Args:
        file: A TFLite file.
        golden: Samples and what the source answers, as `edgeml_runtime.bundle.pack_golden` has it.
    """
    ops: Mapping[str, int] = {}
    try:
        ops = inspect_model(file).ops
        engine = open_engine(ENGINE, file)
        error: float | None = error_share(engine, unpack_golden(golden))
        reason = "" if error is not None else "no order of its axes has the source's sizes"
    except EdgemlError as problem:
        error, reason = None, problem.problem
    return Answers(sum(ops.values()), ops.get("TRANSPOSE", 0), error, reason)


def error_share(engine: Engine, samples: Sequence[tuple[Arrays, Arrays]]) -> float | None:
    """Return the error of an engine, in the best way of reading its tensors; None without one."""
    given, expected = [pair[0] for pair in samples], [pair[1] for pair in samples]
    shares = [
        _worst(expected, [engine.run(feed(sample)) for sample in given])
        for feed in _feeds(given[0], engine.inputs)
    ]
    return min((share for share in shares if share is not None), default=None)


def axis_orders(
    shape: tuple[int, ...], wanted: tuple[int | None, ...]
) -> Iterator[tuple[int, ...]]:
    """Yield the orders of axes that make *shape* the *wanted* one, the given one first.

    Only those that converters use: as it is, and channels last or first.
    """
    rank = len(shape)
    if rank != len(wanted):
        return
    last, first = (0, *range(2, rank), 1), (0, rank - 1, *range(1, rank - 1))
    for order in dict.fromkeys((tuple(range(rank)), *((last, first) if rank > 2 else ()))):
        if all(wanted[to] in {None, shape[axis]} for to, axis in enumerate(order)):
            yield order


class _Feed:
    """One way of turning a sample of the source into inputs of a file."""

    def __init__(
        self, names: Sequence[str], specs: Sequence[TensorSpec], orders: Sequence[tuple[int, ...]]
    ) -> None:
        self._ports = list(zip(names, specs, orders, strict=True))

    def __call__(self, sample: Arrays) -> dict[str, Array]:
        return {
            spec.name: np.ascontiguousarray(sample[name].transpose(order)).astype(spec.dtype)
            for name, spec, order in self._ports
        }


def _feeds(sample: Arrays, specs: Sequence[TensorSpec]) -> Iterator[_Feed]:
    by_name = {_plain(spec.name): spec for spec in specs}
    names = list(sample)
    if all(_plain(name) in by_name for name in names):
        matches = [tuple(by_name[_plain(name)] for name in names)]
    else:
        matches = list(itertools.permutations(specs, len(names)))
    for match in matches:
        ways = [
            list(axis_orders(sample[n].shape, s.shape)) for n, s in zip(names, match, strict=True)
        ]
        for orders in itertools.product(*ways):
            yield _Feed(names, match, orders)


def _plain(name: str) -> str:
    return name.removeprefix("serving_default_").removesuffix(":0").replace("/", "_")


def _worst(expected: Sequence[Arrays], found: Sequence[Arrays]) -> float | None:
    """Return the largest error of any output; None when one has no counterpart."""
    shares = []
    for name in expected[0]:
        wanted = np.stack([sample[name] for sample in expected])
        errors = [_error(wanted, np.stack([s[other] for s in found])) for other in found[0]]
        known = [error for error in errors if error is not None]
        if not known:
            return None
        shares.append(min(known))
    return max(shares, default=None)


def _error(wanted: Array, found: Array) -> float | None:
    """Return the error of stacked samples, in the best order of axes; a scalar may have an axis."""
    if wanted.ndim == 1 and found.shape == (wanted.size, 1):
        found = found[:, 0]
    orders = axis_orders(found.shape[1:], wanted.shape[1:])
    shares = [_share(wanted, found.transpose(0, *(a + 1 for a in order))) for order in orders]
    return min(shares, default=None)


def _share(wanted: Array, found: Array) -> float:
    reference = wanted.astype(np.float64)
    difference = np.abs(found.astype(np.float64) - reference)
    if not np.isfinite(difference).all():
        return float("inf")
    largest = float(np.abs(reference).max(initial=0.0))
    spread = float(np.ptp(reference)) if reference.size else 0.0
    # Networks with constant weights answer the same to everything, but for rounding.
    scale = spread if spread > 1e-5 * largest else largest
    return float(difference.max(initial=0.0)) / (scale or 1.0)


if __name__ == "__main__":
    print(json.dumps(asdict(answers(Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()))))
