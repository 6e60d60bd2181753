"""The result of `edgeml.profile`, and the ``edgeml.profile/1`` document."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeml.gates import Verdict
from edgeml.hotspots import Joined
from edgeml_devices.latency import ProfileResult
from edgeml_devices.profile import Device
from edgeml_runtime.errors import GateError

_FLOPS_PER_MAC = 2
_FLOPS_PER_MS_PER_GIGA = 1e6


@dataclass(frozen=True)
class Entry:
    """One model in one engine on one board.

    Args:
        variant: The variant of a bundle, or the name of a file.
        size_bytes: Size of the variant's file.
        device: The board, with the clock that the cores had.
        result: What was found.
        joined: What the model says of each operator of the result.
        quantized: Whether the variant computes with integers.
    """

    variant: str
    size_bytes: int
    device: Device
    result: ProfileResult
    joined: tuple[Joined, ...]
    quantized: bool

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``results`` in ``edgeml.profile/1``."""
        document = self.result.to_json()
        constants = json.dumps(vars(self.device.calibration), sort_keys=True)
        digest = hashlib.sha256(constants.encode()).hexdigest()
        return {
            **document,
            "variant": self.variant,
            "bytes": self.size_bytes,
            "clock_mhz": self.device.clock_mhz,
            "quantized": self.quantized,
            "ops": [
                {**op, **_model_fields(joined, op["latency_ms"])}
                for op, joined in zip(document["ops"], self.joined, strict=True)
            ],
            "provenance": {**document["provenance"], "constants_sha256": digest},
        }


@dataclass(frozen=True)
class Profile:
    """The result of `edgeml.profile`.

    Args:
        model: The file that was profiled.
        size_bytes: Its size.
        sha256: Its digest.
        entries: One for each board, variant and engine that ran, in that order.
        verdicts: What each gate said: the engines that died, then the budget and the baseline.
        remarks: What the baseline could not be compared with, or under other conditions only.
    """

    model: Path
    size_bytes: int
    sha256: str
    entries: tuple[Entry, ...]
    verdicts: tuple[Verdict, ...]
    remarks: tuple[str, ...]

    @property
    def failures(self) -> tuple[GateError, ...]:
        """Why the profile did not pass."""
        return tuple(v.failure for v in self.verdicts if v.failure is not None)

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.profile/1`` document."""
        return {
            "schema": "edgeml.profile/1",
            "model": {
                "name": self.model.name,
                "bytes": self.size_bytes,
                "sha256": self.sha256,
            },
            "results": [entry.to_json() for entry in self.entries],
            "gates": [verdict.to_json() for verdict in self.verdicts],
            "remarks": list(self.remarks),
            "passed": not self.failures,
            "failures": [failure.to_json() for failure in self.failures],
        }


def _model_fields(joined: Joined, latency_ms: float) -> dict[str, Any]:
    """Return the fields of an operator that come from the model, and the speed that it reaches."""
    rate = None
    if joined.macs is not None:
        flops = _FLOPS_PER_MAC * joined.macs
        rate = round(flops / latency_ms / _FLOPS_PER_MS_PER_GIGA, 6) if latency_ms else 0.0
    return {"layer": joined.layer, "macs": joined.macs, "gflop_per_s": rate}
