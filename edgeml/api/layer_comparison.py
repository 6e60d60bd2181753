"""What `edgeml.compare` does with layers: two files, their intermediate tensors, what to say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgeml_converters.data import Dataset
from edgeml_converters.layers import (
    LayerComparison,
    LayeredModel,
    OnnxLayers,
    TfliteLayers,
    compare_layers,
)
from edgeml_converters.sources import load_source
from edgeml_converters.verify import Parity
from edgeml_runtime.progress import Progress
from edgeml_runtime.tensors import TensorSpec


@dataclass(frozen=True)
class ModelFile:
    """A model file that an engine has opened before.

    Args:
        path: An .onnx or .tflite file.
        inputs: What it is fed.
        outputs: What comes out.
        input_shapes: Sizes of its free axes, by input.
    """

    path: Path
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    input_shapes: Mapping[str, tuple[int, ...]]

    def layers(self) -> LayeredModel:
        """Return the model with its intermediate tensors."""
        if self.path.suffix.lower() == ".tflite":
            return TfliteLayers(self.path.read_bytes(), self.inputs, self.outputs)
        source = load_source(str(self.path), self.input_shapes)
        return OnnxLayers(source.graph, self.inputs, self.outputs)


def compare_files(
    reference: ModelFile,
    candidate: ModelFile,
    samples: Dataset,
    tolerance: float,
    parity: Parity,
    *,
    progress: Progress,
) -> LayerComparison:
    """Return how far apart the tensors are that both files have.

    Args:
        reference: The model that is held to be right.
        candidate: The model that is compared with it.
        samples: Inputs of the reference.
        tolerance: As of ``compare_layers``.
        parity: How far apart the outputs are when the engines run the files as they are.
        progress: Told of each sample.

    Raises:
        InputError: As ``compare_layers``.
    """
    layers = compare_layers(
        reference.layers(),
        candidate.layers(),
        samples.inputs,
        tolerance,
        progress=progress,
        total=samples.size or 0,
    )
    within = all(layer.parity.rel_range <= layers.tolerance for layer in layers.layers)
    if not within or parity.rel_range <= layers.tolerance:
        return layers
    note = (
        f"The outputs differ by {parity.rel_range:.2g} of their range although no tensor does: "
        "the layers were run one by one, so an engine that fuses them makes the difference."
    )
    return replace(layers, notes=(*layers.notes, note))
