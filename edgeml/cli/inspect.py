"""`edgeml inspect`: what a model holds and needs."""

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import typer

import edgeml
from edgeml.cli.console import print_document, print_lines
from edgeml.cli.description import describe
from edgeml.cli.options import Debug, Json, split_names

EXAMPLE = "\b\nExample: edgeml inspect out/model.int8.tflite"

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="An .onnx, .tflite or .edgeml file.")]


Boards = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="Board to say which engine runs the model on; may be given several times or with "
        "commas (default: all). Example: --target rpi4",
    ),
]


def command(
    model: Model, target: Boards = None, as_json: Json = False, _debug: Debug = False
) -> int:
    """Show what a model holds, needs and cannot do."""
    document = edgeml.inspect(model, targets=split_names(",".join(target or ()))).to_json()
    if as_json:
        print_document(document)
    else:
        print_lines(*describe({**document, "boards": list(_boards(document["boards"]))}))
    return 0


def _boards(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each board: the engines that run the model there, or why none does."""
    for board, of_board in groupby(entries, key=itemgetter("board")):
        listed = list(of_board)
        running = dict.fromkeys(
            f"{entry['engine']} {entry['version']}" for entry in listed if entry["runs"]
        )
        reasons = dict.fromkeys(
            f"{entry['engine']}: {entry['because'] or 'not known'}" for entry in listed
        )
        yield (
            f"{board}: {', '.join(running)}" if running else f"{board}: none; {'; '.join(reasons)}"
        )
