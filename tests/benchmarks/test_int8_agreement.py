"""Every operator with an int8 rule: the same integers in both files, and no float between them."""

import pytest

from benchmarks.int8_agreement.__main__ import MOST_STEPS
from benchmarks.int8_agreement.operators import CASES, graph_of, operator_of
from benchmarks.int8_agreement.trial import attempt, random_samples
from edgeml_converters.quantize.rules import load_rules

LEAST_EQUAL = 0.85
"""Of an average of four, one in four lies between two integers, which engines round otherwise."""


@pytest.mark.parametrize("case", CASES)
def test_an_operator_gives_the_same_integers_in_both_files(case: str) -> None:
    model = graph_of(case)
    trial = attempt(model, random_samples(model), alone=True)
    assert not trial.excluded
    assert not trial.floats
    assert trial.float_sqnr_db > 30
    for engine, agreement in trial.by_engine.items():
        assert agreement.steps <= MOST_STEPS, engine
        assert agreement.equal >= LEAST_EQUAL, engine


def test_every_rule_has_a_case() -> None:
    assert {operator_of(case) for case in CASES} >= load_rules().keys()
