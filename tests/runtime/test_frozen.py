"""Frozen dataclasses behave as those of the standard library, before and after they become such."""

import copy
import dataclasses
import pickle
from typing import Any, ClassVar, Optional

import pytest

from edgeml_runtime import frozen
from edgeml_runtime.tensors import Quantization, TensorSpec


def _make() -> Any:  # noqa: ANN401 - a class
    @frozen.dataclass(frozen=True)
    class Point:
        kind: ClassVar[str] = "point"
        x: int
        y: Optional[int] = None
        tags: dict[str, int] = frozen.field(default_factory=dict)

    return Point


@pytest.mark.parametrize("whole", [False, True])
def test_makes_values_as_dataclasses_do(whole: bool) -> None:
    point = _make()
    if whole:
        assert [field.name for field in dataclasses.fields(point)] == ["x", "y", "tags"]
    assert vars(point(1)) == vars(point(x=1)) == {"x": 1, "y": None, "tags": {}}
    assert point(1, 2) == point(1, y=2) != point(1, 3)
    assert point(1) != (1, None, {})
    assert point(1).tags is not point(1).tags
    assert repr(point(1, 2)).endswith("Point(x=1, y=2, tags={})")
    assert dataclasses.replace(point(1, 2), y=3) == point(1, 3) == frozen.replace(point(1), y=3)
    assert copy.deepcopy(point(1, 2)) == point(1, 2)
    assert frozen.asdict(point(1, tags={"a": 1})) == {"x": 1, "y": None, "tags": {"a": 1}}
    wrongs: tuple[tuple[Any, ...], ...] = ((), (1, 2, {}, 4))
    for wrong in wrongs:
        with pytest.raises(TypeError):
            point(*wrong)
    with pytest.raises(TypeError):
        point(1, z=2)
    with pytest.raises(TypeError):
        point(1, x=2)
    with pytest.raises(AttributeError):
        point(1).x = 2
    with pytest.raises(AttributeError):
        del point(1).x


def test_values_made_before_go_on_afterwards() -> None:
    point = _make()
    early = point(1, 2)
    assert len(dataclasses.fields(point)) == 3
    assert early == point(1, 2)
    assert repr(early) == repr(point(1, 2))


def test_values_of_the_runtime_are_hashed_pickled_and_nested() -> None:
    spec = TensorSpec("x", (1, None), "int8", "", Quantization(0.5, 3))
    assert hash(spec) == hash(TensorSpec("x", (1, None), "int8", "", Quantization(0.5, 3)))
    assert pickle.loads(pickle.dumps(spec)) == spec  # noqa: S301 - it was made here
    assert frozen.asdict(spec)["quantization"] == {"scale": 0.5, "zero_point": 3}
    assert dataclasses.asdict(spec) == frozen.asdict(spec)
