"""DATA as module:callable."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.data import open_data
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

Inputs = tuple[TensorSpec, ...]
_numbers = itertools.count()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current folder."""
    name = f"user_samples_{next(_numbers)}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return name


SOURCE = """
import numpy as np

ROW = np.zeros(3, np.float32)

def samples():
    for label in range(3):
        yield ROW + label, label

def unlabelled():
    yield ROW, None

def by_name():
    yield {"row": ROW}, np.int64(4)

def whole():
    return [(ROW, 0), (ROW, 1)]

class Loader:
    def __iter__(self):
        return iter([(ROW, 2)])

GENERATOR = samples()
_once = samples()

def once():
    return _once

def empty():
    return []

def fails():
    yield ROW, 0
    raise KeyError("gone")

def needs_argument(path):
    yield ROW, 0

def no_pair():
    yield ROW

def no_array():
    yield [0.0, 0.0, 0.0], 0

def float_label():
    yield ROW, 0.5

def one_hot():
    yield ROW, np.array([0, 1])

NUMBER = 3
"""


def test_every_pass_calls_it_anew(module: str, row_inputs: Inputs) -> None:
    dataset = open_data(f"{module}:samples", row_inputs, None)
    assert dataset.labelled
    for _ in range(3):
        assert [sample.label for sample in dataset] == [0, 1, 2]
    assert next(iter(dataset)).inputs["row"].shape == (1, 3)


def test_the_length_is_known_only_after_a_pass(module: str, row_inputs: Inputs) -> None:
    dataset = open_data(f"{module}:samples", row_inputs, None)
    assert dataset.size is None
    assert dataset
    with pytest.raises(TypeError, match="only after reading"):
        len(dataset)
    assert len(list(dataset)) == 3
    assert len(list(dataset.take(2))) == 2


@pytest.mark.parametrize(
    ("name", "labels"), [("unlabelled", [None]), ("by_name", [4]), ("whole", [0, 1])]
)
def test_functions_may_return_lists_and_dicts(
    module: str, row_inputs: Inputs, name: str, labels: list[int | None]
) -> None:
    dataset = open_data(f"{module}:{name}", row_inputs, None)
    assert [sample.label for sample in dataset] == labels
    assert dataset.labelled == (labels[0] is not None)


def test_a_class_with_iter_is_called_too(module: str, row_inputs: Inputs) -> None:
    assert [s.label for s in open_data(f"{module}:Loader", row_inputs, None)] == [2]


def test_a_generator_is_refused_rather_than_read_once(module: str, row_inputs: Inputs) -> None:
    with pytest.raises(InputError, match="is a generator, which can be read only once"):
        open_data(f"{module}:GENERATOR", row_inputs, None)


def test_an_iterator_handed_out_twice_is_noticed(module: str, row_inputs: Inputs) -> None:
    dataset = open_data(f"{module}:once", row_inputs, None)
    with pytest.raises(InputError, match="same iterator on every call"):
        list(dataset)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("empty", "gave no samples"),
        ("fails", "failed after 1 samples: KeyError: 'gone'"),
        ("needs_argument", "called without arguments"),
        ("no_pair", "not a pair"),
        ("no_array", "a numpy array"),
        ("float_label", "label 0.5"),
        ("one_hot", r"label array\(\[0, 1\]\)"),
        ("NUMBER", "int, which cannot be called"),
        ("nothing_there", "AttributeError"),
    ],
)
def test_what_does_not_work_is_said(
    module: str, row_inputs: Inputs, name: str, problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        list(open_data(f"{module}:{name}", row_inputs, None))


def test_a_module_that_is_not_there_is_named(row_inputs: Inputs) -> None:
    with pytest.raises(InputError, match="no_such_module:samples cannot be loaded: ModuleNotFound"):
        open_data("no_such_module:samples", row_inputs, None)


def test_a_module_that_does_not_compile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row_inputs: Inputs
) -> None:
    (tmp_path / "broken_samples.py").write_text("def samples(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="SyntaxError"):
        open_data("broken_samples:samples", row_inputs, None)


def test_raw_is_the_sample_before_preprocessing(module: str, row_inputs: Inputs) -> None:
    sample = next(iter(open_data(f"{module}:samples", row_inputs, None)))
    np.testing.assert_array_equal(sample.raw, np.zeros(3, np.float32))
