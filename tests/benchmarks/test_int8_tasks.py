"""The questions of the int8 benchmark: made anew the same, of the right form, scored rightly.

What needs a package is left out: nothing here is fetched.
"""

import cv2
import numpy as np
import pytest

from benchmarks.int8_tasks import (
    chords,
    sentences,
    spectrum_quality,
    speech,
    speech_grades,
    text_detection,
    text_direction,
)
from benchmarks.int8_tasks.catalog import TASKS
from benchmarks.int8_tasks.dog_breeds import BREEDS, random_crop
from benchmarks.int8_tasks.minilm_network import read_safetensors
from benchmarks.int8_tasks.rendered_text import draw_line, draw_page, line_input
from benchmarks.int8_tasks.task import Bound
from benchmarks.int8_tasks.text_direction import calibration as turned_lines
from benchmarks.int8_tasks.text_recognition import calibration as lines
from benchmarks.int8_tasks.word_pieces import WordPieces
from edgeml_converters.data.python_callable import load_callable

draws_text = pytest.mark.skipif(
    not hasattr(cv2, "FontFace"), reason="OpenCV before 5 draws no TrueType text"
)
GENERATORS = {
    "ppocr_cls": (turned_lines, {"x": (1, 3, 48, 192)}),
    "ppocr_rec": (lines, {"x": (1, 3, 48, 320)}),
    "ppocr_det": (text_detection.calibration, {"x": (1, 3, 320, 320)}),
    "basic_pitch": (chords.calibration, {chords.INPUT: (1, 43844, 1)}),
}


@draws_text
@pytest.mark.parametrize("name", GENERATORS)
def test_generators_repeat_themselves(name: str) -> None:
    generator, shapes = GENERATORS[name]
    (first, label), (again, _) = next(generator()), next(generator())
    assert label is None
    assert {key: array.shape for key, array in first.items()} == shapes
    for key, array in first.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, again[key])


def test_each_task_knows_its_name() -> None:
    for name, make in TASKS.items():
        assert make().name == name


@pytest.mark.parametrize("name", TASKS)
def test_calibration_can_be_named(name: str) -> None:
    module, _, function = TASKS[name]().calibration.partition(":")
    assert module.startswith("benchmarks.int8_tasks.")
    assert function == "calibration"


@pytest.mark.parametrize("name", TASKS)
def test_trials_can_be_named_and_are_stricter_than_the_bound(name: str) -> None:
    task = TASKS[name]()
    module = task.calibration.partition(":")[0]
    assert task.trials.data == f"{module}:trial_data"
    assert task.trials.metric == f"{module}:trial_share"
    assert callable(load_callable(task.trials.data))
    assert callable(load_callable(task.trials.metric))
    assert 0 < task.trials.max_drop <= 5


@draws_text
def test_what_is_scored_is_neither_calibrated_on_nor_tried() -> None:
    calibrated = {inputs["x"].tobytes() for inputs, _ in turned_lines()}
    tried = {inputs["x"].tobytes() for inputs, _ in text_direction.trial_data()}
    asked = TASKS["ppocr_cls"]().questions()
    questions = {next(asked)["x"].tobytes() for _ in range(64)}
    assert not calibrated & tried
    assert not questions & (calibrated | tried)


@draws_text
def test_the_share_of_a_line_is_whether_its_direction_is_right() -> None:
    upright = {"y": np.array([[0.7, 0.3]], np.float32)}
    labels = [label for (_, label), _ in zip(text_direction.trial_data(), range(4), strict=False)]
    assert labels == [0, 1, 0, 1]
    assert [text_direction.trial_share(upright, label) for label in (0, 1)] == [1.0, 0.0]


def test_the_share_of_a_piece_is_its_f1() -> None:
    silence = {name: np.zeros((1, 172, 88), np.float32) for name in (chords.NOTE, chords.ONSET)}
    assert chords.trial_share(silence, 0) == 0
    _, first = next(chords.trial_data())
    played = {name: array.copy() for name, array in silence.items()}
    notes = next(iter(chords._trial_notes()))
    for key, frame in notes:
        begin = round(frame)
        played[chords.ONSET][0, begin, int(key)] = 1
        played[chords.NOTE][0, begin : begin + chords.SHORTEST_FRAMES, int(key)] = 1
    assert first == 0
    assert chords.trial_share(played, 0) == 1


@pytest.mark.parametrize(("difference", "share"), [(0.0, 1.0), (0.05, 0.9), (-0.25, 0.5), (3, 0)])
def test_the_share_of_a_clip_is_how_near_its_grades_are(difference: float, share: float) -> None:
    grades = np.array([3.0, 2.5, 2.0])
    assert speech_grades.graded_alike(grades + difference, grades) == pytest.approx(share)


@draws_text
def test_the_margin_of_a_line_is_grey_and_the_text_is_not() -> None:
    line = draw_line(np.random.default_rng(3), 320)
    picture = line_input(line)
    assert line.text
    assert not picture[..., line.width :].any()
    assert np.ptp(picture[..., : line.width]) > 0.5


@draws_text
def test_a_line_is_drawn_anew_each_time() -> None:
    random = np.random.default_rng(3)
    assert len({draw_line(random, 192).text for _ in range(8)}) > 4


@draws_text
def test_pages_have_the_size_that_is_asked_for() -> None:
    page = draw_page(np.random.default_rng(3), 160)
    assert page.shape == (160, 160, 3)
    assert page.dtype == np.uint8


def test_overlap_of_masks() -> None:
    one, other = np.array([True, True, False]), np.array([True, False, True])
    assert text_detection.overlap(one, other) == pytest.approx(1 / 3)
    assert text_detection.overlap(one, one) == 1
    assert text_detection.overlap(~one & one, ~one & one) == 1


def test_notes_are_read_where_an_onset_peaks_and_the_key_sounds() -> None:
    note, onset = np.zeros((2, 1, 172, 88), np.float32)
    onset[0, 40, 30], onset[0, 41, 30] = 0.9, 0.7
    note[0, 40:60, 30] = 0.8
    onset[0, 90, 31] = 0.9  # nothing sounds after it
    heard = chords.heard_notes({chords.NOTE: note, chords.ONSET: onset})
    assert heard.tolist() == [[30, 40]]


def test_a_note_is_right_once_and_on_time() -> None:
    truth = np.array([[30.0, 40.0], [33.0, 40.0]])
    found = np.array([[30.0, 43.0], [30.0, 44.0], [33.0, 60.0]])
    assert chords.matches(found, truth) == 1


@pytest.mark.parametrize("level", [1.0, 0.01])
def test_noise_repeats_itself_and_stays_in_range(level: float) -> None:
    tone = level * np.sin(np.arange(4000) / 9)
    noisy, again = (speech.add_noise(np.random.default_rng(5), tone) for _ in range(2))
    np.testing.assert_array_equal(noisy, again)
    assert np.abs(noisy).max() <= 1
    assert noisy.dtype == np.float32


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_a_tone_is_one_band_of_the_mel_spectrum(hertz: float) -> None:
    time_s = np.arange(spectrum_quality.SAMPLES) / speech.SAMPLE_RATE
    spectrum = spectrum_quality.mel_spectrum(np.sin(2 * np.pi * hertz * time_s))
    assert spectrum.shape == (900, 120)
    assert spectrum.max() == 1
    # Slaney's scale is linear up to 1 kHz, which is 15 of the 45.2 mel that 8 kHz are.
    mel = hertz * 3 / 200 if hertz <= 1000 else 15 + np.log(hertz / 1000) / (np.log(6.4) / 27)
    assert spectrum[450].argmax() == pytest.approx(mel / 45.245 * 121 - 1, abs=1)


def test_sentences_are_enough_and_different() -> None:
    known = (*sentences._sentences(), *sentences._sentences("trial_sentences.txt"))
    assert len(set(known)) == len(known) >= sentences.SCORED + 180


def test_the_nearest_neighbour_is_another_one() -> None:
    directions = np.array([[1.0, 0.0], [2.0, 0.1], [0.0, 3.0], [0.1, 1.0]])
    assert sentences.nearest(directions).tolist() == [1, 0, 3, 2]
    assert sentences.nearest(directions, but_the_pair=True).tolist() == [3, 3, 1, 1]


def test_words_are_cut_into_the_longest_pieces() -> None:
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing", "##s", ".", "p"]
    numbers, mask = WordPieces(vocabulary).encode("Playing plays x.", 10)
    assert numbers.tolist() == [[2, 4, 5, 4, 6, 1, 7, 3, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 1, 1, 1, 1, 1, 0, 0]]
    shorter, _ = WordPieces(vocabulary).encode("Playing plays x.", 4)
    assert shorter.tolist() == [[2, 4, 5, 3]]


def test_safetensors_are_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    header = b'{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{}}'
    path = tmp_path_factory.mktemp("weights") / "a.safetensors"
    numbers = np.array([[1.5], [-2.0]], "<f4")
    path.write_bytes(len(header).to_bytes(8, "little") + header + numbers.tobytes())
    (found,) = read_safetensors(path).values()
    np.testing.assert_array_equal(found, numbers)


def test_crops_of_dogs_have_the_size_of_the_model() -> None:
    photo = np.arange(90 * 70 * 3, dtype=np.uint8).reshape(90, 70, 3)
    crop, again = (random_crop(np.random.default_rng(5), photo) for _ in range(2))
    assert crop.shape == (160, 160, 3)
    np.testing.assert_array_equal(crop, again)
    assert len(set(BREEDS)) == 19


@pytest.mark.parametrize(
    ("bound", "value", "met"),
    [
        (Bound("accuracy", "drop", 1.0), 89.0, True),
        (Bound("accuracy", "drop", 1.0), 88.9, False),
        (Bound("accuracy", "drop", 1.0), 91.0, True),
        (Bound("overlap", "least", 0.95), 0.95, True),
        (Bound("overlap", "least", 0.95), 0.94, False),
        (Bound("difference", "most", 0.05), 0.05, True),
        (Bound("difference", "most", 0.05), 0.06, False),
        (Bound("the next", "none"), 12.0, True),
    ],
)
def test_bounds(bound: Bound, value: float, met: bool) -> None:
    assert bound.met(value, float_value=90.0) is met
