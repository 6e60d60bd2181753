"""A scikit-learn model by its file: read, found to be fitted, and known for what it is.

Knows the file formats and their trust; must not know ONNX.
"""

import pickle
import warnings
import zipfile
from pathlib import Path

import joblib
import sklearn
import skops.io
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils.validation import check_is_fitted
from sklearn_trust import (  # type: ignore[import-not-found]  # lies beside this file
    TRUSTED,
    has_sound_trees,
)
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Options,
    UserError,
    cause_of,
)

VERSION_REMEDY = (
    "Set EDGEML_SKLEARN_PYTHON to an interpreter that has the scikit-learn it was saved with, "
    "beside skl2onnx and skops, or save the model again."
)
# What unpickling can raise for a file that is damaged, or that another version wrote.
READ_ERRORS = (
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)


def read_model(spec: str, options: Options) -> tuple[BaseEstimator, list[str]]:
    """Return the fitted model of the file *spec*, and what there is to say about it.

    A search (``GridSearchCV`` and its like) is replaced by the best model that it found.

    Raises:
        UserError: The file cannot be read, is not to be trusted, or holds no fitted model.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            model = _loaded(spec, trusting=bool(options["trust_pickle"]))
        except READ_ERRORS as error:
            raise UserError(
                f"'{spec}' cannot be read with scikit-learn {sklearn.__version__}: "
                f"{cause_of(error)}.",
                f"Check that the file is whole. {VERSION_REMEDY}",
            ) from error
    if isinstance(model, BaseSearchCV):
        model = getattr(model, "best_estimator_", model)
    _check(spec, model)
    return model, _version_notes(caught)


def _loaded(spec: str, *, trusting: bool) -> object:
    if Path(spec).suffix.lower() != ".skops":
        return joblib.load(spec)
    flagged = skops.io.get_untrusted_types(file=spec)
    unknown = [name for name in flagged if name not in TRUSTED]
    if unknown and not trusting:
        raise UserError(
            f"'{spec}' holds types that skops does not know to be safe: {', '.join(unknown)}.",
            "Add --trust-pickle if you know who made the file: code of these types is run.",
        )
    model = skops.io.load(spec, trusted=flagged)
    if not trusting and not has_sound_trees(model):
        raise UserError(
            f"'{spec}' holds a damaged tree: its nodes point outside of it.", "Save it again."
        )
    return model


def _check(spec: str, model: BaseEstimator) -> None:
    kind = type(model).__name__
    if not (hasattr(model, "fit") and (hasattr(model, "predict") or hasattr(model, "transform"))):
        raise UserError(
            f"'{spec}' holds a {kind}, which is no scikit-learn model.",
            "Save the fitted estimator or pipeline itself.",
        )
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise UserError(
            f"The {kind} of '{spec}' is not fitted.", "Fit it before it is saved."
        ) from error


def _version_notes(caught: list[warnings.WarningMessage]) -> list[str]:
    versions = {
        warning.message.original_sklearn_version
        for warning in caught
        if isinstance(warning.message, InconsistentVersionWarning)
    }
    return [
        f"The file was saved by scikit-learn {version} and is read by {sklearn.__version__}; set "
        "EDGEML_SKLEARN_PYTHON to an interpreter with the former to be sure of the same answers."
        for version in sorted(versions)
    ]
