"""The table of the forms that DATA can have, and the function that opens one.

A further form is a module with one function (``source.Form``) and one line here. Form modules are
imported when they are met, as decoding images needs OpenCV.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from edgeml_converters.data.dataset import Dataset
from edgeml_converters.data.model_input import dataset_from_source
from edgeml_converters.data.source import Form
from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec


@dataclass(frozen=True)
class FormEntry:
    """A line of the table: how to recognise a form, and the function that opens it."""

    description: str
    recognises: Callable[[str], bool]
    opener: str

    def load(self) -> Form:
        """Return the function that opens this form."""
        module, _, attribute = self.opener.partition(":")
        return cast("Form", getattr(import_module(module), attribute))


def _is_labelled_folder(spec: str) -> bool:
    return (Path(spec) / "labels.csv").is_file()


def _is_folder(spec: str) -> bool:
    return Path(spec).is_dir()


def _is_npz(spec: str) -> bool:
    return Path(spec).suffix.lower() == ".npz"


def _is_callable(spec: str) -> bool:
    module, colon, attribute = spec.partition(":")
    names = [*module.split("."), *attribute.split(".")]
    return bool(colon) and not Path(spec).exists() and all(name.isidentifier() for name in names)


_PACKAGE = "edgeml_converters.data"
FORMS = (
    FormEntry(
        "a folder with labels.csv", _is_labelled_folder, f"{_PACKAGE}.label_file:open_folder"
    ),
    FormEntry("a folder of class folders", _is_folder, f"{_PACKAGE}.class_folders:open_folder"),
    FormEntry("an .npz file", _is_npz, f"{_PACKAGE}.npz_file:open_npz"),
    FormEntry("module:callable", _is_callable, f"{_PACKAGE}.python_callable:open_callable"),
)
"""The first form that recognises the argument opens it."""


def open_data(spec: str, inputs: tuple[TensorSpec, ...], pipeline: Pipeline | None) -> Dataset:
    """Return the data that *spec* names, as samples that fit the model.

    The first sample is read at once, so that a wrong shape is an error before any work is done.

    Args:
        spec: A folder of class folders (class index = position of the sorted folder name), a folder
            with ``labels.csv`` (``file,label``), an ``.npz`` (``inputs``, and ``labels`` if there
            are any; for a model of several inputs one array each, by name), or ``module:callable``.
        inputs: The source model's inputs.
        pipeline: Turns a raw sample into the model's input; without one, samples must fit the model
            as they are, apart from a batch axis of 1, which is added.

    Raises:
        InputError: The data is missing, empty, unreadable or does not fit the model.
    """
    for form in FORMS:
        if form.recognises(spec):
            return dataset_from_source(form.load()(spec, inputs), inputs, pipeline)
    forms = ", ".join(form.description for form in FORMS)
    if not Path(spec).exists():
        raise InputError(
            f"There is no data at {spec}.",
            f"Check the path; data is {forms}.",
        )
    raise InputError(f"{spec} is not a form of data that is known.", f"Give {forms}.")
