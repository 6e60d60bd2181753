"""`edgeml profile` with a budget and a baseline: exit codes, documents, reports for CI."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from edgeml.report import write_report

if TYPE_CHECKING:
    from tests.cli.conftest import Outcome, RunCommand


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def _budget(folder: Path, limits: str) -> Path:
    return _file(folder, "budgets.toml", f'schema = "edgeml.budget/1"\n{limits}')


@pytest.fixture(scope="module")
def saved(
    edgeml: "RunCommand", example: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The document of the example on the rpi4, emulated."""
    path = tmp_path_factory.mktemp("saved") / "base.json"
    command = ("profile", example / "fashion.onnx", "--target", "rpi4", "--save", path)
    assert edgeml(*command).code == 0
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.emulated
def test_without_gates_every_entry_is_one_passing_case(
    edgeml: "RunCommand", example: Path, saved: dict[str, Any], tmp_path: Path
) -> None:
    junit, summary = tmp_path / "gates.xml", tmp_path / "summary.md"
    outcome = edgeml(
        *("profile", example / "fashion.onnx", "--target", "rpi4", "--json"),
        *("--junit", junit, "--markdown", summary),
    )
    assert outcome.code == 0
    assert outcome.document["gates"] == []
    assert outcome.document["passed"]
    (entry,) = saved["results"]
    assert entry["bytes"] == (example / "fashion.onnx").stat().st_size
    (case,) = ET.parse(junit).iter("testcase")  # noqa: S314 - our own file
    assert case.find("failure") is None
    assert case.get("classname") == "rpi4.onnxruntime.fashion.onnx"
    assert summary.read_text().startswith("### fashion.onnx: passed\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gates.xml", "summary.md"]


@pytest.mark.emulated
def test_a_budget_that_is_met_and_one_that_is_not(
    edgeml: "RunCommand", example: Path, tmp_path: Path
) -> None:
    command = ("profile", example / "fashion.onnx", "--target", "rpi4", "--json", "--budget")
    wide = _budget(tmp_path, "[target.rpi4]\np50_ms = 1000\nsize_kib = 1000")
    outcome = edgeml(*command, wide)
    assert outcome.code == 0
    assert [gate["measure"] for gate in outcome.document["gates"]] == ["p50_ms", "size_kib"]
    assert all(gate["passed"] for gate in outcome.document["gates"])

    tight = _budget(tmp_path, "[target.rpi4]\np50_ms = 0.1\nsize_kib = 1000")
    junit, summary = tmp_path / "gates.xml", tmp_path / "summary.md"
    outcome = edgeml(*command, tight, "--junit", junit, "--markdown", summary)
    assert outcome.code == 1
    assert outcome.document["schema"] == "edgeml.profile/1"
    assert not outcome.document["passed"]
    (failure,) = outcome.document["failures"]
    assert outcome.problem == failure["problem"]
    assert "the estimate is" in failure["problem"]
    assert "budgets.toml's p50_ms of 0.1 ms" in failure["problem"]
    (suite,) = ET.parse(junit).getroot()  # noqa: S314 - our own file
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "**p50\\_ms over" in summary.read_text()


@pytest.mark.emulated
def test_the_text_has_a_line_for_each_gate(
    edgeml: "RunCommand", example: Path, tmp_path: Path
) -> None:
    budget = _budget(tmp_path, '[target."*"]\ninstructions = 10')
    outcome = edgeml("profile", example / "fashion.onnx", "--target", "rpi4", "--budget", budget)
    assert outcome.code == 1
    assert re.search(r"budget +rpi4 .* instructions .* 10 +failed", outcome.out)


def _compare(
    edgeml: "RunCommand", example: Path, base: dict[str, Any], folder: Path, *more: str
) -> "Outcome":
    baseline = _file(folder, "base.json", json.dumps(base))
    return edgeml(
        *("profile", example / "fashion.onnx", "--target", "rpi4", "--json"),
        *("--baseline", baseline, *more),
    )


@pytest.mark.emulated
def test_the_same_model_is_no_slower_than_itself(
    edgeml: "RunCommand", example: Path, saved: dict[str, Any], tmp_path: Path
) -> None:
    outcome = _compare(edgeml, example, saved, tmp_path, "--max-regression", "0.5%")
    assert outcome.code == 0, outcome.err
    assert [gate["measure"] for gate in outcome.document["gates"]] == ["p50_ms", "instructions"]
    assert outcome.document["remarks"] == []


@pytest.mark.emulated
def test_a_slower_operator_is_named(
    edgeml: "RunCommand", example: Path, saved: dict[str, Any], tmp_path: Path
) -> None:
    (entry,) = saved["results"]
    slowest = max(entry["ops"], key=lambda op: op["latency_ms"])
    base = json.loads(json.dumps(saved))
    (then,) = base["results"]
    then["latency_ms"]["estimate"] -= slowest["latency_ms"] / 2
    then["ops"][slowest["index"]]["latency_ms"] /= 2
    then["engine"]["version"] = "1.0"
    outcome = _compare(edgeml, example, base, tmp_path)
    assert outcome.code == 1
    assert f"'{slowest['name']}' went from" in outcome.problem
    assert "engine 1.0 then" in outcome.problem
    assert "note: compared with base.json under other conditions" in outcome.err
    assert _compare(edgeml, example, base, tmp_path, "--max-regression", "50%").code == 0


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ("[target.rpi4]\np50 = 1", "'p50'"),
        ("[target.rpi44]\np50_ms = 1", "'rpi44'"),
        ("[target.rpi5]\np50_ms = 1", "no limits for rpi4"),
        ("[target.rpi4.variant.int8]\np50_ms = 1", "the variant 'int8' of rpi4"),
    ],
)
def test_a_wrong_budget_is_told_before_anything_is_emulated(
    edgeml: "RunCommand", example: Path, tmp_path: Path, limits: str, problem: str
) -> None:
    cache = tmp_path / "cache"
    outcome = edgeml(
        *("profile", example / "fashion.onnx", "--target", "rpi4"),
        *("--budget", _budget(tmp_path, limits)),
        environment={"EDGEML_CACHE": str(cache)},
    )
    assert outcome.code == 2
    assert problem in outcome.problem
    assert not cache.exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--budget", "none.toml"), "--budget none.toml cannot be read"),
        (("--baseline", "none.json"), "--baseline none.json cannot be read"),
        (("--max-regression", "3%"), "--max-regression needs a profile to compare with"),
        (("--baseline", "a.json", "--max-regression", "3"), "could mean 3 % or 300 %"),
        (("--baseline", "a.json", "--save", "./a.json"), "--save would replace the baseline"),
        (("--junit", "none/gates.xml"), "its folder is missing"),
        (("--markdown", "none/summary.md"), "its folder is missing"),
    ],
)
def test_wrong_options_are_told_before_anything_is_emulated(
    edgeml: "RunCommand", example: Path, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    cache = tmp_path / "cache"
    outcome = edgeml(
        *("profile", example / "fashion.onnx", "--target", "rpi4", *options),
        environment={"EDGEML_CACHE": str(cache)},
    )
    assert outcome.code == 2
    assert problem in outcome.problem
    assert not cache.exists()


@pytest.mark.emulated
def test_a_baseline_of_another_board_is_refused(
    edgeml: "RunCommand", example: Path, saved: dict[str, Any], tmp_path: Path
) -> None:
    base = {**saved, "results": [{**saved["results"][0], "target": "rpi5"}]}
    outcome = _compare(edgeml, example, base, tmp_path)
    assert outcome.code == 2
    assert "base.json has none of what is profiled now" in outcome.problem


@pytest.mark.emulated
def test_the_page_has_the_slowest_operators_of_each_entry(
    saved: dict[str, Any], tmp_path: Path
) -> None:
    (entry,) = saved["results"]
    many = [{**op, "share": op["share"] / 2} for op in entry["ops"] * 2]
    longer = {**entry, "variant": "longer.int8.onnx", "ops": many, "quantized": True}
    page = write_report(
        tmp_path / "page.html", profile={**saved, "results": [entry, longer]}
    ).read_text()
    first, second = re.findall(r"<details>.*?</details>", page, re.DOTALL)
    assert second.count("<tr>") == 1 + 15 + 1
    assert f"{len(many) - 15} more" in second
    assert first.count("<tr>") == 1 + min(len(entry["ops"]), 16)
    shares = [float(text) for text in re.findall(r"([\d.]+) %</td>", second)]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert shares[:15] == sorted(shares[:15], reverse=True)
    widths = [float(text) for text in re.findall(r"width: ([\d.]+)%", first)]
    assert max(widths) == 100
    assert "int8, more threads or a smaller layer" in first
    assert "int8, more" not in second
    assert "more threads or a smaller layer" in second
    assert "By number of threads: 1: " in first


@pytest.mark.emulated
def test_a_limit_on_the_start_has_it_run(
    edgeml: "RunCommand", example: Path, tmp_path: Path
) -> None:
    budget = _budget(tmp_path, "[target.rpi4]\ncold_start_ms = 5000\npeak_memory_mib = 1")
    page = tmp_path / "page.html"
    outcome = edgeml(
        *("profile", example / "fashion.onnx", "--target", "rpi4", "--json"),
        *("--budget", budget, "--html", page),
    )
    assert outcome.code == 1
    (entry,) = outcome.document["results"]
    start = entry["cold_start"]["stages_ms"]
    assert list(start) == ["interpreter_start", "imports", "load", "first_inference"]
    assert entry["cold_start_ms"] == pytest.approx(sum(start.values()), abs=1e-5)
    in_time, too_much = outcome.document["gates"]
    assert (in_time["measure"], in_time["passed"]) == ("cold_start_ms", True)
    assert too_much["value"] == entry["peak_memory_mib"] > 20
    assert "peak memory is" in too_much["problem"]
    assert "Cold start and memory" in page.read_text()


@pytest.mark.emulated
def test_the_start_is_shown_when_it_is_asked_for(edgeml: "RunCommand", example: Path) -> None:
    command = ("profile", example / "fashion.onnx", "--target", "rpi4")
    asked = edgeml(*command, "--cold-start", "--ops")
    assert asked.code == 0
    assert "cold start ms" in asked.out
    assert "a board adds cache and branch-target misses" in asked.out
    assert "GFLOP/s" in asked.out
    assert "by number of threads: 1: " in asked.out
    assert "cold start" not in edgeml(*command).out
