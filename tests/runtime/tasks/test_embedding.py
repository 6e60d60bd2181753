"""Vectors, of one output or of one for each token."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.vectors import Embedding

ManifestMaker = Callable[..., Manifest]
Embed = Callable[..., Embedding]

TOKENS = np.array([[[3.0, 4.0], [1.0, -2.0], [-7.0, 1.0]]], np.float32)


def _floats(values: Any) -> np.ndarray:  # noqa: ANN401 - what numpy takes
    return np.array(values, np.float32)


@pytest.fixture
def embed(make_manifest: ManifestMaker) -> Embed:
    """Return a call that makes a vector of an output."""

    def embed(output: Any, mask: Any = None, mask_name: str = "", **options: Any) -> Embedding:  # noqa: ANN401 - JSON
        options.update({"mask": mask_name} if mask_name else {})
        outputs = {"tensor": np.asarray(output)}
        outputs.update({} if mask is None else {"attention_mask": np.asarray(mask)})
        answer = make_task(make_manifest("embedding", **options))(outputs)
        assert isinstance(answer, Embedding)
        return answer

    return embed


def test_a_vector_has_the_length_one(embed: Embed) -> None:
    answer = embed(_floats([[[[3.0]], [[4.0]]]]))
    assert answer.vector.dtype == np.float32
    assert answer.vector.tolist() == pytest.approx([0.6, 0.8])
    assert json.loads(json.dumps(answer.to_json()))["vector"] == answer.vector.tolist()
    assert answer.summary() == "2 numbers: 0.6000, 0.8000, ..."
    assert embed([3.0, 4.0], norm="none").vector.tolist() == [3.0, 4.0]
    assert embed([0.0, 0.0]).vector.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("pooling", "mask", "expected"),
    [
        ("mean", None, [-1.0, 1.0]),
        ("mean", [[1, 1, 0]], [2.0, 1.0]),
        ("max", None, [3.0, 4.0]),
        ("max", [[0, 1, 1]], [1.0, 1.0]),
        ("first", [[0, 1, 1]], [3.0, 4.0]),
    ],
)
def test_tokens_are_pooled(embed: Embed, pooling: str, mask: Any, expected: list[float]) -> None:  # noqa: ANN401 - lists
    answer = embed(TOKENS, mask, pooling=pooling, norm="none")
    assert answer.vector.tolist() == pytest.approx(expected)


def test_the_cosine(embed: Embed) -> None:
    assert embed([1.0, 0.0]).cosine(embed([0.0, 2.0])) == 0.0
    assert embed([1.0, 2.0], norm="none").cosine(embed([2.0, 4.0])) == pytest.approx(1.0)
    assert embed([0.0, 0.0]).cosine(embed([2.0, 4.0])) == 0.0
    with pytest.raises(InputError, match="2 and 3 numbers"):
        embed([1.0, 0.0]).cosine(embed([1.0, 0.0, 0.0]))


def test_what_is_no_vector_is_refused(embed: Embed) -> None:
    with pytest.raises(InputError, match=r"\(1, 3, 2\), not one vector; see .* 'pooling'"):
        embed(TOKENS)
    with pytest.raises(InputError, match=r"\(2, 2, 2\), not one vector"):
        embed(np.zeros((2, 2, 2)), pooling="mean")
    with pytest.raises(InputError, match="NaN"):
        embed([np.nan, 0.0])
    with pytest.raises(InputError, match="a token for each in attention_mask"):
        embed(TOKENS, [[0, 0, 0]], pooling="mean")
    with pytest.raises(InputError, match="'mask' is 'mask', and must be one of tensor"):
        embed(TOKENS, pooling="mean", mask_name="mask")
