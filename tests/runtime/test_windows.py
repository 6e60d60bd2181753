"""Chains for signals: windows, channels and the order of axes."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given
from hypothesis import strategies as st

from edgeml_runtime.errors import InputError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.preprocess.window import Window

WINDOW = {"op": "window", "size": 8, "hop": 4, "rate_hz": 10}


def _pipeline(*steps: object) -> Pipeline:
    return Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": list(steps)})


def _signal(samples: int, channels: int) -> np.ndarray:
    return np.arange(1, samples * channels + 1, dtype=np.float32).reshape(samples, channels)


lengths = st.integers(1, 60)
windows = st.integers(1, 12).flatmap(
    lambda size: st.builds(
        Window, st.just(size), st.integers(1, size), st.just(5.0), st.sampled_from(["pad", "drop"])
    )
)


@given(windows, lengths, st.integers(1, 3))
def test_windows_lie_where_the_hops_say(window: Window, samples: int, channels: int) -> None:
    signal = _signal(samples, channels)
    parts = list(window.cut(signal))
    filled = np.concatenate((signal, np.zeros((window.size_samples, channels), np.float32)))
    for index, part in enumerate(parts):
        start = index * window.hop_samples
        np.testing.assert_array_equal(part, filled[start : start + window.size_samples])
    after = len(parts) * window.hop_samples  # where one more would begin
    reach = after - window.hop_samples + window.size_samples
    if window.end == "pad":
        assert reach >= samples
        assert len(parts) == 1 or reach - window.hop_samples < samples
    else:
        assert len(parts) == 1 or reach <= samples
        assert after + window.size_samples > samples


@given(windows, lengths)
def test_spans_are_the_seconds_of_the_windows(window: Window, samples: int) -> None:
    spans = window.spans_s(samples)
    assert len(spans) == len(list(window.cut(np.zeros(samples))))
    assert all(0 <= start < end <= samples / window.rate_hz for start, end in spans)
    assert [start for start, _ in spans] == [
        index * window.hop_samples / window.rate_hz for index in range(len(spans))
    ]


@given(windows, st.integers(1, 40), st.integers(0, 40))
def test_what_comes_later_changes_no_earlier_window(
    window: Window, samples: int, more: int
) -> None:
    signal = _signal(samples + more, 2)
    early = [part for part in window.cut(signal[:samples]) if part.all()]
    for part, again in zip(early, window.cut(signal)):
        np.testing.assert_array_equal(part, again)


def test_lengths_may_be_seconds() -> None:
    in_seconds = {"op": "window", "size_s": 0.8, "hop_s": 0.4, "rate_hz": 10}
    assert _pipeline(in_seconds) == _pipeline(WINDOW)
    assert _pipeline(in_seconds).window == Window(8, 4, 10.0)
    no_hop = _pipeline({"op": "window", "size_s": 0.8, "rate_hz": 10}).window
    assert no_hop is not None
    assert no_hop.hop_samples == 8


def test_a_chain_for_images_has_no_window() -> None:
    assert _pipeline({"op": "layout", "to": "NCHW"}).window is None
    assert _pipeline().window is None


@pytest.mark.parametrize(
    ("to", "shape"),
    [
        ("NTC", (1, 8, 3)),
        ("NCT", (1, 3, 8)),
        ("N1CT", (1, 1, 3, 8)),
        ("N1TC", (1, 1, 8, 3)),
        ("NCT1", (1, 3, 8, 1)),
        ("NC1T", (1, 3, 1, 8)),
    ],
)
def test_a_layout_orders_the_axes(to: str, shape: tuple[int, ...]) -> None:
    signal = _signal(8, 3)
    found = _pipeline(WINDOW, {"op": "layout", "to": to})(signal)
    assert found.shape == shape
    assert found.flags.c_contiguous
    squeezed = found.reshape([size for size in shape if size != 1])
    expected = signal.T if to.index("C") < to.index("T") else signal
    np.testing.assert_array_equal(squeezed, expected)


def test_a_waveform_needs_no_channels() -> None:
    wave = np.arange(8, dtype=np.int16)
    np.testing.assert_array_equal(_pipeline(WINDOW, {"op": "layout", "to": "NT"})(wave), wave[None])
    assert _pipeline(WINDOW)(wave).shape == (1, 8, 1)
    with pytest.raises(InputError, match="NT has no C, and the signal has 3 channels"):
        _pipeline(WINDOW, {"op": "layout", "to": "NT"})(_signal(8, 3))


def test_channels_are_normalized_each() -> None:
    signal = _signal(8, 2)
    step = {"op": "normalize", "mean": [1.0, 2.0], "std": [2.0, 4.0]}
    found = _pipeline(WINDOW, step)(signal)[0]
    np.testing.assert_allclose(found, (signal - [1, 2]) / [2, 4])


def test_standardize_by_sample_and_by_channel() -> None:
    signal = np.random.default_rng(1).normal(3.0, [1.0, 9.0], (8, 2))
    whole = _pipeline(WINDOW, {"op": "standardize"})(signal)
    assert whole.dtype == np.float32
    assert abs(float(whole.mean())) < 1e-6
    assert abs(float(whole.std()) - 1) < 1e-5
    each = _pipeline(WINDOW, {"op": "standardize", "by": "channel"})(signal)[0]
    np.testing.assert_allclose(each.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(each.std(0), 1, atol=1e-5)
    flat = _pipeline(WINDOW, {"op": "standardize", "by": "channel"})(np.full((8, 2), 4.0))
    np.testing.assert_array_equal(flat, 0)


def test_a_signal_longer_than_a_window_is_to_be_cut() -> None:
    with pytest.raises(InputError, match=r"9 samples, and a window 8.*cut"):
        _pipeline(WINDOW)(np.zeros(9))


@pytest.mark.parametrize("shape", [(), (0,), (8, 0), (1, 8, 1)])
def test_what_is_no_signal_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="not a signal"):
        _pipeline(WINDOW)(np.zeros(shape))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([WINDOW, {"op": "resize", "size": [8, 8]}], "step 2: 'resize' is for images, and"),
        ([{"op": "log_mel", "n_fft": 8, "hop": 4}], "step 1: 'log_mel' is for signals, whose"),
        ([{"op": "layout", "to": "NCHW"}, WINDOW], "step 2: 'window' is for signals"),
        ([WINDOW, WINDOW], "step 2: 'window' is the first step"),
        ([{**WINDOW, "size_s": 1}], "both 'size' and 'size_s'"),
        ([{**WINDOW, "hop": 9}], "'hop' is 9, and must be at most 8"),
        ([{"op": "window", "rate_hz": 10}], "'size' is missing"),
        ([{"op": "window", "size": 8}], "'rate_hz' is missing"),
        ([{**WINDOW, "rate_hz": 0}], "'rate_hz' must be one number from 0.001"),
        ([{**WINDOW, "end": "wrap"}], "pad, drop"),
        ([WINDOW, {"op": "layout", "to": "NCHW"}], "'to' is 'NCHW', and must be N, T and C"),
        ([WINDOW, {"op": "layout", "to": "TNC"}], "'to' is 'TNC'"),
        ([WINDOW, {"op": "layout", "to": "N1111TC"}], "may have 6 axes"),
        ([WINDOW, {"op": "layout", "to": "NTC"}, {"op": "standardize"}], "follows 'layout'"),
        ([WINDOW, {"op": "standardize", "by": "row"}], "sample, channel"),
        ([{**WINDOW, "sise": 3}], "no key 'sise' here; allowed are end, hop, op, rate_hz, size"),
    ],
)
def test_a_wrong_chain_is_refused(steps: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        _pipeline(*steps)


def test_every_step_comes_back_as_it_was() -> None:
    document = {
        "schema": "edgeml.preprocess/1",
        "step": [
            {"op": "window", "size": 8, "hop": 4, "rate_hz": 12.5, "end": "drop"},
            {"op": "normalize", "mean": [0.5], "std": [2.0]},
            {"op": "standardize", "by": "channel", "epsilon": 1e-5},
            {"op": "layout", "to": "NCT"},
            {"op": "cast", "to": "int8"},
        ],
    }
    assert Pipeline.from_json(document).to_json() == document
