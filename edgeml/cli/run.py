"""`edgeml run`: a bundle's predictions, here or on the emulated board."""

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
from edgeml.cli.options import Debug, Json, Save
from edgeml.whole_file import check_targets

EXAMPLE = "\b\nExample: edgeml run out/model.edgeml cat.jpg --target rpi4"

BundlePath = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The .edgeml file.")]
Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT",
        help="Images (.jpg, .png, .bmp), .wav, .npy (one sample), .npz (`inputs`, or an array for "
        "each of several inputs), or folders of these.",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        "-t",
        help="Board to emulate (default: run on this machine). Example: --target rpi4",
    ),
]
VariantId = Annotated[
    str | None,
    typer.Option(
        "--variant",
        help="Variant to run on this machine (default: the best that fits). Example: "
        "--variant int8.tflite",
    ),
]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="Engine to run on this machine (default: the best installed). Example: "
        "--engine onnxruntime",
    ),
]
Limit = Annotated[
    int,
    typer.Option(
        "--limit",
        min=1,
        help="Samples to take from each .npz and folder at most. Example: --limit 20",
    ),
]
Draw = Annotated[
    Path | None,
    typer.Option(
        "--draw",
        help="Folder for the images with the answers drawn onto them; made if missing. "
        "Example: --draw seen",
    ),
]


def command(
    bundle: BundlePath,
    inputs: Inputs,
    *,
    target: Target = None,
    variant: VariantId = None,
    engine: EngineName = None,
    limit: Limit = 5,
    draw: Draw = None,
    save: Save = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> int:
    """Run a bundle, after its self-test."""
    check_targets(save)
    with progress_display() as progress:
        result = edgeml.run(
            bundle,
            inputs,
            target=target,
            variant=variant,
            engine=engine,
            limit=limit,
            draw=draw,
            progress=progress,
        )
    save_document(save, result.to_json())
    if as_json:
        print_document(result.to_json())
    else:
        print_lines(*result.lines())
    return report_failures(result.failures)
