"""The manifest: what comes back, and what is refused with which words."""

import json
from typing import Any

import pytest

from edgeml_runtime.document import json_bytes, parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest, is_entry_name


@pytest.fixture
def document(pool: tuple[Manifest, dict[str, bytes]]) -> dict[str, Any]:
    """Return a valid manifest as JSON values, to be spoilt."""
    copy: dict[str, Any] = json.loads(json_bytes(pool[0].to_json()))
    return copy


def test_comes_back_as_it_was(pool: tuple[Manifest, dict[str, bytes]]) -> None:
    manifest = pool[0]
    again = Manifest.from_json(parse_json(json_bytes(manifest.to_json()), "here", "none"))
    assert again == manifest


def test_an_unknown_variant_is_refused_with_the_known_ones(
    pool: tuple[Manifest, dict[str, bytes]],
) -> None:
    with pytest.raises(InputError, match=r"no variant 'fp16'.*float32\.onnx, int8\.tflite"):
        pool[0].variant("fp16")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("schema", "edgeml.bundle/2", r"'schema' is 'edgeml.bundle/2'.*edgeml.bundle/1"),
        ("name", None, r"'name' is missing"),
        ("serial", 0, r"'serial' is 0, and must be at least 1"),
        ("serial", 10**400, r"'serial' is 1000.*must be at most"),
        ("task", "magic", r"'task' is 'magic'.*classification, detection"),
        ("labels", [1], r"an entry of 'labels' is 1, and must be a text"),
        ("inputs", [], r"'inputs' is empty"),
        ("inputs.0.dtype", "complex64", r"inputs 0: 'dtype' is 'complex64'"),
        ("inputs.0.shape", [1, -3], r"a size of 'shape' is -3"),
        ("inputs.0.shape", [1, 3], r"'layout' is 'NCHW' and 'shape' has not 4 sizes"),
        ("inputs.0.name", "other", r"variant 'float32.onnx' has other tensors than the model"),
        ("variants", [], r"'variants' is empty"),
        ("variants.1.id", "float32.onnx", r"the variant 'float32.onnx' stands twice"),
        ("variants.1.path", "models/float32.ONNX", r"stands twice"),
        ("variants.1.path", "../evil", r"variant 1: 'path' is '../evil'"),
        ("variants.1.path", "manifest.json", r"'manifest.json' stands twice"),
        ("variants.1.format", "pt", r"'format' is 'pt'.*onnx, tflite"),
        ("variants.1.sha256", "AB", r"64 lower-case hexadecimal digits"),
        ("variants.1.size_bytes", True, r"'size_bytes' is True"),
        ("variants.1.engines", {"litert": 2}, r"'engines.litert' is 2, and must be a text"),
        ("variants.1.latency", [3], r"an entry of 'latency' is 3"),
        (
            "variants.1.inputs.0.quantization.scale",
            0,
            r"'scale' is 0.0, and must be one number above 0",
        ),
        ("variants.1.inputs.0.quantization.scale", "x", r"'scale' is 'x'"),
        ("golden.samples", 0, r"golden: 'samples' is 0"),
        ("golden.tolerances", {}, r"variant 'float32.onnx' has no tolerance"),
        ("golden.tolerances", {"float32.onnx": -1, "int8.tflite": 1}, r"has no tolerance"),
    ],
)
def test_a_fault_names_where_and_what(
    document: dict[str, Any], path: str, value: object, message: str
) -> None:
    target: Any = document
    *parents, last = path.split(".")
    for key in parents:
        target = target[int(key)] if key.isdigit() else target[key]
    target[int(last) if last.isdigit() else last] = value
    with pytest.raises(InputError, match=message):
        Manifest.from_json(document)


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(InputError, match="must be a table"):
        Manifest.from_json(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1, "a": 2}', "the key 'a' stands twice"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b"\xff", "not valid JSON"),
        (b'"\\ud800"', "surrogates not allowed"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[" * 65 + b"]" * 65, "nested more than 64 deep"),
        (b'{"a": ' * 65 + b"1" + b"}" * 65, "nested more than 64 deep"),
        (b'{"a": 1' + b"0" * 5_000_000 + b"}", "10000000000000000000... is too large"),
        (b"", "not valid JSON"),
    ],
)
def test_json_that_readers_disagree_on_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_json(text, "here", "Mend it.")


@pytest.mark.parametrize("name", ["a", "models/fashion int8.tflite", "caf\u00e9.onnx", "..a/..b"])
def test_plain_names_are_entry_names(name: str) -> None:
    assert is_entry_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        "./a",
        "a\\b",
        "C:a",
        "a\0b",
        "a\nb",
        "a" * 201,
        "a.",
        "a /b",
        "a\x85b",
    ],
)
def test_unsafe_names_are_not(name: str) -> None:
    assert not is_entry_name(name)


@pytest.mark.parametrize(
    ("one", "other"), [("m/A.onnx", "m/a.onnx"), ("caf\u00e9", "cafe\u0301"), ("\u00df", "SS")]
)
def test_names_that_a_folder_may_hold_once_only_are_refused(
    document: dict[str, Any], one: str, other: str
) -> None:
    for variant, path in zip(document["variants"], (one, other)):
        variant["path"] = path
    with pytest.raises(InputError, match="stands twice"):
        Manifest.from_json(document)
