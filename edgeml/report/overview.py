"""The top of the page: the story in a few sentences and figures, for someone who is no engineer."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from edgeml.report import layers_section
from edgeml.report.documents import Document, Documents
from edgeml.report.figures import band, drop, percent, significant, size


def overview(documents: Documents) -> dict[str, Any]:
    """Return title, lead and cards."""
    conversion, profile, board = documents.conversion, documents.profile, documents.board
    sentences: list[str] = []
    cards: list[dict[str, str]] = []
    if conversion is not None:
        sentences.extend(_conversion_sentences(conversion))
        cards.extend(_conversion_cards(conversion))
    if documents.comparison is not None:
        sentences.append(layers_section.sentence(documents.comparison))
        cards.extend(layers_section.cards(documents.comparison))
    if profile is not None and profile["results"]:
        best = _fastest(profile)
        sentences.append(
            f"On {best['target']} its fastest variant is expected to answer in "
            f"{significant(best['latency_ms']['estimate'])} ms."
        )
        cards.append(_latency_card(best))
    if board is not None:
        cards.append(_board_card(board))
        sentences.append(_board_sentence(board))
    return {
        "title": _title(documents),
        "lead": " ".join(sentences),
        "cards": cards,
    }


def _title(documents: Documents) -> str:
    conversion, profile, board = documents.conversion, documents.profile, documents.board
    if conversion is not None:
        return PurePath(conversion["bundle"] or conversion["source"]["name"]).stem
    if profile is not None:
        return PurePath(profile["model"]["name"]).stem
    if board is not None:
        return str(board["bundle"])
    assert documents.comparison is not None, "the page has at least one document"
    return layers_section.title(documents.comparison)


def _conversion_sentences(conversion: Document) -> Iterator[str]:
    artifacts = conversion["artifacts"]
    passed = [item for item in artifacts if not item["rejected"]]
    yield (
        f"{conversion['source']['name']} was turned into {len(artifacts)} "
        f"file{'s' if len(artifacts) > 1 else ''}, each checked against the original."
    )
    if len(passed) == len(artifacts):
        yield "All of them passed." if len(artifacts) > 1 else "It passed."
    else:
        yield f"{len(artifacts) - len(passed)} did not pass and must not be used."


def _conversion_cards(conversion: Document) -> Iterator[dict[str, str]]:
    artifacts = [item for item in conversion["artifacts"] if not item["rejected"]]
    if not artifacts:
        return
    smallest = min(artifacts, key=lambda item: item["bytes"])
    largest = max(artifacts, key=lambda item: item["bytes"])
    number, unit = size(smallest["bytes"]).split(" ")
    ratio = largest["bytes"] / smallest["bytes"]
    yield {
        "what": "Smallest file",
        "figure": number,
        "unit": unit,
        "detail": f"{smallest['precision']}.{smallest['format']}"
        + (f", {ratio:.1f} times smaller than the largest" if ratio > 1.05 else ""),
    }
    scored = [item for item in artifacts if item["accuracy"] is not None]
    if scored:
        worst = max(scored, key=lambda item: item["accuracy"]["drop"])["accuracy"]
        yield {
            "what": "Accuracy, at worst",
            "figure": percent(worst["value"]).removesuffix(" %"),
            "unit": "%",
            "detail": f"{drop(worst['drop'])} points against the original, {worst['n']:,} samples",
        }


def _fastest(profile: Document) -> Document:
    fastest: Document = min(profile["results"], key=lambda r: r["latency_ms"]["estimate"])
    return fastest


def _latency_card(best: Document) -> dict[str, str]:
    return {
        "what": f"Time on {best['target']}, {best['method']}",
        "figure": significant(best["latency_ms"]["estimate"]),
        "unit": "ms",
        "detail": f"{band(best['latency_ms'])} ms expected; {best['variant']} in "
        f"{best['engine']['name']}",
    }


def _board_card(board: Document) -> dict[str, str]:
    passed = sum(run["self_test"]["passed"] for run in board["runs"])
    return {
        "what": "Self-test on the board",
        "figure": f"{passed} of {len(board['runs'])}",
        "unit": "passed",
        "detail": board["place"],
    }


def _board_sentence(board: Document) -> str:
    if board["passed"]:
        return f"On {board['place']} its self-test passed: the answers are the original's."
    return f"On {board['place']} its self-test failed: the answers are not the original's."
