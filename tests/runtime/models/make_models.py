"""Makes the small models that the runtime's tests load; run it with the host's environment.

    python tests/runtime/models/make_models.py

The files are committed, as the device's environment has neither onnx nor a TFLite writer:

- ``classifier.onnx``, ``classifier.tflite``: image (N,3,8,8) -> conv, relu, mean, dense, softmax ->
  scores (N,5). Same weights; the TFLite one is NHWC and has a signature.
- ``classifier.numpy``: the same for NumPy, which has no convolution: its windows are taken from a
  line of all pixels and multiplied.
- ``pool.numpy``: likewise the max-pool, over two axes of five.
- ``classifier.golden.npz``: two images and the scores that onnxruntime gives.
- ``pool.onnx``, ``pool.int8.tflite``: image (1,3,4,6) -> max-pool 2x2 -> pooled (1,3,2,3). The
  TFLite one is NHWC, has int8 inputs and outputs and no signature.
- ``extremes.onnx``: a quantized convolution, image (1,8,6,6) uint8 -> conv (1,8,4,4), and a
  quantized product, row (4,64) float32 -> dense (4,16), whose 8-bit weights are all 127 or -127.
- ``refused.*.tflite``: one operator that no engine here has: ``newer`` is of a version yet to come,
  ``custom`` somebody's own, ``flex`` TensorFlow's.
"""

import dataclasses
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from ai_edge_litert import schema_py_generated as tfl
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.numpy_program import write_numpy
from edgeml_runtime.bundle import pack_golden

FOLDER = Path(__file__).parent
POOL_SCALE, POOL_ZERO_POINT = 0.05, 3
# Sums of 72 products are up to 72 * 255 * 127: 71 of these steps, half of the 8-bit range.
EXTREMES_STEP = 1 << 15


@dataclasses.dataclass(frozen=True)
class Weights:
    """The parameters of the classifier, in ONNX layouts."""

    conv: np.ndarray  # (4, 3, 3, 3) OIHW
    conv_bias: np.ndarray  # (4,)
    dense: np.ndarray  # (5, 4)
    dense_bias: np.ndarray  # (5,)


def make_weights() -> Weights:
    """Return seeded weights."""
    random = np.random.default_rng(7)

    def draw(*shape: int) -> np.ndarray:
        return random.normal(0.0, 0.5, shape).astype(np.float32)

    return Weights(draw(4, 3, 3, 3), draw(4), 4 * draw(5, 4), draw(5))


def classifier_onnx(weights: Weights) -> bytes:
    """Return the classifier as ONNX, with a free batch size."""
    nodes = [
        helper.make_node("Conv", ["image", "w0", "b0"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("ReduceMean", ["relu"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["mean", "w1", "b1"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    initializers = {
        "w0": weights.conv,
        "b0": weights.conv_bias,
        "w1": weights.dense,
        "b1": weights.dense_bias,
    }
    return _onnx(nodes, initializers, ("image", ["N", 3, 8, 8]), ("scores", ["N", 5]))


def pool_onnx() -> bytes:
    """Return the max-pool as ONNX."""
    node = helper.make_node("MaxPool", ["image"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2])
    return _onnx([node], {}, ("image", [1, 3, 4, 6]), ("pooled", [1, 3, 2, 3]))


def _onnx(
    nodes: list[onnx.NodeProto],
    initializers: dict[str, np.ndarray],
    source: tuple[str, list[int | str]],
    result: tuple[str, list[int | str]],
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(source[0], TensorProto.FLOAT, source[1])],
        [helper.make_tensor_value_info(result[0], TensorProto.FLOAT, result[1])],
        [numpy_helper.from_array(value, name) for name, value in initializers.items()],
    )
    return _checked(graph)


def _checked(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def extremes_onnx() -> bytes:
    """Return a quantized Conv and MatMul of extreme weights; all scales are powers of two."""
    # A Walsh matrix: the first row is all ones, any two rows differ in half of the places.
    signs = np.ones((1, 1), np.int8)
    for _ in range(7):
        signs = np.kron(signs, np.array([[1, 1], [1, -1]], np.int8))
    nodes = [
        helper.make_node("DequantizeLinear", ["image", "one", "u0"], ["image_real"]),
        helper.make_node("DequantizeLinear", ["w0", "ones0", "zeros0"], ["w0_real"], axis=0),
        helper.make_node("Conv", ["image_real", "w0_real"], ["conv_real"]),
        helper.make_node("QuantizeLinear", ["conv_real", "step", "u128"], ["conv_quantized"]),
        helper.make_node("DequantizeLinear", ["conv_quantized", "step", "u128"], ["conv"]),
        # onnxruntime takes its 8-bit product only where it sees the row being quantized.
        helper.make_node("QuantizeLinear", ["row", "one", "i0"], ["row_quantized"]),
        helper.make_node("DequantizeLinear", ["row_quantized", "one", "i0"], ["row_real"]),
        helper.make_node("DequantizeLinear", ["w1", "ones1", "zeros1"], ["w1_real"], axis=1),
        helper.make_node("MatMul", ["row_real", "w1_real"], ["dense_real"]),
        helper.make_node("QuantizeLinear", ["dense_real", "step", "i0"], ["dense_quantized"]),
        helper.make_node("DequantizeLinear", ["dense_quantized", "step", "i0"], ["dense"]),
    ]
    initializers: dict[str, np.ndarray] = {
        "w0": 127 * signs[:8, :72].reshape(8, 8, 3, 3),
        "w1": 127 * signs[:16, :64].T.copy(),
        "one": np.array(1, np.float32),
        "step": np.array(EXTREMES_STEP, np.float32),
        "u0": np.array(0, np.uint8),
        "u128": np.array(128, np.uint8),
        "i0": np.array(0, np.int8),
    }
    for index, channels in ((0, 8), (1, 16)):
        initializers[f"ones{index}"] = np.ones(channels, np.float32)
        initializers[f"zeros{index}"] = np.zeros(channels, np.int8)
    graph = helper.make_graph(
        nodes,
        "extremes",
        [
            helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 8, 6, 6]),
            helper.make_tensor_value_info("row", TensorProto.FLOAT, [4, 64]),
        ],
        [
            helper.make_tensor_value_info("conv", TensorProto.FLOAT, [1, 8, 4, 4]),
            helper.make_tensor_value_info("dense", TensorProto.FLOAT, [4, 16]),
        ],
        [numpy_helper.from_array(value, name) for name, value in initializers.items()],
    )
    return _checked(graph)


class TfliteGraph:
    """A TFLite model under construction: one subgraph, written by the schema's object API."""

    def __init__(self) -> None:
        self._graph = tfl.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model = tfl.ModelT()
        self._model.version = 3
        self._model.buffers = [tfl.BufferT()]  # buffer 0 is the empty one, by the format
        self._model.operatorCodes = []
        self._model.subgraphs = [self._graph]

    def tensor(
        self,
        name: str,
        shape: list[int],
        dtype: int = tfl.TensorType.FLOAT32,
        value: np.ndarray | None = None,
        free_batch: bool = False,
    ) -> int:
        """Add a tensor and return its index."""
        tensor = tfl.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, dtype, 0
        if free_batch:
            tensor.shapeSignature = [-1, *shape[1:]]
        if dtype == tfl.TensorType.INT8:
            tensor.quantization = tfl.QuantizationParametersT()
            tensor.quantization.scale = [POOL_SCALE]
            tensor.quantization.zeroPoint = [POOL_ZERO_POINT]
        if value is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, name: str, value: np.ndarray) -> int:
        """Add a constant (float32 or int32) and return its index."""
        kind = tfl.TensorType.FLOAT32 if value.dtype == np.float32 else tfl.TensorType.INT32
        return self.tensor(name, list(value.shape), kind, value)

    def operator(self, code: int, inputs: list[int], output: int, options: Any) -> None:  # noqa: ANN401 - a union of the schema's options
        """Add an operator with *options*, an object of the schema."""
        opcode = tfl.OperatorCodeT()
        opcode.builtinCode = opcode.deprecatedBuiltinCode = code
        opcode.version = 2 if code == tfl.BuiltinOperator.MAX_POOL_2D else 1
        self._model.operatorCodes.append(opcode)
        operator = tfl.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(tfl.BuiltinOptions, kind)
        operator.builtinOptions = options
        self._graph.operators.append(operator)

    def plain_operator(self, version: int, custom: str, inputs: list[int], output: int) -> None:
        """Add RELU, or the operator called *custom*."""
        opcode = tfl.OperatorCodeT()
        code = tfl.BuiltinOperator.CUSTOM if custom else tfl.BuiltinOperator.RELU
        opcode.builtinCode = opcode.deprecatedBuiltinCode = code
        opcode.version, opcode.customCode = version, custom or None
        self._model.operatorCodes.append(opcode)
        operator = tfl.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        self._graph.operators.append(operator)

    def signature(self, inputs: dict[str, int], outputs: dict[str, int]) -> None:
        """Add the signature ``serving_default``."""
        signature = tfl.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = "serving_default", 0
        signature.inputs = [_tensor_map(name, index) for name, index in inputs.items()]
        signature.outputs = [_tensor_map(name, index) for name, index in outputs.items()]
        self._model.signatureDefs = [signature]

    def serialize(self, inputs: list[int], outputs: list[int]) -> bytes:
        """Return the flatbuffer."""
        self._graph.inputs, self._graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(4096)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def _tensor_map(name: str, index: int) -> tfl.TensorMapT:
    entry = tfl.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


def classifier_tflite(weights: Weights) -> bytes:
    """Return the classifier as TFLite: NHWC, free batch size, with a signature."""
    graph = TfliteGraph()
    image = graph.tensor("serving_default_image:0", [1, 8, 8, 3], free_batch=True)
    conv = graph.tensor("conv", [1, 8, 8, 4], free_batch=True)
    mean = graph.tensor("mean", [1, 4], free_batch=True)
    logits = graph.tensor("logits", [1, 5], free_batch=True)
    scores = graph.tensor("StatefulPartitionedCall:0", [1, 5], free_batch=True)

    conv_options = tfl.Conv2DOptionsT()
    conv_options.padding = tfl.Padding.SAME
    conv_options.strideH = conv_options.strideW = 1
    conv_options.fusedActivationFunction = tfl.ActivationFunctionType.RELU
    kernel = graph.constant("w0", weights.conv.transpose(0, 2, 3, 1))  # OIHW to OHWI
    bias = graph.constant("b0", weights.conv_bias)
    graph.operator(tfl.BuiltinOperator.CONV_2D, [image, kernel, bias], conv, conv_options)

    axes = graph.constant("axes", np.array([1, 2], np.int32))
    graph.operator(tfl.BuiltinOperator.MEAN, [conv, axes], mean, tfl.ReducerOptionsT())
    dense, dense_bias = (
        graph.constant("w1", weights.dense),
        graph.constant("b1", weights.dense_bias),
    )
    graph.operator(
        tfl.BuiltinOperator.FULLY_CONNECTED,
        [mean, dense, dense_bias],
        logits,
        tfl.FullyConnectedOptionsT(),
    )
    softmax = tfl.SoftmaxOptionsT()
    softmax.beta = 1.0
    graph.operator(tfl.BuiltinOperator.SOFTMAX, [logits], scores, softmax)
    graph.signature({"image": image}, {"scores": scores})
    return graph.serialize([image], [scores])


def pool_int8_tflite() -> bytes:
    """Return the max-pool as TFLite: NHWC, int8 in and out, no signature."""
    graph = TfliteGraph()
    image = graph.tensor("image", [1, 4, 6, 3], tfl.TensorType.INT8)
    pooled = graph.tensor("pooled", [1, 2, 3, 3], tfl.TensorType.INT8)
    options = tfl.Pool2DOptionsT()
    options.padding = tfl.Padding.VALID
    options.strideH = options.strideW = options.filterHeight = options.filterWidth = 2
    graph.operator(tfl.BuiltinOperator.MAX_POOL_2D, [image], pooled, options)
    return graph.serialize([image], [pooled])


def classifier_numpy(weights: Weights) -> bytes:
    """Return the classifier for NumPy, with a free batch size."""
    padded = np.full((3, 10, 10), 192)  # the place of a zero, after all pixels
    padded[:, 1:9, 1:9] = np.arange(192).reshape(3, 8, 8)
    windows = [padded[:, y : y + 3, x : x + 3].ravel() for y in range(8) for x in range(8)]
    nodes = [
        helper.make_node("Reshape", ["image", "line"], ["pixels"]),
        helper.make_node("Gather", ["pixels", "first"], ["some"], axis=1),
        helper.make_node("Sub", ["some", "some"], ["zero"]),
        helper.make_node("Concat", ["pixels", "zero"], ["filled"], axis=1),
        helper.make_node("Gather", ["filled", "windows"], ["window"], axis=1),
        helper.make_node("MatMul", ["window", "w0"], ["products"]),
        helper.make_node("Add", ["products", "b0"], ["conv"]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("ReduceMean", ["relu"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Gemm", ["mean", "w1", "b1"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    initializers = {
        "line": np.array([0, -1]),
        "first": np.array([0]),
        "windows": np.stack(windows).astype(np.int32),
        "w0": weights.conv.reshape(4, 27).T.copy(),
        "b0": weights.conv_bias,
        "w1": weights.dense,
        "b1": weights.dense_bias,
    }
    data = _onnx(nodes, initializers, ("image", ["N", 3, 8, 8]), ("scores", ["N", 5]))
    return write_numpy(ir.from_proto(onnx.ModelProto.FromString(data)))


def pool_numpy() -> bytes:
    """Return the max-pool for NumPy."""
    nodes = [
        helper.make_node("Reshape", ["image", "windows"], ["split"]),
        helper.make_node("ReduceMax", ["split"], ["pooled"], axes=[3, 5], keepdims=0),
    ]
    windows = {"windows": np.array([1, 3, 2, 2, 3, 2])}
    data = _onnx(nodes, windows, ("image", [1, 3, 4, 6]), ("pooled", [1, 3, 2, 3]))
    return write_numpy(ir.from_proto(onnx.ModelProto.FromString(data)))


def refused_tflite(version: int, custom: str = "") -> bytes:
    """Return a model of one operator: RELU of some *version*, or one by the name *custom*."""
    graph = TfliteGraph()
    given, result = graph.tensor("x", [1, 4]), graph.tensor("y", [1, 4])
    graph.plain_operator(version, custom, [given], result)
    return graph.serialize([given], [result])


def golden_vectors(model: bytes) -> bytes:
    """Return the golden vectors of the classifier: seeded images with its scores."""
    random = np.random.default_rng(11)
    images = [random.normal(0.0, 1.0, (1, 3, 8, 8)).astype(np.float32) for _ in range(2)]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    scores = [session.run(["scores"], {"image": image})[0] for image in images]
    return pack_golden(
        [{"image": image} for image in images], [{"scores": score} for score in scores]
    )


def main() -> None:
    """Write the files beside this one."""
    weights = make_weights()
    classifier = classifier_onnx(weights)
    (FOLDER / "classifier.onnx").write_bytes(classifier)
    (FOLDER / "classifier.golden.npz").write_bytes(golden_vectors(classifier))
    (FOLDER / "classifier.tflite").write_bytes(classifier_tflite(weights))
    (FOLDER / "classifier.numpy").write_bytes(classifier_numpy(weights))
    (FOLDER / "pool.numpy").write_bytes(pool_numpy())
    (FOLDER / "pool.onnx").write_bytes(pool_onnx())
    (FOLDER / "extremes.onnx").write_bytes(extremes_onnx())
    (FOLDER / "pool.int8.tflite").write_bytes(pool_int8_tflite())
    (FOLDER / "refused.newer.tflite").write_bytes(refused_tflite(99))
    (FOLDER / "refused.custom.tflite").write_bytes(refused_tflite(1, "Sharpen"))
    (FOLDER / "refused.flex.tflite").write_bytes(refused_tflite(1, "FlexErf"))


if __name__ == "__main__":
    main()
