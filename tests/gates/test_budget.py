"""Budgets: which limit counts, what is over it, and how a wrong file is refused."""

from pathlib import Path
from typing import Any

import pytest

from edgeml.gates import Budget, EntryKey, Verdict, load_budget
from edgeml_runtime.errors import InputError

BOARDS = ("rpi4", "rpi5")


def _budget(folder: Path, text: str) -> Budget:
    path = folder / "budgets.toml"
    path.write_text(f'schema = "edgeml.budget/1"\n{text}')
    return load_budget(path, BOARDS)


def _limits(budget: Budget, entry: dict[str, Any]) -> dict[str, float | None]:
    return {verdict.measure: verdict.limit for verdict in budget.judge(entry)}


def test_the_closest_limit_counts(tmp_path: Path, profile: dict[str, Any]) -> None:
    budget = _budget(
        tmp_path,
        """
        [target."*"]
        p50_ms = 9
        size_kib = 900
        instructions = 9_000_000
        [target."*".variant."int8.tflite"]
        size_kib = 100
        [target.rpi4]
        p50_ms = 5
        [target.rpi4.variant."int8.tflite"]
        p50_ms = 3
        [target.rpi5]
        p50_ms = 1
        """,
    )
    float32, int8 = profile["results"]
    assert _limits(budget, float32) == {"p50_ms": 5, "size_kib": 900, "instructions": 9_000_000}
    assert _limits(budget, int8) == {"p50_ms": 3, "size_kib": 100, "instructions": 9_000_000}


def test_a_limit_that_is_reached_is_met_and_one_that_is_passed_is_not(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    estimate_ms = entry["latency_ms"]["estimate"]

    def verdict(limit: float) -> Verdict:
        (found,) = _budget(tmp_path, f"[target.rpi4]\np50_ms = {limit!r}").judge(entry)
        return found

    assert verdict(estimate_ms).failure is None
    missed = verdict(estimate_ms / 1.25)
    assert missed.failure is not None
    assert missed.failure.exit_code == 1
    assert "float32.onnx in onnxruntime on rpi4 (1 thread)" in missed.failure.problem
    assert "the estimate is" in missed.failure.problem
    assert "25 % above budgets.toml's p50_ms" in missed.failure.problem


def test_size_is_that_of_the_variant_in_binary_units(tmp_path: Path, entry: dict[str, Any]) -> None:
    (verdict,) = _budget(tmp_path, "[target.rpi4]\nsize_kib = 0").judge(entry)
    assert verdict.value == entry["bytes"] / 1024
    assert verdict.failure is not None


@pytest.mark.parametrize("measure", ["cold_start_ms", "peak_memory_mib"])
def test_a_figure_that_the_profile_lacks_cannot_be_limited(
    tmp_path: Path, entry: dict[str, Any], measure: str
) -> None:
    budget = _budget(tmp_path, f"[target.rpi4]\n{measure} = 100")
    entry[measure] = None
    with pytest.raises(InputError, match=f"limits {measure}, and the profile .* does not have it"):
        list(budget.judge(entry))
    entry[measure] = 100.5
    (verdict,) = budget.judge(entry)
    assert verdict.value == 100.5
    assert verdict.failure is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[target.rpi4]\np50 = 1", ("[target.rpi4] of budgets.toml", "'p50'", "'p50_ms'")),
        ("[target.rpi9]\np50_ms = 1", ("'rpi9'", "'*', 'rpi4', 'rpi5'")),
        ("[boards.rpi4]\np50_ms = 1", ("'boards'", "'target'")),
        ('[target.rpi4]\np50_ms = "1"', ("target.rpi4.p50_ms", "'1'", "a number")),
        ("[target.rpi4]\np50_ms = true", ("target.rpi4.p50_ms", "True")),
        ("[target.rpi4]\np50_ms = nan", ("target.rpi4.p50_ms", "nan")),
        ("[target.rpi4]\np50_ms = -1", ("target.rpi4.p50_ms", "-1")),
        ("[target]\nrpi4 = 1", ("target.rpi4", "a table")),
        ("[target.rpi4]\nvariant = 1", ("target.rpi4.variant", "a table")),
        ("[target.rpi4.variant.x]\nwide = 1", ("[target.rpi4.variant.x]", "'wide'", "'size_kib'")),
        ("[target", ("budgets.toml is not valid TOML",)),
    ],
)
def test_what_is_wrong_in_a_file_is_named(
    tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        _budget(tmp_path, text)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("content", [b"", b'schema = "edgeml.budget/2"', b"\xff\xfe"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "budgets.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"budgets\.toml"):
        load_budget(path, BOARDS)


def test_a_budget_that_gates_nothing_is_refused(tmp_path: Path) -> None:
    keys = [EntryKey("rpi4", "litert", "int8.tflite", 1)]
    with pytest.raises(InputError, match="has no limits for rpi4"):
        _budget(tmp_path, "[target.rpi5]\np50_ms = 1").check_covers(keys)
    _budget(tmp_path, "[target.rpi4]").check_covers(keys)
    _budget(tmp_path, '[target."*"]').check_covers(keys)


def test_a_variant_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    keys = [EntryKey("rpi4", "litert", "int8.tflite", 1)]
    text = '[target.{}]\n[target.{}.variant."int8.tflit"]\np50_ms = 1\n[target.rpi4]'
    with pytest.raises(InputError, match=r"'int8\.tflit' of \*.*'int8\.tflite'"):
        _budget(tmp_path, text.format('"*"', '"*"')).check_covers(keys)
    # What a board that is not profiled must reach is of no concern now.
    _budget(tmp_path, text.format("rpi5", "rpi5")).check_covers(keys)
