"""One model and its samples, watched as seldom as can be for all recipes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.quantize import (
    EFFORTS,
    Detail,
    Quantizer,
    Recipe,
    calibrate,
    calibration,
    quantize_int8,
    quantize_int8x16,
)
from edgeml_runtime.errors import InputError
from edgeml_runtime.progress import Progress

COUNT = 5


@dataclass
class Samples:
    """Samples that know how often they were read from the start."""

    passes: int = 0
    fails_at: int | None = None

    def __iter__(self) -> Iterator[Mapping[str, np.ndarray]]:
        self.passes += 1
        random = np.random.default_rng(6)
        for index in range(COUNT):
            if index == self.fails_at:
                raise KeyboardInterrupt
            yield {"x": random.standard_normal((1, 3, 8, 8), np.float32)}


def _telling(told: list[int]) -> Progress:
    """Return what notes how many samples are done."""
    return lambda _, done, __: told.append(done)


def _network(net: Callable[..., Any], *, decades: float) -> ir.Model:
    """Return a network whose first channels differ by so much."""
    small = net()
    sizes = 10.0 ** np.linspace(0, decades, 4)
    weights = small.random.normal(0, 1, (4, 3, 3, 3)) * sizes[:, None, None, None]
    first = small.op("Relu", small.op("Conv", "x", small.constant(weights)))
    model: ir.Model = small.finish(small.op("Sigmoid", small.conv(first, 4, 5)))
    return model


@pytest.fixture
def model(net: Callable[..., Any]) -> ir.Model:
    """A network with something to equalize."""
    return _network(net, decades=3)


def test_recipes_that_need_no_more_share_one_pass(model: ir.Model) -> None:
    samples = Samples()
    quantizer = Quantizer(model, samples, detail=Detail(histograms=True))
    recipes = [
        Recipe(),
        EFFORTS["fast"],
        Recipe(ranges="mse"),
        Recipe(ranges="percentile:99"),
        Recipe(ranges="entropy", trim_ranges=False),
    ]
    made = {serialize_onnx(quantizer.int8(recipe)) for recipe in recipes}
    quantizer.int8x16(Recipe())
    assert samples.passes == 1
    assert len(made) > 1


def test_the_search_needs_one_pass_for_each_graph_and_detail(model: ir.Model) -> None:
    samples = Samples()
    quantizer = Quantizer(model, samples, detail=Detail(histograms=True, peaks=True, products=True))
    for recipe in (Recipe(), Recipe(ranges="mse"), Recipe(round_adaptively=True)):
        quantizer.int8(recipe)
    assert samples.passes == 1
    for recipe in (Recipe(equalize=True), EFFORTS["high"], Recipe(equalize=True, ranges="mse")):
        quantizer.int8(recipe)
    assert samples.passes == 2


def test_more_detail_is_watched_when_it_is_needed(model: ir.Model) -> None:
    samples = Samples()
    quantizer = Quantizer(model, samples)
    for recipe, passes in ((Recipe(), 1), (Recipe(ranges="mse"), 2), (Recipe(), 2)):
        quantizer.observe(recipe)
        assert samples.passes == passes


def test_nothing_is_watched_before_it_is_needed(model: ir.Model) -> None:
    samples = Samples()
    Quantizer(model, samples)
    assert samples.passes == 0


@pytest.mark.parametrize("effort", EFFORTS)
def test_what_was_made_before_does_not_change_what_is_made(model: ir.Model, effort: str) -> None:
    recipe = {str(name): value for name, value in EFFORTS.items()}[effort]
    used = Quantizer(model, Samples())
    for other in (EFFORTS["high"], EFFORTS["default"], EFFORTS["fast"]):
        used.int8(other)
    alone = Quantizer(model, Samples())
    assert serialize_onnx(used.int8(recipe)) == serialize_onnx(alone.int8(recipe))
    assert serialize_onnx(used.int8(recipe)) == serialize_onnx(alone.int8(recipe))


def test_it_makes_what_the_functions_make(model: ir.Model) -> None:
    quantizer = Quantizer(model, Samples())
    seen = calibrate(model, Samples(), detail=Detail(histograms=True))
    recipe = Recipe(ranges="mse")
    for made, wanted in (
        (quantizer.int8(recipe), quantize_int8(model, seen, recipe)),
        (quantizer.int8x16(recipe), quantize_int8x16(model, seen, recipe)),
    ):
        assert serialize_onnx(made) == serialize_onnx(wanted)


def test_the_model_is_not_changed(model: ir.Model) -> None:
    before = serialize_onnx(model)
    Quantizer(model, Samples()).int8(EFFORTS["high"])
    assert serialize_onnx(model) == before


def test_equalized_nodes_are_named(model: ir.Model) -> None:
    quantizer = Quantizer(model, Samples())
    named = []
    for equalize in (False, True):
        quantizer.int8(Recipe(equalize=equalize))
        named.append(quantizer.equalized)
    assert named == [(), ("Conv_0",)]


def test_nothing_to_equalize_makes_the_same_and_takes_no_pass(net: Callable[..., Any]) -> None:
    even = _network(net, decades=0)
    samples = Samples()
    quantizer = Quantizer(even, samples, detail=Detail(peaks=True))
    made = [serialize_onnx(quantizer.int8(Recipe(equalize=on))) for on in (False, True)]
    assert quantizer.equalized == ()
    assert made[0] == made[1]
    assert samples.passes == 1


@pytest.mark.parametrize("name", ["", "conv", "Conv_0 ", "x"])
def test_a_node_that_is_not_there_is_named(model: ir.Model, name: str) -> None:
    with pytest.raises(InputError, match="to keep in float") as caught:
        Quantizer(model, Samples()).int8(Recipe(float_nodes=("Conv_0", name)))
    assert f"'{name}'" in caught.value.problem


def test_an_interrupted_calibration_is_resumed(
    model: ir.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "CHECKPOINT_EVERY_S", -1.0)
    recipe = EFFORTS["high"]
    for fails_at in (2, 4):
        interrupted = Quantizer(model, Samples(fails_at=fails_at), checkpoints=tmp_path)
        with pytest.raises(KeyboardInterrupt):
            interrupted.int8(recipe)
        assert len(list(tmp_path.iterdir())) == 1
    told: list[int] = []
    resumed = Quantizer(model, Samples(), _telling(told), checkpoints=tmp_path)
    whole = Quantizer(model, Samples())
    assert serialize_onnx(resumed.int8(recipe)) == serialize_onnx(whole.int8(recipe))
    assert told == [4, 5, 1, 2, 3, 4, 5], (
        "the float graph from where it stopped, the equalized anew"
    )
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_model_or_detail_is_not_used(
    model: ir.Model, net: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "CHECKPOINT_EVERY_S", -1.0)
    with pytest.raises(KeyboardInterrupt):
        Quantizer(model, Samples(fails_at=3), checkpoints=tmp_path).int8(Recipe())
    for other, recipe in (
        (_network(net, decades=2), Recipe()),
        (model, replace(Recipe(), ranges="mse")),
    ):
        told: list[int] = []
        Quantizer(other, Samples(), _telling(told), checkpoints=tmp_path).int8(recipe)
        assert told == [1, 2, 3, 4, 5]
