"""A profile as a Markdown table, for the summary page of a CI job.

Written in GitHub's dialect, whose tables GitLab and Gitea read as well.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from edgeml.gates.measures import MEASURES
from edgeml.gates.snapshot import Operator
from edgeml.gates.verdict import EntryKey

_TOP: Final = 3
_NONE: Final = "\N{EN DASH}"
_COLUMNS: Final = {
    "Board": "---",
    "Engine": "---",
    "Model": "---",
    "Threads": "--:",
    "Estimate": "--:",
    "Band": "--:",
    "Against the baseline": "--:",
    "Budget": "---",
    "Where the time goes": "---",
}
"""Title to alignment."""
# CommonMark, section 2.4: any punctuation may be escaped; these are what could mean something.
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~#&])")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def markdown_text(document: Mapping[str, Any]) -> str:
    """Return the summary of an ``edgeml.profile/1`` document."""
    verdict = "passed" if document["passed"] else "**failed**"
    blocks = [f"### {_plain(document['model']['name'])}: {verdict}"]
    if document["results"]:
        rows = [_row(entry, _gates_of(document, entry)) for entry in document["results"]]
        blocks.append("\n".join(map(_line, (list(_COLUMNS), list(_COLUMNS.values()), *rows))))
        blocks.append("Emulated, not measured; the band is where the board's own time is expected.")
    problems = [f"- {_plain(failure['problem'])}" for failure in document["failures"]]
    if problems:
        blocks.append("\n".join(("What did not pass:\n", *problems)))
    remarks = [f"- {_plain(remark)}" for remark in document["remarks"]]
    if remarks:
        blocks.append("\n".join(("To be noted:\n", *remarks)))
    return "\n\n".join(blocks) + "\n"


def _row(entry: Mapping[str, Any], gates: Sequence[Mapping[str, Any]]) -> list[str]:
    latency_ms = entry["latency_ms"]
    return [
        _plain(entry["target"]),
        _plain(f"{entry['engine']['name']} {entry['engine']['version']}"),
        _plain(entry["variant"]),
        str(entry["threads"]),
        f"{latency_ms['estimate']:.2f} ms",
        f"{latency_ms['low']:.2f} to {latency_ms['high']:.2f} ms",
        _cell(_changes(gates)),
        _cell(_budget(gates)),
        _cell(_top(entry)),
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _changes(gates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for gate in gates:
        if gate["gate"] == "baseline":
            change = gate["value"] / gate["reference"] - 1
            subject = "instructions" if gate["measure"] == "instructions" else "time"
            yield _marked(f"{change * 100:+z.1f} % {subject}", passed=gate["passed"])


def _budget(gates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for gate in gates:
        if gate["gate"] == "budget":
            measure = MEASURES[gate["measure"]]
            text = f"{measure.words(gate['value'])} of {measure.words(gate['limit'])}"
            verdict = "met" if gate["passed"] else "over"
            yield _marked(f"{_plain(measure.key)} {verdict}: {text}", passed=gate["passed"])


def _top(entry: Mapping[str, Any]) -> Iterator[str]:
    slowest = sorted(entry["ops"], key=lambda op: (-op["latency_ms"], op["index"]))
    for op in slowest[:_TOP]:
        yield f"{_plain(str(Operator.of(op)))} {op['share'] * 100:.1f} %"


def _gates_of(document: Mapping[str, Any], entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    key = vars(EntryKey.of(entry))
    return [gate for gate in document["gates"] if key.items() <= gate.items()]


def _marked(text: str, *, passed: bool) -> str:
    return text if passed else f"**{text}**"


def _cell(lines: Iterator[str]) -> str:
    return "<br>".join(lines) or _NONE


def _plain(text: str) -> str:
    """Return *text* so that none of it is taken for markup."""
    clean = _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))
    return _SPECIAL.sub(r"\\\1", clean)
