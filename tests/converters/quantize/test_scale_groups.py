"""Which tensors end up with one scale."""

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml_converters.quantize.scale_groups import ScaleGroups
from edgeml_runtime.tensors import Quantization

NAMES = [f"t{index}" for index in range(8)]
SOFTMAX = Quantization(1 / 256, -128)
TANH = Quantization(1 / 128, 0)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), max_size=8))
def test_united_tensors_share_a_root_and_groups_partition_all(unions: list[list[str]]) -> None:
    groups = ScaleGroups()
    for name in NAMES:
        groups.add_ranged(name)
    for number, names in enumerate(unions):
        assert groups.unite(names, f"out{number}")
    for number, names in enumerate(unions):
        assert {groups.root(name) for name in names} == {groups.root(f"out{number}")}
    members = [name for group in groups.members().values() for name in group]
    assert sorted(members) == sorted([*NAMES, *(f"out{number}" for number in range(len(unions)))])


def test_a_group_keeps_the_one_scale_that_is_dictated() -> None:
    groups = ScaleGroups()
    groups.add_fixed("softmax", SOFTMAX)
    assert groups.unite(["softmax"], "reshaped")
    assert groups.fixed(groups.root("reshaped")) == SOFTMAX


def test_different_dictated_scales_do_not_unite() -> None:
    groups = ScaleGroups()
    groups.add_fixed("softmax", SOFTMAX)
    groups.add_fixed("tanh", TANH)
    assert not groups.unite(["softmax", "tanh"], "both")
    assert "both" not in groups
    assert groups.root("softmax") != groups.root("tanh")


def test_a_dictated_scale_does_not_unite_with_a_range() -> None:
    groups = ScaleGroups()
    groups.add_fixed("softmax", SOFTMAX)
    groups.add_ranged("conv")
    assert not groups.unite(["conv", "softmax"], "both")
