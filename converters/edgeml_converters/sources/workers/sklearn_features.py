"""What a scikit-learn model reads: one table of numbers, one of text, or a frame's columns.

Knows how estimators choose and encode columns; must not know ONNX.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from worker_frames import UserError  # type: ignore[import-not-found]  # lies beside this file

MATRIX_NAME = "features"
TEXT_NAME = "text"


@dataclass(frozen=True)
class Features:
    """The inputs of a model.

    Args:
        widths: Columns by input name, in order.
        text: The names of the inputs that are strings.
        frame: All columns of the frame that the model was fitted on, when each one that it uses is
            an input of its own; else empty.
        documents: Whether the one input is texts to be cut into words.
    """

    widths: Mapping[str, int]
    text: frozenset[str] = frozenset()
    frame: tuple[str, ...] = ()
    documents: bool = False

    def table(self, inputs: Mapping[str, np.ndarray]) -> ArrayLike:
        """Return arrays by input name as what ``predict`` takes.

        Numbers become float64, as scikit-learn computes in it and most models were fitted on it.
        """
        if self.frame:
            return self._frame(inputs)
        value = next(iter(inputs.values()))
        if self.documents:
            documents: np.ndarray = value.reshape(-1).astype(str)
            return documents
        table: np.ndarray = value.astype(object if self.text else np.float64)
        return table

    def _frame(self, inputs: Mapping[str, np.ndarray]) -> ArrayLike:
        import pandas as pd  # noqa: PLC0415 - slow to load, and few models are fitted on frames

        rows = len(next(iter(inputs.values())))
        columns = {}
        for name in self.frame:
            column = inputs[name][:, 0] if name in self.widths else np.full(rows, np.nan)
            columns[name] = column.astype(object if name in self.text else np.float64)
        frame: ArrayLike = pd.DataFrame(columns)
        return frame


def find_features(model: BaseEstimator) -> Features:
    """Return what *model* reads.

    Raises:
        UserError: It mixes text and numbers in columns that have no names.
    """
    first = _first_step(model)
    if _cuts_words(first):
        return Features({TEXT_NAME: 1}, frozenset({TEXT_NAME}), documents=True)
    width = int(model.n_features_in_)
    if not isinstance(first, ColumnTransformer):
        text = all(_is_text(first, column) for column in range(width))
        return Features({MATRIX_NAME: width}, frozenset({MATRIX_NAME} if text else ()))
    used = dict(sorted(_used_columns(first)))
    names = getattr(first, "feature_names_in_", None)
    if names is not None:
        frame = tuple(map(str, names))
        text_names = frozenset(frame[column] for column, text in used.items() if text)
        return Features({frame[column]: 1 for column in used}, text_names, frame)
    if any(used.values()):
        raise UserError(
            "The model reads text in columns that it knows by number only.",
            "Fit it on a pandas frame whose columns have names.",
        )
    return Features({MATRIX_NAME: width})


def column_notes(features: Features, model: BaseEstimator) -> list[str]:
    """Return what there is to say about the order of a table's columns."""
    names = getattr(model, "feature_names_in_", None)
    if names is None or features.frame:
        return []
    return [f"The columns of '{MATRIX_NAME}' are, in order: {', '.join(map(str, names))}."]


def _first_step(model: BaseEstimator) -> BaseEstimator:
    while isinstance(model, Pipeline):
        model = model.steps[0][1]
    return model


def _used_columns(transformer: ColumnTransformer) -> Iterator[tuple[int, bool]]:
    """Yield the columns that are read, by number, and whether each one is text."""
    indices = transformer._transformer_to_input_indices  # nothing public has it
    for name, step, _ in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        for position, column in enumerate(indices[name]):
            yield int(column), _is_text(step, position)


def _is_text(step: object, position: int) -> bool:
    """Return whether column *position* of what *step* reads is text."""
    while isinstance(step, Pipeline):
        step = step.steps[0][1]
    if _cuts_words(step):
        return True
    if isinstance(step, OneHotEncoder | OrdinalEncoder):
        return any(isinstance(value, str) for value in step.categories_[position])
    return isinstance(step, SimpleImputer) and isinstance(step.statistics_[position], str)


def _cuts_words(step: object) -> bool:
    return isinstance(step, CountVectorizer | HashingVectorizer)
