"""The planned arena against the one that LiteRT really takes, and its plan against the rules."""

from pathlib import Path

import onnx_ir as ir
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.networks import NETWORKS
from edgeml_converters.graph import optimize
from edgeml_converters.inspection import inspect_model
from edgeml_converters.inspection.arena import ALIGNMENT_BYTES, Lifetime, arena_bytes
from edgeml_converters.inspection.tflite_document import read_model
from edgeml_converters.tflite import write_tflite

FASHION = Path(__file__).parents[3] / "examples" / "fashion" / "fashion.onnx"
SHARE = 0.02
"""How far the estimate may be from the engine, where its kernels ask for no scratch memory."""


def _engine_arena(path: Path) -> tuple[int, int]:
    """Return how many bytes the engine's tensors span, and how many its scratch tensors hold.

    LiteRT lays all activations into one block, and tells where each tensor is. Scratch tensors are
    those that the file does not have.
    """
    data = path.read_bytes()
    graph = read_model(data, path.name).graphs[0]
    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    places, scratch = [], 0
    for details in interpreter.get_tensor_details():
        index = details["index"]
        if index < len(graph.tensors) and graph.tensors[index].data_bytes:
            continue  # a weight, which lies in the file
        try:
            view = interpreter.tensor(index)()
        except ValueError:
            continue  # fused away
        start = view.__array_interface__["data"][0]
        places += [start, start + view.nbytes]
        scratch += view.nbytes if index >= len(graph.tensors) else 0
    return max(places) - min(places), scratch


def _network_file(name: str, folder: Path) -> Path:
    proto = NETWORKS[name].build() if name in NETWORKS else None
    model = ir.load(FASHION) if proto is None else ir.from_proto(proto)
    path = folder / "net.tflite"
    path.write_bytes(write_tflite(optimize(model)))
    return path


@pytest.mark.parametrize(
    "name", ["fashion", "mobilenet-v1-1.0-128", "mobilenet-v2-0.5-128", "mobilenet-v2-1.0-128"]
)
def test_the_arena_is_the_engines(name: str, tmp_path: Path) -> None:
    path = _network_file(name, tmp_path)
    found = inspect_model(path)
    span, scratch = _engine_arena(path)
    assert found.arena_bytes is not None
    assert found.peak_activation_bytes is not None
    assert found.peak_activation_bytes <= found.arena_bytes
    assert (1 - SHARE) * found.arena_bytes <= span + SHARE * found.arena_bytes
    assert abs(found.arena_bytes - span) <= SHARE * span or scratch > 0


def test_scratch_memory_comes_on_top(tmp_path: Path) -> None:
    path = _network_file("mobilenet-v1-0.25-128", tmp_path)
    found = inspect_model(path)
    span, scratch = _engine_arena(path)
    assert found.arena_bytes is not None
    assert scratch > 0
    assert found.arena_bytes <= span <= found.arena_bytes + scratch


lifetimes = st.lists(
    st.builds(
        lambda size, first, length: Lifetime(size, first, first + length),
        st.integers(1, 5000),
        st.integers(0, 20),
        st.integers(0, 8),
    ),
    max_size=25,
)


@given(lifetimes)
def test_the_arena_holds_the_peak_and_no_more_than_all(buffers: list[Lifetime]) -> None:
    aligned = [-(-b.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES for b in buffers]
    held = [
        sum(size for size, b in zip(aligned, buffers, strict=True) if b.first <= step <= b.last)
        for step in range(30)
    ]
    found = arena_bytes(buffers)
    assert found is not None
    assert max(held) <= found <= sum(aligned)
