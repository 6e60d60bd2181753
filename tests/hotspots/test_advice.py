"""What is said of where the time goes."""

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edgeml.hotspots import LIMITS, advice_in_order, advice_on

ops = st.lists(
    st.builds(
        lambda limit, weight: {"limit": limit, "share": weight, "type": "Conv"},
        st.sampled_from(sorted(LIMITS)),
        st.floats(0.01, 1),
    ),
    min_size=1,
).map(lambda found: [{**op, "share": op["share"] / sum(o["share"] for o in found)} for op in found])


@given(ops=ops)
def test_the_largest_limit_comes_first_and_small_ones_are_left_out(
    ops: Sequence[Mapping[str, Any]],
) -> None:
    found = list(advice_in_order(ops, quantized=False))
    shares = [advice.share for advice in found]
    assert shares == sorted(shares, reverse=True)
    assert found
    assert min(shares) >= 0.05
    for advice in found:
        assert advice.share == sum(op["share"] for op in ops if op["limit"] == advice.limit)


def test_what_is_quantized_is_not_told_to_quantize() -> None:
    for limit in LIMITS:
        op = {"type": "CONV_2D", "limit": limit, "share": 1.0}
        assert "int8" not in advice_on(op, quantized=True)
        assert advice_on(op, quantized=True)
    assert "int8" in advice_on({"type": "CONV_2D", "limit": "compute"}, quantized=False)
    assert advice_on({"type": "(engine)", "limit": "compute"}, quantized=False) == ""
