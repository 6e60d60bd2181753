"""Shares as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.gates import parse_share
from edgeml_runtime.errors import InputError


@pytest.mark.parametrize(
    ("text", "share"), [("3%", 0.03), ("0.03", 0.03), (" 2.5 % ", 0.025), ("0", 0.0), ("150%", 1.5)]
)
def test_both_forms_are_read(text: str, share: float) -> None:
    assert parse_share(text, "--max-regression") == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "three", "3%%", "-1%", "nan", "inf%", "3", "1"])
def test_what_is_no_share_or_could_mean_two_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--max-regression"):
        parse_share(text, "--max-regression")


@given(st.floats(0, 0.99))
def test_per_cent_and_share_agree(share: float) -> None:
    assert parse_share(f"{share * 100!r}%", "x") == pytest.approx(parse_share(repr(share), "x"))
