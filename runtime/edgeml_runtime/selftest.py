"""The self-test: does this board give the answers that the source model gave?"""

from collections.abc import Mapping
from typing import Any, Callable

import numpy as np

from edgeml_runtime.frozen import dataclass

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class SelfTest:
    """The outcome.

    Args:
        samples: How many golden vectors were run; 0 when the bundle has none.
        worst_error: The largest absolute difference over all outputs; infinite for NaN or a wrong
            shape.
        tolerance: The largest that passes.
        passed: Whether all were within the tolerance.
        outputs_sha256: Digest of all outputs of each sample, which tells whether two machines give
            the same bits.
    """

    samples: int
    worst_error: float
    tolerance: float
    passed: bool
    outputs_sha256: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the entry ``self_test`` of ``verify --json``; an infinite error is null."""
        finite = self.worst_error != float("inf")
        return {
            "samples": self.samples,
            "worst_error": self.worst_error if finite else None,
            "tolerance": self.tolerance,
            "passed": self.passed,
            "outputs_sha256": list(self.outputs_sha256),
        }


def run_self_test(
    golden: list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]],
    run: Callable[[Tensors], Tensors],
    tolerance: float,
) -> SelfTest:
    """Run every golden vector through *run* and compare, in the source model's terms.

    Args:
        golden: ``(inputs, expected outputs)`` of each sample.
        run: The model under test.
        tolerance: The largest absolute difference that passes.
    """
    worst = 0.0
    digests = []
    for inputs, expected in golden:
        outputs = run(inputs)
        worst = max([worst, *(_error(outputs[name], expected[name]) for name in expected)])
        digests.append(_outputs_sha256(outputs))
    return SelfTest(len(golden), worst, tolerance, worst <= tolerance, tuple(digests))


def _outputs_sha256(outputs: Tensors) -> str:
    import hashlib  # noqa: PLC0415 - slow to import, and not needed at every start

    digest = hashlib.sha256()
    for name in sorted(outputs):
        array = np.ascontiguousarray(outputs[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _error(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    same = found == expected  # infinities that agree would differ by NaN
    worst = float(np.max(np.where(same, 0.0, difference), initial=0.0))
    return worst if worst == worst else float("inf")  # noqa: PLR0124 - NaN differs from itself
