"""Comparing two models' outputs sample by sample.

Knows only outputs by name in the source layout; must not know engines or files.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

import numpy as np

from edgeml_converters.verify.accumulation import OutputAccumulator
from edgeml_converters.verify.adaptation import Runner
from edgeml_converters.verify.parity import Parity
from edgeml_runtime.errors import InputError

Outputs = Mapping[str, np.ndarray]


def compare_outputs(reference: Iterable[Outputs], candidate: Iterable[Outputs]) -> Parity:
    """Return the parity of two streams of outputs, reading both once and side by side.

    Raises:
        InputError: There is nothing to compare, one stream is longer, or names or shapes differ.
    """
    return _parity(_paired(reference, candidate))


def verify(
    reference: Runner, candidate: Runner, samples: Iterable[Mapping[str, np.ndarray]]
) -> Parity:
    """Return the parity of two models on *samples*, each run by both before the next is read.

    Args:
        reference: The source model.
        candidate: An artifact, adapted by ``artifact_runner``.
        samples: Inputs by name in the source layout; held one at a time.

    Raises:
        InputError: As ``compare_outputs``, or from a model that refuses a sample.
    """
    return _parity((reference(sample), candidate(sample)) for sample in samples)


def _paired(
    reference: Iterable[Outputs], candidate: Iterable[Outputs]
) -> Iterator[tuple[Outputs, Outputs]]:
    for index, (expected, given) in enumerate(zip_longest(reference, candidate)):
        if expected is None or given is None:
            raise InputError(
                f"One of the two models gave outputs for only {index} samples.",
                "Give both the same samples.",
            )
        yield expected, given


def _parity(pairs: Iterable[tuple[Outputs, Outputs]]) -> Parity:
    accumulators: dict[str, OutputAccumulator] = {}
    samples = 0
    for expected, given in pairs:
        samples += 1
        _check_names(expected, given)
        for name, value in expected.items():
            accumulator = accumulators.setdefault(name, OutputAccumulator(name))
            accumulator.add(np.asarray(value), np.asarray(given[name]))
    if not accumulators:
        raise InputError("There are no outputs to compare.", "Give at least one sample.")
    failures = [entry.failure for entry in accumulators.values() if entry.failure is not None]
    return Parity(
        outputs=tuple(entry.result() for entry in accumulators.values()),
        samples=samples,
        failure=failures[0] if failures else None,
    )


def _check_names(expected: Outputs, given: Outputs) -> None:
    if expected.keys() != given.keys():
        raise InputError(
            f"The models have different outputs: {', '.join(expected)} against {', '.join(given)}.",
            "Compare two forms of the same model.",
        )
