"""The search: from cheap recipes to dear ones, then the worst layers in float.

1. Recipes that change numbers only, all in int8: they cost nothing on the board.
2. If none is good enough, the layers that do the most damage stay float, as few as will do, found
   by doubling and then by bisection.
3. Weights of 8 bits with float values between them, and weights of 16 bits.

Among those that lose no more than they may the fastest is chosen, or the smallest where no board is
named; among equals the one with the least noise.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from edgeml.pipeline.order import METRICS
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml.pipeline.workshop import Workshop
from edgeml.search.float_groups import float_groups
from edgeml.search.laboratory import Laboratory
from edgeml.search.outcome import SearchOutcome, cost, slower_than_float
from edgeml.search.trial import FLOAT, Trial
from edgeml_converters.quantize import EFFORTS, Recipe
from edgeml_runtime.errors import UnsupportedError
from edgeml_runtime.progress import Progress

DEFAULT_MAX_DROP: Final = 0.5
EQUALIZED: Final = "int8, equalized"
LADDER: Final = (
    ("int8", Recipe()),
    ("int8, ranges of least error", Recipe(ranges="mse")),
    ("int8, ranges of 99.99 %", Recipe(ranges="percentile")),
    (EQUALIZED, Recipe(ranges="mse", equalize=True)),
    ("int8, high effort", EFFORTS["high"]),
)
FLOAT_SHARE: Final = 0.5
"""No more of the nodes stay float: beyond it little of int8 is left."""
TINY_DROP: Final = 0.005
"""Points that two decimals do not show."""
NAMED: Final = 5
"""How many layers are named as being in the way."""


def find_recipe(plan: Plan, shop: Workshop, progress: Progress, watch: Stopwatch) -> SearchOutcome:
    """Return what was tried for *plan*, and what of it is best.

    Raises:
        UnsupportedError: No precision can be made of the model at all.
    """
    return _Search(plan, shop, progress, watch).run()


class _Search:
    def __init__(self, plan: Plan, shop: Workshop, progress: Progress, watch: Stopwatch) -> None:
        self._max_drop = DEFAULT_MAX_DROP if plan.max_drop is None else plan.max_drop
        self._targets = plan.targets
        self._progress = progress
        self._expected = len(LADDER) + 2  # with the float model and dynamic
        self._counts_samples = plan.metrics[0] in METRICS
        self._lab = Laboratory(plan, shop, progress, watch)
        self._trials: list[Trial] = []
        self._ranking: tuple[tuple[str, ...], ...] = ()
        self._reasons: list[str] = []

    def run(self) -> SearchOutcome:
        reference = self._lab.measure(FLOAT, Recipe(scheme=FLOAT))
        if self._targets:  # first, so that a tool that is missing is told before the work
            reference = self._lab.timed(reference, self._targets)
        self._trials.append(reference)
        self._tell()
        for name, recipe in LADDER:
            if name == EQUALIZED and not self._lab.equalizes(recipe):
                continue
            if self._try(name, recipe) is None:
                break  # what keeps one of them from being int8 keeps all
        if self._trials[1:] and not self._good():
            self._keep_worst_float(min(self._trials[1:], key=_by_quality))
        self._try("dynamic", Recipe(scheme="dynamic"))
        if not self._good():
            self._try("float16", Recipe(scheme="float16"))
        if self._targets:
            self._time()
        return self._outcome()

    def _try(self, name: str, recipe: Recipe) -> Trial | None:
        """Return the trial of *recipe*, or None with a reason why there is none."""
        try:
            trial = self._lab.measure(name, recipe)
        except UnsupportedError as error:
            self._reasons.append(f"'{name}' cannot be made: {error.problem}")
            return None
        self._trials.append(trial)
        self._tell()
        return trial

    def _tell(self) -> None:
        """Report how many recipes were tried, of how many there may be."""
        done = len(self._trials)
        self._progress("auto: recipes tried", done, max(done, self._expected))

    def _good(self) -> list[Trial]:
        return [trial for trial in self._trials[1:] if trial.drop <= self._max_drop]

    def _keep_worst_float(self, base: Trial) -> None:
        """Try *base* with more and more of the layers in float that do the most damage."""
        self._ranking = float_groups(self._lab.layers(base.recipe))
        most = self._most_groups(base)
        self._expected += 2 * math.ceil(math.log2(most + 1)) + 1  # doubling, bisection, float16
        tried = {0: False}
        for count in _doubling(most):
            tried[count] = self._mixed(base, count)
            if tried[count]:
                break
        good = [count for count, fits in tried.items() if fits]
        if not good:
            return
        low, high = max(count for count, fits in tried.items() if not fits), good[0]
        while high - low > 1:
            middle = (low + high) // 2
            if self._mixed(base, middle):
                high = middle
            else:
                low = middle

    def _most_groups(self, base: Trial) -> int:
        """Return how many groups leave ``FLOAT_SHARE`` of the nodes of *base* in int8."""
        allowed = FLOAT_SHARE * base.int8_nodes
        counts = range(len(self._ranking) + 1)
        return max(c for c in counts if len(_together(self._ranking[:c])) <= allowed)

    def _mixed(self, base: Trial, count: int) -> bool:
        nodes = _together(self._ranking[:count])
        name = f"{base.name}, {len(nodes)} layer{'s' if len(nodes) > 1 else ''} float"
        recipe = replace(base.recipe, float_nodes=nodes)
        known = next((trial for trial in self._trials if trial.recipe == recipe), None)
        trial = known or self._try(name, recipe)
        return trial is not None and trial.drop <= self._max_drop

    def _time(self) -> None:
        """Emulate those that may be chosen, one of each structure, and the best int8 one."""
        wanted = [*self._good(), *sorted(self._trials[1:], key=_by_quality)[:1]]
        timed: dict[object, Trial] = {self._trials[0].structure: self._trials[0]}
        for trial in wanted:
            if trial.structure not in timed:
                timed[trial.structure] = self._lab.timed(trial, self._targets)
        for index, trial in enumerate(self._trials):
            known = timed.get(trial.structure)
            if known is not None:
                files = zip(trial.files, known.files, strict=True)
                self._trials[index] = replace(
                    trial, files=tuple(replace(a, latency_ms=b.latency_ms) for a, b in files)
                )

    def _outcome(self) -> SearchOutcome:
        good = self._good()
        if self._targets:
            good = [trial for trial in good if trial.latency_ms]
        if good or self._targets:
            good += self._trials[:1]  # what is no better than float is not worth its loss
        if good:
            chosen = min(good, key=lambda trial: (cost(trial), -trial.sqnr_db))
            near = [trial for trial in good if cost(trial) <= 1.01 * cost(chosen)]
            chosen = max(near, key=lambda trial: trial.sqnr_db)
        elif self._trials[1:]:
            chosen = min(self._trials[1:], key=_by_quality)
        else:
            raise UnsupportedError(
                f"No smaller form of the model can be made: {' '.join(self._reasons)}",
                "Convert it in float32.",
            )
        reasons = (*self._told(chosen), *self._reasons)
        return SearchOutcome(
            tuple(self._trials), chosen, self._max_drop, tuple(self._targets), reasons
        )

    def _told(self, chosen: Trial) -> Iterator[str]:
        best = min(self._trials[1:], key=_by_quality, default=chosen)
        if chosen.drop > self._max_drop:
            yield (
                f"Nothing that was tried loses at most {self._max_drop:g} points: the nearest is "
                f"'{chosen.name}', which loses {chosen.drop:.2f}."
            )
        elif chosen.recipe.scheme == FLOAT:
            better = f"faster on {', '.join(self._targets)}" if self._targets else "smaller"
            yield f"float32 is kept: nothing that is good enough is {better}."
        else:
            yield (
                f"'{chosen.name}' {_shown_loss(chosen)}, at most {self._max_drop:g} points are "
                f"allowed, at {_shown_cost(chosen)} beside {_shown_cost(self._trials[0])}."
            )
        point = 100 / self._lab.scored
        if self._counts_samples and 0 < self._max_drop < point:
            yield (
                f"One of {self._lab.scored} samples is {point:.3g} points, so a drop of "
                f"{self._max_drop:g} cannot be told from none: score on "
                f"{math.ceil(100 / self._max_drop)} or more."
            )
        if self._ranking:
            worst = ", ".join(_together(self._ranking)[:NAMED])
            yield f"The layers that int8 damages most are {worst}."
        for trial in (chosen,) if chosen is best else (chosen, best):
            yield from slower_than_float(trial, self._trials)


def _together(groups: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node for group in groups for node in group))


def _by_quality(trial: Trial) -> tuple[float, float]:
    return trial.drop, -trial.sqnr_db


def _doubling(most: int) -> Iterator[int]:
    count = 1
    while count < most:
        yield count
        count *= 2
    if most:
        yield most


def _shown_loss(trial: Trial) -> str:
    if abs(trial.drop) < TINY_DROP:
        return "loses nothing"
    return f"{'loses' if trial.drop > 0 else 'gains'} {abs(trial.drop):.2f} points"


def _shown_cost(trial: Trial) -> str:
    if trial.latency_ms:
        return ", ".join(f"{ms:.3g} ms on {board}" for board, ms in trial.latency_ms.items())
    return f"{trial.size_bytes:,} bytes"
