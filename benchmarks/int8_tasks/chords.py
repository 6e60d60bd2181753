"""Basic Pitch, which hears the notes of chords: played here by a synthesizer, so they are known."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from benchmarks.int8_tasks.task import (
    Arrays,
    Bound,
    Calibration,
    Labelled,
    Readings,
    Task,
    Trials,
    numbered,
    unlabelled,
)
from benchmarks.real_models import REAL_MODELS, fetch

MODEL = REAL_MODELS["basic_pitch"]
(INPUT,) = MODEL.shapes
NOTE, ONSET = "StatefulPartitionedCall:1", "StatefulPartitionedCall:2"
"""Outputs (1, 172, 88): how surely each key of a piano sounds, and begins to, in each frame."""
SAMPLES, SAMPLE_RATE, HOP = 43844, 22050, 256
LOWEST_KEY = 21  # as MIDI counts
PIECES = 60
CALIBRATION_PIECES = 32
TRIAL_PIECES = 40
CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 10), (0, 5, 7), (0, 7), (0, 12), (0,))
# The thresholds of basic-pitch's own note creation.
ONSET_LEAST, NOTE_LEAST, SHORTEST_FRAMES = 0.5, 0.3, 11
TOLERANCE_FRAMES = 5  # 50 ms and the half of a frame, as transcriptions are scored


def task() -> Task:
    """Return the task."""
    return Task(
        name=MODEL.name,
        about=f"notes of {PIECES} pieces of three chords",
        model=lambda: fetch(MODEL),
        calibration=f"{__name__}:calibration",
        trials=Trials.of(__name__, max_drop=0.5),
        questions=lambda: ({INPUT: sound} for sound, _ in _pieces(seed=2, pieces=PIECES)),
        read=heard_notes,
        score=_score,
        bounds=(Bound("note F1 %", "drop", 1.0),),
        shapes=MODEL.shapes,
    )


def calibration() -> Calibration:
    """Yield pieces that are not scored."""
    return unlabelled({INPUT: sound} for sound, _ in _pieces(seed=1, pieces=CALIBRATION_PIECES))


def trial_data() -> Labelled:
    """Yield pieces that are neither, and their numbers."""
    return numbered({INPUT: sound} for sound, _ in _pieces(seed=3, pieces=TRIAL_PIECES))


def trial_share(outputs: Arrays, index: int) -> float:
    """Return the F1 of the notes of one piece."""
    found, truth = heard_notes(outputs), _trial_notes()[index]
    return 2 * matches(found, truth) / (len(found) + len(truth))


@cache
def _trial_notes() -> tuple[np.ndarray, ...]:
    return tuple(notes for _, notes in _pieces(seed=3, pieces=TRIAL_PIECES))


def _pieces(seed: int, pieces: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield what is played, (1, 43844, 1) float32, and its notes: rows of key and frame."""
    random = np.random.default_rng(seed)
    for _ in range(pieces):
        sound, notes = np.zeros(SAMPLES), []
        for chord in range(3):
            begin_s = 0.1 + 0.6 * chord + random.uniform(0, 0.05)
            root, tones = int(random.integers(40, 73)), CHORDS[random.integers(len(CHORDS))]
            for tone in tones:
                notes.append((root + tone - LOWEST_KEY, begin_s * SAMPLE_RATE / HOP))
                _play(sound, random, root + tone, begin_s)
        loud = sound / np.abs(sound).max() * random.uniform(0.2, 0.9)
        heard = loud + random.normal(0, 0.001, SAMPLES)
        yield heard.astype(np.float32).reshape(1, SAMPLES, 1), np.array(notes)


def _play(sound: np.ndarray, random: np.random.Generator, key: int, begin_s: float) -> None:
    """Add a plucked string of half a second to *sound*."""
    time_s = np.arange(int(0.5 * SAMPLE_RATE)) / SAMPLE_RATE
    pitch_hz = 440 * 2 ** ((key - 69) / 12)
    shape = np.minimum(time_s / 0.005, 1) * np.minimum((0.5 - time_s) / 0.03, 1)
    dullness = random.uniform(1.0, 2.0)
    note = sum(
        np.sin(2 * np.pi * n * pitch_hz * time_s) * np.exp(-time_s * (1 + n)) / n**dullness
        for n in range(1, 9)
        if n * pitch_hz < SAMPLE_RATE / 2
    )
    begin = int(begin_s * SAMPLE_RATE)
    end = min(begin + len(time_s), SAMPLES)
    sound[begin:end] += (note * shape)[: end - begin] * random.uniform(0.6, 1)


def heard_notes(outputs: Arrays) -> np.ndarray:
    """Return the notes in *outputs*: rows of key and frame.

    A note begins where the onset of a key has a peak, and lasts while the key is heard.
    """
    note, onset = outputs[NOTE][0], outputs[ONSET][0]  # (172, 88)
    before, after = np.roll(onset, 1, 0), np.roll(onset, -1, 0)
    peaks = (onset >= ONSET_LEAST) & (onset >= before) & (onset > after)
    found = [
        (key, frame)
        for frame, key in np.argwhere(peaks)
        if np.all(note[frame : frame + SHORTEST_FRAMES, key] >= NOTE_LEAST)
    ]
    return np.array(found, np.float64).reshape(-1, 2)


def _score(readings: Readings, _float_readings: Readings) -> dict[str, float]:
    truths = [notes for _, notes in _pieces(seed=2, pieces=PIECES)]
    right = sum(matches(found, truth) for found, truth in zip(readings, truths, strict=True))
    return {"note F1 %": 100 * 2 * right / (sum(map(len, readings)) + sum(map(len, truths)))}


def matches(found: np.ndarray, truth: np.ndarray) -> int:
    """Return how many notes of *truth* are in *found*: the same key, at about the same time."""
    left, right = list(found), 0
    for key, frame in truth:
        for index, (found_key, found_frame) in enumerate(left):
            if found_key == key and abs(found_frame - frame) <= TOLERANCE_FRAMES:
                del left[index]
                right += 1
                break
    return right
