"""A ``torch.nn.Module`` as a model: its inputs are the parameters of its ``forward``."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch_network import (  # type: ignore[import-not-found]  # lies beside this file
    Input,
    Model,
    Network,
    batch_of_one,
)
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Arrays,
    Options,
    UserError,
)

DEFAULT_DTYPE = "float32"


@dataclass(frozen=True)
class Signature:
    """What ``forward`` takes.

    Args:
        names: Its parameters; those that are given no value keep their default.
        required: Those without a default.
        by_place: Whether they are passed by place and not by name.
        open: Whether it takes any others too.
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    by_place: bool = False
    open: bool = False


def module_model(spec: str, module: torch.nn.Module, example: object, options: Options) -> Model:
    """Return *module* as a model.

    Args:
        spec: What the user calls it.
        module: The network.
        example: A tensor, a tuple of them or a dict of them by name; or None.
        options: The sizes and types of the inputs, which override those of *example*.

    Raises:
        UserError: Sizes are missing, or a name is unknown.
    """
    notes: tuple[str, ...] = ()
    if any(p.dtype in {torch.float16, torch.bfloat16} for p in module.parameters()):
        module.float()
        notes = ("The weights are 16 bits wide; the model was taken in float32.",)
    module.cpu().eval()
    signature = _signature(module)
    given = _example_arrays(spec, example, signature.names)
    inputs = _inputs(spec, given, options, signature)
    names = [item.name for item in inputs]

    def arrange(tensors: Sequence[Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        if signature.by_place:
            return tensors, {}
        return (), dict(zip(names, tensors, strict=True))

    fitting = {i.name: given[i.name] for i in inputs if i.name in given and _fits(i, given)}
    return Model(Network(module, arrange, names), inputs, fitting, batch_of_one(inputs), notes)


def _signature(module: torch.nn.Module) -> Signature:
    if isinstance(module, torch.jit.ScriptModule):
        arguments = module.forward.schema.arguments[1:]
        required = tuple(a.name for a in arguments if not a.has_default_value())
        return Signature(tuple(a.name for a in arguments), required, by_place=True)
    parameters = list(inspect.signature(module.forward).parameters.values())
    plain = [p for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}]
    return Signature(
        names=tuple(p.name for p in plain),
        required=tuple(p.name for p in plain if p.default is p.empty),
        by_place=any(p.kind in {p.POSITIONAL_ONLY, p.VAR_POSITIONAL} for p in parameters),
        open=len(plain) < len(parameters),
    )


def _example_arrays(spec: str, example: object, names: Sequence[str]) -> dict[str, np.ndarray]:
    if example is None:
        return {}
    if isinstance(example, Mapping):
        values = {str(name): value for name, value in example.items()}
    else:
        row = example if isinstance(example, (tuple, list)) else (example,)
        values = dict(zip(names, row))  # noqa: B905 - the parameters after them have defaults
    for name, value in values.items():
        if not isinstance(value, (torch.Tensor, np.ndarray)):
            raise UserError(
                f"example_inputs of {spec} has a {type(value).__name__} for '{name}'.",
                "Give a tensor for each input: alone, in a tuple, or in a dict by name.",
            )
    return {name: np.array(torch.as_tensor(value).cpu()) for name, value in values.items()}


def _inputs(spec: str, given: Arrays, options: Options, signature: Signature) -> tuple[Input, ...]:
    shapes = {name: array.shape for name, array in given.items()}
    shapes.update({name: tuple(shape) for name, shape in options["input_shapes"].items()})
    dtypes = {name: array.dtype.name for name, array in given.items()}
    dtypes.update(options.get("input_dtypes", {}))
    refuse_unknown(spec, () if signature.open else shapes, signature.names)
    missing = [name for name in signature.required if name not in shapes]
    if missing or not shapes:
        listed = ", ".join(f"'{name}'" for name in missing) or "its inputs"
        options_text = " ".join(f"--input-shape {name}:1x3x224x224" for name in missing or ["x"])
        raise UserError(
            f"{spec} does not tell the sizes of {listed}.", f"Add them, such as: {options_text}"
        )
    known = [name for name in signature.names if name in shapes]
    order = [*known, *(name for name in shapes if name not in known)]
    return tuple(Input(name, shapes[name], dtypes.get(name, DEFAULT_DTYPE)) for name in order)


def refuse_unknown(
    spec: str, given: Mapping[str, Any] | Sequence[str], names: Sequence[str]
) -> None:
    """Check that all *given* names are among the *names* of the inputs.

    Raises:
        UserError: One is not.
    """
    unknown = [name for name in given if name not in names]
    if unknown:
        raise UserError(
            f"{spec} has no input '{unknown[0]}'; its inputs are "
            f"{', '.join(repr(name) for name in names)}.",
            "Name one of them.",
        )


def _fits(item: Input, given: Arrays) -> bool:
    array = given[item.name]
    return bool(array.shape == item.shape and array.dtype.name == item.dtype)
