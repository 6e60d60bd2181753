"""How well the latency model does on published rows: `python -m benchmarks.latency_validation`.

Prints predicted beside published for every usable row, then the figures of each group beside their
limits. A row is predicted by constants that were fitted without any row of its model (all types and
thread counts of it). The band is made of the same errors. Exits 1 when a limit is missed.
"""

import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.command import worded
from benchmarks.latency_fit import TARGETS, fit, predicted_ms, prior
from benchmarks.latency_rows import Observation, observations
from edgeml_devices.device import Calibration
from edgeml_devices.profile import load_device

MEDIAN_LIMIT, P90_LIMIT, NEW_BOARD_LIMIT = 5.0, 12.0, 10.0
BAND_LIMIT, COVERAGE_LIMIT, RANK_LIMIT = 15.0, 80.0, 0.97


@dataclass(frozen=True)
class Prediction:
    """A row and its prediction by constants that never saw its model."""

    observed: Observation
    ms: float

    @property
    def error(self) -> float:
        """Relative error in per cent; positive is too slow."""
        return 100.0 * (self.ms / self.observed.row.latency_ms - 1.0)


def leave_models_out(found: Sequence[Observation]) -> list[Prediction]:
    """Return each row predicted without the rows of its model."""
    predictions = []
    for target in TARGETS:
        rows = [o for o in found if o.case.target == target]
        for model in sorted({o.case.model for o in rows}):
            constants = fit([o for o in rows if o.case.model != model], prior(target))
            predictions += [
                Prediction(o, predicted_ms(o, constants)) for o in rows if o.case.model == model
            ]
    return predictions


def leave_board_out(found: Sequence[Observation], left_out: str) -> list[Prediction]:
    """Return the rows of a board predicted from its data sheet and the other boards' constants."""
    others = [target for target in TARGETS if target != left_out]
    fitted = {t: fit([o for o in found if o.case.target == t], prior(t)) for t in others}
    constants = carried_over(fitted, left_out)
    return [Prediction(o, predicted_ms(o, constants)) for o in found if o.case.target == left_out]


def carried_over(fitted: Mapping[str, Calibration], board: str) -> Calibration:
    """Return constants for *board*: its prior, with what other boards tell.

    Costs in cycles are the others' geometric means. How much of the waiting for memory shows is
    told by cores of the same kind only, in order or out of order. The compute factor says how far
    one scheduling model of LLVM is off, and nothing of another one; the rate of memory is the
    board's own.
    """
    devices = {target: load_device(target) for target in (*fitted, board)}
    center = prior(board).center

    def mean(value: Callable[[str], float], targets: Iterable[str] = tuple(fitted)) -> float:
        return math.exp(np.mean([math.log(value(target)) for target in targets]))

    kin = [t for t in fitted if devices[t].out_of_order == devices[board].out_of_order]
    sync_cycles = mean(lambda t: fitted[t].operator_sync_us * devices[t].clock_mhz)
    return replace(
        center,
        block_entry_cycles=mean(lambda t: fitted[t].block_entry_cycles),
        l2_line_cycles=mean(lambda t: fitted[t].l2_line_cycles),
        exposed_share=mean(lambda t: fitted[t].exposed_share, kin) if kin else center.exposed_share,
        operator_sync_us=sync_cycles / devices[board].clock_mhz,
    )


def rank_correlation(predictions: Iterable[Prediction]) -> float:
    """Return Spearman's rank correlation of predicted and published."""
    pairs = [(p.ms, p.observed.row.latency_ms) for p in predictions]
    ranks = np.array([np.argsort(np.argsort(values)) for values in zip(*pairs, strict=True)])
    return float(np.corrcoef(ranks)[0, 1])


def _print_rows(predictions: Iterable[Prediction]) -> None:
    head = ("board", "engine", "model", "type", "threads", "published ms", "predicted ms", "error")
    print("{:10} {:15} {:24} {:8} {:>7} {:>13} {:>13} {:>8}".format(*head))
    for p in predictions:
        row, case = p.observed.row, p.observed.case
        print(
            f"{case.target:10} {case.engine:15} {case.model:24} {case.precision:8} "
            f"{case.threads:7} {row.latency_ms:13.2f} {p.ms:13.2f} {p.error:+7.1f}%"
        )


def _print_group(name: str, predictions: Sequence[Prediction]) -> None:
    errors = np.abs([p.error for p in predictions])
    median, p90 = np.percentile(errors, [50, 90])
    print(f"{name:42} {len(predictions):4} rows  median {median:5.1f} %  p90 {p90:5.1f} %")


def _check(name: str, value: float, limit: float, *, least: bool = False) -> bool:
    good = value >= limit if least else value <= limit
    bound = "at least" if least else "at most"
    print(f"{'ok  ' if good else 'MISS'} {name}: {value:.2f} ({bound} {limit:g})")
    return good


def _groups(predictions: Sequence[Prediction]) -> dict[str, list[Prediction]]:
    groups: dict[str, list[Prediction]] = {}
    for p in predictions:
        row, case = p.observed.row, p.observed.case
        kernels = "built-in kernels" if case.engine == "litert-builtin" else "XNNPACK"
        for name in (kernels, f"{case.threads} threads", row.device, f"type {case.precision}"):
            groups.setdefault(name, []).append(p)
    return groups


def main() -> int:
    """Print all rows, all groups, and the figures beside their limits."""
    found = observations(lambda task, done, total: print(task, done, total, file=sys.stderr))
    predictions = leave_models_out(found)
    _print_rows(predictions)
    print()
    _print_group("all, model left out", predictions)
    for name, group in sorted(_groups(predictions).items()):
        _print_group(f"  {name}", group)
    boards = {target: leave_board_out(found, target) for target in TARGETS}
    for target, group in boards.items():
        _print_group(f"board left out: {target}", group)
    print()
    errors = np.abs([p.error for p in predictions])
    device = load_device("rpi4")
    inside = [_within_band(p) for p in predictions]
    width = 100.0 * round(max(1.0 - device.band.low_factor, device.band.high_factor - 1.0), 6)
    new_board = float(np.median(np.abs([p.error for p in boards["rpi5"]])))
    checks = [
        _check("median error, %", float(np.median(errors)), MEDIAN_LIMIT),
        _check("90th percentile, %", float(np.percentile(errors, 90)), P90_LIMIT),
        _check("rank correlation", rank_correlation(predictions), RANK_LIMIT, least=True),
        _check(
            "rows inside the band, %", 100.0 * float(np.mean(inside)), COVERAGE_LIMIT, least=True
        ),
        _check("half width of the band, %", width, BAND_LIMIT),
        _check("new board (rpi5), median error, %", new_board, NEW_BOARD_LIMIT),
    ]
    return int(not all(checks))


def _within_band(prediction: Prediction) -> bool:
    band = load_device(prediction.observed.case.target).band
    published = prediction.observed.row.latency_ms
    return prediction.ms * band.low_factor <= published <= prediction.ms * band.high_factor


if __name__ == "__main__":
    sys.exit(worded(main))
