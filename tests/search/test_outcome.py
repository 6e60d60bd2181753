"""What is said of trials: which are worth having, what they cost, whether the limit was kept."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edgeml.search import SearchOutcome
from edgeml.search.outcome import cost, slower_than_float
from edgeml.search.trial import FLOAT, Trial, TrialFile
from edgeml_converters.quantize import Recipe

BOARDS = ("rpi4", "rpi5")
MILLISECONDS = st.dictionaries(st.sampled_from(BOARDS), st.sampled_from([1.0, 2.0, 3.0]))
LATENCIES = MILLISECONDS.filter(lambda found: len(found) in {0, len(BOARDS)})


def _files(latencies: st.SearchStrategy[dict[str, float]]) -> st.SearchStrategy[TrialFile]:
    return st.builds(
        TrialFile,
        format=st.just("onnx"),
        size_bytes=st.integers(1, 4),
        score=st.sampled_from([50.0, 90.0, 91.0]),
        sqnr_db=st.sampled_from([10.0, 20.0, float("inf")]),
        latency_ms=latencies,
    )


@st.composite
def trials(draw: st.DrawFn) -> tuple[Trial, ...]:
    """Draw trials of both formats, the float model first."""
    found = []
    for index in range(draw(st.integers(1, 6))):
        latencies = draw(LATENCIES)
        one, other = (draw(_files(st.just(latencies))) for _ in range(2))
        recipe = Recipe(scheme=FLOAT if index == 0 else "int8")
        files = (one, replace(other, format="tflite"))
        found.append(Trial(f"trial {index}", recipe, files, 91.0, index, 3))
    return tuple(found)


def _worse(one: Trial, other: Trial) -> bool:
    """Return whether *other* is better in some respect, and worse in none."""
    mine, theirs = ((trial.drop, -trial.sqnr_db, cost(trial)) for trial in (one, other))
    return theirs != mine and all(b <= a for a, b in zip(mine, theirs, strict=True))


@given(trials())
def test_the_front_is_what_no_other_beats(found: tuple[Trial, ...]) -> None:
    front = SearchOutcome(found, found[0], 0.5, BOARDS, ()).front
    timed = [trial for trial in found if trial.latency_ms]
    assert bool(front) == bool(timed)
    for trial in found:
        beaten = any(_worse(trial, other) for other in timed)
        assert (trial in front) == (trial in timed and not beaten)


@given(trials(), st.sampled_from([0.0, 0.5, 1.0, 41.0]))
def test_the_document_says_the_same(found: tuple[Trial, ...], max_drop: float) -> None:
    outcome = SearchOutcome(found, found[-1], max_drop, BOARDS, ("Because.",))
    document = json.loads(json.dumps(outcome.to_json(), allow_nan=False))
    assert document["met"] == outcome.met == (found[-1].drop <= max_drop)
    assert [entry["name"] for entry in document["trials"]] == [trial.name for trial in found]
    assert [entry["chosen"] for entry in document["trials"]].index(True) == len(found) - 1
    assert sum(entry["chosen"] for entry in document["trials"]) == 1
    for entry, trial in zip(document["trials"], found, strict=True):
        assert entry["pareto"] == (trial in outcome.front)
        assert entry["drop"] == trial.drop == max(91.0 - file.score for file in trial.files)
        assert entry["bytes"] == max(file.size_bytes for file in trial.files)


@given(trials())
def test_boards_cost_time_and_none_costs_bytes(found: tuple[Trial, ...]) -> None:
    for trial in found:
        if trial.latency_ms:
            assert cost(trial) == sum(trial.latency_ms.values())
            assert list(trial.latency_ms) == sorted(BOARDS)
        else:
            assert cost(trial) == trial.size_bytes


@given(trials())
def test_each_board_on_which_float_is_as_fast_is_told(found: tuple[Trial, ...]) -> None:
    reference, trial = found[0], found[-1]
    told = slower_than_float(trial, found)
    floats = {file.format: file.latency_ms for file in reference.files}
    slower = [
        (board, file.format)
        for file in trial.files
        for board, ms in file.latency_ms.items()
        if board in floats[file.format] and ms >= floats[file.format][board]
    ]
    if trial is reference:
        assert told == ()
    else:
        assert len(told) == len(slower)
        for sentence, (board, kind) in zip(told, slower, strict=True):
            assert sentence.endswith(".")
            assert f"On {board} the {kind} file of '{trial.name}'" in sentence


def test_what_differs_in_numbers_only_has_one_speed() -> None:
    plain = Trial("a", Recipe(), (), 90.0, 1, 1)
    assert plain.structure == replace(plain, recipe=Recipe(ranges="mse", equalize=True)).structure
    assert plain.structure != replace(plain, recipe=Recipe(float_nodes=("conv",))).structure
    assert plain.structure != replace(plain, recipe=Recipe(scheme="dynamic")).structure
