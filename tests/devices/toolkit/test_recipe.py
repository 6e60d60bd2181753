"""The recipes that come with edgeml."""

from dataclasses import replace

import pytest

from edgeml_devices.toolkit import load_recipe


@pytest.mark.parametrize(
    ("name", "version", "accepted"),
    [
        ("qemu", "7.2.22", True),
        ("qemu", "7.2", True),
        ("qemu", "7.20.1", False),
        ("qemu", "8.2.2", False),
        ("qemu", "17.2.1", False),
        ("qemu", "", False),
        ("llvm", "19.1.7", True),
        ("llvm", "19.1.1", False),
        ("llvm", "20.1.7", False),
    ],
)
def test_only_versions_with_equal_results_are_accepted(
    name: str, version: str, accepted: bool
) -> None:
    assert load_recipe(name).accepts(version) is accepted


@pytest.mark.parametrize("name", ["qemu", "llvm"])
def test_another_recipe_has_another_key(name: str) -> None:
    recipe = load_recipe(name)
    assert len(set(recipe.packages)) == len(recipe.packages)
    assert replace(recipe, packages=recipe.packages[1:]).key != recipe.key
    assert replace(recipe, suite="trixie").key != recipe.key
