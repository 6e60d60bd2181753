"""Which operators are shared out to threads."""

import tomllib
from importlib.resources import files

import pytest

from edgeml_devices.latency.counting import PROFILED_ENGINES
from edgeml_devices.latency.operators import is_parallel


@pytest.mark.parametrize(
    ("engine", "kind", "parallel"),
    [
        ("litert", "Convolution (NHWC, F32) IGEMM", True),
        ("litert", "RESHAPE", False),
        ("litert", "TFLite_Detection_PostProcess", False),
        ("litert-builtin", "DEPTHWISE_CONV_2D", True),
        ("litert-builtin", "ADD", False),
        ("litert-builtin", "an operator not thought of", False),
        ("onnxruntime", "FusedConv", True),
        ("onnxruntime", "Reshape", False),
        ("onnxruntime", "an operator not thought of", True),
    ],
)
def test_operators_of_each_engine(engine: str, kind: str, parallel: bool) -> None:
    assert is_parallel(engine, kind) is parallel


def test_the_table_names_every_engine_that_tells_its_operators() -> None:
    text = (files("edgeml_devices.latency") / "operators.toml").read_text(encoding="utf-8")
    tables = {name: part for name, part in tomllib.loads(text).items() if isinstance(part, dict)}
    assert tables.keys() == PROFILED_ENGINES
    for part in tables.values():
        (names,) = part.values()  # either those that are shared out or those that are not
        assert len(set(names)) == len(names) > 0
