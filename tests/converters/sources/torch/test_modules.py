"""Networks of PyTorch, named as ``module:factory``."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import edgeml
from edgeml_converters.graph import serialize_onnx
from edgeml_converters.sources import SourceModel
from edgeml_runtime.engines import open_engine
from edgeml_runtime.errors import EdgemlError, InputError, MissingToolError

pytestmark = pytest.mark.slow

Load = Callable[..., SourceModel]


def _differ(source: SourceModel, batch: int = 1) -> float:
    """Return the largest difference of the graph from the framework, on one made-up batch."""
    generator = np.random.default_rng(7)
    feeds = {}
    for spec in source.inputs:
        shape = tuple(size or batch for size in spec.shape)
        values = generator.normal(0, 1, shape) if spec.dtype == "float32" else np.ones(shape)
        feeds[spec.name] = values.astype(spec.dtype)
    with (
        closing(source.reference()) as framework,
        closing(open_engine("onnxruntime", serialize_onnx(source.graph))) as graph,
    ):
        expected, found = framework.run(feeds), graph.run(feeds)
    assert expected.keys() == found.keys() == {spec.name for spec in source.outputs}
    return max(float(np.abs(expected[name] - found[name]).max()) for name in expected)


def test_an_image_network(load: Load) -> None:
    source = load("networks:mobile", {"x": (1, 3, 32, 32)})
    (image,), (scores,) = source.inputs, source.outputs
    assert (image.name, image.shape, image.dtype) == ("x", (None, 3, 32, 32), "float32")
    assert image.layout == "NCHW"
    assert (scores.name, scores.shape) == ("output", (None, 10))
    assert source.name == "mobile"
    assert source.notes == ()
    assert str(source.provenance["framework"]).startswith("torch ")
    assert source.provenance["exporter"] == "dynamo"
    assert _differ(source, batch=3) < 1e-5


def test_the_same_network_gives_the_same_bytes(load: Load) -> None:
    first, second = (load("networks:mobile", {"x": (1, 3, 32, 32)}) for _ in range(2))
    assert first.sha256 == second.sha256
    assert serialize_onnx(first.graph) == serialize_onnx(second.graph)


def test_nothing_of_this_machine_is_in_the_file(load: Load) -> None:
    data = serialize_onnx(load("networks:mobile", {"x": (1, 3, 32, 32)}).graph)
    assert b"networks" not in data
    assert b"site-packages" not in data


@pytest.mark.parametrize("mask", [False, True], ids=["ids", "ids and mask"])
def test_a_transformer_with_an_optional_input(load: Load, mask: bool) -> None:
    shapes = {"ids": (1, 12), **({"mask": (1, 12)} if mask else {})}
    source = load("networks:encoder", shapes, {"ids": "int64"})
    assert [(s.name, s.dtype) for s in source.inputs] == [("ids", "int64"), ("mask", "float32")][
        : len(shapes)
    ]
    assert _differ(source, batch=2) < 1e-5


def test_outputs_by_their_keys(load: Load) -> None:
    source = load("networks:recurrent", {"x": (1, 6, 4)})
    assert [spec.name for spec in source.outputs] == ["scores", "state"]
    assert _differ(source) < 1e-5


def test_several_inputs_and_outputs(load: Load) -> None:
    source = load("networks:pair", {"b": (1, 4), "a": (1, 4)})
    assert [spec.name for spec in source.inputs] == ["a", "b"]
    assert [spec.name for spec in source.outputs] == ["output_0", "output_1_0", "output_1_1"]
    assert _differ(source) < 1e-6


def test_a_batch_that_cannot_be_free(load: Load) -> None:
    source = load("networks:one_at_a_time", {"x": (1, 3, 4)})
    assert source.inputs[0].shape == (1, 3, 4)
    assert "batch is fixed at 1" in source.notes[0]
    assert "networks.py, line" in source.notes[0]


def test_a_batch_that_was_asked_for(load: Load) -> None:
    source = load("networks:mobile", {"x": (4, 3, 32, 32)})
    assert source.inputs[0].shape == (4, 3, 32, 32)
    assert "fixed at 4" in source.notes[0]


def test_sizes_from_the_network_itself(load: Load) -> None:
    assert load("networks:with_example").inputs[0].shape == (None, 3, 16, 16)


def test_torchscript_goes_by_the_older_exporter(load: Load) -> None:
    source = load("networks:scripted", {"x": (1, 3, 32, 32)})
    assert source.provenance["exporter"] == "torchscript"
    assert _differ(source, batch=2) < 1e-5


def test_narrow_weights_are_widened_and_told(load: Load) -> None:
    source = load("networks:half", {"input": (1, 3)})
    assert source.inputs[0].dtype == "float32"
    assert "16 bits" in source.notes[0]
    weights = source.graph.graph.initializers.values()
    assert {value.dtype for value in weights} == {ir.DataType.FLOAT}


@pytest.mark.parametrize(
    ("spec", "shapes", "kind", "words"),
    [
        ("undecided", {"x": (1, 4)}, InputError, r"networks\.py, line \d+: if x\.sum\(\) > 0"),
        ("dice", {"x": (1, 4)}, InputError, "answers the same inputs differently"),
        ("mobile", {}, InputError, "sizes of 'x'"),
        ("mobile", {"y": (1, 3, 8, 8)}, InputError, "no input 'y'; its inputs are 'x'"),
        ("mobile", {"x": (1, 4, 8, 8)}, InputError, "fails on inputs of x 1x4x8x8 float32"),
        ("broken", {"x": (1,)}, InputError, "ValueError: the weights"),
        ("wants_more", {"x": (1,)}, MissingToolError, "needs the package 'timm'"),
        ("number", {"x": (1,)}, InputError, "gives a int"),
        ("absent", {"x": (1,)}, InputError, "no attribute 'absent'"),
    ],
)
def test_failures_are_worded(
    load: Load,
    spec: str,
    shapes: dict[str, tuple[int, ...]],
    kind: type[EdgemlError],
    words: str,
) -> None:
    with pytest.raises(kind, match=words) as caught:
        load(f"networks:{spec}", shapes)
    assert "\n" not in caught.value.problem


def test_an_artifact_is_compared_with_its_source(load: Load, tmp_path: Path) -> None:
    shapes = {"x": (1, 3, 32, 32)}
    source = load("networks:mobile", shapes)
    artifact = tmp_path / "mobile.onnx"
    artifact.write_bytes(serialize_onnx(source.graph))
    comparison = edgeml.compare("networks:mobile", artifact, input_shapes=shapes)
    assert comparison.failures == ()
    with pytest.raises(InputError, match="--layers"):
        edgeml.compare("networks:mobile", artifact, input_shapes=shapes, layers=True)
