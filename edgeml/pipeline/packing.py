"""The bundle of a conversion: manifest, models and golden vectors."""

import hashlib
import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgeml import __version__
from edgeml.pipeline.draft import Draft
from edgeml.pipeline.formats import FORMATS
from edgeml.pipeline.golden import Golden
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.precisions import needs_calibration
from edgeml.pipeline.record import Artifact
from edgeml_converters.inspection import minimum_engines
from edgeml_runtime.bundle import write_bundle
from edgeml_runtime.manifest import GoldenRecord, Manifest, Variant
from edgeml_runtime.tensors import TensorSpec

MODEL_VERSION: Final = "1.0.0"
SERIAL: Final = 1
GOLDEN_PATH: Final = "golden.npz"
_TOOLS: Final = ("ai-edge-litert", "numpy", "onnx", "onnx-ir", "onnxruntime")


def pack(
    path: Path,
    plan: Plan,
    golden: Golden,
    accepted: Sequence[tuple[Artifact, Draft]],
    verified_on: str,
    *,
    statistics: Mapping[str, Any] | None,
) -> None:
    """Write the bundle of the artifacts that passed.

    Args:
        path: The ``.edgeml`` file.
        plan: What was converted.
        golden: The golden vectors.
        accepted: The artifacts with their files; at least one.
        verified_on: In words, the samples of parity, for the provenance.
        statistics: What samples and predictions look like, if there is data.
    """
    golden_data = golden.pack()
    tolerances = {
        artifact.id: golden.tolerance(artifact.golden_error, artifact.precision)
        for artifact, _ in accepted
    }
    variants = tuple(_variant(artifact, draft, plan.name) for artifact, draft in accepted)
    manifest = Manifest(
        name=plan.name,
        version=MODEL_VERSION,
        serial=SERIAL,
        task=plan.task,
        task_options=plan.task_options,
        inputs=plan.source.inputs,
        outputs=tuple(_as_given(spec, golden) for spec in plan.source.outputs),
        preprocess=None if plan.pipeline is None else plan.pipeline.to_json(),
        labels=plan.labels,
        variants=variants,
        golden=GoldenRecord(
            path=GOLDEN_PATH,
            sha256=hashlib.sha256(golden_data).hexdigest(),
            samples=len(golden.inputs),
            tolerances=tolerances,
        ),
        provenance=_provenance(plan, verified_on),
        statistics=statistics,
    )
    models = {v.path: draft.mapped() for v, (_, draft) in zip(variants, accepted, strict=True)}
    write_bundle(path, manifest, {**models, GOLDEN_PATH: golden_data})


def _as_given(spec: TensorSpec, golden: Golden) -> TensorSpec:
    """Return an output with as many axes as the source gave it, which its file may tell wrong."""
    shape = golden.outputs[0][spec.name].shape
    return spec if len(shape) == len(spec.shape) else replace(spec, shape=shape, layout="")


def _variant(artifact: Artifact, draft: Draft, name: str) -> Variant:
    needs = minimum_engines(draft.mapped(), artifact.format)
    return Variant(
        id=artifact.id,
        path=f"models/{name}.{artifact.id}",
        format=artifact.format,
        precision=artifact.precision,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        engines={name: needs.get(name, "") for name in FORMATS[artifact.format].engines},
        inputs=artifact.inputs,
        outputs=artifact.outputs,
        accuracy=None if artifact.accuracy is None else artifact.accuracy.to_json(),
        latency=(),
    )


def _provenance(plan: Plan, verified_on: str) -> Mapping[str, Any]:
    return {
        "edgeml": __version__,
        "source": {
            "name": plan.source.path.name,
            "sha256": plan.source.sha256,
            **plan.source.provenance,
        },
        "tools": {tool: importlib.metadata.version(tool) for tool in _TOOLS},
        "verified_on": verified_on,
        **_calibration(plan),
    }


def _calibration(plan: Plan) -> Mapping[str, Any]:
    """Return that the scales come from no data, where that is so."""
    data = plan.calibration
    calibrated = any(map(needs_calibration, plan.precisions))
    if data is None or not data.synthetic or not calibrated:
        return {}
    return {"calibration": {"samples": data.size, "synthetic": True}}
