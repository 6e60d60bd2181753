"""`edgeml profile`: emulated latency on boards."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import edgeml
from edgeml.cli.console import (
    print_document,
    print_lines,
    print_table,
    progress_display,
    remark,
    report_failures,
    save_document,
)
from edgeml.cli.options import Debug, Html, Json, Save, Targets, Threads, split_names
from edgeml.whole_file import check_targets

if TYPE_CHECKING:
    from edgeml.api.profiling import Entry, Profile

EXAMPLE = "\b\nExample: edgeml profile out/model.edgeml --target rpi4 --html report.html"
COLUMNS = ("target", "engine", "model", ">threads", ">estimate ms", ">band ms", ">instructions")

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="An .onnx or .tflite file, or a bundle (.edgeml).")
]
Engines = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="Engines to run: onnxruntime, litert, litert-builtin, tflite-runtime (default: the "
        "best one with a wheel for the board). Example: --engine litert,onnxruntime",
    ),
]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Emulate again, whatever was emulated before."),
]


def command(
    model: Model,
    *,
    target: Targets = None,
    engine: Engines = None,
    threads: Threads = 1,
    no_cache: NoCache = False,
    html: Html = None,
    save: Save = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> int:
    """Estimate latency on a board by emulating it."""
    check_targets(save, html)
    with progress_display() as progress:
        profile = edgeml.profile(
            model,
            targets=split_names(",".join(target or ())),
            engines=split_names(engine),
            threads=threads,
            use_cache=not no_cache,
            progress=progress,
        )
    document = profile.to_json()
    save_document(save, document)
    if html is not None:
        edgeml.write_report(html, profile=document)
        remark(f"report written to {html}")
    if as_json:
        print_document(document)
    else:
        _print_text(profile)
    return report_failures(profile.failures)


def _print_text(profile: "Profile") -> None:
    print_table(COLUMNS, [_row(entry) for entry in profile.entries])
    print_lines("emulated, not measured; the band is where the board's own time is expected")


def _row(entry: "Entry") -> tuple[str, ...]:
    document = entry.to_json()
    latency = document["latency_ms"]
    return (
        document["target"],
        f"{document['engine']['name']} {document['engine']['version']}",
        entry.variant,
        str(document["threads"]),
        f"{latency['estimate']:.2f}",
        f"{latency['low']:.2f} to {latency['high']:.2f}",
        f"{document['instructions']:,}",
    )
