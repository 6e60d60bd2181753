"""`edgeml compare`: parity of two artifacts, and of their layers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import edgeml
from edgeml.cli.consent import consent_by
from edgeml.cli.console import (
    print_document,
    print_lines,
    progress_display,
    report_failures,
    save_document,
)
from edgeml.cli.layer_text import LISTED, print_layers
from edgeml.cli.options import (
    Debug,
    InputShape,
    Json,
    Save,
    TrustPickle,
    Yes,
    parse_input_dtypes,
    parse_input_shapes,
)
from edgeml.whole_file import check_targets
from edgeml_runtime.errors import InputError

if TYPE_CHECKING:
    from edgeml.api.comparison import Comparison

EXAMPLE = (
    "\b\nExample: edgeml compare model.onnx out/model.int8.tflite --data test.npz"
    "\nWhere it begins: edgeml compare model.onnx out/model.int8.tflite --data test.npz --layers"
)

Reference = Annotated[
    Path,
    typer.Argument(
        metavar="A",
        help="The reference: an .onnx or .tflite file, or a source such as module:factory.",
    ),
]
Candidate = Annotated[
    Path, typer.Argument(metavar="B", help="The artifact that is held against it.")
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="DATA to compare on (default: seeded random inputs). Example: --data test.npz",
    ),
]
Preprocess = Annotated[
    Path | None,
    typer.Option(
        "--preprocess",
        help="TOML file of the steps from a sample of --data to the input (default: none). "
        "Example: --preprocess m.toml",
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        "--tolerance",
        min=0.0,
        help="Largest absolute error that passes, as a part of the reference's output range "
        "(the default suits float32, int8 wants about 0.1). Example: --tolerance 0.1",
    ),
]
Layers = Annotated[
    bool,
    typer.Option(
        "--layers",
        help="Also compare the intermediate tensors that both have, and name the first that "
        "diverges.",
    ),
]
LayerOrder = Annotated[
    Literal["worst", "graph"] | None,
    typer.Option(
        "--order",
        help="Of the layers: those that do the most damage first (the default), or as in A. "
        "Example: --order graph",
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html",
        help="Also write the comparison as a page, with --layers the histograms of the worst "
        "tensors in it. Example: --html layers.html",
    ),
]
AllLayers = Annotated[bool, typer.Option("--all", help=f"Print all layers, not {LISTED} of them.")]


def command(
    reference: Reference,
    candidate: Candidate,
    *,
    data: Data = None,
    preprocess: Preprocess = None,
    tolerance: Tolerance = 1e-4,
    input_shape: InputShape = None,
    layers: Layers = False,
    order: LayerOrder = None,
    all_layers: AllLayers = False,
    trust_pickle: TrustPickle = False,
    yes: Yes = False,
    html: Html = None,
    save: Save = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> int:
    """Tell how far two artifacts' outputs are apart, and in which layer that begins."""
    check_targets(save, html)
    if not layers and (order is not None or all_layers):
        raise InputError(
            f"{'--all' if order is None else '--order'} says how to list layers, "
            "and none are compared.",
            "Add --layers, or leave it out.",
        )
    with progress_display() as progress:
        comparison = edgeml.compare(
            reference,
            candidate,
            data=data,
            preprocess=preprocess,
            tolerance=tolerance,
            input_shapes=parse_input_shapes(input_shape),
            input_dtypes=parse_input_dtypes(input_shape),
            trust_pickle=trust_pickle,
            consent=consent_by(yes),
            layers=layers,
            progress=progress,
        )
    save_document(save, comparison.to_json())
    if html is not None:
        edgeml.write_report(html, comparison=comparison.to_json())
    if as_json:
        print_document(comparison.to_json())
    else:
        _print_parity(comparison)
        if comparison.layers is not None:
            print_layers(comparison.layers, in_order=order == "graph", all_=all_layers)
    return report_failures(comparison.failures)


def _print_parity(comparison: "Comparison") -> None:
    parity = comparison.parity
    agreement = "-" if parity.agreement is None else f"{parity.agreement:.2f} %"
    print_lines(
        f"{comparison.candidate.name} against {comparison.reference.name}, "
        f"{parity.samples} samples of {comparison.inputs}",
        f"largest error   {parity.max_abs:.3g} ({parity.rel_range:.2e} of the output range)",
        f"SQNR            {parity.sqnr_db:.1f} dB",
        f"cosine          {parity.cosine:.6f}",
        f"same top class  {agreement}",
    )
