"""The options of `edgeml profile`."""

from pathlib import Path
from typing import Annotated

import typer

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
ColdStart = Annotated[
    bool,
    typer.Option(
        "--cold-start",
        help="Also run a program that starts, loads the model and runs it for the first time, and "
        "look at its memory; twice the work. A budget that limits either does the same.",
    ),
]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Emulate again, whatever was emulated before."),
]
