"""What is fuzzed: a call for each kind of input, which raises for what must not happen.

Only an `EdgemlError` may come out of a reader, and what it accepts must be what it seems.
"""

import json
import random
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import numpy as np

from benchmarks.fuzzing.bundle_changes import changed_bundle
from benchmarks.fuzzing.json_trees import changed
from edgeml_runtime.bundle import Bundle, open_bundle, unpack_golden
from edgeml_runtime.choice import rank_choices
from edgeml_runtime.document import json_bytes, parse_json
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import EdgemlError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tasks import make_task

Target = Callable[[bytes, Path], None]
"""Reads an input; the folder is the only one that it may write to."""
Change = Callable[[bytes, random.Random, Callable[[bytes], bytes]], bytes]

_SHAPES = ((5, 7, 3), (8, 8), (1, 1, 1), (3, 2, 4), (6, 4, 1), (40,), (16000,), (64, 3), (0, 4), ())


def read_bundle(data: bytes, folder: Path) -> None:
    """Read all of a bundle, and hold it to what the standard library sees in it."""
    path = folder / "input.edgeml"
    path.write_bytes(data)
    try:
        bundle = open_bundle(path)
    except EdgemlError:
        return
    manifest = bundle.manifest
    again = Manifest.from_json(parse_json(json_bytes(manifest.to_json()), "again", "none"))
    assert again == manifest, "the manifest does not come back"
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert names - {"manifest.json", "signature.json"} == manifest.digests.keys()
    for name in manifest.digests:
        with suppress(EdgemlError):
            _read_twice(bundle, name)
    if manifest.golden is not None:
        with suppress(EdgemlError):
            unpack_golden(bundle.read(manifest.golden.path))
    with suppress(EdgemlError):
        make_task(manifest)
    with suppress(EdgemlError):
        Pipeline.from_json(manifest.preprocess or {})
    with suppress(EdgemlError):
        rank_choices(manifest, dict.fromkeys(ENGINE_FORMATS, "99.0"), "aarch64")


def _read_twice(bundle: Bundle, name: str) -> None:
    content = bundle.read(name)
    file = bundle.file(name)
    assert (file if isinstance(file, bytes) else Path(file).read_bytes()) == content


def read_preprocess(data: bytes, folder: Path) -> None:  # noqa: ARG001 - it writes nothing
    """Read a preprocessing document, and run it on small samples of many kinds."""
    try:
        pipeline = Pipeline.from_json(parse_json(data, "document", "none"))  # type: ignore[arg-type]
    except EdgemlError:
        return
    document = pipeline.to_json()
    assert Pipeline.from_json(json.loads(json_bytes(document))) == pipeline, "it does not come back"
    choose = np.random.default_rng(zlib.crc32(data))
    for _ in range(3):
        shape = _SHAPES[choose.integers(len(_SHAPES))]
        kind = ("uint8", "float32", "float64", "int8", "bool")[choose.integers(5)]
        sample = np.asarray(choose.random(shape) * 255).astype(kind)
        if kind.startswith("float") and choose.random() < 0.2:
            sample = np.full(shape, choose.choice([np.nan, np.inf, -1e30, 1e30]), kind)
        with suppress(EdgemlError):
            _run(pipeline, sample)


def _run(pipeline: Pipeline, sample: np.ndarray) -> None:
    untouched = sample.copy()
    with np.errstate(all="ignore"):
        answer = pipeline(sample)
    assert isinstance(answer, np.ndarray)
    assert np.array_equal(sample, untouched, equal_nan=True), "the sample was written to"


TARGETS: Mapping[str, "tuple[Target, Change]"] = MappingProxyType(
    {"bundle": (read_bundle, changed_bundle), "preprocess": (read_preprocess, changed)}
)
