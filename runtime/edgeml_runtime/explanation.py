"""Why a model runs as it does: what was considered, what decided, and what was found out here."""

import os
from typing import Any

from edgeml_runtime.choice import SAFE_DROP_POINTS, Choice, accuracy_drop, fits, is_safe, runnable
from edgeml_runtime.engines import install_line, installed_engines
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.selftest import cpu_features, cpu_name
from edgeml_runtime.session import Model


@dataclass(frozen=True)
class Explanation:
    """What was chosen and why; ``print`` it.

    Args:
        chosen: Variant, engine and its version.
        because: What decided.
        threads: How many, and why.
        self_test: How the golden vectors came out here, and when.
        considered: What else can run here, best first, and what is known of it.
        impossible: What cannot, and why; with the pip line where that would help.
        cpu: Architecture and kinds of cores.
        features: Of the processor, as the kernel names them.
    """

    chosen: str
    because: str
    threads: str
    self_test: str
    considered: tuple[str, ...]
    impossible: tuple[str, ...]
    cpu: str
    features: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.explanation/1`` document."""
        return {"schema": "edgeml.explanation/1", **vars(self)}

    def __str__(self) -> str:
        lines = [self.chosen, *(f"  {key}: {vars(self)[key]}" for key in ("because", "threads"))]
        lines += [f"  self-test: {self.self_test}"]
        lines += [f"  or: {text}" for text in self.considered]
        lines += [f"  not: {text}" for text in self.impossible]
        return "\n".join([*lines, f"  processor: {self.cpu} ({' '.join(self.features)})"])


def explain(model: Model) -> Explanation:
    """Return why *model* is the one that ``load`` gave."""
    engine, found = model.engine, model.loading
    choices: tuple[Choice, ...] = found["choices"]
    failures = {_named(choice): str(error) for choice, error in found["failures"]}
    possible = [choice for choice in choices if _named(choice) not in failures]
    installed = installed_engines()
    variant, engine_name = found["asked"]
    unfit = [c for c in runnable(model.manifest.variants, None) if not fits(c, installed)]
    chosen = next(c for c in possible if _is_of(model, c))
    others = tuple(f"{_named(c)}: {_known(c)}" for c in possible if c is not chosen)
    asked = [f"{what} was asked for" for what in (variant, engine_name) if what is not None]
    reasons = [*asked, _difference(possible)] if len(possible) > 1 else asked
    return Explanation(
        chosen=f"{_named(chosen)} {chosen.version}",
        because="; ".join([*reasons, _known(chosen)] if reasons else ["nothing else can run here"]),
        threads=f"{engine.threads}: {found['threads']}",
        self_test=_tested(found["proof"]),
        considered=others,
        impossible=(
            *(f"{name}: {reason}" for name, reason in failures.items()),
            *(f"{_named(c)}: {_absence(c, installed.get(c.engine))}" for c in unfit),
        ),
        cpu=cpu_name(),
        features=cpu_features(),
    )


def _is_of(model: Model, choice: Choice) -> bool:
    return choice.engine == model.engine.name and choice.variant.id == model.variant.id


def _named(choice: Choice) -> str:
    return f"{choice.variant.id} in {choice.engine}"


def _known(choice: Choice) -> str:
    drop = accuracy_drop(choice.variant)
    accuracy = "no accuracy recorded" if drop is None else f"accuracy drop {drop:.2f} points"
    if choice.latency_ms is None:
        return f"{accuracy}, no latency recorded"
    return f"{accuracy}, {choice.latency_ms:.3g} ms ({choice.recorded_on})"


def _difference(possible: "list[Choice]") -> str:
    """Return what puts the first before the second: the order of ``rank_choices``."""
    first, second = possible[:2]
    if is_safe(first.variant) != is_safe(second.variant):
        return f"only here the accuracy is safe (a drop of at most {SAFE_DROP_POINTS:g} points)"
    if first.latency_ms != second.latency_ms:
        return "the least recorded latency of those with safe accuracy"
    if first.variant.precision != second.variant.precision:
        return f"{first.variant.precision} is faster in general than {second.variant.precision}"
    return f"{first.engine} is faster in general on {os.uname().machine} than {second.engine}"


def _absence(choice: Choice, version: "str | None") -> str:
    line = install_line(choice.engine)
    if version is None:
        return f"not installed ({line})"
    minimum = choice.variant.engines[choice.engine]
    return f"version {version} is too old, {minimum} is needed ({line} --upgrade)"


def _tested(proof: "dict[str, Any]") -> str:
    if not proof:
        return "was not asked for"
    if not proof["samples"]:
        return f"the bundle has no golden vectors; it ran on {proof['when']}"
    where = "in a process of its own" if proof["apart"] else "in the process that loaded it"
    return (
        f"passed on {proof['when']} {where}: worst error {proof['worst_error']:.3g} "
        f"of {proof['tolerance']:.3g} in {proof['samples']} samples"
    )
