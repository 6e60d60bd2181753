"""The task ``audio_events``, alone and in a model that hears a signal window by window."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

import edgeml_runtime
from edgeml_runtime.bundle import write_bundle
from edgeml_runtime.engines import installed_engines
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest, Variant
from edgeml_runtime.tasks import Windows, make_task
from edgeml_runtime.tasks.sequences import AudioEvent, AudioEvents, AudioEventTask
from edgeml_runtime.tasks.vectors import RawOutputs
from edgeml_runtime.tensors import TensorSpec

LABELS = ("bark", "horn", "silence")
Maker = Callable[..., Manifest]


def _task(make_manifest: Maker, **options: Any) -> AudioEventTask:  # noqa: ANN401 - JSON
    task = make_task(make_manifest("audio_events", LABELS, **options))
    assert isinstance(task, AudioEventTask)
    return task


def _heard(task: AudioEventTask, scores: np.ndarray, hop_s: float, size_s: float) -> AudioEvents:
    results = [task({"tensor": row[np.newaxis].astype(np.float32)}) for row in scores]
    return task.merge(results, [(at * hop_s, at * hop_s + size_s) for at in range(len(scores))])


def _bark(*scores: float) -> np.ndarray:
    return np.stack([np.array(scores), *np.zeros((2, len(scores)))], axis=1)


def test_one_window_has_its_events_and_scores(make_manifest: Maker) -> None:
    answer = _task(make_manifest)({"tensor": np.array([[0.75, 0.25, 0.5]])})
    assert [(event.label, event.index, event.score) for event in answer.events] == [
        ("bark", 0, 0.75),
        ("silence", 2, 0.5),
    ]
    np.testing.assert_array_equal(answer.scores, [[0.75, 0.25, 0.5]])
    assert answer.to_json() == {
        "events": [
            {"label": "bark", "index": 0, "score": 0.75, "start_s": 0.0, "end_s": 0.0},
            {"label": "silence", "index": 2, "score": 0.5, "start_s": 0.0, "end_s": 0.0},
        ],
        "scores": [[0.75, 0.25, 0.5]],
    }


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("none", [2.0, 0.0, -1000.0]),
        ("sigmoid", [0.880797, 0.5, 0.0]),
        ("softmax", [0.880797, 0.119203, 0.0]),
    ],
)
def test_outputs_become_scores(
    make_manifest: Maker, activation: str, expected: list[float]
) -> None:
    task = _task(make_manifest, activation=activation)
    scores = task({"tensor": np.array([[2.0, 0.0, -1000.0]], np.float32)}).scores
    np.testing.assert_allclose(scores[0], expected, atol=1e-6)


def test_neighbours_are_one_event_from_the_first_start_to_the_last_end(
    make_manifest: Maker,
) -> None:
    answer = _heard(_task(make_manifest), _bark(0.1, 0.6, 0.9, 0.1, 0.1, 0.7), 0.5, 1.0)
    assert [(event.label, event.start_s, event.end_s) for event in answer.events] == [
        ("bark", 0.5, 2.0),
        ("bark", 2.5, 3.5),
    ]
    assert answer.summary() == "0.50 to 2.00 s bark 0.9000; 2.50 to 3.50 s bark 0.7000"
    merged = _heard(_task(make_manifest, gap_s=0.5), answer.scores, 0.5, 1.0)
    assert [(event.start_s, event.end_s) for event in merged.events] == [(0.5, 3.5)]


def test_smoothing_averages_with_the_windows_before(make_manifest: Maker) -> None:
    task = _task(make_manifest, smooth=3, threshold=0.4)
    answer = _heard(task, _bark(0.0, 0.9, 0.0, 0.9, 0.0, 0.0), 1.0, 1.0)
    # The means are 0, 0.45, 0.3, 0.6, 0.3, 0.3.
    assert [(event.start_s, event.end_s) for event in answer.events] == [(1, 2), (3, 4)]
    assert [event.score for event in answer.events] == [pytest.approx(0.45), pytest.approx(0.6)]


def test_ignored_classes_make_no_events(make_manifest: Maker) -> None:
    scores = np.array([[0.0, 0.0, 1.0]] * 3)
    assert _heard(_task(make_manifest, ignore=["silence"]), scores, 1, 1).events == ()
    assert _heard(_task(make_manifest, ignore=["silence"]), scores, 1, 1).summary() == "nothing"
    assert len(_heard(_task(make_manifest), scores, 1, 1).events) == 1


@given(
    scores=st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=12),
    threshold=st.floats(0.1, 1),
    gap_s=st.sampled_from([0.0, 0.5, 2.0]),
    smooth=st.integers(1, 4),
)
def test_events_cover_just_the_windows_above_the_threshold(
    make_manifest: Maker,
    scores: list[tuple[float, float, float]],
    threshold: float,
    gap_s: float,
    smooth: int,
) -> None:
    task = _task(make_manifest, threshold=threshold, gap_s=gap_s, smooth=smooth)
    table = np.array(scores, np.float32).astype(np.float64)
    answer = _heard(task, table, 0.5, 0.5)
    means = [table[max(0, at + 1 - smooth) : at + 1].mean(0) for at in range(len(table))]
    for index, label in enumerate(LABELS):
        events = [event for event in answer.events if event.label == label]
        for at, mean in enumerate(means):
            inside = any(e.start_s <= at / 2 and at / 2 + 0.5 <= e.end_s for e in events)
            assert inside or mean[index] < threshold
        assert all(event.score >= threshold for event in events)
        starts, ends = [e.start_s for e in events[1:]], [e.end_s for e in events[:-1]]
        assert all(start - end > gap_s for start, end in zip(starts, ends))
    assert list(answer.events) == sorted(answer.events, key=lambda e: (e.start_s, e.index))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([[0.5, 0.5]], "not one score for each class"),
        ([[0.1] * 3] * 2, "not one score for each class"),
        ([[0.5, 0.5, float("nan")]], "holds NaN"),
    ],
)
def test_an_output_that_is_not_one_score_a_label_is_refused(
    make_manifest: Maker, output: list[list[float]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _task(make_manifest)({"tensor": np.array(output)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "relu"}, "none, sigmoid, softmax"),
        ({"smooth": 0}, "'smooth' is 0"),
        ({"threshold": "high"}, "'threshold' is 'high'"),
        ({"treshold": 1}, "no key 'treshold'"),
        ({"ignore": ["cat"]}, "'ignore' has 'cat', which is no label"),
    ],
)
def test_wrong_options_are_refused(
    make_manifest: Maker, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _task(make_manifest, **options)


def _levels(path: Path, task: str, **options: Any) -> edgeml_runtime.Model:  # noqa: ANN401 - JSON
    """Return the model that tells the mean of each of two channels, in windows of 8 by 4."""
    if "onnxruntime" not in installed_engines():
        pytest.skip("onnxruntime is not installed")
    content = (Path(__file__).parent / "signals" / "levels.onnx").read_bytes()
    signal = TensorSpec("signal", (None, 2, 8), "float32")
    levels = TensorSpec("levels", (None, 2), "float32")
    variant = Variant(
        id="float32.onnx",
        path="models/float32.onnx",
        format="onnx",
        precision="float32",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        engines={"onnxruntime": ""},
        inputs=(signal,),
        outputs=(levels,),
    )
    steps = [
        {"op": "window", "size": 8, "hop": 4, "rate_hz": 4},
        {"op": "layout", "to": "NCT"},
    ]
    manifest = Manifest(
        name="levels",
        version="1",
        serial=1,
        task=task,
        inputs=(signal,),
        outputs=(levels,),
        variants=(variant,),
        preprocess={"schema": "edgeml.preprocess/1", "step": steps},
        labels=("left", "right"),
        task_options=options,
    )
    write_bundle(path / "levels.edgeml", manifest, {variant.path: content})
    return edgeml_runtime.load(path / "levels.edgeml")


def test_a_model_hears_a_long_signal_window_by_window(tmp_path: Path) -> None:
    model = _levels(tmp_path, "audio_events", threshold=0.9)
    assert model.window is not None
    assert model.window.rate_hz == 4
    signal = np.zeros((32, 2), np.float32)
    signal[8:24, 1] = 1.0
    answer = model(signal)
    assert isinstance(answer, AudioEvents)
    assert answer.events == (AudioEvent("right", 1, 1.0, 2.0, 6.0),)
    np.testing.assert_array_equal(answer.scores[:, 1], [0, 0.5, 1, 1, 1, 0.5, 0])
    assert model(signal[:3]).summary() == "nothing"  # shorter than a window


def test_a_task_that_cannot_merge_answers_each_window(tmp_path: Path) -> None:
    model = _levels(tmp_path, "raw")
    one = model(np.ones((8, 2), np.float32))
    assert isinstance(one, RawOutputs)
    both = model(np.ones((12, 2), np.float32))
    assert isinstance(both, Windows)
    assert both.to_json()["windows"] == [
        {"start_s": 0.0, "end_s": 2.0, "outputs": {"levels": [[1.0, 1.0]]}},
        {"start_s": 1.0, "end_s": 3.0, "outputs": {"levels": [[1.0, 1.0]]}},
    ]
    assert both.summary().startswith("0.00 s levels float32 1x2 from 1 to 1; 1.00 s levels")


def test_a_signal_of_other_channels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="shape 1x3x8, and the model wants"):
        _levels(tmp_path, "raw")(np.ones((8, 3), np.float32))
