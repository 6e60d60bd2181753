"""The contract of ``Engine``, held by every engine that is installed."""

from collections.abc import Callable
from pathlib import Path
from typing import Optional

import numpy as np
import pytest

from edgeml_runtime.bundle import unpack_golden
from edgeml_runtime.engines import ENGINE_FORMATS, Engine, installed_engines, open_engine
from edgeml_runtime.errors import InputError, UnsupportedError

Opener = Callable[[str, str], Engine]


def _image(engine: Engine, batch: int = 1) -> np.ndarray:
    shape = [size or batch for size in engine.inputs[0].shape]
    return np.random.default_rng(0).random(shape).astype(np.float32)


def test_reports_its_identity_and_the_model_s_tensors(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    assert engine.name == engine_name
    assert engine.version == installed_engines()[engine_name]
    assert engine.threads == 1
    (image,) = engine.inputs
    (scores,) = engine.outputs
    assert image.name == "image"
    assert scores.name == "scores"
    assert image.dtype == scores.dtype == "float32"
    assert image.shape in ((None, 3, 8, 8), (None, 8, 8, 3))
    assert scores.shape == (None, 5)


def test_gives_the_scores_of_the_source_model(
    engine_name: str, open_small: Opener, models: Path
) -> None:
    engine = open_small("classifier", engine_name)
    for inputs, expected in unpack_golden((models / "classifier.golden.npz").read_bytes()):
        image = inputs["image"]
        if engine.inputs[0].layout == "NHWC":
            image = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
        found = engine.run({"image": image})
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-5)


def test_accepts_any_batch_where_the_axis_is_free(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    images = _image(engine, batch=3)
    together = engine.run({"image": images})["scores"]
    assert together.shape == (3, 5)
    for index in range(3):
        alone = engine.run({"image": images[index : index + 1]})["scores"]
        np.testing.assert_allclose(alone[0], together[index], atol=1e-6)


def test_outputs_belong_to_the_caller(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    image = _image(engine)
    first = engine.run({"image": image})["scores"]
    kept = first.copy()
    engine.run({"image": 1.0 - image})
    np.testing.assert_array_equal(first, kept)
    first[:] = 0.0  # writable, and of no effect on the engine
    np.testing.assert_array_equal(engine.run({"image": image})["scores"], kept)


def test_a_wrong_name_is_refused_naming_both(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    with pytest.raises(InputError, match=r"'picture'.*'image'"):
        engine.run({"picture": _image(engine)})
    with pytest.raises(InputError, match=r"none.*'image'"):
        engine.run({})


def test_a_wrong_dtype_is_refused_naming_both(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    with pytest.raises(InputError, match=r"'image' is float64.*float32"):
        engine.run({"image": _image(engine).astype(np.float64)})


def test_a_wrong_shape_is_refused_naming_both(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    with pytest.raises(InputError, match=r"1x8x8,.*\?x(3x8x8|8x8x3)"):
        engine.run({"image": np.zeros((1, 8, 8), np.float32)})
    with pytest.raises(InputError, match=r"1x7x7x7,.*\?x(3x8x8|8x8x3)"):
        engine.run({"image": np.zeros((1, 7, 7, 7), np.float32)})
    # It still runs after a refusal.
    assert engine.run({"image": _image(engine)})["scores"].shape == (1, 5)


def test_several_threads_give_the_same_answer(engine_name: str, models: Path) -> None:
    path = models / f"classifier.{ENGINE_FORMATS[engine_name]}"
    one, two = (open_engine(engine_name, path, threads) for threads in (1, 2))
    assert two.threads == 2
    image = _image(one)
    np.testing.assert_allclose(
        one.run({"image": image})["scores"], two.run({"image": image})["scores"], atol=1e-6
    )


def test_a_model_that_cannot_be_read_is_refused(engine_name: str, models: Path) -> None:
    whole = (models / f"classifier.{ENGINE_FORMATS[engine_name]}").read_bytes()
    # tflite-runtime dies of half a file: it verifies none. Bundles have digests.
    half = () if engine_name == "tflite-runtime" else (whole[: len(whole) // 2],)
    for content in (b"", b"hello, I am no model", *half):
        with pytest.raises(InputError):
            open_engine(engine_name, content)


def test_a_closed_engine_refuses_to_run(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    image = _image(engine)
    engine.close()
    with pytest.raises(InputError, match="closed"):
        engine.run({"image": image})


def test_quantized_tensors_are_described(engine_name: str, open_small: Opener) -> None:
    if ENGINE_FORMATS[engine_name] != "tflite":
        pytest.skip("ONNX keeps quantization inside the graph")
    engine = open_small("pool", engine_name)
    (image,) = engine.inputs
    assert image.dtype == "int8"
    assert image.quantization is not None
    assert image.quantization.scale == pytest.approx(0.05)
    assert image.quantization.zero_point == 3
    pooled = engine.run({"image": np.arange(72, dtype=np.int8).reshape(1, 4, 6, 3)})["pooled"]
    assert pooled.dtype == np.int8
    assert pooled.tolist()[0][0][0] == [21, 22, 23]


def _extreme_weights(rows: int, columns: int) -> np.ndarray:
    signs = np.ones((1, 1), np.int64)
    for _ in range(7):
        signs = np.kron(signs, np.array([[1, 1], [1, -1]]))
    return 127 * signs[:rows, :columns]


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_eight_bit_sums_of_onnxruntime_are_exact(models: Path, seed: Optional[int]) -> None:
    # On x86 without VNNI, the fast kernels add pairs of products in 16 bits, which saturates: such
    # a host would give other answers than every board.
    if "onnxruntime" not in installed_engines():
        pytest.skip("onnxruntime is not installed")
    if seed is None:
        image, row = np.full((1, 8, 6, 6), 255, np.uint8), np.full((4, 64), 127, np.float32)
    else:
        random = np.random.default_rng(seed)
        image = random.choice(np.array([0, 1, 254, 255], np.uint8), (1, 8, 6, 6))
        row = random.choice(np.array([-128, -127, 126, 127], np.float32), (4, 64))
    found = open_engine("onnxruntime", models / "extremes.onnx").run({"image": image, "row": row})
    dense = row.astype(np.int64) @ _extreme_weights(16, 64).T
    kernels = _extreme_weights(8, 72).reshape(8, 8, 3, 3)
    conv = np.zeros((1, 8, 4, 4), np.int64)
    for y in range(3):
        for x in range(3):
            window = image[:, :, y : y + 4, x : x + 4].astype(np.int64)
            conv += np.einsum("oi,niyx->noyx", kernels[:, :, y, x], window)
    step = 1 << 15  # of the quantized results
    for name, sums in (("dense", dense), ("conv", conv)):
        np.testing.assert_array_equal(found[name], np.rint(sums / step) * step, err_msg=name)


@pytest.mark.parametrize(
    ("model", "reason", "remedy"),
    [
        ("newer", "is too old for version 99 of RELU", "--min-runtime {engine}=={version}"),
        ("custom", "Sharpen is an operator that it does not have", "operators of TFLite alone"),
        ("flex", r"FlexErf is an operator of TensorFlow \(Flex\)", "operators of TFLite alone"),
    ],
)
def test_what_a_tflite_engine_lacks_is_named(
    engine_name: str, models: Path, model: str, reason: str, remedy: str
) -> None:
    if ENGINE_FORMATS[engine_name] != "tflite":
        pytest.skip("a TFLite file")
    version = installed_engines()[engine_name]
    remedy = remedy.format(engine=engine_name, version=version)
    with pytest.raises(UnsupportedError, match=reason) as caught:
        open_engine(engine_name, models / f"refused.{model}.tflite")
    assert caught.value.problem.startswith(f"{engine_name} {version} cannot load the model: ")
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"\x08\x07", b"\x08\x63", "is too old for ONNX files of version 99"),
        (b"\x10\x0d", b"\x10\x63", "is too old for operator set 99"),
        (b"MaxPool", b"Mystery", "Mystery is an operator that it lacks"),
    ],
)
def test_what_onnxruntime_lacks_is_named(models: Path, old: bytes, new: bytes, reason: str) -> None:
    if "onnxruntime" not in installed_engines():
        pytest.skip("onnxruntime is not installed")
    content = (models / "pool.onnx").read_bytes()
    assert old in content
    with pytest.raises(UnsupportedError, match=reason):
        open_engine("onnxruntime", content.replace(old, new))


def test_a_type_that_onnxruntime_has_no_kernel_for_is_named() -> None:
    if "onnxruntime" not in installed_engines():
        pytest.skip("onnxruntime is not installed")
    bfloat16 = b"\x12\x04\n\x02\x08\x10"
    node = b'\n\x01x\n\x01x\x12\x01y"\x03Add'
    parts = (
        (b"\n", node),
        (b"\x12", b"g"),
        (b"Z", b"\n\x01x" + bfloat16),
        (b"b", b"\n\x01y" + bfloat16),
    )
    graph = b"".join(tag + bytes([len(part)]) + part for tag, part in parts)
    model = b"\x08\x08:" + bytes([len(graph)]) + graph + b"B\x04\n\x00\x10\x0e"
    with pytest.raises(UnsupportedError, match="has no Add for the types of the model"):
        open_engine("onnxruntime", model)


def test_arrays_of_any_memory_layout_give_the_same_answer(
    engine_name: str, open_small: Opener
) -> None:
    engine = open_small("classifier", engine_name)
    image = _image(engine)
    expected = engine.run({"image": image})["scores"]
    locked = image.copy()
    locked.flags.writeable = False
    turned = image[::-1, :, ::-1, ::-1].copy()[::-1, :, ::-1, ::-1]
    for other in (np.asfortranarray(image), turned, locked):
        np.testing.assert_array_equal(engine.run({"image": other})["scores"], expected)


def test_what_is_no_array_of_this_machine_is_refused(engine_name: str, open_small: Opener) -> None:
    engine = open_small("classifier", engine_name)
    image = _image(engine)
    swapped = image.astype(image.dtype.newbyteorder())
    for _ in range(2):  # also once a good one was seen
        with pytest.raises(InputError, match=r"'image' is [<>]f4.*wants float32"):
            engine.run({"image": swapped})
        with pytest.raises(InputError, match="'image' is a list, not an array"):
            engine.run({"image": image.tolist()})
        engine.run({"image": image})


def test_engines_do_not_disturb_each_other(engine_name: str, open_small: Opener) -> None:
    several = [open_small("classifier", engine_name) for _ in range(3)]
    images = [_image(engine) * scale for engine, scale in zip(several, (1.0, 0.5, 0.25))]
    images = [image.astype(np.float32) for image in images]
    alone = [several[0].run({"image": image})["scores"] for image in images]
    several[0].close()
    for engine, image, expected in zip(several[1:], images[1:], alone[1:]):
        np.testing.assert_array_equal(engine.run({"image": image})["scores"], expected)
