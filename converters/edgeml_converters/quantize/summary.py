"""What became int8 and what did not: written into the model, so that it travels with the file."""

import json
from dataclasses import dataclass, replace
from typing import Any

import onnx_ir as ir

from edgeml_converters.quantize.eligibility import node_label
from edgeml_converters.quantize.plan import Plan
from edgeml_runtime.errors import InputError

METADATA_KEY = "edgeml.quantization"
ON_SYNTHETIC = "calibrated on synthetic samples"
"""What files of formats without such metadata say of themselves."""


@dataclass(frozen=True)
class ExcludedNode:
    """A node, or a constant, that stays float32, and why."""

    node: str
    reason: str


@dataclass(frozen=True)
class QuantizationSummary:
    """What a quantizer did to a model.

    Args:
        scheme: ``int8``: asymmetric activations per tensor, symmetric weights per channel.
            ``int8x16``: such weights, symmetric activations of 16 bits.
            ``dynamic``: such weights, and activations in float between the operators. ``float16``:
            constants of 16 bits.
        samples: How many samples it was calibrated on; 0 where none are needed.
        quantized: Names of the nodes whose weights or results are integers, in order; clamps that
            vanished included. Of ``float16`` the names of the constants.
        excluded: What was left in float32, in order.
        synthetic: Whether the samples were made up.
    """

    scheme: str
    samples: int
    quantized: tuple[str, ...]
    excluded: tuple[ExcludedNode, ...]
    synthetic: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the ``quantization`` entry of ``--json`` documents."""
        return {
            "scheme": self.scheme,
            "samples": self.samples,
            "synthetic": self.synthetic,
            "quantized": list(self.quantized),
            "excluded": [{"node": entry.node, "reason": entry.reason} for entry in self.excluded],
        }


def record_summary(model: ir.Model, plan: Plan, samples: int, scheme: str) -> None:
    """Write into *model* what *plan* does to it."""
    summary = QuantizationSummary(
        scheme=scheme,
        samples=samples,
        quantized=tuple(node_label(node) for node in plan.nodes),
        excluded=tuple(ExcludedNode(node, reason) for node, reason in plan.excluded),
    )
    store_summary(model, summary)


def store_summary(model: ir.Model, summary: QuantizationSummary) -> None:
    """Write *summary* into *model*."""
    model.metadata_props[METADATA_KEY] = json.dumps(summary.to_json(), sort_keys=True)


def mark_synthetic(model: ir.Model) -> None:
    """Write into a quantized *model* that the samples it was calibrated on were made up."""
    store_summary(model, replace(quantization_summary(model), synthetic=True))


def on_synthetic(model: ir.Model) -> bool:
    """Return whether *model* says that it was calibrated on made-up samples."""
    return METADATA_KEY in model.metadata_props and quantization_summary(model).synthetic


def quantization_summary(model: ir.Model) -> QuantizationSummary:
    """Return what was done to *model*, the result of a quantizer or its file read again.

    Raises:
        InputError: The model was not quantized by edgeml.
    """
    text = model.metadata_props.get(METADATA_KEY)
    if text is None:
        raise InputError(
            "The model does not say how it was quantized.", "Quantize it with edgeml convert."
        )
    entry = json.loads(text)
    return QuantizationSummary(
        scheme=entry["scheme"],
        samples=entry["samples"],
        quantized=tuple(entry["quantized"]),
        excluded=tuple(ExcludedNode(**excluded) for excluded in entry["excluded"]),
        synthetic=entry.get("synthetic", False),
    )
