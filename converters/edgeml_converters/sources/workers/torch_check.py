"""Whether an exported file gives the model's own numbers, on inputs from a fixed seed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from torch_network import Input, Model  # type: ignore[import-not-found]  # lies beside this file
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Arrays,
    UserError,
    cause_of,
)

TOLERANCE: Final = 1e-4
"""Of an output's range: float32 rounding in another order of summation."""
FLAT_SHARE: Final = 0.01
"""An output that hardly varies is measured against this share of its magnitude."""
INDEX_LIMITS: Final = (8, 2)
"""Integers are most often indices into a table; the first limit that the model takes holds."""
# Factor and offset of what is drawn: a decision on the data should fall both ways among them.
_KINDS: Final = ((1.0, 0.0), (3.0, 0.0), (0.3, 0.7), (0.3, -0.7))
_QUIET: Final = 3


class DisagreementError(Exception):
    """An export that gives other numbers than the model."""


def samples(spec: str, model: Model) -> list[Arrays]:
    """Return inputs that the model takes, its author's example first.

    Raises:
        UserError: It takes none, or answers the same inputs differently.
    """
    failure: Exception | None = None
    for limit in INDEX_LIMITS:
        made = [_sample(model, index, limit) for index in range(len(_KINDS))]
        if model.example:
            made.insert(0, {**made[0], **model.example})
        try:
            answers = [model.run(sample) for sample in made]
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's network raises
            failure = failure or error
            continue
        _require_steady(spec, answers[0], model.run(made[0]))
        return made
    assert failure is not None
    raise UserError(
        f"{spec} fails on inputs of {_described(model.inputs)}: {cause_of(failure)}.",
        "Check the sizes and types of --input-shape, or give the network an attribute "
        "example_inputs.",
    ) from failure


def stacked(given: Sequence[Arrays], count: int) -> Arrays:
    """Return the first *count* samples as one batch."""
    return {name: np.concatenate([sample[name] for sample in given[:count]]) for name in given[0]}


def check(model: Model, path: Path, given: Sequence[Arrays], *, free: bool) -> None:
    """Run the file at *path* and the model on the same inputs.

    Args:
        model: What is right.
        path: The exported file.
        given: Inputs of the model.
        free: Whether batches of other sizes must agree too.

    Raises:
        DisagreementError: They differ.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _QUIET
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    known = [item.name for item in session.get_inputs()]
    if known != [item.name for item in model.inputs]:
        raise DisagreementError(f"its inputs are {', '.join(known) or 'none'}")
    names = [item.name for item in session.get_outputs()]
    batches = [stacked(given, 2), stacked(given, 3)] if free else []
    for sample in (*given, *batches):
        expected = model.run(sample)
        found = session.run(names, dict(sample))
        if list(expected) != names:
            raise DisagreementError(f"its outputs are {', '.join(names)}")
        for name, value in zip(names, found, strict=True):
            _compare(name, expected[name], value)


def _sample(model: Model, index: int, limit: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng([0, index])
    factor, offset = _KINDS[index]
    return {item.name: _values(item, generator, factor, offset, limit) for item in model.inputs}


def _values(
    item: Input, generator: np.random.Generator, factor: float, offset: float, limit: int
) -> np.ndarray:
    dtype = np.dtype(item.dtype)
    if dtype.kind == "f":
        return np.asarray(generator.standard_normal(item.shape) * factor + offset, dtype)
    if dtype.kind == "b":
        return np.asarray(generator.integers(0, 2, item.shape), dtype)
    return np.asarray(generator.integers(0, limit, item.shape), dtype)


def _require_steady(spec: str, first: Arrays, second: Arrays) -> None:
    for name, value in first.items():
        if not np.array_equal(value, second[name], equal_nan=value.dtype.kind == "f"):
            raise UserError(
                f"{spec} answers the same inputs differently (output '{name}').",
                "Take random numbers and state that lasts between calls out of the network.",
            )


def _compare(name: str, expected: np.ndarray, found: np.ndarray) -> None:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        raise DisagreementError(
            f"output '{name}' is {found.dtype} {found.shape}, not {expected.dtype} {expected.shape}"
        )
    if not expected.size:
        return
    left, right = expected.astype(np.float64), found.astype(np.float64)
    magnitude = float(np.nanmax(np.abs(left), initial=0.0))
    scale = max(float(np.ptp(left)), FLAT_SHARE * magnitude) or 1.0
    if not np.allclose(left, right, rtol=0.0, atol=TOLERANCE * scale, equal_nan=True):
        error = float(np.nanmax(np.abs(left - right))) / scale
        raise DisagreementError(f"output '{name}' differs by {error:.2g} of its range")


def _described(inputs: Sequence[Input]) -> str:
    return ", ".join(f"{i.name} {'x'.join(map(str, i.shape))} {i.dtype}" for i in inputs)
