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
from edgeml.whole_file import check_targets, write_whole
from edgeml_runtime.errors import InputError

if TYPE_CHECKING:
    from edgeml.api.profiling import Entry, Profile
    from edgeml.gates import Verdict

EXAMPLE = (
    "\b\nExample: edgeml profile out/model.edgeml --target rpi4 --html report.html\n"
    "In CI:   edgeml profile out/model.edgeml --target rpi4 --budget budgets.toml --junit gates.xml"
)
COLUMNS = ("target", "engine", "model", ">threads", ">estimate ms", ">band ms", ">instructions")
OP_COLUMNS = (">#", "operator", "name", ">ms", ">share %", "limited by", ">instructions")
GATE_COLUMNS = ("gate", "target", "engine", "model", "measure", ">found", ">allowed", "verdict")

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
Budget = Annotated[
    Path | None,
    typer.Option(
        "--budget",
        help="Fail where a figure is over its limit in a TOML file: p50_ms (held against the "
        "estimate), cold_start_ms, peak_memory_mib, size_kib, instructions. "
        "Example: --budget budgets.toml",
    ),
]
Baseline = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        help="Fail where this is slower than an earlier profile, kept by --save. "
        "Example: --baseline main.json",
    ),
]
MaxRegression = Annotated[
    str | None,
    typer.Option(
        "--max-regression",
        help="How much slower than the baseline may pass (default: 3%). "
        "Example: --max-regression 5%",
    ),
]
JUnit = Annotated[
    Path | None,
    typer.Option("--junit", help="Also write the gates as JUnit XML. Example: --junit profile.xml"),
]
Markdown = Annotated[
    Path | None,
    typer.Option(
        "--markdown",
        help="Also write a summary for the page of a CI job. Example: --markdown summary.md",
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
    clock_mhz: ClockMhz = None,
    inputs: Inputs = None,
    ops: Ops = False,
    budget: Budget = None,
    baseline: Baseline = None,
    max_regression: MaxRegression = None,
    no_cache: NoCache = False,
    html: Html = None,
    junit: JUnit = None,
    markdown: Markdown = None,
    save: Save = None,
    as_json: Json = False,
    _debug: Debug = False,
) -> int:
    """Estimate latency on a board by emulating it."""
    check_targets(save, html, junit, markdown)
    _check_baseline(baseline, max_regression, save)
    with progress_display() as progress:
        profile = edgeml.profile(
            model,
            targets=split_names(",".join(target or ())),
            engines=split_names(engine),
            threads=threads,
            clock_mhz=clock_mhz,
            inputs=inputs,
            budget=budget,
            baseline=baseline,
            max_regression=_share(max_regression),
            use_cache=not no_cache,
            progress=progress,
        )
    document = profile.to_json()
    save_document(save, document)
    _write_reports(document, html, junit, markdown)
    for text in profile.remarks:
        remark(f"note: {text}")
    if as_json:
        print_document(document)
    else:
        _print_text(profile, ops=ops)
    return report_failures(profile.failures)


def _check_baseline(baseline: Path | None, max_regression: str | None, save: Path | None) -> None:
    if baseline is None:
        if max_regression is not None:
            raise InputError(
                "--max-regression needs a profile to compare with.",
                "Add --baseline with a file that --save wrote.",
            )
    elif save is not None and save.resolve() == baseline.resolve():
        raise InputError(
            f"--save would replace the baseline {baseline} before anyone has seen the comparison.",
            "Save to another file, and make it the baseline when it is what you want.",
        )


def _share(max_regression: str | None) -> float:
    """Return the share that was typed, or the default."""
    from edgeml.gates import MAX_REGRESSION, parse_share  # noqa: PLC0415 - not for --help

    if max_regression is None:
        return MAX_REGRESSION
    return parse_share(max_regression, "--max-regression")


def _write_reports(
    document: Mapping[str, Any], html: Path | None, junit: Path | None, markdown: Path | None
) -> None:
    if html is not None:
        edgeml.write_report(html, profile=document)
        remark(f"report written to {html}")
    from edgeml.gates import junit_text, markdown_text  # noqa: PLC0415 - not for --help

    if junit is not None:
        write_whole(junit, junit_text(document))
    if markdown is not None:
        write_whole(markdown, markdown_text(document))


def _print_text(profile: "Profile", *, ops: bool) -> None:
    print_table(COLUMNS, [_row(entry) for entry in profile.entries])
    print_lines("emulated, not measured; the band is where the board's own time is expected")
    if profile.verdicts:
        print_lines("")
        print_table(GATE_COLUMNS, [_gate_row(verdict) for verdict in profile.verdicts])
    for entry in profile.entries if ops else ():
        document = entry.to_json()
        engine = document["engine"]
        print_lines(
            "", f"{entry.variant} in {engine['name']} {engine['version']} on {document['target']}:"
        )
        print_table(OP_COLUMNS, [_op_row(op) for op in document["ops"]])
        if document["ops_unknown_because"]:
            print_lines(f"no operators: {document['ops_unknown_because']}")


def _gate_row(verdict: "Verdict") -> tuple[str, ...]:
    from edgeml.gates.measures import MEASURES  # noqa: PLC0415 - not for --help

    measure = MEASURES.get(verdict.measure)
    key = verdict.key
    found, allowed = (
        "" if measure is None or value is None else measure.words(value)
        for value in (verdict.value, verdict.limit)
    )
    passed = "passed" if verdict.failure is None else "failed"
    name = verdict.measure
    return (verdict.gate, key.target, key.engine, key.variant, name, found, allowed, passed)


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
