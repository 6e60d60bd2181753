"""Whether a board gives the very bits that this machine gives, in the same version of an engine.

Integer kernels of XNNPACK and onnxruntime are meant to round alike on every processor; float ones
add in another order on each, and so do not. So this is a finding, and no reason to fail: what fails
is a self-test that is out of tolerance.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edgeml_runtime
from edgeml_devices.emulation.board_run import VariantRun
from edgeml_runtime.engines import installed_engines


@dataclass(frozen=True)
class BitExactness:
    """The golden vectors of a variant on a board and here.

    Args:
        samples: How many were run on both; 0 when there was nothing to compare with.
        identical: Of how many all outputs are the same bits.
        unknown_because: Why they were not compared; empty when they were.
    """

    samples: int
    identical: int
    unknown_because: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether all are identical; None when they were not compared."""
        return self.identical == self.samples if self.samples else None

    def to_json(self) -> dict[str, Any]:
        """Return the field ``bit_exact`` of a run of ``edgeml.run/1``."""
        return {
            "holds": self.holds,
            "samples": self.samples,
            "identical": self.identical,
            "unknown_because": self.unknown_because,
        }

    def __str__(self) -> str:
        if self.holds is None:
            return f"bits not compared with this machine's: {self.unknown_because}"
        return f"same bits as this machine {self.identical} of {self.samples}"


def compare_bits(bundle: Path, board: VariantRun) -> BitExactness:
    """Run the golden vectors of the variant of *board* here, and compare with the board's outputs.

    Args:
        bundle: The bundle that ran on the board.
        board: One variant in one engine on the board.
    """
    if not board.outputs_sha256:
        return BitExactness(0, 0, "the bundle has no golden vectors")
    here = installed_engines().get(board.engine)
    if here != board.engine_version:
        has = f"has {here}" if here else "has none"
        return BitExactness(0, 0, f"it {has}, the board {board.engine_version}")
    loaded = edgeml_runtime.load(
        bundle, variant=board.variant, engine=board.engine, threads=1, self_test=False
    )
    with closing(loaded) as model:
        found = model.self_test().outputs_sha256
    same = sum(a == b for a, b in zip(found, board.outputs_sha256, strict=True))
    return BitExactness(len(found), same)
