"""What fuzzing begins with: real bundles, and a document with every step of preprocessing."""

import hashlib
import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgeml import convert
from edgeml_runtime.bundle import open_bundle, pack_golden, unpack_golden, write_bundle
from edgeml_runtime.document import json_bytes
from edgeml_runtime.manifest import TASKS

_MODELS = Path(__file__).parents[2] / "tests" / "runtime" / "models"


def write_seeds(target: str, folder: Path) -> None:
    """Write the first inputs of *target*, ``bundle`` or ``preprocess``, into *folder*."""
    chains = _chains()
    if target == "preprocess":
        for index, chain in enumerate(chains):
            (folder / f"{index}.json").write_bytes(json_bytes(chain))
        return
    for name in ("classifier", "pool"):
        with TemporaryDirectory() as written:
            convert(_MODELS / f"{name}.onnx", written, name=name)
            _shortened(Path(written, f"{name}.edgeml"), chains, folder)


def _chains() -> list[dict[str, Any]]:
    text = files("benchmarks.fuzzing").joinpath("chains.json").read_text("utf-8")
    return [{"schema": "edgeml.preprocess/1", "step": steps} for steps in json.loads(text)]


def _shortened(path: Path, chains: list[dict[str, Any]], folder: Path) -> None:
    """Write the bundle *path* for some tasks, with one golden vector: small inputs are fast."""
    bundle = open_bundle(path)
    golden = bundle.manifest.golden
    assert golden is not None
    ((inputs, outputs), *_) = unpack_golden(bundle.read(golden.path))
    data = pack_golden([inputs], [outputs])
    golden = replace(golden, sha256=hashlib.sha256(data).hexdigest(), samples=1)
    contents = {name: bundle.read(name) for name in bundle.manifest.digests}
    for index, task in enumerate(TASKS):
        manifest = replace(
            bundle.manifest,
            golden=golden,
            task=task,
            labels=("a", "b", "c", "d", "e"),
            preprocess=chains[index % len(chains)],
        )
        write_bundle(
            folder / f"{path.stem}-{task}.edgeml", manifest, {**contents, golden.path: data}
        )
