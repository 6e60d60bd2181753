"""A PyTorch model by its SPEC: ``package.module:factory`` or a file."""

import importlib
import operator
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_archive import REMEDY, refuse_code  # type: ignore[import-not-found]  # lies beside
from torch_module import module_model  # type: ignore[import-not-found]  # as above
from torch_network import Model  # type: ignore[import-not-found]  # as above
from torch_program import program_model  # type: ignore[import-not-found]  # as above
from worker_frames import Options, UserError, cause_of  # type: ignore[import-not-found]  # as above

SEED = 0
FACTORY_REMEDY = (
    "Name a function that takes no arguments and returns the network, with its weights loaded."
)


def open_model(spec: str, options: Options) -> Model:
    """Return the model that *spec* names, built the same way each time.

    Raises:
        UserError: There is no such model, or it cannot be built or called as asked.
    """
    torch.set_num_threads(1)
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - what the user's own code draws from
    torch.manual_seed(SEED)
    path = Path(spec)
    found, example = _load(path, options) if path.is_file() else _build(spec)
    if isinstance(found, torch.export.ExportedProgram):
        return program_model(spec, found, options)
    if not isinstance(found, torch.nn.Module):
        raise UserError(
            f"{spec} gives a {type(found).__name__}, not a torch.nn.Module.", FACTORY_REMEDY
        )
    return module_model(spec, found, example, options)


def _load(path: Path, options: Options) -> tuple[Any, None]:
    """Return what a file holds."""
    if not options["trust_pickle"]:
        refuse_code(path)
    try:
        if path.suffix.lower() == ".pt2":
            return torch.export.load(path), None
        found = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        if type(error).__name__ == "UnpicklingError" and not options["trust_pickle"]:
            raise UserError(f"'{path}' holds a pickle that could run code.", REMEDY) from error
        raise UserError(
            f"'{path}' cannot be loaded by PyTorch {torch.__version__}: {cause_of(error)}.",
            "Save it again with this version of PyTorch, or name a function that builds the "
            "network, as module:factory.",
        ) from error
    if isinstance(found, Mapping):
        raise UserError(
            f"'{path}' holds weights and no network.",
            "Name a function that builds the network and loads them, as module:factory.",
        )
    return found, None


def _build(spec: str) -> tuple[Any, Any]:
    """Return what ``module:factory`` names or makes, and its ``example_inputs``, if any."""
    name, _, attribute = spec.partition(":")
    try:
        named = operator.attrgetter(attribute)(importlib.import_module(name))
        ready = isinstance(named, (torch.nn.Module, torch.export.ExportedProgram))
        made = named() if callable(named) and not ready else named
    except (Exception, SystemExit) as error:
        raise _failure(spec, name, error) from error
    return made, getattr(made, "example_inputs", getattr(named, "example_inputs", None))


def _failure(spec: str, name: str, error: BaseException) -> UserError:
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        if f"{name}.".startswith(f"{error.name}."):
            return UserError(
                f"There is no module '{error.name}' here.",
                "Run in the folder that holds it, or set PYTHONPATH to that folder.",
            )
        return UserError(
            f"{spec} needs the package '{error.name}', which is not installed beside PyTorch.",
            "Set EDGEML_TORCH_PYTHON to the Python interpreter of the environment in which your "
            "model runs.",
            3,
        )
    return UserError(f"{spec} cannot be made: {cause_of(error)}.", FACTORY_REMEDY)
