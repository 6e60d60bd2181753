"""`edgeml inspect`: what a model holds and needs."""

from pathlib import Path
from typing import Annotated

import typer

import edgeml
from edgeml.cli.console import print_document, print_lines
from edgeml.cli.description import describe
from edgeml.cli.options import Debug, Json

EXAMPLE = "\b\nExample: edgeml inspect out/model.int8.tflite"

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="An .onnx, .tflite or .edgeml file.")]


def command(model: Model, as_json: Json = False, _debug: Debug = False) -> int:
    """Show what a model holds, needs and cannot do."""
    document = edgeml.inspect(model).to_json()
    if as_json:
        print_document(document)
    else:
        print_lines(*describe(document))
    return 0
