"""Options that several commands share, and how their text is read."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from edgeml_runtime.errors import InputError

_INPUT_SHAPE: Final = re.compile(r"(?P<name>.+):(?P<sizes>\d+(x\d+)*)(:(?P<dtype>[a-z]+\d*))?")
_DTYPES: Final = (
    *("float32", "float64", "float16", "bool"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
)

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
        "be repeated (default: a free batch becomes 1). A PyTorch input that is not float32 has "
        "its type behind them: ids:1x128:int64. Example: --input-shape image:1x3x224x224",
    ),
]
TrustPickle = Annotated[
    bool,
    typer.Option(
        "--trust-pickle", help="Load a pickled model, which runs whatever code the file holds."
    ),
]
Yes = Annotated[
    bool,
    typer.Option("--yes", "-y", help="Agree to what would be asked, such as a large download."),
]
Threads = Annotated[
    int, typer.Option("--threads", min=1, help="Threads of the engine. Example: --threads 4")
]


def split_names(text: str | None) -> tuple[str, ...]:
    """Return the names of a comma-separated list, in order, without doubles."""
    names = (name.strip() for name in (text or "").split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def parse_input_shapes(texts: list[str] | None) -> dict[str, tuple[int, ...]]:
    """Return input name -> sizes from ``NAME:1x3x224x224`` or ``NAME:1x128:int64`` texts.

    Raises:
        InputError: A text that does not have that form.
    """
    return {
        match["name"]: tuple(map(int, match["sizes"].split("x")))
        for match in map(_input_shape, texts or ())
    }


def parse_input_dtypes(texts: list[str] | None) -> dict[str, str]:
    """Return input name -> element type from the same texts, for those that give one.

    Raises:
        InputError: A text that does not have the form of `parse_input_shapes`.
    """
    matches = map(_input_shape, texts or ())
    return {match["name"]: match["dtype"] for match in matches if match["dtype"]}


def _input_shape(text: str) -> re.Match[str]:
    match = _INPUT_SHAPE.fullmatch(text)
    if match is None or not all(map(int, match["sizes"].split("x"))):
        raise InputError(
            f"--input-shape {text!r} does not have the form NAME:1x3x224x224.",
            "Give the input's name and its sizes, for example --input-shape image:1x3x224x224.",
        )
    if match["dtype"] and match["dtype"] not in _DTYPES:
        raise InputError(
            f"--input-shape {text!r} has the unknown type {match['dtype']!r}.",
            f"Choose from {', '.join(_DTYPES)}.",
        )
    return match
