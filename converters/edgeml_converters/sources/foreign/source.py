"""A model that its framework exports, as a source."""

import hashlib
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeml_converters.data import synthetic_data
from edgeml_converters.sources import onnx_file
from edgeml_converters.sources.foreign.environment import find_python, framework_python
from edgeml_converters.sources.foreign.framework import Framework
from edgeml_converters.sources.foreign.reference import ForeignEngine, References
from edgeml_converters.sources.foreign.worker import MODEL_NAME, ExportRecord, Worker
from edgeml_converters.sources.settings import SourceSettings
from edgeml_converters.sources.source_model import SourceModel
from edgeml_converters.verify import check_parity, verify
from edgeml_runtime.errors import GateError, InputError
from edgeml_runtime.progress import Progress


def load_foreign(
    framework: Framework,
    spec: str,
    input_shapes: Mapping[str, tuple[int, ...]],
    settings: SourceSettings,
) -> SourceModel:
    """Return the model that *spec* names, exported by *framework* and checked against it.

    Args:
        framework: What reads it.
        spec: A file, a folder or ``module:factory``.
        input_shapes: Sizes by input name, for inputs that do not tell their own.
        settings: What the user allows.

    Raises:
        InputError: The model, its inputs or *input_shapes* are wrong, or it cannot be exported.
        GateError: The export gives other numbers than the framework.
        MissingToolError: The framework is not there, or its process died.
    """
    _refuse_pickle(framework, spec, settings)
    if find_python(framework) is None:
        _require_module(spec)
    python = framework_python(framework, settings.consent, settings.progress)
    options = {
        "input_shapes": {name: list(shape) for name, shape in input_shapes.items()},
        "input_dtypes": dict(settings.input_dtypes),
        "trust_pickle": settings.trust_pickle,
    }
    worker = Worker(framework, python, spec, options)
    with TemporaryDirectory(prefix="edgeml-") as folder:
        record = worker.export(Path(folder), settings.progress)
        exported = _read_export(Path(folder) / MODEL_NAME, spec)
        graph = exported.graph  # its weights are views of files that are gone after this block
        references = References(worker, record.framework, exported.inputs, exported.outputs)
        notes = _check_export(spec, exported, references, settings.progress)
    return replace(
        exported,
        name=_name(spec),
        path=Path(spec),
        sha256=_digest(spec) or exported.sha256,
        open_graph=lambda: graph,
        open_reference=references.open,
        notes=(*record.notes, *notes),
        labels=record.labels,
        provenance=_provenance(record),
    )


def _refuse_pickle(framework: Framework, spec: str, settings: SourceSettings) -> None:
    suffix = Path(spec).suffix.lower()
    if suffix in framework.pickle_suffixes and not settings.trust_pickle:
        raise InputError(
            f"'{spec}' is a pickle, which can run any code when it is read.",
            framework.pickle_remedy,
        )


def _require_module(spec: str) -> None:
    """Check that ``module:factory`` is of a module that is there, before anything is fetched.

    The interpreter that will be made has no modules of its own, so that what is found from here is
    all that there can be.
    """
    if Path(spec).exists():
        return
    top = spec.partition(":")[0].partition(".")[0]
    places = [str(Path.cwd()), *sys.path]
    if not any((Path(p) / top).is_dir() or (Path(p) / f"{top}.py").is_file() for p in places):
        raise InputError(
            f"There is no file '{spec}' and no module '{top}' here.",
            "Check the path, or run in the folder that holds the module.",
        )


def _read_export(path: Path, spec: str) -> SourceModel:
    try:
        return onnx_file.load(path, {})
    except InputError as error:
        problem = error.problem.replace(f"'{path}'", f"the export of {spec}")
        raise type(error)(problem[0].upper() + problem[1:], error.remedy) from error


def _check_export(
    spec: str, exported: SourceModel, references: References, progress: Progress
) -> tuple[str, ...]:
    """Hold the export to the framework on seeded inputs; return what there is to say about it."""
    engine = references.open()
    try:
        note = _compare(spec, exported, engine, progress)
    except BaseException:
        engine.close()
        raise
    references.keep(engine)
    return (note,) if note else ()


def _compare(spec: str, exported: SourceModel, engine: ForeignEngine, progress: Progress) -> str:
    task = f"checking the export of {spec}"
    samples = [sample.inputs for sample in synthetic_data(exported.inputs)]
    progress(task, 0, len(samples))
    try:
        engine.run(samples[0])
    except InputError as error:
        return f"The export could not be checked on seeded inputs: {error.problem}"
    with closing(exported.reference()) as candidate:
        parity = verify(engine.run, candidate.run, samples)
    broken = check_parity(parity, "float32")
    if broken is not None:
        raise GateError(
            f"The ONNX export of {spec} is not the model: {broken}",
            "Make the model give the same answers each time it is built and called: load or seed "
            "its weights, and take random numbers and decisions on the data out of it.",
        )
    progress(task, len(samples), len(samples))
    return ""


def _name(spec: str) -> str:
    path = Path(spec)
    if path.exists():
        return path.name if path.is_dir() else path.stem
    return spec.rpartition(":")[2].rpartition(".")[2]


def _digest(spec: str) -> str:
    """Return the digest of the file *spec*, or nothing if it is no file."""
    path = Path(spec)
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _provenance(record: ExportRecord) -> dict[str, str | int]:
    return {
        "framework": record.framework,
        "exporter": record.exporter,
        "opset": record.opset,
    }
