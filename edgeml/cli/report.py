"""`edgeml report`: one HTML page from the documents of other commands."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

import edgeml
from edgeml.cli.console import print_document, print_lines
from edgeml.cli.options import Debug, Json
from edgeml_runtime.errors import InputError

EXAMPLE = (
    "\b\nExample: edgeml report --conversion out/conversion.json --profile profile.json -o r.html"
)

Output = Annotated[
    Path, typer.Option("-o", "--output", help="HTML file to write. Example: -o report.html")
]
ConversionFile = Annotated[
    Path | None,
    typer.Option(
        "--conversion",
        help="Document of `convert` (default: none). Example: --conversion out/conversion.json",
    ),
]
ProfileFile = Annotated[
    Path | None,
    typer.Option(
        "--profile",
        help="Document of `profile --json` (default: none). Example: --profile profile.json",
    ),
]
BoardFile = Annotated[
    Path | None,
    typer.Option(
        "--board",
        help="Document of `run --target T --json` (default: none). Example: --board board.json",
    ),
]
ComparisonFile = Annotated[
    Path | None,
    typer.Option(
        "--comparison",
        help="Document of `compare --layers --json` (default: none). "
        "Example: --comparison compare.json",
    ),
]


def command(
    output: Output,
    *,
    conversion: ConversionFile = None,
    profile: ProfileFile = None,
    board: BoardFile = None,
    comparison: ComparisonFile = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> int:
    """Write one HTML page from --json documents."""
    path = edgeml.write_report(
        output,
        conversion=_document(conversion, "edgeml.convert/1"),
        profile=_document(profile, "edgeml.profile/1"),
        board=_document(board, "edgeml.run/1"),
        comparison=_document(comparison, "edgeml.compare/1"),
    )
    if as_json:
        print_document({"schema": "edgeml.report/1", "path": str(path)})
    else:
        print_lines(f"report written to {path}")
    return 0


def _document(path: Path | None, schema: str) -> dict[str, Any] | None:
    if path is None:
        return None
    remedy = f"Give the {schema} document that edgeml wrote."
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", remedy) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", remedy) from error
    found = document.get("schema") if isinstance(document, dict) else None
    if found != schema:
        raise InputError(f"{path} holds schema {found!r}, not {schema!r}.", remedy)
    return dict(document)
