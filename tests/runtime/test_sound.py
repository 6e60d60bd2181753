"""WAVE files, whole and damaged, and changing the rate."""

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_runtime.errors import InputError
from edgeml_runtime.samples import decode_wav, read_samples, read_wav, resampled

PCM, FLOAT, MU_LAW, EXTENSIBLE = 1, 3, 7, 0xFFFE


def _wav(
    data: bytes,
    kind: int,
    bits: int,
    channels: int = 1,
    rate_hz: int = 16_000,
    before: bytes = b"",
) -> bytes:
    """Return a file as the specification has it (IBM and Microsoft, 1991; WAVE_FORMAT, 1999)."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate_hz, 0, block, bits)
    if kind == EXTENSIBLE:
        form += struct.pack("<HHIH14x", 22, bits, 0, PCM)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before
    chunks += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _pcm24(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(3, "little", signed=True) for value in values)


@pytest.mark.parametrize(
    ("kind", "bits", "data"),
    [
        (PCM, 8, bytes([0, 64, 128, 255])),
        (PCM, 16, struct.pack("<4h", -32768, -16384, 0, 32512)),
        (PCM, 24, _pcm24([-(1 << 23), -(1 << 22), 0, 127 << 16])),
        (PCM, 32, struct.pack("<4i", -(1 << 31), -(1 << 30), 0, 127 << 24)),
        (FLOAT, 32, struct.pack("<4f", -1, -0.5, 0, 127 / 128)),
        (FLOAT, 64, struct.pack("<4d", -1, -0.5, 0, 127 / 128)),
        (EXTENSIBLE, 24, _pcm24([-(1 << 23), -(1 << 22), 0, 127 << 16])),
    ],
)
def test_every_width_has_the_same_scale(kind: int, bits: int, data: bytes) -> None:
    sound, rate_hz = decode_wav(_wav(data, kind, bits, rate_hz=44_100), "a.wav")
    assert rate_hz == 44_100
    assert sound.dtype == np.float32
    np.testing.assert_array_equal(sound, np.array([-1, -0.5, 0, 127 / 128], np.float32))


@given(
    st.integers(1, 3),
    st.sampled_from([8000, 16_000, 48_000]),
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=50),
)
def test_files_of_the_standard_library_are_read(
    channels: int, rate_hz: int, values: list[int]
) -> None:
    frames = np.repeat(np.array(values, "<i2")[:, np.newaxis], channels, axis=1)
    frames[:, 0] //= 2
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(frames.tobytes())
    sound, found_hz = decode_wav(buffer.getvalue(), "a.wav")
    assert found_hz == rate_hz
    np.testing.assert_allclose(sound, frames.mean(1) / 32768, atol=1e-6)


def test_other_chunks_are_passed_over() -> None:
    extra = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # chunks are filled up to even lengths
    sound, _ = decode_wav(_wav(struct.pack("<2h", 16384, 0), PCM, 16, before=extra), "a.wav")
    np.testing.assert_array_equal(sound, np.array([0.5, 0], np.float32))


def test_a_recording_without_an_end_is_read_to_the_end_of_the_file() -> None:
    data = bytearray(_wav(struct.pack("<2h", 16384, 0), PCM, 16))
    data[40:44] = b"\xff\xff\xff\xff"
    np.testing.assert_array_equal(decode_wav(bytes(data), "a.wav")[0], [0.5, 0])


NAN = struct.pack("<f", float("nan"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no WAVE file"),
        (b"RIFF\0\0\0\0AVI ", "no WAVE file"),
        (_wav(b"", PCM, 16), "no sound in it"),
        (_wav(b"\0", PCM, 16), "no sound in it"),
        (_wav(b"\0\0", PCM, 16)[:36], "no sound in it"),
        (_wav(b"\0\0\0\0", PCM, 16)[:-1], "cut short: 3 of 4 bytes"),
        (_wav(b"\0", MU_LAW, 8), r"not known \(format 7, 1 bytes\)"),
        (_wav(b"\0\0", FLOAT, 16), r"not known \(format 3, 2 bytes\)"),
        (_wav(b"\0\0", PCM, 16, channels=0), "not known"),
        (_wav(b"\0\0", PCM, 16, rate_hz=10), "10 samples a second"),
        (_wav(b"\0\0", PCM, 16, rate_hz=1 << 31), "2147483648 samples a second"),
        (_wav(NAN, FLOAT, 32), "NaN"),
        (b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0", "does not say how"),
    ],
)
def test_a_file_that_is_not_right_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"a\.wav: .*{message}"):
        decode_wav(data, "a.wav")


@given(st.data())
def test_damage_is_an_input_error_or_a_sound(data: st.DataObject) -> None:
    whole = bytearray(_wav(bytes(range(64)), data.draw(st.sampled_from([1, 3, 65534])), 16, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        sound, rate_hz = decode_wav(bytes(whole[: data.draw(st.integers(0, len(whole)))]), "a.wav")
    except InputError:
        return
    assert np.isfinite(sound).all()
    assert 0 < len(sound) <= len(whole)
    assert rate_hz > 0


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_wav(tmp_path / "no.wav")


def test_a_sound_is_a_sample_at_the_rate_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(_wav(np.zeros(4800, "<i2").tobytes(), PCM, 16, rate_hz=48_000))
    ((name, as_stored),) = read_samples(path)
    ((_, as_wanted),) = read_samples(path, 16_000)
    assert name == str(path)
    assert as_stored.shape == (4800,)
    assert as_wanted.shape == (1600,)


def _tone(hertz: float, rate_hz: float, seconds: float = 0.5) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.sin(2 * np.pi * hertz * time_s + 0.3)


RATES = [(48_000, 16_000), (44_100, 16_000), (8000, 16_000), (11_025, 16_000), (16_000, 22_050)]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.8, 0.86])
def test_a_tone_keeps_its_height_place_and_pitch(from_hz: int, to_hz: int, share: float) -> None:
    hertz = share * min(from_hz, to_hz) / 2
    found = resampled(_tone(hertz, from_hz).astype(np.float32), from_hz, to_hz)
    expected = _tone(hertz, to_hz)
    assert len(found) == -(-(from_hz // 2) * to_hz // from_hz)
    inside = slice(len(expected) // 4, -len(expected) // 4)
    size = min(len(found), len(expected))
    assert np.abs(found[:size][inside] - expected[:size][inside]).max() < 1e-3


@pytest.mark.parametrize("share", [1.0, 1.001, 1.1, 1.9, 2.7])
@pytest.mark.parametrize("from_hz", [48_000, 44_100])
def test_what_the_rate_cannot_hold_is_gone(from_hz: int, share: float) -> None:
    found = resampled(_tone(share * 8000, from_hz), from_hz, 16_000)
    inside = found[len(found) // 4 : -len(found) // 4]
    assert np.sqrt(2 * np.mean(np.square(inside))) < 10 ** (-85 / 20)


@settings(max_examples=20)
@given(st.sampled_from(RATES), st.integers(1, 300), st.integers(0, 5))
def test_resampling_is_linear_and_zeros_at_the_end_change_nothing(
    rates: tuple[int, int], samples: int, seed: int
) -> None:
    one, other = np.random.default_rng(seed).standard_normal((2, samples)).astype(np.float32)
    alone = resampled(one, *rates)
    both = resampled(one + other, *rates)
    np.testing.assert_allclose(both, alone + resampled(other, *rates), atol=1e-4)
    longer = np.concatenate((one, np.zeros(50, np.float32)))
    np.testing.assert_allclose(resampled(longer, *rates)[: len(alone)], alone, atol=1e-6)


def test_rates_too_far_apart_are_refused() -> None:
    with pytest.raises(InputError, match="48000 samples a second, and 10 are wanted"):
        resampled(np.zeros(100), 48_000, 10)
    sound = np.ones(5, np.float32)
    np.testing.assert_array_equal(resampled(sound, 16_000, 16_000), sound)
