"""The published latencies as values, and what each means in edgeml: target, engine, model file.

Knows the two files in `published/` and where the models come from; must not predict or fit.
"""

import csv
import functools
import os
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.networks import NETWORKS, tflite_file
from edgeml_devices.cache import cache_root
from edgeml_runtime.errors import InputError

_FOLDER = Path(__file__).parent / "published"
_FILE_SUFFIXES = {"float32": "fp32", "int8": "int8"}


@dataclass(frozen=True)
class PublishedRow:
    """One published measurement.

    Args:
        source: The repository it stands in.
        path: The file there.
        commit: The commit or date.
        engine: As published.
        engine_version: As published.
        device: The board, as published.
        clock_mhz: The clock of its cores.
        threads: Threads of the engine.
        model: As published.
        input_shape: Of the model's input, in its own layout.
        dtype: ``fp32``, ``int8`` or ``uint8``.
        latency_ms: The latency of one inference.
        stat: Which statistic that is: ``mean`` or ``median``.
        notes: What else the source says.
        usable: Whether it may be fitted and scored.
        unusable_because: Why it may not; empty when it may.
    """

    source: str
    path: str
    commit: str
    engine: str
    engine_version: str
    device: str
    clock_mhz: int
    threads: int
    model: str
    input_shape: tuple[int, ...]
    dtype: str
    latency_ms: float
    stat: str
    notes: str
    usable: bool
    unusable_because: str


@dataclass(frozen=True)
class Case:
    """What to predict for a row.

    Args:
        target: The device's name.
        engine: The engine's name.
        model: The network's or file's name. Rows of both types, of every board and thread count
            share it: it is the group that cross-validation leaves out together.
        precision: ``float32`` or ``int8``.
        clock_mhz: The clock to predict for, which need not be the target's.
        threads: Threads of the engine.
    """

    target: str
    engine: str
    model: str
    precision: str
    clock_mhz: int
    threads: int


def read_rows() -> tuple[PublishedRow, ...]:
    """Return all rows, in the order of the file."""
    with (_FOLDER / "latencies.csv").open(newline="", encoding="utf-8") as lines:
        return tuple(_row(fields) for fields in csv.DictReader(lines))


def case_of(row: PublishedRow) -> Case | None:
    """Return what to predict for a row; ``None`` if its board, engine or model is not ours.

    Rows of 32-bit builds on boards that we know as 64-bit ones get the 64-bit case; they are not
    usable, but may be shown beside the others.
    """
    tables = _tables()
    target, engine = tables["targets"].get(row.device), tables["engines"].get(row.engine)
    model = (tables["networks"] | tables["files"]).get(row.model)
    if target is None or engine is None or model is None:
        return None
    precision = tables["precisions"][row.dtype]
    return Case(target, engine, model, precision, row.clock_mhz, row.threads)


def case_file(row: PublishedRow) -> Path:
    """Return the TFLite file to predict for a row.

    Our own networks are written below the cache folder when they are not there yet.

    Raises:
        InputError: The row has no case, or its file is one of the folder that the environment
            variable ``EDGEML_LATENCY_MODELS`` should name, and is not there.
    """
    case = case_of(row)
    if case is None:
        raise InputError(
            f"'{row.model}' with {row.engine} on {row.device} cannot be predicted.",
            "Choose a row whose case_of() is not None.",
        )
    network = NETWORKS.get(case.model)
    if network is not None:
        return tflite_file(network, case.precision, cache_root() / "benchmark-networks")
    return _given_file(f"{case.model}_{_FILE_SUFFIXES[case.precision]}.tflite")


def row_weights(rows: Sequence[PublishedRow]) -> tuple[float, ...]:
    """Return a weight for each row, so that repeats of one configuration weigh 1 together.

    A configuration is a model of one type on one board, as one source ran it with one version of an
    engine on some threads.
    """
    configurations = [
        (row.source, row.engine, row.engine_version, row.device, row.threads, row.model, row.dtype)
        for row in rows
    ]
    repeats = Counter(configurations)
    return tuple(1 / repeats[configuration] for configuration in configurations)


def _given_file(name: str) -> Path:
    folder = os.environ.get("EDGEML_LATENCY_MODELS", "")
    path = Path(folder) / "models" / name
    if not folder or not path.is_file():
        raise InputError(
            f"The model file models/{name} is not there.",
            "Set EDGEML_LATENCY_MODELS to the folder that holds models/.",
        )
    return path


def _row(fields: Mapping[str, str]) -> PublishedRow:
    usable = fields["usable"] == "yes"
    return PublishedRow(
        source=fields["source_repo_or_page"],
        path=fields["source_path_or_url"],
        commit=fields["commit_or_date"],
        engine=fields["engine"],
        engine_version=fields["engine_version"],
        device=fields["device"],
        clock_mhz=int(fields["clock_mhz"].split()[0]),
        threads=int(fields["threads"]),
        model=fields["model"],
        input_shape=tuple(int(size) for size in fields["input_shape"].split("x")),
        dtype=fields["dtype"],
        latency_ms=float(fields["latency_ms"]),
        stat=fields["stat"],
        notes=fields["notes"],
        usable=usable,
        unusable_because="" if usable else fields["usable"],
    )


@functools.cache
def _tables() -> Mapping[str, dict[str, str]]:
    tables = tomllib.loads((_FOLDER / "cases.toml").read_text("utf-8"))
    assert tables.pop("schema") == "edgeml.published-cases/1"
    return tables
