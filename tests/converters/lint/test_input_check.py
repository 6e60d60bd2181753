"""What a conversion says of its samples: nothing of sound ones, and each fault that is put in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgeml

EXAMPLE = Path(__file__).parents[3] / "examples" / "fashion"
MEAN, STD = 72.93, 90.015

Convert = Callable[..., tuple[str, ...]]


@pytest.fixture
def notes_on(tmp_path: Path) -> Convert:
    """A call that converts the example with these pixels and steps, and returns the notes."""

    def convert(
        inputs: np.ndarray, steps: str = "", labels: np.ndarray | None = None
    ) -> tuple[str, ...]:
        arrays = {"inputs": inputs} if labels is None else {"inputs": inputs, "labels": labels}
        np.savez(tmp_path / "data.npz", **arrays)  # type: ignore[arg-type]  # keywords are arrays
        (tmp_path / "steps.toml").write_text(f'schema = "edgeml.preprocess/1"\n{steps}')
        conversion = edgeml.convert(
            EXAMPLE / "fashion.onnx",
            tmp_path / "out",
            formats=["onnx"],
            precisions=["int8"],
            calibrate=str(tmp_path / "data.npz"),
            preprocess=tmp_path / "steps.toml" if steps else None,
        )
        assert list(conversion.notes) == conversion.record()["notes"]
        return conversion.notes

    return convert


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    with np.load(EXAMPLE / "calibration.npz") as data:
        return np.asarray(data["inputs"][:100])


def _steps(mean: float, std: float) -> str:
    return (
        f'[[step]]\nop = "normalize"\nmean = [{mean}]\nstd = [{std}]\n'
        '[[step]]\nop = "layout"\nto = "NCHW"\n'
    )


def _prepared(pixels: np.ndarray) -> np.ndarray:
    images = (pixels.astype(np.float32) - np.float32(MEAN)) / np.float32(STD)
    return np.asarray(images.reshape(-1, 1, 28, 28))


def test_nothing_is_said_of_sound_samples(notes_on: Convert, pixels: np.ndarray) -> None:
    assert notes_on(pixels, _steps(MEAN, STD)) == ()
    assert notes_on(_prepared(pixels)) == ()


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        (0.0, 1.0, "larger than it was trained on"),
        (0.0, 255.0, "With samples normalized by their own mean and deviation the network does"),
        (0.286, 0.353, "which is for pixels of 0..1"),
        (0.0, 65025.0, "smaller than it was trained on"),
    ],
)
def test_a_wrong_range_is_told(
    notes_on: Convert, pixels: np.ndarray, mean: float, std: float, said: str
) -> None:
    (note,) = notes_on(pixels, _steps(mean, std))
    assert said in note
    assert note.endswith(".")


def test_samples_normalized_twice_are_told_by_the_data_before(
    notes_on: Convert, pixels: np.ndarray
) -> None:
    once = _prepared(pixels).reshape(-1, 28, 28)
    (note,) = notes_on(once, _steps(MEAN, STD))
    assert note.startswith("The samples look normalized twice: they range from -0.81 to 2.02")


def test_samples_normalized_twice_are_told_by_the_first_layer(
    notes_on: Convert, pixels: np.ndarray
) -> None:
    twice = (_prepared(pixels) - np.float32(MEAN)) / np.float32(STD)
    (note,) = notes_on(twice)
    assert "smaller than it was trained on" in note
    assert "twice" in note


def test_few_repeated_and_one_class_of_samples_are_told(
    notes_on: Convert, pixels: np.ndarray
) -> None:
    (few,) = notes_on(pixels[:20], _steps(MEAN, STD))
    assert few.startswith("data.npz has 20 samples to calibrate on")
    repeated = np.concatenate([pixels[:40], pixels[:40]])
    (again,) = notes_on(repeated, _steps(MEAN, STD))
    assert again.startswith("40 of 80 samples of data.npz occur earlier")
    (single,) = notes_on(pixels, _steps(MEAN, STD), np.full(100, 3))
    assert single.startswith("All 100 samples of data.npz are of class 3.")


def test_samples_without_content_are_told(notes_on: Convert, pixels: np.ndarray) -> None:
    (same,) = notes_on(np.repeat(pixels[:1], 60, axis=0), _steps(MEAN, STD))
    assert same.startswith("All 60 samples of data.npz are the same.")
    levels = np.arange(60, dtype=np.uint8)[:, None, None]
    (flat,) = notes_on(np.broadcast_to(levels, (60, 28, 28)).copy(), _steps(MEAN, STD))
    assert flat.startswith("60 of 60 samples of data.npz have the same value everywhere.")


def test_values_cut_off_by_a_cast_are_told(notes_on: Convert) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 28, 28)).astype(np.uint8)
    steps = (
        '[[step]]\nop = "normalize"\nmean = [64.0]\nstd = [0.5]\n'
        '[[step]]\nop = "cast"\nto = "uint8"\n'
        '[[step]]\nop = "cast"\nto = "float32"\n[[step]]\nop = "layout"\nto = "NCHW"\n'
    )
    notes = notes_on(noise, steps)
    assert any("% of the values of data.npz to the ends of their range" in note for note in notes)


def test_labels_decide_where_there_are_some(tmp_path: Path) -> None:
    steps = tmp_path / "steps.toml"
    steps.write_text(f'schema = "edgeml.preprocess/1"\n{_steps(0.0, 255.0)}')
    conversion = edgeml.convert(
        EXAMPLE / "fashion.onnx",
        tmp_path / "out",
        formats=["onnx"],
        evaluate=str(EXAMPLE / "test.npz"),
        preprocess=steps,
    )
    (note,) = conversion.notes
    assert "samples are right against" in note
