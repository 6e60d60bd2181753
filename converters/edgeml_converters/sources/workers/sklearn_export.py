"""A scikit-learn model as an ONNX graph of numbers, by skl2onnx.

Knows which arithmetic and which options skl2onnx needs so that the answers are the model's.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import onnx
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import VotingClassifier
from sklearn.ensemble._forest import ForestClassifier
from sklearn_answers import (  # type: ignore[import-not-found]  # lies beside this file
    SCORES,
    Answers,
)
from sklearn_features import Features  # type: ignore[import-not-found]  # lies beside this file
from sklearn_graph import (  # type: ignore[import-not-found]  # lies beside this file
    flatten_labels,
    name_inputs,
    name_outputs,
    number_labels,
    replace_array_extractors,
    replace_imputers,
    take_float32,
)
from sklearn_parts import (  # type: ignore[import-not-found]  # lies beside this file
    parts_of,
    steps_of,
)
from sklearn_trees import (  # type: ignore[import-not-found]  # lies beside this file
    is_histogram_boosting,
    refuse_categories,
    round_thresholds,
    wants_float64,
    with_exact_trees,
)
from sklearn_votes import (  # type: ignore[import-not-found]  # lies beside this file
    compare_float64,
    count_votes,
    send_holes,
)
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    UserError,
    cause_of,
)

OPSET = 18
LEARNING_OPSET = 3
# These have a form in common operators, which every engine has; skl2onnx then writes that.
NOT_WRITTEN = {"LinearClassifier", "LinearRegressor", "Normalizer", "Scaler"}
# What skl2onnx raises for a model that it cannot write.
EXPORT_ERRORS = (
    AttributeError,
    ImportError,
    IndexError,
    KeyError,
    NameError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)


def converted(
    spec: str,
    model: BaseEstimator,
    batches: Mapping[str, int | None],
    features: Features,
    answers: Answers,
) -> onnx.ModelProto:
    """Return *model* as ONNX. What has no part in its answers is changed in *model*.

    Args:
        spec: What the user called it.
        model: A fitted estimator or pipeline.
        batches: Rows by input, None for any number.
        features: Its inputs.
        answers: Its outputs.

    Raises:
        UserError: skl2onnx cannot write it.
    """
    for part in parts_of(model):
        if isinstance(part, VotingClassifier):
            part.flatten_transform = False  # concerns transform() alone, and is in the way
    refuse_categories(model)
    exact = with_exact_trees(model)
    last = steps_of(model)[-1]
    boosted = exact is not None and is_histogram_boosting(last)
    if not boosted:
        round_thresholds(model)
    float64 = exact is not None or wants_float64(model)
    number_type = DoubleTensorType if float64 else FloatTensorType
    types = [
        (name, (StringTensorType if name in features.text else number_type)([batches[name], width]))
        for name, width in features.widths.items()
    ]
    graph = _written(spec, exact or model, types, answers)
    if boosted:
        compare_float64(graph, last)
    if isinstance(last, ForestClassifier):
        count_votes(graph, last)
    elif answers.classes:
        number_labels(graph, answers.classes)
    send_holes(graph, last)
    if isinstance(last, QuadraticDiscriminantAnalysis):
        flatten_labels(graph)  # skl2onnx gives them another axis
    replace_array_extractors(graph)
    replace_imputers(graph, float64=float64)
    take_float32(graph)
    name_outputs(graph, answers.exported, answers.names)
    name_inputs(graph, list(features.widths))
    onnx.checker.check_model(graph)
    return graph


def _written(
    spec: str, model: BaseEstimator, types: list[tuple[str, Any]], answers: Answers
) -> onnx.ModelProto:
    try:
        return _exported(model, types, answers)
    except (MissingConverter, MissingShapeCalculator) as error:
        raise UserError(
            f"'{spec}' has a part that skl2onnx cannot write: {cause_of(error)}.",
            "Replace that estimator by one of those that skl2onnx lists as supported.",
        ) from error
    except EXPORT_ERRORS as error:
        raise UserError(
            f"skl2onnx cannot write '{spec}': {cause_of(error)}.",
            "Simplify the pipeline step by step to find the one that is in the way.",
        ) from error


def _exported(
    model: BaseEstimator, types: list[tuple[str, Any]], answers: Answers
) -> onnx.ModelProto:
    last = steps_of(model)[-1]
    for options in _options(answers):
        try:
            graph: onnx.ModelProto = skl2onnx.to_onnx(
                model,
                initial_types=types,
                options={id(last): options} if options else None,
                target_opset={"": OPSET, "ai.onnx.ml": LEARNING_OPSET},
                black_op=NOT_WRITTEN,
            )
        except (NameError, NotImplementedError, RuntimeError):
            if not options:  # so it is not an option that it does not have
                raise
        else:
            return graph
    raise AssertionError


def _options(answers: Answers) -> Iterator[dict[str, bool]]:
    """Yield the options to try, as each estimator has others: the most first, none last."""
    wanted = {"zipmap": False} if answers.classes else {}
    if answers.classes and SCORES in answers.names:
        wanted["raw_scores"] = True
    for count in range(len(wanted), -1, -1):
        for names in combinations(wanted, count):
            yield {name: wanted[name] for name in names}
