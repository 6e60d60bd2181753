"""The worker of scikit-learn: a fitted estimator or pipeline to ONNX by skl2onnx, and its answers.

It runs in an interpreter that has scikit-learn, skl2onnx and skops; edgeml is not there. See
``worker_frames`` for the command line.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import onnx
import skl2onnx
import sklearn
from sklearn_answers import (  # type: ignore[import-not-found]  # lies beside this file
    LABEL,
    Answers,
    class_names,
    find_answers,
    is_numbered,
)
from sklearn_export import (  # type: ignore[import-not-found]  # lies beside this file
    OPSET,
    converted,
)
from sklearn_features import (  # type: ignore[import-not-found]  # lies beside this file
    Features,
    column_notes,
    find_features,
)
from sklearn_file import read_model  # type: ignore[import-not-found]  # lies beside this file
from sklearn_trees import hides_scaled_trees  # type: ignore[import-not-found]  # lies beside this file
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Answer,
    Options,
    UserError,
    main,
)


def export(spec: str, folder: Path, options: Options) -> Mapping[str, Any]:
    """Write the model of *spec* as ``model.onnx`` into *folder* and return the record."""
    model, notes = read_model(spec, options)
    features, answers = find_features(model), find_answers(model)
    graph = converted(spec, model, _batches(features, options), features, answers)
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


def _batches(features: Features, options: Options) -> Mapping[str, int | None]:
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


def _class_notes(answers: Answers) -> list[str]:
    if not answers.classes or is_numbered(answers.classes):
        return []
    return [f"'{LABEL}' is an index into the classes: {', '.join(class_names(answers))}."]


if __name__ == "__main__":
    sys.exit(main(export, open_model))
