"""Options that several commands share, and how their text is read."""

from pathlib import Path
from typing import Annotated

import typer

from edgeml_runtime.errors import InputError

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout instead of text.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error too.")]
Html = Annotated[
    Path | None,
    typer.Option("--html", help="Also write a report as one HTML file. Example: --html out.html"),
]
Save = Annotated[
    Path | None,
    typer.Option(
        "--save", help="Also write the --json document to a file. Example: --save profile.json"
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="Board to emulate; may be given several times or with commas. "
        "`edgeml devices list` names them. Example: --target rpi4,rpi5",
    ),
]
InputShape = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        help="Fixes an input's free sizes, or one size by its name in the model (height:224); may "
        "be repeated (default: a free batch becomes 1). Example: --input-shape image:1x3x224x224",
    ),
]
Threads = Annotated[
    int, typer.Option("--threads", min=1, help="Threads of the engine. Example: --threads 4")
]


def split_names(text: str | None) -> tuple[str, ...]:
    """Return the names of a comma-separated list, in order, without doubles."""
    names = (name.strip() for name in (text or "").split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def parse_input_shapes(texts: list[str] | None) -> dict[str, tuple[int, ...]]:
    """Return input name -> sizes from ``NAME:1x3x224x224`` texts.

    Raises:
        InputError: A text that does not have that form.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts or ():
        # Names such as `input:0` hold a colon themselves, so the last one separates.
        name, separator, sizes = text.rpartition(":")
        fields = sizes.split("x")
        if not (separator and name and all(field.isdecimal() and int(field) for field in fields)):
            raise InputError(
                f"--input-shape {text!r} does not have the form NAME:1x3x224x224.",
                "Give the input's name and its sizes, for example --input-shape image:1x3x224x224.",
            )
        shapes[name] = tuple(int(field) for field in fields)
    return shapes
