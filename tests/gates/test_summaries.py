"""The JUnit XML and the Markdown summary of a profile."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from edgeml.gates import EntryKey, crash_verdict, junit_text, load_gates, markdown_text
from edgeml_runtime.errors import EngineCrashError

Document = dict[str, Any]
BUDGET = """
schema = "edgeml.budget/1"
[target.rpi4]
p50_ms = 1000
instructions = 1
"""


@pytest.fixture
def judged(profile: Document, tmp_path: Path) -> Document:
    """The profile with a met limit, a missed one, and an engine that died."""
    path = tmp_path / "budgets.toml"
    path.write_text(BUDGET)
    judgement = load_gates(path, None, 0.03, ["rpi4"]).judge(profile["results"])
    crash = EngineCrashError("tflite-runtime died of an illegal instruction.", "Use another.")
    died = crash_verdict(EntryKey("rpi4", "tflite-runtime", "int8.tflite", 1), crash)
    verdicts = [died, *judgement.verdicts]
    return {
        **profile,
        "gates": [verdict.to_json() for verdict in verdicts],
        "passed": False,
        "failures": [v.failure.to_json() for v in verdicts if v.failure is not None],
        "remarks": ["compared | loosely"],
    }


def _root(document: Document) -> ET.Element:
    return ET.fromstring(junit_text(document).encode())  # noqa: S314 - our own text


def test_junit_has_a_case_for_each_gate_and_counts_them(judged: Document) -> None:
    root = _root(judged)
    (suite,) = root
    cases = suite.findall("testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert (suite.get("tests"), suite.get("failures")) == (str(len(cases)), str(len(failed)))
    assert (len(cases), len(failed)) == (5, 3)
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    messages = {case.findtext("failure") for case in failed}
    assert messages == {failure["problem"] for failure in judged["failures"]}


def test_junit_of_a_profile_without_gates_passes_with_the_estimates(profile: Document) -> None:
    (suite,) = _root(profile)
    cases = suite.findall("testcase")
    assert suite.get("failures") == "0"
    for case, entry in zip(cases, profile["results"], strict=True):
        properties = {p.get("name"): p.get("value") for p in case.iter("property")}
        assert float(properties["estimate_ms"] or "") == entry["latency_ms"]["estimate"]
        assert entry["variant"] in (case.get("classname") or "")


@pytest.mark.parametrize("name", ["a<b>&\"'.onnx", "tab\x0bbell\x07.onnx", "byte\udcff.onnx"])
def test_any_file_name_makes_valid_xml_and_markdown(profile: Document, name: str) -> None:
    profile["model"]["name"] = name
    profile["results"][0]["variant"] = name
    (suite,) = _root(profile)
    assert (suite.get("name") or "")[0] == name[0]
    markdown_text(profile).encode()


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_summary_has_a_row_for_each_entry(judged: Document) -> None:
    text = markdown_text(judged)
    head, rule, *rows = _rows(text)
    assert {len(row) for row in (head, rule, *rows)} == {9}
    assert text.startswith("### fashion.edgeml: **failed**\n")
    for row, entry in zip(rows, judged["results"], strict=True):
        cells = dict(zip(head, row, strict=True))
        slowest = max(entry["ops"], key=lambda op: op["latency_ms"])
        assert cells["Board"] == "rpi4"
        assert cells["Estimate"] == f"{entry['latency_ms']['estimate']:.2f} ms"
        assert cells["Where the time goes"].count("<br>") == 2
        assert f"{slowest['share'] * 100:.1f} %" in cells["Where the time goes"].split("<br>")[0]
        met, missed = cells["Budget"].split("<br>")
        assert met.startswith("p50\\_ms met")
        assert missed.startswith("**instructions over")
        assert cells["Against the baseline"] == "\N{EN DASH}"
    assert "- tflite-runtime died of an illegal instruction." in text
    assert "- compared \\| loosely" in text


def test_the_summary_tells_the_change_against_the_baseline(
    profile: Document, save: Callable[[Document], Path]
) -> None:
    base = save(profile)
    profile["results"][0]["latency_ms"]["estimate"] *= 1.5
    judgement = load_gates(None, base, 0.03, ["rpi4"]).judge(profile["results"])
    document = {**profile, "gates": [verdict.to_json() for verdict in judgement.verdicts]}
    head, _, first, second = _rows(markdown_text(document))
    column = head.index("Against the baseline")
    assert first[column] == "**+50.0 % time**<br>+0.0 % instructions"
    assert second[column] == "+0.0 % time<br>+0.0 % instructions"


def test_names_of_operators_are_no_markup(profile: Document) -> None:
    profile["results"][0]["ops"][0].update(name="a|b<br>`c`*d*", latency_ms=1e6)
    _, _, first, _ = _rows(markdown_text(profile))
    assert "a\\|b\\<br\\>\\`c\\`\\*d\\*" in first[-1]
