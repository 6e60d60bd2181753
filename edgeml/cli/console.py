"""What the terminal shows: results on stdout, progress and remarks on stderr.

Colour and boxes only on a terminal; ``NO_COLOR`` is honoured (rich does it). Rich is loaded when a
table or a progress bar is drawn, so that ``--help`` stays instant.
"""

import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeml.whole_file import write_whole
from edgeml_runtime.errors import GateError
from edgeml_runtime.progress import Progress

PIPE_WIDTH = 200
"""Columns of a table that is not read on a terminal: wide enough that nothing is cut."""

ENDED_BARS = 12
"""Bars of ended tasks that stay: a terminal of 24 lines must have room for those that run."""


def print_document(document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout."""
    print(_text(document))


def save_document(path: Path | None, document: Mapping[str, Any]) -> None:
    """Write a JSON document to *path*, if there is one.

    Raises:
        InputError: *path* cannot be written.
    """
    if path is not None:
        write_whole(path, f"{_text(document)}\n")


def print_lines(*lines: str) -> None:
    """Print lines of a result on stdout."""
    for line in lines:
        print(line)


def remark(text: str) -> None:
    """Print a line that is not part of the result, on stderr."""
    print(text, file=sys.stderr)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; columns whose name starts with ``>`` are aligned to the right."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - rich only where something is drawn
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in columns:
        right = name.startswith(">")
        table.add_column(name.lstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPE_WIDTH)
    with console.capture() as capture:
        console.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()))


@contextmanager
def progress_display() -> Iterator[Progress]:
    """Yield the progress callable: bars on a terminal, a line a task elsewhere; all on stderr."""
    if sys.stderr.isatty():
        with _bars() as progress:
            yield progress
    else:
        yield _plain_lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415 - rich only where something is drawn
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    bars = Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(file=sys.stderr),
        transient=True,
    )
    tasks: dict[str, TaskID] = {}
    lock = threading.Lock()

    def progress(task: str, done: int, total: int) -> None:
        with lock:
            bars.start()  # only now, so that a question before it stands on a quiet terminal
            if task not in tasks:
                tasks[task] = bars.add_task(task, total=total or None)
                ended = [shown for shown in bars.tasks if shown.visible and shown.finished]
                for shown in ended[: max(0, len(ended) - ENDED_BARS)]:
                    bars.update(shown.id, visible=False)
            bars.update(tasks[task], completed=done, total=total or None)

    try:
        yield progress
    finally:
        bars.stop()


def _plain_lines() -> Progress:
    seen: set[str] = set()
    lock = threading.Lock()

    def progress(task: str, done: int, total: int) -> None:  # noqa: ARG001 - one line a task
        with lock:
            if task not in seen:
                seen.add(task)
                remark(f"{task}{f' ({total})' if total > 1 else ''}")

    return progress


def report_failures(failures: Sequence[GateError]) -> int:
    """Print the gates that failed on stderr and return the exit code."""
    for failure in failures:
        remark(f"error: {failure.problem}\n  {failure.remedy}")
    return GateError.exit_code if failures else 0


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
