"""The published JSON Schema of manifests says what the reader does."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from edgeml_runtime.document import json_bytes, parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import FORMATS, MANIFEST_NAME, TASKS, Manifest

pytest.importorskip("hypothesis")
import hypothesis
from hypothesis import strategies as st

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = Path(__file__).parents[2] / "docs" / "bundle.schema.json"

# What no schema can say, as it spans several fields; docs/bundle.md says it.
ACROSS_FIELDS = (
    *("stands twice", "names a tensor twice", "has other tensors than the model"),
    *("has no tolerance in 'golden'", "must be one number above 0"),
)

PATHS = (
    "a",
    "models/b.onnx",
    "../a",
    "a\n",
    "a\\b",
    "/a",
    "",
    "a.",
    "a /b",
    "\u00e9",
    "A",
    "x" * 201,
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([2**31, -(2**31) - 1, 2**63 - 1, 2**63, 0.5, -1.5]),
    st.sampled_from([*PATHS, "0" * 64, "A" * 64, *TASKS[:2], *FORMATS, "NCHW", "NHWC", "int8"]),
    st.sampled_from([[], {}, [0], [None, 1, 2, 3], [-1], ["a"], {"a": 0}, {"a": "1"}, [{}]]),
)


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """Return the schema of docs/."""
    parsed: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(parsed)
    return parsed


def _places(tree: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    places = [(tree, key) for key in keys]
    for key in keys:
        if isinstance(tree[key], (dict, list)):
            places += _places(tree[key])
    return places


def _refusal(document: dict[str, Any]) -> str:
    try:
        Manifest.from_json(parse_json(json_bytes(document), MANIFEST_NAME, "Mend it."))
    except InputError as error:
        return error.problem
    return ""


def test_lists_the_names_that_the_reader_knows(schema: dict[str, Any]) -> None:
    assert schema["properties"]["task"]["enum"] == list(TASKS)
    assert schema["$defs"]["variant"]["properties"]["format"]["enum"] == list(FORMATS)


def test_knows_every_field_that_is_written(
    schema: dict[str, Any], pool: tuple[Manifest, dict[str, bytes]]
) -> None:
    document = pool[0].to_json()
    assert document.keys() == schema["properties"].keys()
    assert document["golden"].keys() == schema["$defs"]["golden"]["properties"].keys()
    (int8,) = [entry for entry in document["variants"] if entry["id"] == "int8.tflite"]
    assert int8.keys() == schema["$defs"]["variant"]["properties"].keys()
    assert int8["inputs"][0].keys() == schema["$defs"]["tensor"]["properties"].keys()


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=400, deadline=None)
def test_schema_and_reader_take_the_same_manifests(
    schema: dict[str, Any], pool: tuple[Manifest, dict[str, bytes]], data: st.DataObject
) -> None:
    document = deepcopy(json.loads(json_bytes(pool[0].to_json())))
    for _ in range(data.draw(st.integers(0, 2))):
        holder, key = data.draw(st.sampled_from(_places(document)))
        if data.draw(st.booleans()):
            holder[key] = deepcopy(data.draw(VALUES))
        else:
            del holder[key]
    reason = _refusal(document)
    valid = jsonschema.Draft202012Validator(schema).is_valid(document)
    if valid:
        assert not reason or any(words in reason for words in ACROSS_FIELDS), reason
    else:
        assert reason
