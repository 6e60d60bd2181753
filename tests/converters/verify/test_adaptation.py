"""Engines behind the source model's names, axis order and element types."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from edgeml_converters.verify import artifact_runner, check_parity, verify
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import Quantization, TensorSpec

BuildConv = Callable[..., bytes]
INPUTS = (TensorSpec("x", (1, 2, 5, 7), "float32", "NCHW"),)
OUTPUTS = (TensorSpec("y", (1, 4, 5, 7), "float32", "NCHW"),)


class Respecified:
    """An engine whose file says more of its tensors than ONNX can: layout, quantization, names."""

    def __init__(self, engine: Engine, **changes: Mapping[str, object]) -> None:
        self._engine = engine
        self.name, self.version, self.threads = engine.name, engine.version, engine.threads
        self.inputs = tuple(replace(s, **changes.get("inputs", {})) for s in engine.inputs)  # type: ignore[arg-type]  # fields by name
        self.outputs = tuple(replace(s, **changes.get("outputs", {})) for s in engine.outputs)  # type: ignore[arg-type]  # fields by name

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the engine under its own names."""
        own = dict(zip((s.name for s in self._engine.inputs), inputs.values(), strict=True))
        values = self._engine.run(own).values()
        return dict(zip((s.name for s in self.outputs), values, strict=True))

    def close(self) -> None:
        """Release the engine."""
        self._engine.close()


def _samples(count: int, shape: tuple[int, ...] = (1, 2, 5, 7)) -> list[dict[str, np.ndarray]]:
    generator = np.random.default_rng(1)
    return [{"x": generator.standard_normal(shape).astype(np.float32)} for _ in range(count)]


def test_channels_last_follows_from_the_sizes(build_conv: BuildConv) -> None:
    reference = artifact_runner(open_engine("onnxruntime", build_conv()), INPUTS, OUTPUTS)
    engine = open_engine("onnxruntime", build_conv(layout="NHWC"))
    assert engine.inputs[0].shape == (1, 5, 7, 2)
    parity = verify(reference, artifact_runner(engine, INPUTS, OUTPUTS), _samples(5))
    assert check_parity(parity, "float32") is None
    assert parity.samples == 5


def test_channels_last_that_were_turned_once_more_are_turned_back(build_conv: BuildConv) -> None:
    """As some converters do that take every image for channels first."""
    reference = open_engine("onnxruntime", build_conv())
    as_last = tuple(replace(spec, layout="") for spec in (*INPUTS, *OUTPUTS))
    source = [replace(spec, shape=_moved(spec.shape, (0, 3, 1, 2))) for spec in as_last]
    runner = artifact_runner(reference, source[:1], source[1:])
    for sample in _samples(3):
        given = runner({"x": sample["x"].transpose(0, 3, 1, 2)})["y"]
        expected = reference.run(sample)["y"].transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(given, expected)


def _moved(shape: tuple[int | None, ...], order: tuple[int, ...]) -> tuple[int | None, ...]:
    return tuple(shape[axis] for axis in order)


def test_sizes_that_fit_both_ways_are_decided_by_the_layouts() -> None:
    square = TensorSpec("x", (1, 3, 3, 3), "float32", "NCHW")
    seen = []

    class Echo:
        name, version, threads = "litert", "0", 1
        inputs: tuple[TensorSpec, ...]
        outputs: tuple[TensorSpec, ...]

        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            seen.append(inputs["x"])
            return dict(inputs)

        def close(self) -> None:
            """Nothing to release."""

    value = np.arange(27, dtype=np.float32).reshape(1, 3, 3, 3)
    for layout, expected in (("NHWC", value.transpose(0, 2, 3, 1)), ("", value), ("NCHW", value)):
        echo = Echo()
        echo.inputs = echo.outputs = (replace(square, layout=layout),)
        result = artifact_runner(echo, (square,), (square,))({"x": value})
        np.testing.assert_array_equal(seen[-1], expected)
        np.testing.assert_array_equal(result["x"], value)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_quantized_ports_take_and_give_real_values(build_conv: BuildConv, layout: str) -> None:
    reference = artifact_runner(open_engine("onnxruntime", build_conv()), INPUTS, OUTPUTS)
    engine = Respecified(
        open_engine("onnxruntime", build_conv(layout=layout, int8=True)),
        inputs={"quantization": Quantization(0.05, 3), "layout": layout},
        outputs={"quantization": Quantization(0.1, -5), "layout": layout},
    )
    samples = [{"x": sample["x"] / 2} for sample in _samples(5)]  # nothing saturates
    runner = artifact_runner(engine, INPUTS, OUTPUTS)
    assert runner(samples[0])["y"].dtype == np.float32
    parity = verify(reference, runner, samples)
    weights = np.random.default_rng(0).standard_normal((4, 2, 3, 3)).astype(np.float32)
    half_steps = 0.05 / 2 * np.abs(weights).sum(axis=(1, 2, 3)).max() + 0.1 / 2
    assert 0 < parity.max_abs <= half_steps


def test_values_outside_the_quantized_range_saturate(build_conv: BuildConv) -> None:
    engine = Respecified(
        open_engine("onnxruntime", build_conv(int8=True)),
        inputs={"quantization": Quantization(0.05, 3)},
        outputs={"quantization": Quantization(0.1, -5)},
    )
    runner = artifact_runner(engine, INPUTS, OUTPUTS)
    large, limit = ({"x": np.full((1, 2, 5, 7), v, np.float32)} for v in (1000.0, 124 * 0.05))
    np.testing.assert_array_equal(runner(large)["y"], runner(limit)["y"])


def test_other_names_are_matched_by_position(build_conv: BuildConv) -> None:
    engine = Respecified(
        open_engine("onnxruntime", build_conv()),
        inputs={"name": "serving_default_x:0"},
        outputs={"name": "StatefulPartitionedCall:0"},
    )
    (sample,) = _samples(1)
    assert artifact_runner(engine, INPUTS, OUTPUTS)(sample)["y"].shape == (1, 4, 5, 7)


def test_another_number_of_outputs_is_refused(build_conv: BuildConv) -> None:
    engine = open_engine("onnxruntime", build_conv())
    with pytest.raises(InputError, match="source has 2 outputs and the other model 1"):
        artifact_runner(engine, INPUTS, (*OUTPUTS, OUTPUTS[0]))


def test_a_wrong_weight_is_noticed(build_conv: BuildConv) -> None:
    good = build_conv()
    reference = artifact_runner(open_engine("onnxruntime", good), INPUTS, OUTPUTS)
    weight = np.random.default_rng(0).standard_normal((4, 2, 3, 3)).astype(np.float32)
    bad = good.replace(weight.tobytes(), np.roll(weight, 1, axis=3).tobytes())
    assert bad != good
    candidate = artifact_runner(open_engine("onnxruntime", bad), INPUTS, OUTPUTS)
    assert check_parity(verify(reference, candidate, _samples(3)), "float32") is not None
