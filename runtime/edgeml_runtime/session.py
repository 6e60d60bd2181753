"""A loaded bundle: from a sample to an answer."""

import os
from _thread import RLock  # threading is slow to import
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from edgeml_runtime.adaptation import TensorAdapter, match_tensors
from edgeml_runtime.bundle import Bundle, open_bundle
from edgeml_runtime.choice import Choice, choose_threads, rank_choices
from edgeml_runtime.engines import Engine, installed_engines, open_engine
from edgeml_runtime.engines.refusal import FeedCheck, check_feeds
from edgeml_runtime.errors import (
    EdgemlError,
    EngineCrashError,
    InputError,
    MissingToolError,
    UnsupportedError,
)
from edgeml_runtime.manifest import GoldenRecord, Manifest, Variant
from edgeml_runtime.memory import recall
from edgeml_runtime.preprocess import Geometry, Pipeline
from edgeml_runtime.selftest import SelfTest, board_identity, run_self_test
from edgeml_runtime.tasks import Result, Windows, make_task
from edgeml_runtime.tensors import TensorSpec

if TYPE_CHECKING:
    from edgeml_runtime.bundle.contents import Tensors
    from edgeml_runtime.explanation import Explanation
    from edgeml_runtime.metrics import Metrics
    from edgeml_runtime.preprocess.window import Window
    from edgeml_runtime.stream import Stream


class Model:
    """One variant of a bundle in one engine; made by ``load``.

    Call it with a sample to get the task's answer, or ``run`` it on the source model's tensors.

    Several threads may use one model: their calls take turns. Several models run at the same time.
    After a fork the child may use its parent's models only if they have one thread.
    """

    def __init__(self, bundle: Bundle, variant: Variant, engine: Engine) -> None:
        manifest = bundle.manifest
        self.bundle = bundle
        self.variant = variant
        self.engine = engine
        self._inputs = match_tensors(manifest.inputs, variant.inputs, engine.inputs)
        self._outputs = match_tensors(manifest.outputs, variant.outputs, engine.outputs)
        inputs = [(name, len(a.source.shape)) for name, a in self._inputs.items()]
        self._moves = [(name, adapter.to_variant) for name, adapter in self._inputs.items()]
        self._only_input = inputs[0] if len(inputs) == 1 else None
        self._inputs_are_plain = all(adapter.is_plain for adapter in self._inputs.values())
        names = [spec.name for spec in engine.outputs]
        plain_outputs = all(adapter.is_plain for adapter in self._outputs.values())
        self._outputs_are_plain = plain_outputs and names == list(self._outputs)
        self._check_fed = FeedCheck(tuple(adapter.fed_spec for adapter in self._inputs.values()))
        self._task = make_task(manifest)
        self._pipeline = _pipeline(manifest, variant, self._inputs)
        self._turn = RLock()
        self._process = os.getpid() if engine.threads > 1 else 0
        self.loading: dict[str, Any] = {}  # how the model was chosen, for ``explain``

    @property
    def manifest(self) -> Manifest:
        """The manifest of the bundle."""
        return self.bundle.manifest

    @property
    def identity(self) -> dict[str, Any]:
        """The entries of a document that tell which model gave an answer."""
        return {
            "bundle": {"name": self.manifest.name, "version": self.manifest.version},
            "variant": self.variant.id,
            "engine": {"name": self.engine.name, "version": self.engine.version},
        }

    @property
    def window(self) -> "Optional[Window]":
        """How the model cuts a signal; None where it is not for signals."""
        return None if self._pipeline is None else self._pipeline.window

    def __call__(self, sample: Union[np.ndarray, Mapping[str, np.ndarray]]) -> Result:
        """Return the task's answer for one sample.

        Args:
            sample: Where the bundle has preprocessing, an image: (H,W,3) RGB or (H,W) gray, uint8,
                or a signal of any length, (T,) or (T,C), at the rate of ``window``.
                Else the model's input, with or without its batch axis. Or what ``run`` takes.

        Raises:
            InputError: The model has several inputs, or the sample does not fit.
        """
        if not isinstance(sample, np.ndarray):
            outputs = self.run(sample)
            reads = hasattr(self._task, "reads_inputs")
            return self._task({**sample, **outputs} if reads else outputs, None)
        if self._only_input is None:
            raise InputError(
                f"The model has the inputs {', '.join(self._inputs)}, and one sample was given.",
                "Give a mapping with one array for each input.",
            )
        name, rank = self._only_input
        if self._pipeline is None:
            if sample.ndim == rank - 1:
                sample = sample[np.newaxis]
            return self._task(self.run({name: sample}))
        if self._pipeline.window is not None:
            return self._hear(sample, name, self._pipeline, self._pipeline.window)
        with self._turn:
            tensor = self._pipeline(sample)
            self._check_fed({name: tensor})
            outputs = self._infer({name: tensor})
            return self._task(outputs, self._geometry(sample))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the outputs for *inputs*, both by name and as the source model has them.

        Raises:
            InputError: A name, shape or dtype does not fit.
        """
        if self._inputs_are_plain:
            return self._infer(inputs)
        try:  # the engine checks what it is given, and so the usual case is checked once
            feeds = {name: move(inputs[name]) for name, move in self._moves}
            if len(feeds) == len(inputs):
                return self._infer(feeds)
        except (AttributeError, InputError, LookupError, ValueError):
            check_feeds(self.manifest.inputs, inputs)  # says it in the source model's terms
            raise
        check_feeds(self.manifest.inputs, inputs)
        raise AssertionError("inputs that fit have no other names")

    def stream(
        self,
        source: Any,  # noqa: ANN401 - a name, an iterable or a stream.Source
        *,
        hz: Optional[float] = None,
        policy: Optional[str] = None,
        queue: int = 1,
        limit: Optional[int] = None,
        metrics: "Optional[Metrics]" = None,
        strict: bool = False,
    ) -> "Stream":
        """Return the answers for the frames of a source, to iterate over; see docs/streams.md.

        Args:
            source: A camera (``camera:0``), a path, an iterable of arrays or a ``stream.Source``.
            hz: Answer so many frames a second, and rest in between.
            policy: ``latest`` drops older frames, ``all`` lets the source wait; by default as the
                source is live or not.
            queue: How many frames may wait.
            limit: End after so many answers.
            metrics: Counts what happens.
            strict: Raise what is wrong with a frame, instead of counting it.
        """
        from edgeml_runtime.stream import Stream, open_source  # noqa: PLC0415 - few loads need it

        opened = open_source(source, self.window)
        return Stream(self, opened, hz, policy, queue, limit, metrics, strict)

    def self_test(self) -> SelfTest:
        """Run the golden vectors now and return how far the answers are from the source model's."""
        golden = self.manifest.golden
        if golden is None:
            return SelfTest(samples=0, worst_error=0.0, tolerance=0.0, passed=True)
        samples = self._golden(golden)
        return run_self_test(samples, self.run, golden.tolerances[self.variant.id])

    def example_feeds(self) -> list[dict[str, np.ndarray]]:
        """Return inputs for the engine, in the variant's own form, to time it with.

        They are the golden inputs, or one of seeded noise where the bundle has none.
        """
        golden = self.manifest.golden
        samples = (
            [_noise(self.manifest.inputs)]
            if golden is None
            else [inputs for inputs, _ in self._golden(golden)]
        )
        return [
            {name: adapter.to_variant(sample[name]) for name, adapter in self._inputs.items()}
            for sample in samples
        ]

    def explain(self) -> "Explanation":
        """Return why this variant, engine and number of threads were chosen; print it as text."""
        from edgeml_runtime.explanation import explain  # noqa: PLC0415 - who does not ask

        return explain(self)

    def close(self) -> None:
        """Release the engine; the model cannot be used afterwards."""
        self.engine.close()

    def _hear(self, signal: np.ndarray, name: str, prepare: Pipeline, window: "Window") -> Result:
        """Return the answers for the windows of a signal, merged if the task can do that."""
        with self._turn:
            results = [self._task(self.run({name: prepare(part)})) for part in window.cut(signal)]
        spans_s = window.spans_s(len(signal))
        merge = getattr(self._task, "merge", None)
        if merge is None:
            return results[0] if len(results) == 1 else Windows(tuple(results), tuple(spans_s))
        merged: Result = merge(results, spans_s)
        return merged

    def _golden(self, record: GoldenRecord) -> "list[tuple[Tensors, Tensors]]":
        from edgeml_runtime.bundle import unpack_golden  # noqa: PLC0415 - once on each board

        return unpack_golden(self.bundle.read(record.path))

    def _geometry(self, sample: np.ndarray) -> Optional[Geometry]:
        if self._pipeline is None or sample.ndim < 2:
            return None
        return self._pipeline.geometry(sample.shape[0], sample.shape[1])

    def _infer(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self._process and os.getpid() != self._process:
            raise InputError(
                "The model was loaded before this process was forked: its threads are not here.",
                "Load it in the child, or with threads=1.",
            )
        with self._turn:
            outputs = self.engine.run(feeds)
        if self._outputs_are_plain:
            return outputs
        return {name: adapter.to_source(outputs[name]) for name, adapter in self._outputs.items()}


def load(
    path: Union[str, "os.PathLike[str]"],
    *,
    variant: Optional[str] = None,
    engine: Optional[str] = None,
    threads: Union[int, str, None] = None,
    self_test: bool = True,
) -> Model:
    """Load a bundle, checked, in the variant and engine that fit this board.

    Args:
        path: The ``.edgeml`` file.
        variant: The id of the variant to use; by default see ``choice.rank_choices``.
        engine: The engine to use; by default as *variant*.
        threads: How many threads one inference may use; ``"measure"`` for the fastest number, timed
            once for each board, bundle and engine version; by default see
            ``choice.choose_threads``.
        self_test: Run the golden vectors, once for each board, bundle and engine version, in a
            process of their own where that can be.

    Raises:
        InputError: The bundle is damaged, or holds no such variant or engine.
        UnsupportedError: An engine is too old for the model, or lacks an operator.
        MissingToolError: No engine that can run it is installed.
        GateError: The self-test failed: this board does not give the source model's answers.
        EngineCrashError: The engine dies of the model, or of being imported.
    """
    bundle = open_bundle(path)
    if isinstance(threads, str) and threads != "measure":
        raise InputError(f"threads is {threads!r}.", "Give a whole number, or 'measure'.")
    choices = rank_choices(
        bundle.manifest,
        installed_engines(),
        os.uname().machine,
        variant=variant,
        engine=engine,
        threads=threads if isinstance(threads, int) else 1,
    )
    failures: list[tuple[Choice, EdgemlError]] = []
    for choice in choices:
        if any(
            choice.engine == other.engine and isinstance(error, MissingToolError)
            for other, error in failures
        ):
            continue  # its library is broken, whatever the variant
        try:
            model = _open_tested(bundle, choice, threads, self_test)
        except (MissingToolError, EngineCrashError, UnsupportedError) as error:
            failures.append((choice, error))
            continue
        model.loading.update(failures=failures, choices=choices, asked=(variant, engine))
        return model
    raise failures[0][1]


def open_model(bundle: Bundle, variant: Variant, engine: str, threads: int) -> Model:
    """Open one variant in one engine, untested; raises as ``engines.open_engine`` does."""
    return Model(bundle, variant, open_engine(engine, bundle.file(variant.path), threads))


def _open_tested(
    bundle: Bundle, choice: Choice, wanted: Union[int, str, None], self_test: bool
) -> Model:
    proof: Optional[Mapping[str, Any]] = {}
    if self_test:
        proof = recall(proof_key(bundle.manifest, choice))
        if proof is None:
            from edgeml_runtime.probe import prove  # noqa: PLC0415 - once on each board

            proof = prove(bundle, choice)
        if "died" in proof:
            raise EngineCrashError(proof["died"], f"{proof['remedy']} (Found {proof['when']}.)")
    if wanted is None:
        threads, because = choose_threads(choice)
    elif isinstance(wanted, int):
        threads, because = wanted, "asked for"
    else:
        from edgeml_runtime.trials import measure_threads  # noqa: PLC0415 - who asks for it

        threads, because = measure_threads(bundle, choice)
    model = open_model(bundle, choice.variant, choice.engine, threads)
    model.loading.update(threads=because, proof=proof)
    return model


def engine_key(choice: Choice) -> str:
    """Return what the work of an engine depends on: the board, its version and the model."""
    return f"{board_identity()}\n{choice.engine} {choice.version}\n{choice.variant.sha256}"


def proof_key(manifest: Manifest, choice: Choice) -> str:
    """Return what the outcome of a self-test depends on."""
    variant, golden = choice.variant, manifest.golden
    vectors = None if golden is None else (golden.sha256, golden.tolerances.get(variant.id))
    tensors = (manifest.inputs, manifest.outputs, variant.inputs, variant.outputs)
    return f"{engine_key(choice)} {vectors}\n{tensors}"


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
    if pipeline.window is not None:
        return pipeline  # its axes may be called NCHW, and are not those of an image
    source, fed = manifest.inputs[0], variant.inputs[0]
    layout = (fed.layout or source.layout) if source.layout else ""
    pipeline = pipeline.with_layout(layout) if layout else pipeline
    return pipeline.encoded(adapters[source.name].encode_source)
