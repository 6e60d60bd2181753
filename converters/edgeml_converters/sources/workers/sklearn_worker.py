"""The worker of scikit-learn: a fitted estimator or pipeline to ONNX by skl2onnx, and its answers.

It runs in an interpreter that has scikit-learn, skl2onnx and skops; edgeml is not there. See
``worker_frames`` for the command line.
"""

import sys
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import onnx
import skl2onnx
import sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.ensemble import VotingClassifier
from sklearn_answers import (  # type: ignore[import-not-found]  # lies beside this file
    LABEL,
    SCORES,
    Answers,
    class_names,
    find_answers,
    is_numbered,
)
from sklearn_features import (  # type: ignore[import-not-found]  # lies beside this file
    Features,
    column_notes,
    find_features,
)
from sklearn_file import read_model  # type: ignore[import-not-found]  # lies beside this file
from sklearn_graph import (  # type: ignore[import-not-found]  # lies beside this file
    name_outputs,
    number_labels,
    replace_array_extractors,
    take_float32,
)
from sklearn_parts import (  # type: ignore[import-not-found]  # lies beside this file
    parts_of,
    steps_of,
)
from sklearn_trees import (  # type: ignore[import-not-found]  # lies beside this file
    hides_scaled_trees,
    wants_float64,
    with_exact_trees,
)
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Answer,
    Options,
    UserError,
    main,
    one_line,
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


def export(spec: str, folder: Path, options: Options) -> Mapping[str, Any]:
    """Write the model of *spec* as ``model.onnx`` into *folder* and return the record."""
    model, notes = read_model(spec, options)
    features, answers = find_features(model), find_answers(model)
    graph = _converted(spec, model, _free(features, options), features, answers)
    onnx.save(graph, folder / "model.onnx")
    if hides_scaled_trees(model):
        notes.append(
            "Trees behind a scaler inside another estimator: values that lie exactly on a "
            "threshold may be answered otherwise."
        )
    return {
        "framework": f"scikit-learn {sklearn.__version__}",
        "exporter": f"skl2onnx {skl2onnx.__version__}",
        "opset": OPSET,
        "notes": [*notes, *column_notes(features, model), *_class_notes(answers)],
        "labels": class_names(answers),
    }


def open_model(spec: str, options: Options) -> Answer:
    """Return the model of *spec* as a function of arrays by name."""
    model, _ = read_model(spec, options)
    features, answers = find_features(model), find_answers(model)
    return lambda inputs: answers.of(features.table(inputs))


def _free(features: Features, options: Options) -> Mapping[str, int | None]:
    """Return the batch of each input: what the user gave, else free.

    Raises:
        UserError: The user gave a shape for no input, or another number of columns.
    """
    batches: dict[str, int | None] = dict.fromkeys(features.widths)
    for name, shape in options["input_shapes"].items():
        known = ", ".join(f"'{n}' (N, {width})" for n, width in features.widths.items())
        if name not in features.widths or list(shape[1:]) != [features.widths[name]]:
            raise UserError(
                f"'--input-shape {name}:{'x'.join(map(str, shape))}' does not fit the model, "
                f"whose inputs are {known}.",
                "Leave it out, or give a number of rows for N.",
            )
        batches[name] = shape[0]
    return batches


def _converted(
    spec: str,
    model: Any,
    batches: Mapping[str, int | None],
    features: Features,
    answers: Answers,
) -> onnx.ModelProto:
    for part in parts_of(model):
        if isinstance(part, VotingClassifier):
            part.flatten_transform = False  # concerns transform() alone, and is in the way
    exact = with_exact_trees(model)
    float64 = exact is not None or wants_float64(model)
    number_type = DoubleTensorType if float64 else FloatTensorType
    types = [
        (name, (StringTensorType if name in features.text else number_type)([batches[name], width]))
        for name, width in features.widths.items()
    ]
    try:
        graph = _exported(exact or model, types, answers)
    except (MissingConverter, MissingShapeCalculator) as error:
        raise UserError(
            f"'{spec}' has a part that skl2onnx cannot write: {one_line(error)}.",
            "Replace that estimator by one of those that skl2onnx lists as supported.",
        ) from error
    except EXPORT_ERRORS as error:
        raise UserError(
            f"skl2onnx cannot write '{spec}': {one_line(error)}.",
            "Simplify the pipeline step by step to find the one that is in the way.",
        ) from error
    if answers.classes:
        number_labels(graph, answers.classes)
    replace_array_extractors(graph)
    take_float32(graph)
    name_outputs(graph, answers.exported, answers.names)
    onnx.checker.check_model(graph)
    return graph


def _exported(model: Any, types: list[tuple[str, Any]], answers: Answers) -> onnx.ModelProto:
    last = steps_of(model)[-1]
    for options in _options(answers):
        try:
            return skl2onnx.to_onnx(
                model,
                initial_types=types,
                options={id(last): options} if options else None,
                target_opset={"": OPSET, "ai.onnx.ml": LEARNING_OPSET},
                black_op=NOT_WRITTEN,
            )
        except (NameError, NotImplementedError, RuntimeError):
            if not options:  # so it is not an option that it does not have
                raise
    raise AssertionError


def _options(answers: Answers) -> Iterator[dict[str, bool]]:
    """Yield the options to try, as each estimator has others: the most first, none last."""
    wanted = {"zipmap": False} if answers.classes else {}
    if answers.classes and SCORES in answers.names:
        wanted["raw_scores"] = True
    for count in range(len(wanted), -1, -1):
        for names in combinations(wanted, count):
            yield {name: wanted[name] for name in names}


def _class_notes(answers: Answers) -> list[str]:
    if not answers.classes or is_numbered(answers.classes):
        return []
    return [f"'{LABEL}' is an index into the classes: {', '.join(class_names(answers))}."]


if __name__ == "__main__":
    sys.exit(main(export, open_model))
