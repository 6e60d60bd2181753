"""Text of scores along a line."""

import json
from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
import pytest

from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks import make_task
from edgeml_runtime.tasks.sequences import Text

CHARACTERS = ("a", "b", "c")

ManifestMaker = Callable[..., Manifest]
Read = Callable[..., Text]


@pytest.fixture
def read(make_manifest: ManifestMaker) -> Read:
    """Return a call that reads an output."""

    def read(output: np.ndarray, labels: tuple[str, ...] = CHARACTERS, **options: Any) -> Text:  # noqa: ANN401 - JSON
        answer = make_task(make_manifest("ocr", labels, **options))({"tensor": output})
        assert isinstance(answer, Text)
        return answer

    return read


def _path(classes: list[int], count: int, score: float = 0.75) -> np.ndarray:
    """Return (1,steps,count), with *score* for the given class of each step."""
    rows = np.full((1, len(classes), count), (1 - score) / (count - 1), np.float32)
    rows[0, np.arange(len(classes)), classes] = score
    return rows


def test_repeats_are_one_and_blanks_are_dropped(read: Read) -> None:
    answer = read(_path([0, 1, 1, 0, 1, 2, 2, 3, 0], 4))
    assert answer.text == "aabc"
    assert answer.score == pytest.approx(0.75)
    assert len(answer.scores) == 4
    assert answer.summary() == "'aabc' 0.7500"
    assert json.loads(json.dumps(answer.to_json()))["text"] == "aabc"


def test_the_blank_may_be_last_or_a_label_and_a_space_may_follow(read: Read) -> None:
    assert read(_path([3, 0, 0, 3, 2], 4), blank="last").text == "ac"
    assert read(_path([0, 1, 0, 2], 3), ("", "b", "c")).text == "bc"
    assert read(_path([1, 4, 3, 0], 5)).text == "a c"
    assert read(_path([0, 3, 2, 4], 5), blank="last").text == "a c"


def test_slots_keep_their_repeats(read: Read) -> None:
    assert read(_path([1, 1, 2, 0], 4), repeats="keep").text == "aab"


def test_logits_and_the_other_order_of_axes(read: Read) -> None:
    logits = np.log(_path([0, 1, 2], 4)) + 3.0
    assert read(logits).text == "ab"
    assert read(logits).score == pytest.approx(0.75)
    assert read(logits.transpose(1, 0, 2)).text == "ab"


def test_nothing_is_read_off_blanks(read: Read) -> None:
    answer = read(_path([0, 0], 4))
    assert (answer.text, answer.score, answer.scores) == ("", 0.0, ())


def test_as_another_way_to_write_it(read: Read) -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        rows = random.random((1, 50, 4)).astype(np.float32)
        path = rows[0].argmax(axis=1).tolist()
        expected = "".join("-abc"[kind] for kind, _ in groupby(path) if kind)
        assert read(rows).text == expected


def test_what_is_no_row_of_the_characters_is_refused(read: Read) -> None:
    with pytest.raises(InputError, match=r"shape \(1, 2, 6\), not steps x 3 labels"):
        read(_path([0, 1], 6))
    with pytest.raises(InputError, match="steps x 0 labels"):
        read(_path([0, 1], 4), ())
    with pytest.raises(InputError, match="steps x 3 labels"):
        read(np.zeros((2, 5, 4), np.float32))
    with pytest.raises(InputError, match="NaN"):
        read(np.full((1, 2, 4), np.nan))
    with pytest.raises(InputError, match="'blank' is 'middle'"):
        read(_path([0], 4), blank="middle")
