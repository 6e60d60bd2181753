"""`edgeml compare`: parity of two artifacts."""

from pathlib import Path
from typing import Annotated

import typer

import edgeml
from edgeml.cli.console import (
    print_document,
    print_lines,
    progress_display,
    report_failures,
    save_document,
)
from edgeml.cli.options import Debug, InputShape, Json, Save, parse_input_shapes
from edgeml.whole_file import check_targets

EXAMPLE = "\b\nExample: edgeml compare model.onnx out/model.int8.tflite --data test.npz"

Reference = Annotated[
    Path, typer.Argument(metavar="A", help="The reference: an .onnx or .tflite file.")
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


def command(
    reference: Reference,
    candidate: Candidate,
    *,
    data: Data = None,
    preprocess: Preprocess = None,
    tolerance: Tolerance = 1e-4,
    input_shape: InputShape = None,
    save: Save = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> int:
    """Tell how far two artifacts' outputs are apart."""
    check_targets(save)
    with progress_display() as progress:
        comparison = edgeml.compare(
            reference,
            candidate,
            data=data,
            preprocess=preprocess,
            tolerance=tolerance,
            input_shapes=parse_input_shapes(input_shape),
            progress=progress,
        )
    save_document(save, comparison.to_json())
    if as_json:
        print_document(comparison.to_json())
    else:
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
    return report_failures(comparison.failures)
