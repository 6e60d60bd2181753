"""The engines of TFLite: ``litert`` (XNNPACK), ``litert-builtin``, ``tflite-runtime`` (NumPy 1).

They share what drives an interpreter, whichever library it is from; each imports its own when a
model is opened.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Optional, Protocol, Union

import numpy as np

from edgeml_runtime.engines.refusal import FeedCheck
from edgeml_runtime.errors import InputError, UnsupportedError
from edgeml_runtime.tensors import Quantization, TensorSpec

_Details = Mapping[str, Any]
_Names = Mapping[int, str]


class Interpreter(Protocol):
    """The part of ``tf.lite.Interpreter`` that is used; a Protocol as three libraries have it."""

    def allocate_tensors(self) -> None: ...  # noqa: D102 - TensorFlow documents these
    def invoke(self) -> None: ...  # noqa: D102
    def get_input_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def get_output_details(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def get_signature_list(self) -> dict[str, Any]: ...  # noqa: D102
    def get_signature_runner(self, signature_key: str) -> Any: ...  # noqa: ANN401, D102
    def resize_tensor_input(self, input_index: int, tensor_size: list[int]) -> None: ...  # noqa: D102
    def set_tensor(self, tensor_index: int, value: np.ndarray) -> None: ...  # noqa: D102
    def get_tensor(self, tensor_index: int) -> np.ndarray: ...  # noqa: D102


class InterpreterFactory(Protocol):
    """A call that makes an interpreter from a file, which it maps, or from the bytes of one."""

    def __call__(
        self, *, model_path: Optional[str], model_content: Optional[bytes], num_threads: int
    ) -> Interpreter:
        """Return the interpreter; raises ValueError for a file it cannot read."""


class TfliteEngine:
    """A model in a TFLite interpreter; the contract is that of ``Engine``."""

    def __init__(
        self,
        name: str,
        version: str,
        model: Union[bytes, str],
        threads: int,
        factory: InterpreterFactory,
    ) -> None:
        self.name = name
        self.version = version
        self.threads = threads
        interpreter, allocated = _open_interpreter(name, version, model, threads, factory)
        self._interpreter: Optional[Interpreter] = interpreter
        inputs = interpreter.get_input_details()
        outputs = interpreter.get_output_details()
        input_names, output_names = _signature_names(interpreter)
        self.inputs = tuple(_spec(details, input_names) for details in inputs)
        self.outputs = tuple(_spec(details, output_names) for details in outputs)
        self._check = FeedCheck(self.inputs)
        self._places = {s.name: int(d["index"]) for s, d in zip(self.inputs, inputs)}
        self._output_places = {s.name: int(d["index"]) for s, d in zip(self.outputs, outputs)}
        self._shapes = [tuple(int(size) for size in details["shape"]) for details in inputs]
        if not allocated:
            self._shapes = []  # whatever sizes come first, the tensors are allocated for them
        self._has_free_sizes = any(None in spec.shape for spec in self.inputs)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all outputs by name; see ``Engine.run``."""
        interpreter = self._interpreter
        if interpreter is None:
            raise InputError("The model was closed.", "Load it again before running it.")
        self._check(inputs)
        try:
            if self._has_free_sizes:
                self._fit_shapes(interpreter, inputs)
            for name, place in self._places.items():
                interpreter.set_tensor(place, inputs[name])
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.name} cannot run the model on these inputs: {_one_line(error)}.",
                "Give inputs with the sizes that the model was made for.",
            ) from error
        get = interpreter.get_tensor  # which copies
        return {name: get(place) for name, place in self._output_places.items()}

    def close(self) -> None:
        """Release the interpreter."""
        self._interpreter = None

    def _fit_shapes(self, interpreter: Interpreter, inputs: Mapping[str, np.ndarray]) -> None:
        shapes = [inputs[name].shape for name in self._places]
        if shapes == self._shapes:
            return
        for index, shape in zip(self._places.values(), shapes):
            interpreter.resize_tensor_input(index, list(shape))
        interpreter.allocate_tensors()
        self._shapes = shapes


def _open_interpreter(
    name: str, version: str, model: Union[bytes, str], threads: int, factory: InterpreterFactory
) -> tuple[Interpreter, bool]:
    """Return the interpreter, and whether it has memory for the sizes that the file has.

    A file with free sizes holds 1 in their place, which may be no size that its operators take.
    """
    interpreter: Optional[Interpreter] = None
    try:
        interpreter = factory(
            model_path=None if isinstance(model, bytes) else model,
            model_content=model if isinstance(model, bytes) else None,
            num_threads=threads,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        if interpreter is not None and _has_free_sizes(interpreter):
            return interpreter, False
        from edgeml_runtime.engines.refusal import load_error  # noqa: PLC0415 - errors only

        raise load_error(name, version, error) from error
    return interpreter, True


def _has_free_sizes(interpreter: Interpreter) -> bool:
    return any(
        size < 0
        for details in interpreter.get_input_details()
        for size in details.get("shape_signature", ())
    )


def _signature_names(interpreter: Interpreter) -> tuple[_Names, _Names]:
    """Return the signature's names of the inputs and of the outputs, by tensor index.

    Empty unless the file has exactly one signature: with several, the file means several
    functions, and the tensors of the main graph keep their own names.
    """
    signatures = interpreter.get_signature_list()
    if len(signatures) != 1:
        return {}, {}
    runner = interpreter.get_signature_runner(next(iter(signatures)))
    return _by_index(runner.get_input_details()), _by_index(runner.get_output_details())


def _by_index(details: Mapping[str, _Details]) -> _Names:
    return {int(entry["index"]): name for name, entry in details.items()}


def _spec(details: _Details, names: _Names) -> TensorSpec:
    dtype = np.dtype(details["dtype"])
    if dtype.kind not in "fiub":
        raise UnsupportedError(
            f"'{details['name']}' holds {dtype.name}, and only numeric tensors can be run.",
            "Convert the model with numeric inputs and outputs.",
        )
    signature = details.get("shape_signature", details["shape"])
    shape = tuple(None if size < 0 else int(size) for size in signature)
    return TensorSpec(
        name=names.get(int(details["index"]), str(details["name"])),
        shape=shape,
        dtype=dtype.name,
        layout="NHWC" if len(shape) == 4 else "",
        quantization=_quantization(details),
    )


def _quantization(details: _Details) -> Optional[Quantization]:
    parameters = details["quantization_parameters"]
    scales, zero_points = parameters["scales"], parameters["zero_points"]
    if len(scales) != 1:
        return None
    return Quantization(scale=float(scales[0]), zero_point=int(zero_points[0]))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def open_litert(name: str, version: str, model: Union[bytes, str], threads: int) -> TfliteEngine:
    """Return the engine with *model*, a file or its bytes, on XNNPACK where it applies."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 - one board, one library

    return TfliteEngine(name, version, model, threads, Interpreter)


def open_litert_builtin(
    name: str, version: str, model: Union[bytes, str], threads: int
) -> TfliteEngine:
    """Return the engine with *model* on the built-in kernels alone."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: PLC0415 - as above

    factory = partial(
        Interpreter,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    return TfliteEngine(name, version, model, threads, factory)


def open_tflite_runtime(
    name: str, version: str, model: Union[bytes, str], threads: int
) -> TfliteEngine:
    """Return the engine with *model* in tflite-runtime."""
    from tflite_runtime.interpreter import Interpreter  # noqa: PLC0415 - as above

    return TfliteEngine(name, version, model, threads, Interpreter)
