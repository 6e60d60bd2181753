"""A calibration that was interrupted goes on from its checkpoint, and sees the same in the end."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest

from edgeml_converters.quantize import Detail, Observations, calibrate, calibration
from edgeml_runtime.engines import Engine, open_engine
from edgeml_runtime.errors import InputError

Sample = Mapping[str, np.ndarray]
COUNT = 9
ALL = Detail(histograms=True, peaks=True, products=True)


class StoppedError(Exception):
    """What stops a calibration here."""


@dataclass
class Samples:
    """Samples that may be read again.

    Args:
        seed: Of their values.
        stop: Before which of them reading them breaks down; None for never.
    """

    seed: int = 0
    stop: int | None = None

    def __iter__(self) -> Iterator[Sample]:
        random = np.random.default_rng(self.seed)
        for index in range(COUNT):
            if index == self.stop:
                raise StoppedError
            yield {"x": random.normal(0.2, 1 + index, (1, 3, 8, 8)).astype(np.float32)}


@dataclass
class Runs:
    """How many samples the engine computed."""

    count: int = 0


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Checkpoints after every sample, and the number of samples that were really run."""
    monkeypatch.setattr(calibration, "CHECKPOINT_EVERY_S", -1.0)
    told = Runs()

    def opened(*arguments: Any) -> Engine:  # noqa: ANN401 - handed on
        engine = open_engine(*arguments)
        compute = engine.run

        def counting(inputs: Sample) -> dict[str, np.ndarray]:
            told.count += 1
            return compute(inputs)

        monkeypatch.setattr(engine, "run", counting)
        return engine

    monkeypatch.setattr(calibration, "open_engine", opened)
    return told


@pytest.fixture
def model(net: Callable[..., Any]) -> ir.Model:
    """A network of which there is something of every kind to be seen."""
    small = net()
    conv = small.op("Relu", small.conv("x", 3, 4))
    flat = small.op("Flatten", small.op("GlobalAveragePool", small.conv(conv, 4, 4)))
    product = small.op("MatMul", flat, small.constant(small.random.normal(0, 1, (4, 5))))
    found: ir.Model = small.finish(small.op("Softmax", product, axis=1))
    return found


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Where calibration saves, in a folder that does not exist yet."""
    return tmp_path / "deep" / "calibration.npz"


def _interrupted(
    model: ir.Model, checkpoint: Path, *, stop: int, seed: int = 0, detail: Detail = ALL
) -> None:
    with pytest.raises(StoppedError):
        calibrate(model, Samples(seed, stop), detail=detail, checkpoint=checkpoint)
    assert checkpoint.exists() == (stop > 0)


def _same(one: Observations, other: Observations) -> bool:
    """Return whether two observations are so bit for bit."""
    assert (one.bounds, one.samples, one.row_peaks) == (
        other.bounds,
        other.samples,
        other.row_peaks,
    )
    for kind in ("means", "peaks", "products"):
        mine, theirs = getattr(one, kind), getattr(other, kind)
        assert list(mine) == list(theirs)
        for key, array in mine.items():
            np.testing.assert_array_equal(array, theirs[key])
    assert list(one.histograms) == list(other.histograms)
    for name, histogram in one.histograms.items():
        found = other.histograms[name]
        np.testing.assert_array_equal(histogram.counts, found.counts)
        assert (histogram.width, histogram.zeros) == (found.width, found.zeros)
    return True


@pytest.mark.parametrize("stop", [1, 4, COUNT - 1])
def test_it_goes_on_where_it_stopped_and_sees_the_same(
    model: ir.Model, checkpoint: Path, runs: Runs, stop: int
) -> None:
    whole = calibrate(model, Samples(), detail=ALL)
    runs.count = 0
    _interrupted(model, checkpoint, stop=stop)
    assert runs.count == stop
    told: list[tuple[str, int, int]] = []
    resumed = calibrate(
        model,
        Samples(),
        lambda *state: told.append(state),
        COUNT,
        detail=ALL,
        checkpoint=checkpoint,
    )
    assert runs.count == COUNT, "no sample is run again"
    assert told == [("calibrate", done, COUNT) for done in range(stop, COUNT + 1)]
    assert _same(resumed, whole)
    assert not checkpoint.exists()
    assert not list(checkpoint.parent.iterdir())


def test_it_may_be_interrupted_twice(model: ir.Model, checkpoint: Path, runs: Runs) -> None:
    whole = calibrate(model, Samples())
    runs.count = 0
    _interrupted(model, checkpoint, stop=3, detail=Detail())
    _interrupted(model, checkpoint, stop=6, detail=Detail())
    assert _same(calibrate(model, Samples(), checkpoint=checkpoint), whole)
    assert runs.count == COUNT


@pytest.mark.usefixtures("runs")
def test_fewer_samples_than_before_begin_anew(model: ir.Model, checkpoint: Path) -> None:
    _interrupted(model, checkpoint, stop=5)
    fewer = [sample for _, sample in zip(range(3), Samples(), strict=False)]
    found = calibrate(model, fewer, detail=ALL, checkpoint=checkpoint)
    assert _same(found, calibrate(model, fewer, detail=ALL))


def test_a_checkpoint_of_other_samples_is_not_used(
    model: ir.Model, checkpoint: Path, runs: Runs
) -> None:
    whole = calibrate(model, Samples(seed=1), detail=ALL)
    _interrupted(model, checkpoint, stop=4)
    runs.count = 0
    found = calibrate(model, Samples(seed=1), detail=ALL, checkpoint=checkpoint)
    assert _same(found, whole)
    assert runs.count == COUNT


def test_samples_in_another_order_are_other_samples(
    model: ir.Model, checkpoint: Path, runs: Runs
) -> None:
    _interrupted(model, checkpoint, stop=4)
    runs.count = 0
    calibrate(model, list(Samples())[::-1], detail=ALL, checkpoint=checkpoint)
    assert runs.count == COUNT


def test_a_generator_is_read_once_and_not_saved(
    model: ir.Model, checkpoint: Path, runs: Runs
) -> None:
    found = calibrate(model, iter(Samples()), detail=ALL, checkpoint=checkpoint)
    assert not checkpoint.parent.exists()
    assert runs.count == COUNT
    assert _same(found, calibrate(model, Samples(), detail=ALL))


def _flipped(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(content)


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _arrays(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, count=4, digest="")


BREAKAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a checkpoint\n"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped at the start": lambda path: _flipped(path, 0.0),
    "flipped in the middle": lambda path: _flipped(path, 0.5),
    "flipped near the end": lambda path: _flipped(path, 0.999),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "arrays only": _arrays,
    "a folder": _folder_instead,
}


@pytest.mark.parametrize("kind", BREAKAGES)
def test_a_broken_checkpoint_is_ignored(
    model: ir.Model, checkpoint: Path, runs: Runs, kind: str
) -> None:
    whole = calibrate(model, Samples(), detail=ALL)
    _interrupted(model, checkpoint, stop=4)
    BREAKAGES[kind](checkpoint)
    runs.count = 0
    assert _same(calibrate(model, Samples(), detail=ALL, checkpoint=checkpoint), whole)
    assert runs.count == COUNT


@pytest.mark.usefixtures("runs")
def test_a_place_that_cannot_be_written_costs_the_checkpoint_only(
    model: ir.Model, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    found = calibrate(model, Samples(), checkpoint=tmp_path / "file" / "calibration.npz")
    assert found.samples == COUNT


@pytest.mark.usefixtures("runs")
def test_a_sample_that_does_not_fit_is_counted_from_the_first(
    model: ir.Model, checkpoint: Path
) -> None:
    _interrupted(model, checkpoint, stop=4)
    samples: Iterable[Sample] = [*list(Samples())[:6], {"x": np.zeros((1, 3, 9, 9), np.float32)}]
    with pytest.raises(InputError, match="Calibration sample 7"):
        calibrate(model, samples, detail=ALL, checkpoint=checkpoint)
