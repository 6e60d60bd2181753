"""The engine ``onnxruntime``: ONNX models on the CPU, without spinning threads or telemetry."""

import os
from collections.abc import Mapping
from typing import Optional, Union

import numpy as np

# Its import starts threads that report to the network (1.32 does); nobody asked for that. Who wants
# it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from edgeml_runtime.engines.refusal import FeedCheck
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import TensorSpec

_ERROR_SEVERITY = 3  # onnxruntime: 2 is warning, 3 is error

# These derive from Exception only, so that they must be named; newer versions have more of them.
_LOAD_ERRORS = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)

_DTYPES = {
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint8)": "uint8",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
}


class OnnxruntimeEngine:
    """A model in an onnxruntime session; the contract is that of ``Engine``."""

    def __init__(self, name: str, version: str, model: Union[bytes, str], threads: int) -> None:
        self.name = name
        self.version = version
        self.threads = threads
        self._session: Optional[onnxruntime.InferenceSession] = _open_session(model, threads)
        self.inputs = _specs(self._session.get_inputs())
        self.outputs = _specs(self._session.get_outputs())
        self._check = FeedCheck(self.inputs)
        self._output_names = [spec.name for spec in self.outputs]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all outputs by name; see ``Engine.run``."""
        if self._session is None:
            raise InputError("The model was closed.", "Load it again before running it.")
        self._check(inputs)
        try:
            values = self._session.run(self._output_names, inputs)
        except _LOAD_ERRORS as error:
            raise InputError(
                f"onnxruntime cannot run the model on these inputs: {_first_line(error)}.",
                "Give inputs with the sizes that the model was made for.",
            ) from error
        return dict(zip(self._output_names, values))

    def close(self) -> None:
        """Release the session."""
        self._session = None


def open_model(
    name: str, version: str, model: Union[bytes, str], threads: int
) -> OnnxruntimeEngine:
    """Return the engine with *model*, an ONNX file or its bytes, loaded."""
    return OnnxruntimeEngine(name, version, model, threads)


def _open_session(model: Union[bytes, str], threads: int) -> "onnxruntime.InferenceSession":
    onnxruntime.set_default_logger_severity(_ERROR_SEVERITY)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERROR_SEVERITY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning pool keeps every core busy between frames: heat and power for nothing on a board.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # x86 without VNNI adds pairs of 8-bit products in 16 bits, which saturates: answers that no
    # board gives. This takes exact kernels there, and changes nothing on Arm.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _LOAD_ERRORS as error:
        from edgeml_runtime.engines.refusal import load_error  # noqa: PLC0415 - errors only

        raise load_error("onnxruntime", onnxruntime.__version__, error) from error


def _specs(arguments: "list[onnxruntime.NodeArg]") -> tuple[TensorSpec, ...]:
    return tuple(_spec(argument) for argument in arguments)


def _spec(argument: "onnxruntime.NodeArg") -> TensorSpec:
    dtype = _DTYPES.get(argument.type)
    if dtype is None:
        raise UnsupportedError(
            f"'{argument.name}' is a {argument.type}, and only numeric tensors can be run.",
            "Export the model with plain tensors (scikit-learn: the option zipmap=False).",
        )
    # A size is a number, or the name of a free one, or None.
    shape = tuple(size if isinstance(size, int) else None for size in argument.shape)
    return TensorSpec(name=argument.name, shape=shape, dtype=dtype)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
