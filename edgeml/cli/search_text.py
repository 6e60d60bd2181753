"""What `--quantize auto` tried, as a table and sentences."""

from typing import TYPE_CHECKING

from edgeml.cli.console import print_lines, print_table

if TYPE_CHECKING:
    from edgeml.search import SearchOutcome
    from edgeml.search.trial import Trial


def print_search(search: "SearchOutcome") -> None:
    """Print every trial, those worth having marked, and why one was chosen."""
    boards = [f">{board}, ms" for board in search.targets]
    columns = ("", "tried", ">drop", ">SQNR, dB", ">bytes", *boards, ">layers float")
    front = search.front
    print_lines("")
    print_table(
        columns,
        [_row(trial, search, front=trial in front) for trial in search.trials],
    )
    print_lines(
        "> chosen, * no other is better in one respect and worse in none; figures of the worse "
        "format, latency of the faster",
        *search.reasons,
    )


def _row(trial: "Trial", search: "SearchOutcome", *, front: bool) -> tuple[str, ...]:
    latency = trial.latency_ms
    noise = "-" if trial.sqnr_db == float("inf") else f"{trial.sqnr_db:.1f}"
    return (
        ">" if trial is search.chosen else "*" if front else "",
        trial.name,
        f"{trial.drop:+.2f}",
        noise,
        f"{trial.size_bytes:,}",
        *(f"{latency[board]:.3g}" if board in latency else "-" for board in search.targets),
        str(trial.float_nodes) if trial.int8_nodes else "all",
    )
