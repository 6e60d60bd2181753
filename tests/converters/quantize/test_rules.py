"""Every line of the table of int8 rules."""

import onnx
import pytest

from edgeml_converters.quantize.rules import Rule, load_rules

RULES = sorted(load_rules().items())


@pytest.mark.parametrize(("op", "rule"), RULES, ids=[op for op, _ in RULES])
def test_a_rule_fits_the_operator_of_that_name(op: str, rule: Rule) -> None:
    schema = onnx.defs.get_schema(op)
    positions = [*rule.inputs, *(p for p in (rule.weights, rule.bias) if p is not None)]
    assert all(position < len(schema.inputs) for position in positions)
    assert (
        rule.inputs or schema.inputs[-1].option == onnx.defs.OpSchema.FormalParameterOption.Variadic
    )


@pytest.mark.parametrize(("op", "rule"), RULES, ids=[op for op, _ in RULES])
def test_only_value_preserving_operators_clamp(op: str, rule: Rule) -> None:
    assert not rule.clamp or rule.output == "shared", op


def test_fixed_scales_are_those_of_the_tflite_specification() -> None:
    fixed = {op: (r.fixed.scale, r.fixed.zero_point) for op, r in RULES if r.fixed is not None}
    assert fixed == {
        "Sigmoid": (1 / 256, -128),
        "Softmax": (1 / 256, -128),
        "Tanh": (1 / 128, 0),
    }
