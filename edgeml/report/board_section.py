"""The section on the self-test and the answers on a board."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgeml.report.figures import NONE, error

Run = Mapping[str, Any]


def content(board: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the template shows of a run; empty without one."""
    if board is None:
        return {"self_tests": [], "predictions": [], "board_title": "", "board_lead": ""}
    lead = f"The bundle ran on {board['place']}"
    emulated = board["method"] == "emulated"
    return {
        "board_title": "Does it give the right answers on the board?",
        "board_lead": f"{lead}, in the very engines that the board uses."
        if emulated
        else f"{lead}.",
        "self_tests": [_self_test(run) for run in board["runs"]],
        "predictions": list(_predictions(board["inputs"], board["runs"])),
    }


def _self_test(run: Run) -> dict[str, Any]:
    test = run["self_test"]
    worst = test["worst_error"]
    return {
        "variant": run["variant"],
        "engine": f"{run['engine']['name']} {run['engine']['version']}",
        "samples": test["samples"],
        "error": "not a number" if worst is None else error(worst),
        "tolerance": error(test["tolerance"]),
        "passed": test["passed"],
        "same_bits": _same_bits(run.get("bit_exact")),
    }


def _same_bits(found: Mapping[str, Any] | None) -> str:
    if found is None or not found["samples"]:
        return NONE
    return f"{found['identical']} of {found['samples']}"


def _predictions(inputs: Sequence[str], runs: Sequence[Run]) -> Iterator[dict[str, str]]:
    """Yield one row for each input and answer to it: a label or text, else the answer's line."""
    for index, name in enumerate(inputs):
        answers: dict[str, list[tuple[Run, float | None]]] = {}
        for run in runs:
            prediction = run["predictions"][index]
            answer = prediction.get("label") or prediction.get("text")
            score = prediction.get("score") if answer else None
            if not answer and index < len(run.get("summaries", ())):
                answer = run["summaries"][index]
            if answer:
                answers.setdefault(answer, []).append((run, score))
        for label, given in answers.items():
            yield {
                "input": name,
                "answer": label,
                "certainty": _range([score for _, score in given if score is not None]),
                "given_by": _givers([run for run, _ in given], len(runs)),
            }


def _range(scores: Sequence[float]) -> str:
    if not scores:
        return NONE
    low, high = f"{100 * min(scores):.1f}", f"{100 * max(scores):.1f}"
    return f"{high} %" if low == high else f"{low} to {high} %"


def _givers(runs: Sequence[Run], total: int) -> str:
    if len(runs) == total:
        return "all" if total > 1 else runs[0]["variant"]
    return ", ".join(f"{run['variant']} in {run['engine']['name']}" for run in runs)
