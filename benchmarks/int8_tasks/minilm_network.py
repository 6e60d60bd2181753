"""all-MiniLM-L6-v2 as an ONNX file, built from the weights of its package.

The package has no ONNX file. The graph is BERT's (Devlin et al., 2018) as the configuration of the
model and PyTorch's exporter have it, followed by the mean over the tokens and the scaling to length
1 that its ``modules.json`` asks for.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEADS, LAYERS, EPSILON = 384, 12, 6, 1e-12
OPSET = 17
_INPUTS = ("ids", "mask")
_QUERY, _KEY = (0, 2, 1, 3), (0, 2, 3, 1)  # the order of the axes in the products
Weights = Mapping[str, np.ndarray]


def write_minilm(safetensors: Path, tokens: int, path: Path) -> None:
    """Write the network for sentences of *tokens* tokens to *path*.

    Its inputs are ``ids`` and ``mask``, both (1, tokens) int64, its output ``embedding`` (1, 384).
    """
    onnx.save(Builder(read_safetensors(safetensors), tokens).build(), path)


def read_safetensors(path: Path) -> Weights:
    """Return the float32 arrays of a file of the safetensors format: a JSON header, then bytes."""
    content = path.read_bytes()
    begin = 8 + int.from_bytes(content[:8], "little")
    arrays = {}
    for name, entry in json.loads(content[8:begin]).items():
        if entry.get("dtype") == "F32":
            first, last = entry["data_offsets"]
            numbers = np.frombuffer(content[begin + first : begin + last], "<f4")
            arrays[name] = numbers.reshape(entry["shape"])
    return arrays


class Builder:
    """Builds the graph.

    Args:
        weights: The arrays by their names in the package.
        tokens: The length of a sentence.
    """

    def __init__(self, weights: Weights, tokens: int) -> None:
        self._weights = weights
        self._tokens = tokens
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, np.ndarray] = {}

    def build(self) -> onnx.ModelProto:
        """Return the model."""
        hidden = self._embed()
        attended = self._op("Cast", "mask", to=TensorProto.FLOAT)
        absent = self._op("Sub", self._number(1.0), attended)
        bias = self._op("Mul", absent, self._number(-10000.0))
        bias = self._op("Reshape", bias, self._shape(1, 1, 1, self._tokens))
        for index in range(LAYERS):
            hidden = self._layer(f"encoder.layer.{index}", hidden, bias)
        pooled = self._pool(hidden, attended)
        length = self._op("ReduceL2", pooled, axes=[1], keepdims=1)
        self._nodes.append(helper.make_node("Div", [pooled, length], ["embedding"], "embedding"))
        size = [1, self._tokens]
        graph = helper.make_graph(
            self._nodes,
            "minilm",
            [helper.make_tensor_value_info(name, TensorProto.INT64, size) for name in _INPUTS],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, WIDTH])],
            [numpy_helper.from_array(array, name) for name, array in self._constants.items()],
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=8)

    def _embed(self) -> str:
        words = self._op("Gather", self._weight("embeddings.word_embeddings.weight"), "ids")
        places = self._weights["embeddings.position_embeddings.weight"][: self._tokens]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._op("Add", words, self._constant("places", places + kind))
        return self._normalize("embeddings.LayerNorm", hidden)

    def _layer(self, name: str, hidden: str, bias: str) -> str:
        attention = self._attention(f"{name}.attention", hidden, bias)
        inner = self._dense(f"{name}.intermediate.dense", attention)
        outer = self._dense(f"{name}.output.dense", self._gelu(inner))
        return self._normalize(f"{name}.output.LayerNorm", self._op("Add", outer, attention))

    def _attention(self, name: str, hidden: str, bias: str) -> str:
        query, key, value = (
            self._heads(self._dense(f"{name}.self.{part}", hidden), order)
            for part, order in (("query", _QUERY), ("key", _KEY), ("value", _QUERY))
        )
        width = float(np.sqrt(WIDTH / HEADS))
        scores = self._op("Div", self._op("MatMul", query, key), self._number(width))
        shares = self._op("Softmax", self._op("Add", scores, bias), axis=-1)
        mixed = self._op("Transpose", self._op("MatMul", shares, value), perm=[0, 2, 1, 3])
        joined = self._op("Reshape", mixed, self._shape(1, self._tokens, WIDTH))
        output = self._dense(f"{name}.output.dense", joined)
        return self._normalize(f"{name}.output.LayerNorm", self._op("Add", output, hidden))

    def _heads(self, value: str, order: tuple[int, ...]) -> str:
        parts = self._op("Reshape", value, self._shape(1, self._tokens, HEADS, WIDTH // HEADS))
        return self._op("Transpose", parts, perm=list(order))

    def _gelu(self, value: str) -> str:
        scaled = self._op("Div", value, self._number(float(np.sqrt(2))))
        gate = self._op("Add", self._op("Erf", scaled), self._number(1.0))
        return self._op("Mul", self._op("Mul", value, gate), self._number(0.5))

    def _pool(self, hidden: str, attended: str) -> str:
        column = self._op("Reshape", attended, self._shape(1, self._tokens, 1))
        axes = self._constant("token_axis", np.array([1], np.int64))
        total = self._op("ReduceSum", self._op("Mul", hidden, column), axes, keepdims=0)
        return self._op("Div", total, self._op("ReduceSum", column, axes, keepdims=0))

    def _dense(self, name: str, value: str) -> str:
        matrix = self._constant(f"{name}.matrix", self._weights[f"{name}.weight"].T.copy())
        return self._op("Add", self._op("MatMul", value, matrix), self._weight(f"{name}.bias"))

    def _normalize(self, name: str, value: str) -> str:
        scale, shift = self._weight(f"{name}.weight"), self._weight(f"{name}.bias")
        return self._op("LayerNormalization", value, scale, shift, axis=-1, epsilon=EPSILON)

    def _op(self, op_type: str, *inputs: str, **attributes: list[int] | float) -> str:
        output = f"{op_type.lower()}_{len(self._nodes)}"
        node = helper.make_node(op_type, inputs, [output], output)
        node.attribute.extend(helper.make_attribute(*item) for item in attributes.items())
        self._nodes.append(node)
        return output

    def _weight(self, name: str) -> str:
        return self._constant(name, self._weights[name])

    def _number(self, value: float) -> str:
        return self._constant(f"number_{value:g}", np.array(value, np.float32))

    def _shape(self, *sizes: int) -> str:
        return self._constant("shape_" + "_".join(map(str, sizes)), np.array(sizes, np.int64))

    def _constant(self, name: str, array: np.ndarray) -> str:
        self._constants.setdefault(name, array)
        return name
