"""A Keras or TensorFlow model by its path, as a function of named tensors.

Knows the file formats and their trust, and what goes in and out; must not know ONNX.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.saved_model.load import Loader
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Options,
    UserError,
    cause_of,
)

SIGNATURES = ("serving_default", "serve")
# Operators that reach outside the model: files, and the code of another program.
UNTRUSTED = frozenset(
    {"EagerPyFunc", "MatchingFiles", "PyFunc", "PyFuncStateless", "ReadFile", "WriteFile"}
)
READ_ERRORS = (
    AttributeError,
    ImportError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    tf.errors.OpError,
)


@dataclass(frozen=True)
class Model:
    """A model that is ready to be called and exported.

    Args:
        call: Takes one tensor for each input, in order, and returns those of the outputs.
        inputs: Name, shape (None for what is free) and dtype of each input.
        outputs: The names of the outputs.
    """

    call: Callable[..., Sequence[Any]]
    inputs: tuple[tf.TensorSpec, ...]
    outputs: tuple[str, ...]


def read_model(spec: str, options: Options) -> Model:
    """Return the model of the file or folder *spec*, with the user's input shapes.

    Raises:
        UserError: It cannot be read, is not to be trusted, or does not say what its inputs are.
    """
    read = _saved_model if Path(spec).is_dir() else _keras_model
    try:
        model = read(spec, trusting=bool(options["trust_pickle"]))
    except READ_ERRORS as error:
        raise UserError(
            f"'{spec}' cannot be read with Keras {keras.__version__} and TensorFlow "
            f"{tf.__version__}: {cause_of(error)}.",
            "Check that the file is whole and holds the network, not the weights alone. A model "
            "with classes of its own is read from the folder that its export() or "
            "tf.saved_model.save() writes.",
        ) from error
    return _shaped(model, options)


def _keras_model(spec: str, *, trusting: bool) -> Model:
    try:
        model = keras.saving.load_model(spec, compile=False, safe_mode=not trusting)
    except ValueError as error:
        if "safe_mode" not in str(error) and "unsafe" not in str(error):
            raise
        raise UserError(
            f"'{spec}' holds Python code, as a Lambda layer does.",
            "Write that layer with keras.ops or as a SavedModel, or add --trust-pickle if you know "
            "who made the file: its code is run.",
        ) from error
    if not getattr(model, "inputs", None):
        raise UserError(
            f"The {type(model).__name__} of '{spec}' does not say what its inputs are.",
            "Call the model once, then save it with model.export(FOLDER) and give the folder.",
        )
    arrange = getattr(model, "_inputs_struct", model.inputs[0])

    def call(*tensors: tf.Tensor) -> list[Any]:
        packed = keras.tree.pack_sequence_as(arrange, list(tensors))
        return list(keras.tree.flatten(model(packed, training=False)))

    inputs = tuple(
        tf.TensorSpec(value.shape, value.dtype, _plain(value.name)) for value in model.inputs
    )
    return Model(call, inputs, _output_names(model, {spec.name for spec in inputs}))


def _output_names(model: keras.Model, taken: set[str]) -> tuple[str, ...]:
    struct = getattr(model, "_outputs_struct", None)
    if isinstance(struct, dict) and len(struct) == len(model.outputs):
        wanted = [name for name, _ in sorted(struct.items())]
    else:
        wanted = [value._keras_history.operation.name for value in model.outputs]
    return _distinct(wanted, taken)


def _saved_model(spec: str, *, trusting: bool) -> Model:
    if not trusting:
        _refuse_outside(spec)
    with _without_optimizers():
        loaded = tf.saved_model.load(spec)
    signatures = dict(loaded.signatures)
    found = [name for name in SIGNATURES if name in signatures] or sorted(signatures)
    if not found:
        raise UserError(
            f"The SavedModel '{spec}' has no signature.",
            "Save it with one, such as model.export(FOLDER) of Keras writes.",
        )
    signature = signatures[found[0]]
    named = sorted(signature.structured_input_signature[1].items())
    outputs = sorted(signature.structured_outputs)

    def call(*tensors: tf.Tensor) -> list[Any]:
        answers = signature(**dict(zip((name for name, _ in named), tensors, strict=True)))
        return [answers[name] for name in outputs]

    call.owner = loaded  # type: ignore[attr-defined]  # its variables go when nothing holds it
    inputs = tuple(tf.TensorSpec(value.shape, value.dtype, _plain(name)) for name, value in named)
    return Model(call, inputs, _distinct(outputs, {spec.name for spec in inputs}))


@contextmanager
def _without_optimizers() -> Iterator[None]:
    """Let a folder be read that Keras 2 wrote with its optimizer, which TensorFlow has no more.

    The optimizer is then an object without methods, and is asked for its variables all the same.
    """
    original = Loader._recreate_base_user_object

    def recreate(loader: Loader, *arguments: object, **keywords: object) -> object:
        value, setter = original(loader, *arguments, **keywords)
        type(value).add_slot = lambda _self, var, **_slot: tf.Variable(tf.zeros_like(var))
        return value, setter

    Loader._recreate_base_user_object = recreate
    try:
        yield
    finally:
        Loader._recreate_base_user_object = original


def _refuse_outside(spec: str) -> None:
    document = SavedModel()
    document.ParseFromString((Path(spec) / "saved_model.pb").read_bytes())
    used = set()
    for graph in (meta.graph_def for meta in document.meta_graphs):
        used |= {node.op for node in graph.node}
        used |= {node.op for function in graph.library.function for node in function.node_def}
    if reaching := sorted(used & UNTRUSTED):
        raise UserError(
            f"The SavedModel '{spec}' reaches outside itself with {', '.join(reaching)}.",
            "Take that out of the model, or add --trust-pickle if you know who made it.",
        )


def _shaped(model: Model, options: Options) -> Model:
    """Return *model* with the sizes that the user gave."""
    given = options["input_shapes"]
    known = ", ".join(f"'{value.name}' {tuple(value.shape)}" for value in model.inputs)
    for name, shape in given.items():
        fits = [v for v in model.inputs if v.name == name and v.shape.is_compatible_with(shape)]
        if not fits:
            raise UserError(
                f"'--input-shape {name}:{'x'.join(map(str, shape))}' does not fit the model, "
                f"whose inputs are {known}.",
                "Give sizes for what is None there.",
            )
    inputs = tuple(
        tf.TensorSpec(given.get(value.name, value.shape), value.dtype, value.name)
        for value in model.inputs
    )
    return Model(model.call, inputs, model.outputs)


def _plain(name: str) -> str:
    return name.split(":", maxsplit=1)[0].replace("/", "_")


def _distinct(names: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    """Return the names, each with something behind it if another tensor has it already."""
    found: list[str] = []
    for name in map(_plain, names):
        free = f"{name}_output" if name in taken else name
        number = 1
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return tuple(found)
