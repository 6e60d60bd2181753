"""A loaded bundle: from a sample to an answer."""

import os
import platform
from collections.abc import Mapping
from typing import Optional, Union

import numpy as np

from edgeml_runtime.adaptation import TensorAdapter, match_tensors
from edgeml_runtime.board import board_fingerprint
from edgeml_runtime.bundle import Bundle, open_bundle, unpack_golden
from edgeml_runtime.choice import Choice, rank_choices
from edgeml_runtime.engines import Engine, installed_engines, open_engine
from edgeml_runtime.engines.feeds import check_feeds
from edgeml_runtime.errors import GateError, InputError, MissingToolError
from edgeml_runtime.manifest import Manifest, Variant
from edgeml_runtime.preprocess import Geometry, Pipeline
from edgeml_runtime.selftest import SelfTest, has_passed, remember_passed, run_self_test
from edgeml_runtime.tasks import Result, make_task
from edgeml_runtime.tensors import TensorSpec


class Model:
    """One variant of a bundle in one engine; made by ``load``.

    Call it with a sample to get the task's answer, or ``run`` it on the source model's tensors.
    A model is used by one thread at a time.
    """

    def __init__(self, bundle: Bundle, variant: Variant, engine: Engine) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        self.variant = variant
        self.engine = engine
        self._inputs = match_tensors(manifest.inputs, variant.inputs, engine.inputs)
        self._outputs = match_tensors(manifest.outputs, variant.outputs, engine.outputs)
        self._task = make_task(manifest)
        self._pipeline = _pipeline(manifest, variant, self._inputs)

    @property
    def manifest(self) -> Manifest:
        """The manifest of the bundle."""
        return self.bundle.manifest

    def __call__(self, sample: np.ndarray) -> Result:
        """Return the task's answer for one sample.

        Args:
            sample: Where the bundle has preprocessing, an image: (H,W,3) RGB or (H,W) gray, uint8.
                Else the model's input, with or without its batch axis.

        Raises:
            InputError: The model has several inputs, or the sample does not fit.
        """
        if len(self._inputs) != 1:
            raise InputError(
                f"The model has the inputs {', '.join(self._inputs)}, and one sample was given.",
                "Call run() with one array for each input.",
            )
        ((name, adapter),) = self._inputs.items()
        if self._pipeline is None:
            lacks_batch = sample.ndim == len(adapter.source.shape) - 1
            return self._task(self.run({name: sample[np.newaxis] if lacks_batch else sample}), None)
        tensor = self._pipeline(sample)
        check_feeds((adapter.fed_spec,), {name: tensor})
        outputs = self._finish(self.engine.run({name: tensor}))
        return self._task(outputs, self._geometry(sample))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for *inputs*, both by name and as the source model has them.

        Raises:
            InputError: A name, shape or dtype does not fit.
        """
        check_feeds(self.manifest.inputs, inputs)
        feeds = {name: adapter.to_variant(inputs[name]) for name, adapter in self._inputs.items()}
        return self._finish(self.engine.run(feeds))

    def self_test(self) -> SelfTest:
        """Run the golden vectors now and return how far the answers are from the source model's."""
        golden = self.manifest.golden
        if golden is None:
            return SelfTest(samples=0, worst_error=0.0, tolerance=0.0, passed=True)
        samples = unpack_golden(self.bundle.read(golden.path))
        return run_self_test(samples, self.run, golden.tolerances[self.variant.id])

    def example_feeds(self) -> list[dict[str, np.ndarray]]:
        """Return inputs for the engine, in the variant's own form, to time it with.

        They are the golden inputs, or one of seeded noise where the bundle has none.
        """
        golden = self.manifest.golden
        samples = (
            [_noise(self.manifest.inputs)]
            if golden is None
            else [inputs for inputs, _ in unpack_golden(self.bundle.read(golden.path))]
        )
        return [
            {name: adapter.to_variant(sample[name]) for name, adapter in self._inputs.items()}
            for sample in samples
        ]

    def close(self) -> None:
        """Release the engine; the model cannot be used afterwards."""
        self.engine.close()

    def _geometry(self, sample: np.ndarray) -> Optional[Geometry]:
        if self._pipeline is None or sample.ndim < 2:
            return None
        return self._pipeline.geometry(sample.shape[0], sample.shape[1])

    def _finish(self, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: adapter.to_source(outputs[name]) for name, adapter in self._outputs.items()}


def load(
    path: Union[str, "os.PathLike[str]"],
    *,
    variant: Optional[str] = None,
    engine: Optional[str] = None,
    threads: int = 1,
    self_test: bool = True,
) -> Model:
    """Load a bundle, checked, in the variant and engine that fit this board.

    Args:
        path: The ``.edgeml`` file.
        variant: The id of the variant to use; by default see ``choice.rank_choices``.
        engine: The engine to use; by default as *variant*.
        threads: How many threads one inference may use.
        self_test: Run the golden vectors, once for each board, bundle and engine version.

    Raises:
        InputError: The bundle is damaged, or holds no such variant or engine.
        MissingToolError: No engine that can run it is installed.
        GateError: The self-test failed: this board does not give the source model's answers.
    """
    bundle = open_bundle(path)
    choices = rank_choices(
        bundle.manifest,
        installed_engines(),
        platform.machine(),
        variant=variant,
        engine=engine,
        threads=threads,
    )
    first, *others = choices
    try:
        model = _open(bundle, first, threads)
    except MissingToolError:
        others = [choice for choice in others if choice.engine != first.engine]
        if not others:
            raise
        model = _open(bundle, others[0], threads)  # installed but broken: use what works
    if self_test and _require_self_test(model):
        # What the golden vectors left in a model that remembers must not be there for the caller.
        model.close()
        content = bundle.read(model.variant.path)
        engine_anew = open_engine(model.engine.name, content, threads)
        model = Model(bundle, model.variant, engine_anew)
    return model


def _open(bundle: Bundle, choice: Choice, threads: int) -> Model:
    content = bundle.read(choice.variant.path)
    return Model(bundle, choice.variant, open_engine(choice.engine, content, threads))


def _require_self_test(model: Model) -> bool:
    """Run the self-test unless it passed here before; return whether it was run."""
    engine = model.engine
    key = " ".join(
        (
            f"{board_fingerprint()} {model.bundle.manifest_sha256} {model.variant.id}",
            f"{engine.name} {engine.version} {engine.threads}",
        )
    )
    if has_passed(key):
        return False
    outcome = model.self_test()
    if not outcome.passed:
        model.close()
        raise GateError(
            f"The self-test of {model.variant.id} in {engine.name} {engine.version} failed: an "
            f"output is off by {outcome.worst_error:.3g}, and {outcome.tolerance:.3g} is allowed.",
            "Try another engine or variant, and report the engine's version and this board.",
        )
    remember_passed(key)
    return True


def _noise(specs: tuple[TensorSpec, ...]) -> dict[str, np.ndarray]:
    """Return inputs of values from 0 to 1 (integers: 0 or 1), with 1 for sizes that are free."""
    random = np.random.default_rng(0)
    return {
        spec.name: random.random([size or 1 for size in spec.shape]).round(4).astype(spec.dtype)
        for spec in specs
    }


def _pipeline(
    manifest: Manifest, variant: Variant, adapters: Mapping[str, TensorAdapter]
) -> Optional[Pipeline]:
    """Return the preprocessing that ends in the form of the variant's input."""
    if manifest.preprocess is None:
        return None
    pipeline = Pipeline.from_json(manifest.preprocess)
    source, fed = manifest.inputs[0], variant.inputs[0]
    layout = (fed.layout or source.layout) if source.layout else ""
    pipeline = pipeline.with_layout(layout) if layout else pipeline
    return pipeline.encoded(adapters[source.name].encode_source)
