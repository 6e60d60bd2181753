"""Baselines: what counts as slower, which operator is to blame, and what is only said."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from edgeml.gates import EntryKey, Verdict, load_baseline
from edgeml_runtime.errors import InputError

Document = dict[str, Any]
Save = Callable[[Mapping[str, Any]], Path]


def _then_faster(profile: Document, index: int, factor: float) -> Document:
    """Return *profile* with one operator of its first entry *factor* times as long."""
    then = copy.deepcopy(profile)
    entry = then["results"][0]
    op = entry["ops"][index]
    saved_ms = op["latency_ms"] * (1 - factor)
    op["latency_ms"] -= saved_ms
    entry["latency_ms"]["estimate"] -= saved_ms
    return then


def _verdicts(then: Document, entry: Document, save: Save, share: float) -> dict[str, Verdict]:
    verdicts = list(load_baseline(save(then)).judge(entry, share))
    assert [verdict.measure for verdict in verdicts] == ["p50_ms", "instructions"]
    return {verdict.measure: verdict for verdict in verdicts}


def test_a_profile_passes_against_itself_without_any_allowance(
    profile: Document, save: Save
) -> None:
    baseline = load_baseline(save(profile))
    for entry in profile["results"]:
        assert all(verdict.failure is None for verdict in baseline.judge(entry, 0.0))
    assert list(baseline.remarks(profile["results"])) == []


def test_the_operator_that_got_slower_is_named(profile: Document, save: Save) -> None:
    entry = profile["results"][0]
    slow = entry["ops"][5]
    verdicts = _verdicts(_then_faster(profile, 5, 0.5), entry, save, 0.03)
    failure = verdicts["p50_ms"].failure
    assert failure is not None
    assert "slower than in base.json" in failure.problem
    assert f"{slow['type']} '{slow['name']}' went from" in failure.problem
    assert "(+100 %)" in failure.problem
    assert failure.problem.count("went from") == 1
    assert "conditions" not in failure.problem
    assert verdicts["instructions"].failure is None


def test_growth_within_the_allowance_passes(profile: Document, save: Save) -> None:
    entry = profile["results"][0]
    then = _then_faster(profile, 5, 0.5)
    grown = entry["latency_ms"]["estimate"] / then["results"][0]["latency_ms"]["estimate"] - 1
    assert _verdicts(then, entry, save, grown * 1.01)["p50_ms"].failure is None
    assert _verdicts(then, entry, save, grown * 0.99)["p50_ms"].failure is not None


def test_a_faster_profile_passes(profile: Document, save: Save) -> None:
    then = _then_faster(profile, 5, 3.0)
    verdicts = _verdicts(then, profile["results"][0], save, 0.0)
    assert all(verdict.failure is None for verdict in verdicts.values())


def test_more_instructions_fail_even_in_the_same_time(profile: Document, save: Save) -> None:
    entry = profile["results"][0]
    then = copy.deepcopy(profile)
    fewer = entry["ops"][9]["instructions"] // 2
    then["results"][0]["ops"][9]["instructions"] -= fewer
    then["results"][0]["instructions"] -= fewer
    verdicts = _verdicts(then, entry, save, 0.03)
    assert verdicts["p50_ms"].failure is None
    failure = verdicts["instructions"].failure
    assert failure is not None
    assert "more instructions than in base.json" in failure.problem
    assert entry["ops"][9]["name"] in failure.problem


def test_a_growth_that_no_operator_explains_is_not_blamed_on_one(
    profile: Document, save: Save
) -> None:
    then = copy.deepcopy(profile)
    then["results"][0]["latency_ms"]["estimate"] /= 2
    failure = _verdicts(then, profile["results"][0], save, 0.03)["p50_ms"].failure
    assert failure is not None
    assert "no single operator grew" in failure.problem


@pytest.mark.parametrize(
    ("condition", "change"),
    [
        ("engine 1.0 then", lambda entry: entry["engine"].update(version="1.0")),
        ("clock 700 MHz then", lambda entry: entry.update(clock_mhz=700)),
        ("clock unknown then", lambda entry: entry.pop("clock_mhz")),
        (
            "values of the constants 0000",
            lambda entry: entry["provenance"].update(constants_sha256="0" * 64),
        ),
        ("constants guessed then", lambda entry: entry["provenance"].update(constants="guessed")),
    ],
)
def test_other_conditions_are_said_and_named_in_the_sentence(
    profile: Document, save: Save, condition: str, change: Callable[[Document], object]
) -> None:
    then = _then_faster(profile, 5, 0.5)
    change(then["results"][0])
    entry = profile["results"][0]
    failure = _verdicts(then, entry, save, 0.03)["p50_ms"].failure
    assert failure is not None
    assert condition in failure.problem
    (remark,) = load_baseline(save(then)).remarks(profile["results"])
    assert condition in remark
    assert str(EntryKey.of(entry)) in remark
    assert "int8.tflite" not in remark


@pytest.mark.parametrize("key", ["qemu", "llvm", "llvm_cpu", "sysroot_sha256", "plugin_sha256"])
def test_other_tools_are_said(profile: Document, save: Save, key: str) -> None:
    then = copy.deepcopy(profile)
    then["results"][1]["provenance"][key] = "another"
    (remark,) = load_baseline(save(then)).remarks(profile["results"])
    assert "another then" in remark
    assert "int8.tflite" in remark


def test_another_model_is_no_other_condition(profile: Document, save: Save) -> None:
    then = copy.deepcopy(profile)
    then["results"][0]["provenance"]["model_sha256"] = "0" * 64
    assert list(load_baseline(save(then)).remarks(profile["results"])) == []


def test_what_is_on_one_side_only_is_said(profile: Document, save: Save) -> None:
    entry, other = profile["results"]
    then = {**profile, "results": [other]}
    baseline = load_baseline(save(then))
    assert list(baseline.judge(entry, 0.03)) == []
    assert list(baseline.remarks([entry])) == [
        "not in base.json, so not compared: float32.onnx in onnxruntime on rpi4 (1 thread)",
        "in base.json, but not profiled now: int8.tflite in litert on rpi4 (1 thread)",
    ]
    with pytest.raises(InputError, match=r"base\.json has none of what is profiled now"):
        baseline.check_covers([EntryKey.of(entry)])
    baseline.check_covers([EntryKey.of(entry), EntryKey.of(other)])


def test_other_threads_are_not_compared(profile: Document, save: Save) -> None:
    entry = {**profile["results"][0], "threads": 4}
    assert list(load_baseline(save(profile)).judge(entry, 0.03)) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"schema": "edgeml.convert/1"}',
        '{"schema": "edgeml.profile/1"}',
        '{"schema": "edgeml.profile/1", "results": []}',
        '{"schema": "edgeml.profile/1", "results": [{"target": "rpi4"}]}',
        '{"schema": "edgeml.profile/1", "results": [3]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"base\.json"):
        load_baseline(path)


@pytest.mark.parametrize("estimate", [0, "NaN", -1.0])
def test_a_baseline_without_time_is_refused(
    profile: Document, save: Save, estimate: float | str
) -> None:
    profile["results"][0]["latency_ms"]["estimate"] = estimate
    with pytest.raises(InputError, match="took no time"):
        load_baseline(save(profile))


def test_other_inputs_are_another_condition(profile: Document, save: Save) -> None:
    then = copy.deepcopy(profile)
    for entry in then["results"]:
        entry["provenance"]["inputs_sha256"] = "0123456789abcdef"
    now = copy.deepcopy(profile)
    for entry in now["results"]:
        entry["provenance"]["inputs_sha256"] = ""
    (remark,) = load_baseline(save(then)).remarks(now["results"])
    assert "inputs 0123456789ab then, seeded now" in remark
