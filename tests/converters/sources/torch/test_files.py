"""Files of PyTorch: exported programs, and pickles that only trust opens."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.sources import SourceModel
from edgeml_runtime.errors import InputError

pytestmark = pytest.mark.slow

Load = Callable[..., SourceModel]


def test_a_program_brings_its_own_sizes(load: Load, files: Path) -> None:
    source = load(str(files / "free.pt2"))
    assert (source.name, source.inputs[0].shape) == ("free", (None, 3, 16, 16))
    assert source.notes == ()
    with closing(source.reference()) as engine:
        assert engine.run({"x": np.ones((2, 3, 16, 16), np.float32)})["output"].shape == (2, 10)
    assert load(str(files / "fixed.pt2")).inputs[0].shape == (1, 3, 16, 16)


def test_sizes_that_a_program_does_not_have(load: Load, files: Path) -> None:
    with pytest.raises(InputError, match=r"sizes \?x3x16x16, not 1x3x8x8"):
        load(str(files / "free.pt2"), {"x": (1, 3, 8, 8)})


@pytest.mark.parametrize(
    ("name", "words"),
    [("size.pt2", "size"), ("pickle.pt2", "pickle"), ("library.pt2", "aotinductor")],
)
def test_code_in_a_program_is_not_run(load: Load, files: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load(str(files / name))
    assert "--trust-pickle" in caught.value.remedy
    assert not (files / "ran").exists()


def test_a_truncated_program(load: Load, files: Path) -> None:
    with pytest.raises(InputError, match="truncated"):
        load(str(files / "cut.pt2"))


def test_a_whole_module_needs_trust(load: Load, files: Path) -> None:
    path, shapes = str(files / "whole.pt"), {"x": (1, 3, 16, 16)}
    with pytest.raises(InputError, match="pickle"):
        load(path, shapes)
    assert load(path, shapes, trust=True).inputs[0].shape == (None, 3, 16, 16)


def test_weights_alone_are_no_model(load: Load, files: Path) -> None:
    with pytest.raises(InputError, match="weights and no network"):
        load(str(files / "weights.pth"), trust=True)
