"""Running edgeml's commands as a user does, for benchmarks of the device lab."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.networks.catalog import NETWORKS
from edgeml_converters.graph import optimize, serialize_onnx
from edgeml_converters.sources import load_source
from edgeml_converters.tflite import write_tflite


def run_edgeml(arguments: Sequence[str], cache: Path | None = None) -> tuple[dict[str, Any], float]:
    """Run one command with ``--json``; return its document and the seconds that it took.

    Args:
        arguments: Of ``edgeml``.
        cache: The folder of its cache; the usual one by default.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    environment = dict(os.environ)
    if cache is not None:
        environment["EDGEML_CACHE"] = str(cache)
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "edgeml", *arguments, "--json"],
        check=True,
        stdout=subprocess.PIPE,
        env=environment,
    )
    seconds = time.perf_counter() - begin
    document: dict[str, Any] = json.loads(done.stdout)
    return document, seconds


def write_network(name: str, folder: Path) -> tuple[Path, Path]:
    """Write the network *name* of the catalogue as an ONNX and a TFLite file in *folder*."""
    import onnx  # noqa: PLC0415 - heavy

    source = folder / f"{name}.onnx"
    onnx.save(NETWORKS[name].build(), source)
    graph = optimize(load_source(str(source)).graph)
    source.write_bytes(serialize_onnx(graph))
    lite = source.with_suffix(".tflite")
    lite.write_bytes(write_tflite(graph))
    return source, lite
