"""Ways to quantize the broken network, as `edgeml convert` writes them, and what became of it.

To add one: a line in `VARIANTS`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeml_runtime.errors import GateError, InternalError

TARGET = "rpi4"
_FASHION = Path(__file__).parents[2] / "examples" / "fashion"
_REFERENCE = "float32"


@dataclass(frozen=True)
class Variant:
    """One way.

    Args:
        name: What it is called.
        arguments: Of `edgeml convert`.
        breaks: Whether it is to lose much, rather than little.
    """

    name: str
    arguments: tuple[str, ...]
    breaks: bool = False


VARIANTS = (
    Variant("int8", ("--quantize", "int8"), breaks=True),
    Variant("int8 high effort", ("--quantize", "int8", "--effort", "high")),
    Variant("auto", ("--quantize", "auto", "--max-drop", "1", "--target", TARGET)),
)


@dataclass(frozen=True)
class Outcome:
    """What became of the network in one format.

    Args:
        variant: The way.
        format: ``onnx`` or ``tflite``.
        top1: In per cent.
        drop: Percentage points that the float network has more.
        latency_ms: Estimated for the board.
        float_ms: The float network's.
    """

    variant: str
    format: str
    top1: float
    drop: float
    latency_ms: float
    float_ms: float

    @property
    def faster(self) -> bool:
        """Whether it is faster than the float network."""
        return self.latency_ms < self.float_ms


def outcomes(network: Path, variants: Sequence[Variant], folder: Path) -> Iterator[Outcome]:
    """Yield what becomes of *network* by each way and in each format; files go to *folder*."""
    convert = ("convert", str(network), "--name", network.stem)
    floats = _edgeml([*convert, "-o", str(folder / _REFERENCE)])["artifacts"]
    float_ms = {artifact["format"]: _latency_ms(artifact) for artifact in floats}
    given = {
        "calibrate": "calibration.npz",
        "evaluate": "test.npz",
        "preprocess": "preprocess.toml",
    }
    data = [part for o, name in given.items() for part in (f"--{o}", str(_FASHION / name))]
    for variant in variants:
        out = str(folder / variant.name.replace(" ", "_"))
        document = _edgeml([*convert, *data, *variant.arguments, "-o", out])
        for artifact in document["artifacts"]:
            if artifact["precision"] == _REFERENCE:
                continue
            yield Outcome(
                variant=variant.name,
                format=artifact["format"],
                top1=artifact["accuracy"]["value"],
                drop=artifact["accuracy"]["drop"],
                latency_ms=_latency_ms(artifact),
                float_ms=float_ms[artifact["format"]],
            )


def _latency_ms(artifact: dict[str, Any]) -> float:
    """Return the estimate for a file; that of one which a gate set aside too."""
    path = Path(artifact["path"])
    if path.suffix == ".rejected":
        path = path.rename(path.with_suffix(""))
    document = _edgeml(["profile", str(path), "--target", TARGET])
    return float(document["results"][0]["latency_ms"]["estimate"])


def _edgeml(arguments: Sequence[str]) -> dict[str, Any]:
    """Run one command with ``--json`` and return its document; a gate may fail."""
    done = subprocess.run(
        [sys.executable, "-m", "edgeml", *arguments, "--json"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode not in {0, GateError.exit_code}:
        raise InternalError(
            f"'edgeml {arguments[0]}' ended with the exit code {done.returncode}.",
            f"It said: {done.stderr.strip()[-500:]}",
        )
    document: dict[str, Any] = json.loads(done.stdout)
    return document
