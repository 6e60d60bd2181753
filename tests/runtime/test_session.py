"""Loading bundles and running them, in every engine that is installed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeml_runtime
from edgeml_runtime.bundle import pack_golden, unpack_golden
from edgeml_runtime.engines import ENGINE_FORMATS, installed_engines
from edgeml_runtime.errors import GateError, InputError, MissingToolError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.tasks.vectors import Classification, RawOutputs
from edgeml_runtime.tensors import TensorSpec

BundleMaker = Callable[..., Path]
Source = tuple[Manifest, dict[str, bytes]]

TO_NCHW: dict[str, Any] = {
    "schema": "edgeml.preprocess/1",
    "step": [
        {"op": "resize", "size": [8, 8], "interpolation": "nearest"},
        {"op": "normalize", "mean": [127.0], "std": [128.0]},
        {"op": "layout", "to": "NCHW"},
    ],
}


def test_gives_the_source_model_s_answers(
    make_bundle: BundleMaker, classifier: Source, engine_name: str
) -> None:
    model = edgeml_runtime.load(make_bundle("classifier"), engine=engine_name)
    assert model.engine.name == engine_name
    assert model.variant.format == ENGINE_FORMATS[engine_name]
    for inputs, expected in unpack_golden(classifier[1]["golden.npz"]):
        found = model.run(inputs)
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-5)
        answer = model(inputs["image"][0])
        assert isinstance(answer, Classification)
        assert answer.index == int(expected["scores"].argmax())
        assert answer.label == model.manifest.labels[answer.index]
        assert model(inputs["image"]) == answer  # the batch axis may be there


def test_quantized_inputs_and_outputs_are_converted(
    make_bundle: BundleMaker, engine_name: str
) -> None:
    model = edgeml_runtime.load(make_bundle("pool"), engine=engine_name)
    image = np.linspace(-5.0, 5.0, 72, dtype=np.float32).reshape(1, 3, 4, 6)
    pooled = model.run({"image": image})["pooled"]
    assert pooled.dtype == np.float32
    expected = image.reshape(1, 3, 2, 2, 3, 2).max(axis=(3, 5))
    step = 0.05 if model.variant.precision == "int8" else 0.0
    assert np.abs(pooled - expected).max() <= step / 2 + 1e-6
    saturated = model.run({"image": np.full((1, 3, 4, 6), 100.0, np.float32)})["pooled"]
    largest = (127 - 3) * 0.05 if step else 100.0
    np.testing.assert_allclose(saturated, largest, rtol=1e-6)
    answer = model(image)
    assert isinstance(answer, RawOutputs)
    np.testing.assert_array_equal(answer.outputs["pooled"], pooled)


def test_preprocessing_ends_in_the_layout_of_the_variant(
    make_bundle: BundleMaker, engine_name: str
) -> None:
    model = edgeml_runtime.load(make_bundle("classifier", preprocess=TO_NCHW), engine=engine_name)
    image = np.random.default_rng(5).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    tensor = ((image.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[np.newaxis]
    scores = model.run({"image": np.ascontiguousarray(tensor)})["scores"][0]
    answer = model(image)
    assert isinstance(answer, Classification)
    assert answer.score == pytest.approx(float(scores.max()), abs=1e-6)


def test_preprocessing_that_forgets_the_type_is_told_so(make_bundle: BundleMaker) -> None:
    forgetful = {"schema": "edgeml.preprocess/1", "step": [{"op": "layout", "to": "NCHW"}]}
    model = edgeml_runtime.load(make_bundle("classifier", preprocess=forgetful))
    with pytest.raises(InputError, match="'image' is uint8, and the model wants float32"):
        model(np.zeros((8, 8, 3), np.uint8))


def test_inputs_that_do_not_fit_are_refused_in_the_source_model_s_terms(
    make_bundle: BundleMaker, engine_name: str
) -> None:
    model = edgeml_runtime.load(make_bundle("classifier"), engine=engine_name)
    with pytest.raises(InputError, match=r"1x8x8x3, and the model wants \?x3x8x8"):
        model.run({"image": np.zeros((1, 8, 8, 3), np.float32)})
    with pytest.raises(InputError, match="'picture'"):
        model.run({"picture": np.zeros((1, 3, 8, 8), np.float32)})


def test_the_digests_of_a_self_test_tell_other_bits(
    make_bundle: BundleMaker, classifier: Source, engine_name: str, tmp_path: Path
) -> None:
    manifest, files = classifier
    (inputs, outputs), *others = unpack_golden(files["golden.npz"])
    unchanged_path = make_bundle("classifier").rename(tmp_path / "unchanged.edgeml")
    brighter = {name: array + np.float32(0.25) for name, array in inputs.items()}
    changed = pack_golden([brighter, *(i for i, _ in others)], [outputs, *(o for _, o in others)])
    changed_path = _with_golden(make_bundle, manifest, files, changed, samples=1 + len(others))
    models = [
        edgeml_runtime.load(path, engine=engine_name, self_test=False)
        for path in (unchanged_path, changed_path)
    ]
    first, again, other = (
        models[0].self_test().outputs_sha256,
        models[0].self_test().outputs_sha256,
        models[1].self_test().outputs_sha256,
    )
    assert len(first) == 1 + len(others)
    assert first == again
    assert first[0] != other[0]
    assert first[1:] == other[1:]


def test_a_failing_self_test_gives_no_model(
    make_bundle: BundleMaker, classifier: Source, engine_name: str
) -> None:
    manifest, files = classifier
    (inputs, outputs), *_ = unpack_golden(files["golden.npz"])
    wrong = pack_golden([inputs], [{"scores": outputs["scores"] + np.float32(0.01)}])
    path = _with_golden(make_bundle, manifest, files, wrong, samples=1)
    for _ in range(2):  # a failure is not remembered as a pass
        with pytest.raises(GateError, match=r"off by 0\.01, and 1e-05 is allowed"):
            edgeml_runtime.load(path, engine=engine_name)
    outcome = edgeml_runtime.load(path, engine=engine_name, self_test=False).self_test()
    assert not outcome.passed
    assert outcome.worst_error == pytest.approx(0.01, abs=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_golden_values_that_are_not_numbers_fail_closed(
    make_bundle: BundleMaker, classifier: Source, value: float
) -> None:
    manifest, files = classifier
    (inputs, outputs), *_ = unpack_golden(files["golden.npz"])
    spoilt = pack_golden([inputs], [{"scores": np.full_like(outputs["scores"], value)}])
    path = _with_golden(make_bundle, manifest, files, spoilt, samples=1)
    with pytest.raises(GateError):
        edgeml_runtime.load(path)


def _with_golden(
    make_bundle: BundleMaker, manifest: Manifest, files: dict[str, bytes], data: bytes, samples: int
) -> Path:
    assert manifest.golden is not None
    record = replace(manifest.golden, sha256=hashlib.sha256(data).hexdigest(), samples=samples)
    return make_bundle("classifier", files={**files, "golden.npz": data}, golden=record)


def test_a_passed_self_test_is_remembered_for_these_vectors(
    make_bundle: BundleMaker, classifier: Source, runtime_cache: Path
) -> None:
    path = make_bundle("classifier")
    edgeml_runtime.load(path)
    (memory,) = (runtime_cache / "self-tests").iterdir()
    written = memory.stat().st_mtime_ns
    edgeml_runtime.load(path)
    assert memory.stat().st_mtime_ns == written
    edgeml_runtime.load(make_bundle("classifier", serial=2))
    assert memory.stat().st_mtime_ns == written
    golden = classifier[0].golden
    assert golden is not None
    wider = replace(golden, tolerances=dict.fromkeys(golden.tolerances, 1e-4))
    edgeml_runtime.load(make_bundle("classifier", golden=wider))
    assert len(list((runtime_cache / "self-tests").iterdir())) == 2


def test_a_spoilt_memory_counts_as_none(make_bundle: BundleMaker, runtime_cache: Path) -> None:
    path = make_bundle("classifier")
    edgeml_runtime.load(path)
    (memory,) = (runtime_cache / "self-tests").iterdir()
    right = memory.read_bytes()
    for spoilt in (b"", b"[" * 100_000, b"[]", b'{"passed": true}', right[:-3], b"\xff" + right):
        memory.write_bytes(spoilt)
        edgeml_runtime.load(path)
        assert json.loads(memory.read_bytes())["key"] == json.loads(right)["key"]


def test_a_cache_that_cannot_be_written_is_fine(
    make_bundle: BundleMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("EDGEML_RUNTIME_CACHE", str(tmp_path / "file" / "below"))
    assert edgeml_runtime.load(make_bundle("classifier")).self_test().passed


def test_a_bundle_without_golden_vectors_has_nothing_to_fail(make_bundle: BundleMaker) -> None:
    path = make_bundle("classifier", golden=None, files=None)
    model = edgeml_runtime.load(path)
    assert model.self_test().samples == 0


def test_a_manifest_that_describes_another_file_is_refused(
    make_bundle: BundleMaker, classifier: Source
) -> None:
    wrong = TensorSpec("image", (None, 3, 9, 9), "float32", "NCHW")
    variants = tuple(replace(variant, inputs=(wrong,)) for variant in classifier[0].variants)
    with pytest.raises(InputError, match=r"The manifest says 'image' float32 \[None, 3, 9, 9\]"):
        edgeml_runtime.load(make_bundle("classifier", variants=variants))


def test_an_engine_that_is_not_installed_is_named(make_bundle: BundleMaker) -> None:
    absent = sorted(ENGINE_FORMATS.keys() - installed_engines().keys())
    if not absent:
        pytest.skip("every engine is installed")
    with pytest.raises(MissingToolError, match=rf"{absent[0]}.*pip install"):
        edgeml_runtime.load(make_bundle("classifier"), engine=absent[0])
