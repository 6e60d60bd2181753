"""Recipes survive being written and read, and say in a sentence what is wrong with them."""

import tomllib
from contextlib import suppress
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml_converters.quantize import EFFORTS, Detail, Recipe
from edgeml_converters.quantize.range_methods import METHODS
from edgeml_converters.quantize.recipe import SCHEMA, SCHEMES
from edgeml_runtime.errors import InputError

HEAD = f'schema = "{SCHEMA}"\n'
HOSTILE = (
    *('"', "'", "\\", '\\"', '"""', "a\nb", "a\r\n", "\t", "\0", "\x1f", "\x7f", "\x85", "\u2028"),
    *("", " ", "# not a comment", "]", '", "', "${x}", "\\u0041", "\U0001f600", "\ufeff", "/a/b:0"),
    *("\u202e", "\ufffe", "\U0010ffff", "e\u0301"),
)
NAMES = st.one_of(st.text(), st.sampled_from(HOSTILE))
RECIPES = st.builds(
    Recipe,
    scheme=st.sampled_from(SCHEMES),
    ranges=st.one_of(
        st.sampled_from(["minmax", *METHODS]),
        st.floats(90, 100).map(lambda number: f"percentile:{number}"),
    ),
    trim_ranges=st.booleans(),
    correct_bias=st.booleans(),
    equalize=st.booleans(),
    round_adaptively=st.booleans(),
    float_nodes=st.lists(NAMES, max_size=4).map(tuple),
)


@given(RECIPES)
def test_what_is_written_is_read_again(recipe: Recipe) -> None:
    text = recipe.to_toml({})
    assert Recipe.from_toml(text) == recipe
    assert text.encode().decode() == text
    assert recipe.to_toml({}) == text


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_of_a_node_survives(name: str) -> None:
    recipe = Recipe(float_nodes=(name, "conv", name * 2))
    assert Recipe.from_toml(recipe.to_toml({})) == recipe


@given(RECIPES, st.dictionaries(NAMES, NAMES, max_size=3))
def test_no_comment_changes_what_is_read(recipe: Recipe, comments: dict[str, str]) -> None:
    text = recipe.to_toml(comments)
    assert Recipe.from_toml(text) == recipe
    assert text.splitlines()[-1].startswith("float_nodes")


def test_comments_come_first_and_in_words() -> None:
    text = Recipe().to_toml({"Of": "net.onnx", "Found": "'int8', which loses 0.10 points"})
    assert text.startswith("# Of: net.onnx\n# Found: 'int8', which loses 0.10 points\nschema")


def test_every_field_is_written() -> None:
    document = tomllib.loads(Recipe().to_toml({}))
    assert list(document) == ["schema", *(entry.name for entry in fields(Recipe))]


def test_what_is_left_out_is_as_by_default() -> None:
    assert Recipe.from_toml(HEAD) == Recipe()
    assert Recipe.from_toml(HEAD + "equalize = true") == Recipe(equalize=True)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("color = 1", "'color'"),
        ("Ranges = 'mse'", "'Ranges'"),
        ("schem = 'int8'", "'schem'"),
        ("[extra]", "'extra'"),
        ("ranges.method = 'mse'", "ranges"),
        ("ranges = 3", "ranges"),
        ("ranges = true", "ranges"),
        ("ranges = ['mse']", "ranges"),
        ("ranges = 'best'", "'best'"),
        ("ranges = 'percentile:50'", "'percentile:50'"),
        ("equalize = 1", "equalize"),
        ("equalize = 'true'", "equalize"),
        ("trim_ranges = []", "trim_ranges"),
        ("correct_bias = 0.5", "correct_bias"),
        ("round_adaptively = 2026-01-01", "round_adaptively"),
        ("float_nodes = 'conv'", "float_nodes"),
        ("float_nodes = [1]", "float_nodes"),
        ("float_nodes = ['a', ['b']]", "float_nodes"),
        ("float_nodes = {a = 1}", "float_nodes"),
        ("scheme = 'int4'", "'int4'"),
        ("scheme = 'auto'", "'auto'"),
        ("scheme = 8", "scheme"),
        ("scheme = ", "TOML"),
        ("equalize = true\nequalize = false", "TOML"),
        ("float_nodes = ['a'", "TOML"),
        ("schema = 'again'", "TOML"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(line: str, word: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.from_toml(HEAD + line)
    assert word in caught.value.problem
    for sentence in (caught.value.problem, caught.value.remedy):
        assert sentence.endswith(".")
        assert "\n" not in sentence


@pytest.mark.parametrize(
    "text",
    ["", "equalize = true", 'schema = "edgeml.recipe/2"', "schema = 1", "schema = ['a']"],
)
def test_another_schema_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="schema is not"):
        Recipe.from_toml(text)


@given(st.text())
def test_any_text_is_a_recipe_or_refused(text: str) -> None:
    for document in (text, HEAD + text):
        with suppress(InputError):
            found = Recipe.from_toml(document)
            assert Recipe.from_toml(found.to_toml({})) == found


def test_efforts_ask_for_more_and_more() -> None:
    fast, default, high = EFFORTS["fast"], EFFORTS["default"], EFFORTS["high"]
    assert default == Recipe()
    switches = ("trim_ranges", "correct_bias", "equalize", "round_adaptively")
    for recipe, on in ((fast, 0), (default, 2), (high, 4)):
        assert [getattr(recipe, name) for name in switches] == [True] * on + [False] * (4 - on)


def test_only_what_a_recipe_needs_is_watched() -> None:
    assert Recipe().detail == Detail()
    assert Recipe(ranges="mse").detail == Detail(histograms=True)
    assert Recipe(round_adaptively=True).detail == Detail(products=True)
