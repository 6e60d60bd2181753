"""An exported program, as ``torch.export.save`` writes it, as a model."""

import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as pytree
from torch_module import refuse_unknown  # type: ignore[import-not-found]  # lies beside this file
from torch_network import (  # type: ignore[import-not-found]  # lies beside this file
    Input,
    Model,
    Network,
    batch_of_one,
)
from worker_frames import Options, UserError  # type: ignore[import-not-found]  # as above

EXAMPLE_LENGTH = 128


def program_model(spec: str, program: torch.export.ExportedProgram, options: Options) -> Model:
    """Return *program* as a model.

    Its inputs have the names, sizes and types that it declares; free sizes are those of
    ``--input-shape``, else of the example that it was exported with.

    Raises:
        UserError: An input is no tensor, or *options* do not fit it.
    """
    program._guards_code = []  # source code from the file; the shapes are checked without it
    nodes = {node.name: node for node in program.graph.nodes}
    names = [str(name) for name in program.graph_signature.user_inputs]
    declared = {name: _declared(spec, name, nodes.get(name)) for name in names}
    refuse_unknown(spec, options["input_shapes"], names)
    example = _example(program, names)
    inputs = tuple(
        Input(name, _shape(spec, name, shape, options, example.get(name)), dtype)
        for name, (shape, dtype) in declared.items()
    )
    module = program.module(check_guards=False)
    for method in ("train", "eval"):  # a program has one mode, and refuses to be asked
        setattr(module, method, types.MethodType(lambda self, _mode=True: self, module))

    def arrange(tensors: Sequence[Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        arguments, keywords = pytree.tree_unflatten(list(tensors), program.call_spec.in_spec)
        return arguments, keywords

    free = all(shape[:1] == (None,) for shape, _ in declared.values())
    fitting = {i.name: example[i.name] for i in inputs if _fits(i, example.get(i.name))}
    network = Network(module, arrange, names)
    return Model(network, inputs, fitting, free and batch_of_one(inputs))


def _declared(spec: str, name: str, node: Any) -> tuple[tuple[int | None, ...], str]:  # noqa: ANN401 - a node of torch.fx
    """Return the sizes that the program declares, None for a free one, and the element type."""
    value = None if node is None else node.meta.get("val")
    if not isinstance(value, torch.Tensor):
        raise UserError(
            f"Input '{name}' of '{spec}' is no tensor.",
            "Export the program with tensors as its only inputs.",
        )
    shape = tuple(size if isinstance(size, int) else None for size in value.shape)
    return shape, str(value.dtype).rpartition(".")[2]


def _example(program: torch.export.ExportedProgram, names: list[str]) -> dict[str, np.ndarray]:
    leaves = pytree.tree_leaves(program.example_inputs or ())
    if len(leaves) != len(names) or not all(isinstance(leaf, torch.Tensor) for leaf in leaves):
        return {}
    return {n: leaf.detach().cpu().numpy() for n, leaf in zip(names, leaves, strict=True)}


def _shape(
    spec: str,
    name: str,
    declared: tuple[int | None, ...],
    options: Options,
    example: np.ndarray | None,
) -> tuple[int, ...]:
    given = options["input_shapes"].get(name)
    if given is None:
        sizes: list[int | None] = list(declared if example is None else example.shape)
        if declared[:1] == (None,):
            sizes[0] = 1
        if None in sizes:
            text = "x".join(str(size or EXAMPLE_LENGTH) for size in sizes)
            raise UserError(
                f"Input '{name}' of '{spec}' leaves sizes free.",
                f"Add them, such as: --input-shape {name}:{text}",
            )
        return tuple(size for size in sizes if size is not None)
    if len(given) != len(declared) or any(
        size not in {None, want} for size, want in zip(declared, given, strict=True)
    ):
        text = "x".join("?" if size is None else str(size) for size in declared)
        raise UserError(
            f"Input '{name}' of '{spec}' has the sizes {text}, not {'x'.join(map(str, given))}.",
            "Give those sizes; '?' stands for any.",
        )
    return tuple(given)


def _fits(item: Input, example: np.ndarray | None) -> bool:
    return example is not None and example.shape == item.shape
