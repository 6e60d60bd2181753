"""`edgeml convert --quantize auto`: what it finds, what it writes, and the page of it."""

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgeml.report import write_report
from tests.cli.html_page import Page

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome, RunCommand

HOSTILE = '</svg><script>alert("auto")</script>&\''


@pytest.fixture(scope="module")
def few(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 120 of the example's samples to score on, and 30 to calibrate on."""
    folder = tmp_path_factory.mktemp("few")
    for name, count in (("test", 120), ("calibration", 30)):
        with np.load(example / f"{name}.npz") as data:
            np.savez(folder / f"{name}.npz", **{key: data[key][:count] for key in data.files})
    return folder


@pytest.fixture(scope="module")
def searched(edgeml: "RunCommand", example: Path, few: Path) -> "Outcome":
    """What a search printed; its files are in ``few / "out"``."""
    outcome = edgeml(*_line(example, few), "-o", few / "out")
    assert outcome.code == 0, outcome.err
    return outcome


@pytest.fixture
def document(few: Path, searched: "Outcome") -> dict[str, Any]:
    """The document of that search, which a test may change."""
    assert searched.code == 0
    found: dict[str, Any] = json.loads((few / "out" / "conversion.json").read_text("utf-8"))
    return copy.deepcopy(found)


def _line(example: Path, few: Path) -> list[object]:
    return [
        *("convert", example / "fashion.onnx", "--quantize", "auto"),
        *("--calibrate", few / "calibration.npz", "--evaluate", few / "test.npz"),
        *("--preprocess", example / "preprocess.toml"),
    ]


def test_the_chosen_trial_is_what_was_written(document: dict[str, Any]) -> None:
    search = document["search"]
    chosen = [trial for trial in search["trials"] if trial["chosen"]]
    assert [trial["name"] for trial in chosen] == [search["chosen"]]
    assert {item["precision"] for item in document["artifacts"]} == {chosen[0]["scheme"]}
    assert max(item["bytes"] for item in document["artifacts"]) == chosen[0]["bytes"]
    assert search["met"] == (chosen[0]["drop"] <= search["max_drop"])
    assert chosen[0]["pareto"]


def test_no_trial_of_the_front_is_beaten(document: dict[str, Any]) -> None:
    def figures(trial: dict[str, Any]) -> tuple[float, float, float]:
        return trial["drop"], -trial["sqnr_db"], trial["bytes"]

    trials = document["search"]["trials"]
    for trial in trials:
        beaten = any(
            figures(other) != figures(trial)
            and all(a <= b for a, b in zip(figures(other), figures(trial), strict=True))
            for other in trials
        )
        assert trial["pareto"] != beaten


def test_a_limit_finer_than_a_sample_is_said(searched: "Outcome") -> None:
    assert "One of 120 samples is 0.833 points" in searched.out
    assert "score on 200 or more" in searched.out


def test_the_recipe_makes_the_same_files_again(
    edgeml: "RunCommand", example: Path, few: Path, searched: "Outcome", tmp_path: Path
) -> None:
    assert searched.code == 0
    recipe = few / "out" / "fashion.recipe.toml"
    line = [word if word != "auto" else "float32" for word in _line(example, few)]
    again = edgeml(*line, "--recipe", recipe, "-o", tmp_path)
    assert again.code == 0, again.err
    files = sorted(path.name for path in tmp_path.glob("*.onnx"))
    assert files
    for name in files:
        assert (tmp_path / name).read_bytes() == (few / "out" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--target", "rpi44"), "'rpi44'"),
        (("--target", "rpi4,rpi4-armv7"), "only 64-bit code"),
        (("--task", "raw"), "--quantize auto needs a score"),
    ],
)
def test_what_cannot_be_is_refused_before_the_search(
    edgeml: "RunCommand",
    example: Path,
    few: Path,
    tmp_path: Path,
    words: tuple[str, str],
    problem: str,
) -> None:
    outcome = edgeml(*_line(example, few), "-o", tmp_path / "out", *words)
    assert outcome.code == 2
    assert problem in outcome.problem
    assert len(outcome.err.splitlines()) == 2  # so no progress
    assert not (tmp_path / "out").exists()


def _page(document: dict[str, Any], path: Path) -> str:
    write_report(path, conversion=document)
    return path.read_text(encoding="utf-8")


def _plot(text: str) -> str:
    found = re.search(r'<svg[^>]*aria-label="What was tried".*?</svg>', text, re.DOTALL)
    assert found is not None
    return found[0]


def test_the_page_shows_every_trial_and_why(document: dict[str, Any], tmp_path: Path) -> None:
    document["search"]["trials"][1]["drop"] = 0.4
    text = _page(document, tmp_path / "page.html")
    found = Page(text)
    assert "script" not in found.counts
    assert not re.search(r"(?:src|href)=|url\(|@import", text)
    search = document["search"]
    for trial in search["trials"]:
        assert f"</i>{trial['name']}</th>" in text
    for reason in search["reasons"]:
        assert reason.replace("'", "&#39;") in text
    plot = _plot(text)
    assert plot.count("<circle") == len(search["trials"]) + 1  # the chosen has a ring
    assert plot.count('class="limit"') == 1
    assert "<title>" in plot
    assert "<desc>" in plot
    assert _page(document, tmp_path / "again.html") == text


def test_names_are_escaped(document: dict[str, Any], tmp_path: Path) -> None:
    search = document["search"]
    for trial in search["trials"]:
        trial["name"] = trial["name"] + HOSTILE
        trial["kept_float"] = [HOSTILE]
    search["reasons"] = [HOSTILE]
    text = _page(document, tmp_path / "page.html")
    assert "script" not in Page(text).counts
    assert text.count("&lt;script&gt;") > 2 * len(search["trials"])


def test_boards_have_columns_and_the_first_one_the_axis(
    document: dict[str, Any], tmp_path: Path
) -> None:
    search = document["search"]
    search["targets"] = ["rpi4", "rpi5"]
    for index, trial in enumerate(search["trials"][:-1]):
        trial["latency_ms"] = {"rpi4": 7.0 + index, "rpi5": 3.0}
    text = _page(document, tmp_path / "page.html")
    assert "On rpi4" in text
    assert "On rpi5" in text
    assert "ms on rpi4, emulated" in _plot(text)
    assert "1 was not timed, and is in the table only." in text


def test_a_far_drop_is_drawn_at_the_edge(document: dict[str, Any], tmp_path: Path) -> None:
    document["search"]["trials"][1]["drop"] = 70.0
    text = _page(document, tmp_path / "page.html")
    assert "1 of the points lies further out" in text
    assert "2 ↓" in Page(text).charts
    assert "\N{MINUS SIGN}70.00 points" in _plot(text)


def test_equal_drops_are_told_apart_by_their_noise(
    document: dict[str, Any], tmp_path: Path
) -> None:
    for trial in document["search"]["trials"]:
        trial["drop"] = 0.0
    document["search"]["trials"][0]["sqnr_db"] = None
    text = _page(document, tmp_path / "page.html")
    plot = _plot(text)
    assert "All lose about as much" in text
    assert "signal to error in dB" in plot
    assert 'class="limit"' not in plot
    assert "±0.00 points, no error" in plot


def test_a_document_without_a_search_has_no_such_section(
    document: dict[str, Any], tmp_path: Path
) -> None:
    del document["search"]
    text = _page(document, tmp_path / "page.html")
    document["search"] = None
    assert _page(document, tmp_path / "again.html") == text
    assert "What was tried" not in text
