"""The bundles that the cost of the runtime is measured with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lab_commands import run_edgeml, write_network
from edgeml_runtime.bundle import open_bundle

_FASHION = Path(__file__).parents[2] / "examples" / "fashion" / "fashion.onnx"
_ENGINES = {"onnx": "onnxruntime", "tflite": "litert"}


@dataclass(frozen=True)
class Case:
    """One variant of a bundle in one engine, and the file that the variant is.

    Args:
        bundle: The ``.edgeml`` file.
        variant: Id of the variant.
        engine: Name of the engine.
        model: The variant's file, for the engine itself.
    """

    bundle: Path
    variant: str
    engine: str
    model: Path

    @property
    def name(self) -> str:
        """Model, variant and engine."""
        return f"{self.bundle.stem} {self.variant} in {self.engine}"


def make_cases(folder: Path) -> Iterator[Case]:
    """Yield MobileNet v2 and a model of about a millisecond, float32 and int8, in both engines."""
    mobilenet, _ = write_network("mobilenet-v2-1.0-224", folder)
    for name, source in (("mobilenet_v2", mobilenet), ("fashion", _FASHION)):
        output = folder / name
        options = ("--quantize", "float32,int8", "--calibrate", "synthetic", "--effort", "fast")
        run_edgeml(("convert", str(source), "-o", str(output), "--name", name, *options))
        bundle = output / f"{name}.edgeml"
        for variant in open_bundle(bundle).manifest.variants:
            engine = _ENGINES[variant.format]
            yield Case(bundle, variant.id, engine, output / f"{name}.{variant.id}")
