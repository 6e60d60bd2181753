"""Finding the partner of an operator in another profile of a network."""

from hypothesis import given
from hypothesis import strategies as st

from edgeml.gates.operator_changes import operator_changes, slower_operators
from edgeml.gates.snapshot import Operator

OPERATORS = st.lists(
    st.builds(
        Operator,
        index=st.just(0),
        name=st.sampled_from(["", "a", "b"]),
        kind=st.sampled_from(["Conv", "Relu"]),
        latency_ms=st.integers(0, 5).map(float),
        instructions=st.integers(0, 9),
    ),
    max_size=8,
)


def _op(name: str, kind: str, latency_ms: float) -> Operator:
    return Operator(0, name, kind, latency_ms, 1)


def _latency_ms(operator: Operator) -> float:
    return operator.latency_ms


def test_partners_are_found_by_name_wherever_they_stand() -> None:
    then = [_op("a", "Conv", 1), _op("b", "Conv", 2)]
    now = [_op("new", "Pad", 3), _op("a", "Conv", 1), _op("b", "Conv", 2)]
    partners = [change.then for change in operator_changes(then, now)]
    assert partners == [None, then[0], then[1]]


def test_a_replaced_operator_is_the_partner_of_the_one_at_its_place() -> None:
    then = [_op("a", "Conv", 1), _op("b", "Conv", 2), _op("c", "Relu", 1)]
    now = [_op("a", "Conv", 1), _op("d", "Gemm", 5), _op("c", "Relu", 1)]
    (slower,) = slower_operators(then, now, _latency_ms)
    assert (slower.then, slower.now) == (then[1], now[1])
    assert slower.growth(_latency_ms) == 3


def test_operators_without_names_are_matched_in_order() -> None:
    then = [_op("", "Conv", 1), _op("", "Conv", 2)]
    now = [_op("", "Conv", 1), _op("", "Conv", 4)]
    (slower,) = slower_operators(then, now, _latency_ms)
    assert (slower.then, slower.now) == (then[1], now[1])


def test_the_largest_growth_comes_first() -> None:
    then = [_op("a", "Conv", 1), _op("b", "Conv", 1), _op("c", "Conv", 9)]
    now = [_op("a", "Conv", 2), _op("b", "Conv", 4), _op("c", "Conv", 1)]
    assert [c.now.name for c in slower_operators(then, now, _latency_ms)] == ["b", "a"]


@given(OPERATORS, OPERATORS)
def test_every_operator_has_at_most_one_partner(then: list[Operator], now: list[Operator]) -> None:
    changes = operator_changes(then, now)
    assert [change.now for change in changes] == now
    partners = [id(change.then) for change in changes if change.then is not None]
    assert len(partners) == len(set(partners))


@given(OPERATORS)
def test_nothing_grows_between_equal_profiles(operators: list[Operator]) -> None:
    assert slower_operators(operators, list(operators), _latency_ms) == []
