"""Which variant and engine are chosen."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Optional

import pytest

from edgeml_runtime.choice import rank_choices
from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.manifest import Manifest, Variant

ALL = {"onnxruntime": "1.20.1", "litert": "2.3.0", "litert-builtin": "2.3.0"}


def _latency(engine: str, ms: float, target: str = "rpi4", threads: int = 1) -> dict[str, Any]:
    return {
        "target": target,
        "engine": {"name": engine, "version": "1"},
        "threads": threads,
        "latency_ms": {"estimate": ms},
    }


@pytest.fixture
def manifest(pool: tuple[Manifest, dict[str, bytes]]) -> Manifest:
    """Return a manifest of four variants without accuracy and latency."""
    onnx, tflite, _ = pool[0].variants
    variants = tuple(
        replace(base, id=f"{precision}.{base.format}", precision=precision)
        for precision in ("float32", "int8")
        for base in (onnx, tflite)
    )
    return replace(pool[0], variants=variants)


def _change(
    manifest: Manifest,
    drops: Optional[Mapping[str, float]] = None,
    latency: Optional[Mapping[str, list[dict[str, Any]]]] = None,
) -> Manifest:
    def change(variant: Variant) -> Variant:
        drop = (drops or {}).get(variant.id)
        return replace(
            variant,
            accuracy=None if drop is None else {"metric": "top1", "drop": drop},
            latency=tuple((latency or {}).get(variant.id, ())),
        )

    return replace(manifest, variants=tuple(change(variant) for variant in manifest.variants))


def _best(manifest: Manifest, machine: str = "aarch64", **options: Any) -> tuple[str, str]:  # noqa: ANN401 - options of rank_choices
    installed = options.pop("installed", ALL)
    choice = rank_choices(manifest, installed, machine, **options)[0]
    return choice.variant.id, choice.engine


def test_float32_and_the_machine_s_engine_without_records(manifest: Manifest) -> None:
    assert _best(manifest, "aarch64") == ("float32.tflite", "litert")
    assert _best(manifest, "armv7l") == ("float32.tflite", "litert")
    assert _best(manifest, "x86_64") == ("float32.onnx", "onnxruntime")


def test_int8_when_its_accuracy_is_recorded_and_good(manifest: Manifest) -> None:
    assert _best(_change(manifest, {"int8.tflite": 1.0})) == ("int8.tflite", "litert")
    assert _best(_change(manifest, {"int8.tflite": 1.01})) == ("float32.tflite", "litert")
    assert _best(_change(manifest, {"int8.tflite": -0.2})) == ("int8.tflite", "litert")


def test_precisions_rank_by_what_they_cost_without_records(manifest: Manifest) -> None:
    names = ("float16", "int8x16", "dynamic", "float32", "int8", "of the future")
    onnx = manifest.variants[0]
    variants = tuple(replace(onnx, id=f"{name}.onnx", precision=name) for name in names)
    safe = _change(replace(manifest, variants=variants), {v.id: 0.0 for v in variants})
    ranked = rank_choices(safe, ALL, "aarch64", engine="onnxruntime")
    wanted = ["int8", "dynamic", "float32", "float16", "int8x16", "of the future"]
    assert [choice.variant.precision for choice in ranked] == wanted


def test_the_smallest_recorded_latency_among_the_safe(manifest: Manifest) -> None:
    latency = {
        "float32.onnx": [_latency("onnxruntime", 9.0)],
        "float32.tflite": [_latency("litert", 12.0), _latency("litert-builtin", 11.0)],
        "int8.tflite": [_latency("litert", 3.0)],
    }
    assert _best(_change(manifest, latency=latency)) == ("float32.onnx", "onnxruntime")
    good = _change(manifest, {"int8.tflite": 0.3}, latency)
    assert _best(good) == ("int8.tflite", "litert")
    without_onnx = {name: version for name, version in ALL.items() if name != "onnxruntime"}
    assert _best(_change(manifest, latency=latency), installed=without_onnx) == (
        "float32.tflite",
        "litert-builtin",
    )


def test_times_of_two_targets_are_not_compared(manifest: Manifest) -> None:
    latency = {
        "float32.onnx": [_latency("onnxruntime", 30.0), _latency("onnxruntime", 1.0, "rpi5")],
        "float32.tflite": [_latency("litert", 20.0)],
    }
    assert _best(_change(manifest, latency=latency)) == ("float32.tflite", "litert")


def test_times_of_another_thread_count_do_not_count(manifest: Manifest) -> None:
    latency = {
        "float32.onnx": [_latency("onnxruntime", 1.0, threads=4)],
        "float32.tflite": [_latency("litert", 5.0)],
    }
    changed = _change(manifest, latency=latency)
    assert _best(changed) == ("float32.tflite", "litert")
    assert _best(changed, threads=4) == ("float32.onnx", "onnxruntime")


@pytest.mark.parametrize(
    "record", [{}, {"latency_ms": 3}, {"engine": 4, "latency_ms": {"p50": "x"}}]
)
def test_records_of_another_form_are_passed_over(
    manifest: Manifest, record: dict[str, Any]
) -> None:
    changed = _change(manifest, latency={"float32.onnx": [record]})
    assert _best(changed) == ("float32.tflite", "litert")


def test_what_is_asked_for_is_taken(manifest: Manifest) -> None:
    assert _best(manifest, variant="int8.onnx") == ("int8.onnx", "onnxruntime")
    assert _best(manifest, engine="litert-builtin") == ("float32.tflite", "litert-builtin")
    with pytest.raises(InputError, match="no variant 'x'"):
        _best(manifest, variant="x")
    with pytest.raises(InputError, match="no engine called 'x'"):
        _best(manifest, engine="x")
    with pytest.raises(InputError, match=r"No variant runs in litert"):
        _best(manifest, variant="int8.onnx", engine="litert")


def test_minimum_versions_are_numbers_not_text(manifest: Manifest) -> None:
    def needing(minimum: str) -> Manifest:
        variants = tuple(
            replace(variant, engines=dict.fromkeys(variant.engines, minimum))
            for variant in manifest.variants
        )
        return replace(manifest, variants=variants)

    only = {"onnxruntime": "1.9"}
    assert _best(needing("1.9.0"), installed=only) == ("float32.onnx", "onnxruntime")
    assert _best(needing("1.8.7"), installed=only) == ("float32.onnx", "onnxruntime")
    with pytest.raises(
        MissingToolError, match=r"onnxruntime 1\.10.*installed here: onnxruntime 1\.9"
    ):
        _best(needing("1.10"), installed=only)


def test_no_engine_at_all_gives_a_pip_line(manifest: Manifest) -> None:
    with pytest.raises(MissingToolError, match=r"installed here: none.*pip install onnxruntime"):
        _best(manifest, installed={})


def test_engines_of_the_future_are_passed_over(manifest: Manifest) -> None:
    variants = tuple(
        replace(variant, engines={**variant.engines, "warp-drive": ""})
        for variant in manifest.variants
    )
    newer = replace(manifest, variants=variants)
    assert _best(newer, installed={**ALL, "warp-drive": "9"}) == ("float32.tflite", "litert")
