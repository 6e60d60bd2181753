"""Why a model runs as it does, in words."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edgeml_runtime
from edgeml_runtime.engines import ENGINE_FORMATS, install_line, installed_engines
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest

BundleMaker = Callable[..., Path]
Source = tuple[Manifest, dict[str, bytes]]


def _with(source: Source, **fields: Any) -> tuple[Any, ...]:  # noqa: ANN401 - fields of a variant
    return tuple(replace(variant, **fields) for variant in source[0].variants)


def test_says_what_was_chosen_and_how_it_was_tested(
    make_bundle: BundleMaker, engine_name: str
) -> None:
    path = make_bundle("classifier")
    model = edgeml_runtime.load(path, engine=engine_name)
    found = model.explain()
    version = installed_engines()[engine_name]
    assert found.chosen == f"{model.variant.id} in {engine_name} {version}"
    assert found.because.startswith(f"{engine_name} was asked for")
    assert found.threads == "1: the model is small: " + f"{model.variant.size_bytes} bytes"
    assert "in a process of its own: worst error" in found.self_test
    assert edgeml_runtime.load(path, engine=engine_name).explain() == found  # and remembered
    untested = edgeml_runtime.load(path, engine=engine_name, self_test=False).explain()
    assert untested.self_test == "was not asked for"


def test_names_every_engine_that_is_not_here(make_bundle: BundleMaker) -> None:
    found = edgeml_runtime.load(make_bundle("classifier")).explain()
    for name in ENGINE_FORMATS.keys() - installed_engines().keys() - {"numpy"}:
        assert any(f"{name}: not installed ({install_line(name)}" in t for t in found.impossible)


def test_names_a_version_that_is_too_old(make_bundle: BundleMaker, classifier: Source) -> None:
    engines = installed_engines()
    if "onnxruntime" not in engines or "tflite" not in map(ENGINE_FORMATS.get, engines):
        pytest.skip("onnxruntime and an engine for TFLite are needed")
    onnx, tflite, table = classifier[0].variants
    newer = replace(onnx, engines={"onnxruntime": "99.1"})
    found = edgeml_runtime.load(
        make_bundle("classifier", variants=(newer, tflite, table))
    ).explain()
    old = f"version {engines['onnxruntime']} is too old, 99.1 is needed"
    assert any(old in text and "--upgrade" in text for text in found.impossible)


def test_says_what_decided(make_bundle: BundleMaker, classifier: Source) -> None:
    if not {"onnxruntime", "litert"} <= installed_engines().keys():
        pytest.skip("two engines are needed")
    onnx, tflite, table = classifier[0].variants
    tflite = replace(tflite, engines={"litert": ""})
    table = replace(table, accuracy={"drop": 9.0})  # and so it comes last

    def because(*variants: Any) -> str:  # noqa: ANN401 - variants
        path = make_bundle("classifier", variants=(*variants, table))
        return edgeml_runtime.load(path).explain().because

    assert "is faster in general on" in because(onnx, tflite)
    int8 = replace(onnx, precision="int8", accuracy={"drop": 0.1})
    assert "int8 is faster in general than float32" in because(int8, tflite)
    unsafe = replace(onnx, precision="int8", accuracy={"drop": 3.0})
    assert "only here the accuracy is safe (a drop of at most 1 points)" in because(unsafe, tflite)
    record = {
        "target": "rpi4",
        "engine": {"name": "litert"},
        "threads": 1,
        "method": "emulated",
        "latency_ms": {"estimate": 1.25},
    }
    timed = because(onnx, replace(tflite, latency=(record,)))
    assert timed.startswith("the least recorded latency of those with safe accuracy; ")
    assert timed.endswith("1.25 ms (rpi4, emulated)")


def test_is_printed_as_text_and_as_json(make_bundle: BundleMaker) -> None:
    found = edgeml_runtime.load(make_bundle("classifier")).explain()
    lines = str(found).splitlines()
    assert lines[0] == found.chosen
    assert f"  threads: {found.threads}" in lines
    assert lines[-1].startswith(f"  processor: {found.cpu}")
    document = json.loads(json.dumps(found.to_json()))
    assert document["schema"] == "edgeml.explanation/1"
    assert document["considered"] == list(found.considered)


def test_threads_are_measured_once_when_that_is_asked_for(
    make_bundle: BundleMaker, engine_name: str
) -> None:
    path = make_bundle("classifier")
    model = edgeml_runtime.load(path, engine=engine_name, threads="measure")
    told = model.explain().threads
    assert re.fullmatch(rf"{model.engine.threads}: measured on 20.* UTC: .* ms on 1.*", told)
    again = edgeml_runtime.load(path, engine=engine_name, threads="measure")
    assert again.explain().threads == told
    with pytest.raises(InputError, match="threads is 'many'"):
        edgeml_runtime.load(path, threads="many")
