"""`edgeml profile`: emulated latency on boards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edgeml
from edgeml.cli.console import (
    print_document,
    progress_display,
    remark,
    report_failures,
    save_document,
)
from edgeml.cli.options import Debug, Html, Json, Save, Targets, Threads, split_names
from edgeml.cli.profile_options import (
    Baseline,
    Budget,
    ClockMhz,
    ColdStart,
    Engines,
    Inputs,
    JUnit,
    Markdown,
    MaxRegression,
    Model,
    NoCache,
    Ops,
)
from edgeml.whole_file import check_targets, write_whole
from edgeml_runtime.errors import InputError

EXAMPLE = (
    "\b\nExample: edgeml profile out/model.edgeml --target rpi4 --html report.html\n"
    "In CI:   edgeml profile out/model.edgeml --target rpi4 --budget budgets.toml --junit gates.xml"
)


def command(
    model: Model,
    *,
    target: Targets = None,
    engine: Engines = None,
    threads: Threads = 1,
    clock_mhz: ClockMhz = None,
    inputs: Inputs = None,
    ops: Ops = False,
    cold_start: ColdStart = False,
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
            cold_start=cold_start,
            use_cache=not no_cache,
            progress=progress,
        )
    from edgeml.cli.profile_text import print_profile  # noqa: PLC0415 - not for --help

    document = profile.to_json()
    save_document(save, document)
    _write_reports(document, html, junit, markdown)
    for text in profile.remarks:
        remark(f"note: {text}")
    if as_json:
        print_document(document)
    else:
        print_profile(profile, ops=ops)
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
