"""`edgeml convert`: a trained model to verified artifacts and a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import edgeml
from edgeml.cli.consent import consent_by
from edgeml.cli.console import (
    print_document,
    print_lines,
    print_table,
    progress_display,
    report_failures,
)
from edgeml.cli.options import (
    Debug,
    InputShape,
    Json,
    Targets,
    TrustPickle,
    Yes,
    parse_input_dtypes,
    parse_input_shapes,
    split_names,
)
from edgeml.cli.search_text import print_search
from edgeml.cli.task_options import read_task_options

if TYPE_CHECKING:
    from edgeml.pipeline.record import Artifact, Conversion

EXAMPLE = (
    "\b\nExample: edgeml convert m.onnx --quantize float32,int8 --calibrate images/ "
    "--evaluate test.npz --preprocess m.toml --max-drop 0.5 -o out"
)
COLUMNS = (
    "artifact",
    "format",
    "precision",
    ">bytes",
    ">accuracy",
    ">drop",
    ">agreement",
    ">error",
    "parity",
)

Source = Annotated[
    Path,
    typer.Argument(
        metavar="SOURCE",
        help="The trained model: .onnx, .tflite, .pt2 or module:factory of PyTorch, .keras, .h5 or "
        "a SavedModel folder, .skops.",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        help="Folder to write to; made if missing, files of the same name are replaced. "
        "Example: -o out",
    ),
]
Formats = Annotated[
    str | None,
    typer.Option(
        "--to",
        help="Formats to write: onnx, tflite, numpy (trees, linear models and small networks of "
        "tables, for boards without an engine). Default: onnx,tflite; for a model of scikit-learn "
        "those that it has a form in. Example: --to tflite",
    ),
]
Precisions = Annotated[
    str,
    typer.Option(
        "--quantize",
        help="Precisions to write: float32, float16 (weights of half the size), dynamic (8-bit "
        "weights, no samples needed), int8, int8x16 (16-bit values between 8-bit weights), auto "
        "(the best of these that loses no more than --max-drop). Example: --quantize float32,int8",
    ),
]
Calibrate = Annotated[
    str | None,
    typer.Option(
        "--calibrate",
        help="DATA whose value ranges set the scales of int8 and int8x16: a folder of class "
        "folders, a folder "
        "with labels.csv, an .npz, or module:callable; or synthetic, for made-up samples where "
        "there are none. Example: --calibrate calibration.npz",
    ),
]
Evaluate = Annotated[
    str | None,
    typer.Option(
        "--evaluate",
        help="Labelled DATA to score the source and every artifact on. Example: "
        "--evaluate test.npz",
    ),
]
Task = Annotated[
    str | None,
    typer.Option(
        "--task",
        help="What outputs mean: classification, detection, segmentation, keypoints, embedding, "
        "ocr, audio_events, tabular or raw (default: classification when --labels or --evaluate is "
        "given or the model names its classes, else raw). Example: --task segmentation",
    ),
]
TaskOption = Annotated[
    list[str] | None,
    typer.Option(
        "--task-option",
        help="How the task reads the outputs: KEY=VALUE, or a .toml file of these; docs/tasks.md "
        "has them. May be repeated. Example: --task-option threshold=0.4",
    ),
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metric",
        help="Scores to compute with --evaluate: top1, top5, module:callable; the first one is "
        "gated (default top1 for classification). Example: --metric top1,top5",
    ),
]
Preprocess = Annotated[
    Path | None,
    typer.Option(
        "--preprocess",
        help="TOML file of the steps from a raw sample to the model's input; goes into the bundle "
        "(default: samples are the input itself). Example: --preprocess m.toml",
    ),
]
FoldPreprocess = Annotated[
    bool,
    typer.Option(
        "--fold-preprocess",
        help="Make the last steps of --preprocess (order of colors, normalize, layout) part of the "
        "model, which then takes uint8 RGB images. Example: --fold-preprocess",
    ),
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        "--max-drop",
        min=0.0,
        help="Largest accuracy drop, in percentage points, that passes (default: no gate; "
        "0.5 with --quantize auto). "
        "Example: --max-drop 0.5",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="Text file with one class name a line, for the bundle. Example: --labels labels.txt",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name", help="Name of the written files (default: that of SOURCE). Example: --name cats"
    ),
]

MinRuntime = Annotated[
    str | None,
    typer.Option(
        "--min-runtime",
        help="Oldest engines that must run the files: the ONNX file is lowered to what that "
        "onnxruntime reads, TFLite operators are checked against that tflite-runtime (default: the "
        "source's own opset). Example: --min-runtime onnxruntime==1.16,tflite-runtime==2.14",
    ),
]

EffortLevel = Annotated[
    str | None,
    typer.Option(
        "--effort",
        help="What is done for the accuracy of int8: fast (ranges only), default (and corrected "
        "biases), high (and equalized channels, ranges of least error, adaptive rounding: takes "
        "several times as long). Example: --effort high",
    ),
]
CalibrateMethod = Annotated[
    str | None,
    typer.Option(
        "--calibrate-method",
        help="Ranges of int8: minmax (the default), percentile, percentile:99.9, mse (with "
        "--effort high), entropy. Example: --calibrate-method mse",
    ),
]
KeepFloat = Annotated[
    str | None,
    typer.Option(
        "--keep-float",
        help="Nodes that stay out of int8, by their names in `edgeml compare --layers`. "
        "Example: --keep-float conv_1,classifier",
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        help="TOML file of how int8 is made, as --quantize auto writes it. "
        "Example: --recipe out/model.recipe.toml",
    ),
]


def command(
    source: Source,
    *,
    output: Output,
    to: Formats = None,
    quantize: Precisions = "float32",
    calibrate: Calibrate = None,
    evaluate: Evaluate = None,
    task: Task = None,
    task_option: TaskOption = None,
    metric: Metrics = None,
    preprocess: Preprocess = None,
    fold_preprocess: FoldPreprocess = False,
    max_drop: MaxDrop = None,
    input_shape: InputShape = None,
    labels: Labels = None,
    name: Name = None,
    min_runtime: MinRuntime = None,
    effort: EffortLevel = None,
    calibrate_method: CalibrateMethod = None,
    keep_float: KeepFloat = None,
    recipe: RecipeFile = None,
    target: Targets = None,
    trust_pickle: TrustPickle = False,
    yes: Yes = False,
    as_json: Json = False,
    _debug: Debug = False,
) -> int:
    """Convert, verify, score and bundle a model."""
    with progress_display() as progress:
        conversion = edgeml.convert(
            source,
            output,
            formats=None if to is None else split_names(to),
            precisions=split_names(quantize),
            calibrate=calibrate,
            evaluate=evaluate,
            task=task,
            task_options=read_task_options(task_option),
            metrics=split_names(metric),
            preprocess=preprocess,
            fold_preprocess=fold_preprocess,
            max_drop=max_drop,
            input_shapes=parse_input_shapes(input_shape),
            input_dtypes=parse_input_dtypes(input_shape),
            trust_pickle=trust_pickle,
            consent=consent_by(yes),
            labels=labels,
            name=name,
            min_runtimes=split_names(min_runtime),
            int8=edgeml.Int8Options(
                effort=effort,
                calibrate_method=calibrate_method,
                keep_float=split_names(keep_float),
                recipe=recipe,
            ),
            targets=split_names(",".join(target or ())),
            progress=progress,
        )
    _print(conversion, as_json)
    return report_failures(conversion.failures)


def _print(conversion: "Conversion", as_json: bool) -> None:
    if as_json:
        print_document(conversion.to_json())
        return
    print_table(COLUMNS, [_row(artifact) for artifact in conversion.artifacts])
    print_lines(*(f"note: {note}" for note in conversion.notes))
    if conversion.search is not None:
        print_search(conversion.search)
    print_lines(f"verified against {conversion.source.path.name} on {conversion.verified_on}")
    for artifact in conversion.artifacts:
        if artifact.weights is not None:
            print_lines(
                f"{artifact.weights.name} holds the weights of {artifact.path.name}, which is too "
                "large for one file; the bundle is without it"
            )
    if conversion.bundle is not None:
        print_lines(f"bundle {conversion.bundle}")


def _row(artifact: "Artifact") -> tuple[str, ...]:
    accuracy, parity = artifact.accuracy, artifact.parity
    return (
        artifact.path.name,
        artifact.format,
        artifact.precision,
        f"{artifact.size_bytes:,}",
        "-" if accuracy is None else f"{accuracy.value:.2f} % {accuracy.metric}",
        "-" if accuracy is None else f"{accuracy.drop:+.2f}",
        "-" if parity.agreement is None else f"{parity.agreement:.1f} %",
        f"{parity.rel_range:.1e}",
        "REJECTED" if artifact.rejected else "ok",
    )
