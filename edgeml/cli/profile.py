"""`edgeml profile`: emulated latency on boards."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
OP_COLUMNS = (">#", "operator", "name", ">ms", ">share %", "limited by", ">instructions")

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
ClockMhz = Annotated[
    int | None,
    typer.Option(
        "--clock-mhz",
        min=1,
        help="Clock of the cores (default: the board's usual one). Example: --clock-mhz 1800",
    ),
]
Inputs = Annotated[
    Path | None,
    typer.Option(
        "--input",
        help="An .npz with an array for each input, by name (default: seeded random ones). "
        "Example: --input sample.npz",
    ),
]
Ops = Annotated[
    bool,
    typer.Option("--ops", help="Show where the time goes, operator by operator."),
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
    clock_mhz: ClockMhz = None,
    inputs: Inputs = None,
    ops: Ops = False,
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
            clock_mhz=clock_mhz,
            inputs=inputs,
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
        _print_text(profile, ops=ops)
    return report_failures(profile.failures)


def _print_text(profile: "Profile", *, ops: bool) -> None:
    print_table(COLUMNS, [_row(entry) for entry in profile.entries])
    print_lines("emulated, not measured; the band is where the board's own time is expected")
    for entry in profile.entries if ops else ():
        document = entry.to_json()
        engine = document["engine"]
        print_lines(
            "", f"{entry.variant} in {engine['name']} {engine['version']} on {document['target']}:"
        )
        print_table(OP_COLUMNS, [_op_row(op) for op in document["ops"]])
        if document["ops_unknown_because"]:
            print_lines(f"no operators: {document['ops_unknown_because']}")


def _op_row(op: Mapping[str, Any]) -> tuple[str, ...]:
    name = "" if op["name"] == op["type"] else op["name"]
    return (
        str(op["index"]),
        op["type"],
        name,
        f"{op['latency_ms']:.3f}",
        f"{op['share'] * 100:.1f}",
        op["limit"],
        f"{op['instructions']:,}",
    )


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
