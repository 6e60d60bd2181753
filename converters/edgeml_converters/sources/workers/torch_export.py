"""From a PyTorch model to an ONNX file, by the exporters that PyTorch has, the newest first.

Each way is held to the model itself before it is taken. Knows torch and ONNX.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import onnx
import torch
from torch_check import (  # type: ignore[import-not-found]  # lies beside this file
    DisagreementError,
    check,
    samples,
    stacked,
)
from torch_network import Model  # type: ignore[import-not-found]  # lies beside this file
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Arrays,
    UserError,
    cause_of,
)

OPSET: Final = 18
"""The one that the newer exporter is written in; others are made from it."""
INLINE_BYTES: Final = 1_900_000_000
"""Weights above it go into a file of their own: a protobuf message ends at 2 GiB."""
BATCH: Final = "batch"

Exported = tuple[onnx.ModelProto, list[str]]


@dataclass(frozen=True)
class Attempt:
    """One way to export: which exporter, and whether the batch stays free."""

    exporter: str
    free: bool


def export_model(spec: str, model: Model, path: Path) -> dict[str, Any]:
    """Write *model* to *path* by the first way that gives the model's own numbers.

    Returns:
        The exporter, the opset and the notes of the record.

    Raises:
        UserError: No way does; says why.
    """
    given = samples(spec, model)
    failures: dict[Attempt, Exception] = {}
    for attempt in _attempts(model):
        example = stacked(given, 2) if attempt.free else given[0]
        try:
            proto, notes = _EXPORTERS[attempt.exporter](model, example, attempt.free)
            _write(proto, path)
            check(model, path, given, free=attempt.free)
        except Exception as error:  # noqa: BLE001 - exporters raise anything; the next is tried
            failures[attempt] = error
            continue
        return {
            "exporter": attempt.exporter,
            "opset": proto.opset_import[0].version,
            "notes": [*model.notes, *_notes(model, attempt, failures), *notes],
        }
    raise _failure(spec, failures)


def _attempts(model: Model) -> Iterator[Attempt]:
    for exporter in _EXPORTERS:
        if model.network.scripted and exporter == "dynamo":
            continue
        if model.batch:
            yield Attempt(exporter, free=True)
        yield Attempt(exporter, free=False)


def _by_dynamo(model: Model, example: Arrays, free: bool) -> Exported:
    axes = tuple({0: torch.export.Dim(BATCH)} if free else None for _ in model.inputs)
    with torch.no_grad():
        program = torch.onnx.export(
            model.network,
            model.tensors(example),
            dynamo=True,
            opset_version=OPSET,
            input_names=[item.name for item in model.inputs],
            output_names=list(model.run(example)),
            dynamic_shapes={"tensors": axes},
            verbose=False,
        )
    return program.model_proto, []


def _by_tracing(model: Model, example: Arrays, free: bool) -> Exported:
    names, outputs = [item.name for item in model.inputs], list(model.run(example))
    network = model.network
    stream = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.onnx.export(
            network.module if network.scripted else network,
            model.tensors(example),
            stream,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=outputs,
            dynamic_axes={name: {0: BATCH} for name in (*names, *outputs)} if free else None,
        )
    frozen = [w for w in said if issubclass(w.category, torch.jit.TracerWarning)]
    places = dict.fromkeys(f"{Path(w.filename).name}, line {w.lineno}" for w in frozen)
    notes = [f"What {place} decides is the same for all inputs in the export." for place in places]
    return onnx.load_model_from_string(stream.getvalue()), notes


_EXPORTERS: Final[dict[str, Callable[[Model, Arrays, bool], Exported]]] = {
    "dynamo": _by_dynamo,
    "torchscript": _by_tracing,
}


def _write(proto: onnx.ModelProto, path: Path) -> None:
    """Write the file without what exporters remember of the user's machine and source code."""
    for message in _described(proto):
        message.ClearField("doc_string")
        message.ClearField("metadata_props")
    large = sum(len(tensor.raw_data) for tensor in proto.graph.initializer) > INLINE_BYTES
    onnx.save_model(
        proto, path, save_as_external_data=large, location=f"{path.name}.data" if large else None
    )


def _described(proto: onnx.ModelProto) -> Iterator[Any]:
    """Yield all parts of a model that can carry a description."""
    yield proto
    yield from proto.functions
    for graph in (proto.graph, *proto.functions):
        yield from _described_in(graph)


def _described_in(graph: Any) -> Iterator[Any]:  # noqa: ANN401 - a graph or a function
    yield graph
    yield from graph.value_info
    if isinstance(graph, onnx.GraphProto):
        for part in (graph.input, graph.output, graph.initializer):
            yield from part
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from _described_in(inner)


def _notes(model: Model, taken: Attempt, failures: dict[Attempt, Exception]) -> Iterator[str]:
    newer = failures.get(Attempt("dynamo", free=False))
    if newer is not None:
        yield f"PyTorch's older exporter made the file; the newer one failed: {_reason(newer)}."
    left_free = failures.get(Attempt(taken.exporter, free=True))
    if left_free is not None:
        yield f"The batch is fixed at 1; left free, it failed: {_reason(left_free)}."
    elif not taken.free and model.inputs[0].shape:
        first = model.inputs[0]
        yield f"The first axis of '{first.name}' is fixed at {first.shape[0]}."


def _failure(spec: str, failures: dict[Attempt, Exception]) -> UserError:
    reasons = {attempt.exporter: error for attempt, error in failures.items()}  # the last of each
    newest = next(iter(reasons.values()))
    if isinstance(newest, DisagreementError):
        return UserError(
            f"PyTorch exports {spec} to a file that is not the model: {newest}.",
            "Export the network to ONNX by another way, check it, and give that file.",
            1,
        )
    older = f"; its older exporter failed too: {_reason(reasons['torchscript'])}"
    return UserError(
        f"PyTorch cannot export {spec} to ONNX: {_reason(newest)}"
        f"{older if len(reasons) > 1 else ''}.",
        "Write decisions on the data as torch.where or torch.cond, and leave what ONNX lacks out "
        "of the network.",
    )


def _reason(error: Exception) -> str:
    if isinstance(error, DisagreementError):
        return f"it gives other numbers ({error})"
    return str(cause_of(error))
