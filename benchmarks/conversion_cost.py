"""What a conversion to TFLite costs: `python -m benchmarks.conversion_cost`.

CPU seconds and peak memory of the command with all its processes: reading, writing, and verifying
what was written. A machine that is busy with other things costs a fifth more CPU time.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.command import worded
from benchmarks.networks.catalog import NETWORKS
from benchmarks.process_cost import run_measured
from benchmarks.real_models import REAL_MODELS, fetch
from edgeml_runtime.errors import InternalError

MOBILE = "mobilenet-v2-1.0-224"


@dataclass(frozen=True)
class Limit:
    """What a conversion may cost; None where nothing is asked."""

    what: str
    cpu_s: float
    peak_mib: float | None = None


@dataclass(frozen=True)
class Cost:
    """What it costs."""

    limit: Limit
    cpu_s: float
    peak_mib: float | None = None

    @property
    def met(self) -> bool:
        """Whether it is within the limit."""
        most = self.limit.peak_mib
        memory = most is None or (self.peak_mib is not None and self.peak_mib < most)
        return self.cpu_s < self.limit.cpu_s and memory

    @property
    def sentence(self) -> str:
        """The figures beside their limits."""
        parts = [f"{self.cpu_s:.2f} s CPU (limit {self.limit.cpu_s:g} s)"]
        if self.peak_mib is not None:
            most = self.limit.peak_mib
            parts.append(f"{self.peak_mib:.0f} MiB" + (f" (limit {most:g} MiB)" if most else ""))
        return f"{self.limit.what}: {', '.join(parts)}{'' if self.met else '  MISSED'}"


LIMITS = {
    MOBILE: Limit("MobileNet v2, 14 MB", 4.0, 500.0),
    "light_resnet50": Limit("ResNet-50, 102 MB", 10.0),
    "light_vgg19": Limit("VGG-19, 575 MB", 20.0, 2048.0),
}
WRITER = Limit("MobileNet v2, the writer alone", 1.0)


def main() -> int:
    """Print the costs beside their limits; return 1 when one is above."""
    options = _options()
    costs = []
    with tempfile.TemporaryDirectory(prefix="edgeml-conversion-cost-") as name:
        mobile = Path(name) / f"{MOBILE}.onnx"
        mobile.write_bytes(NETWORKS[MOBILE].build().SerializeToString(deterministic=True))
        for model, limit in LIMITS.items():
            file = mobile if model == MOBILE else fetch(REAL_MODELS[model])
            costs.append(_convert(file, Path(name) / f"{model}-out", limit))
        costs.append(Cost(WRITER, _writer_cpu_s(mobile)))
    if options.json:
        print(json.dumps([{**asdict(cost), "met": cost.met} for cost in costs], indent=1))
    else:
        print("\n".join(cost.sentence for cost in costs))
    return int(not all(cost.met for cost in costs))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.conversion_cost", description=__doc__
    )
    parser.add_argument("--json", action="store_true", help="print the costs as JSON")
    return parser.parse_args()


def _convert(file: Path, out: Path, limit: Limit) -> Cost:
    edgeml = (sys.executable, "-m", "edgeml", "convert")
    run = run_measured([*edgeml, str(file), "--to", "tflite", "-o", str(out)])
    if run.exit_code != 0:
        raise InternalError(
            f"'edgeml convert {file.name}' ended with the exit code {run.exit_code}.",
            f"It said: {run.log.strip()[-500:]}",
        )
    return Cost(limit, run.cpu_s, run.peak_mib)


def _writer_cpu_s(file: Path) -> float:
    """Return the CPU time from the graph to the bytes of the file, in this process."""
    from edgeml_converters.sources import load_source  # noqa: PLC0415 - heavy
    from edgeml_converters.tflite import write_tflite  # noqa: PLC0415 - heavy

    graph = load_source(str(file)).graph
    begin = time.process_time()
    write_tflite(graph)
    return time.process_time() - begin


if __name__ == "__main__":
    sys.exit(worded(main))
