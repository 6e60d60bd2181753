"""The files that the runs work on: a bundle, pictures and a video."""

from pathlib import Path
from typing import Final

import numpy as np

FASHION: Final = Path(__file__).parents[2] / "examples" / "fashion"
PICTURES: Final = "pictures.npz"
FILM: Final = "film.avi"
_PREPROCESS: Final = """schema = "edgeml.preprocess/1"
step = [
    {op = "color", to = "gray"},
    {op = "resize", size = [28, 28]},
    {op = "normalize", mean = [72.93], std = [90.015]},
    {op = "layout", to = "NCHW"},
]
"""
_HEIGHT, _WIDTH = 60, 80


def write_files(folder: Path) -> Path:
    """Write them, and return the bundle: a small network, for color pictures of any size."""
    import cv2  # noqa: PLC0415 - the runs need neither this nor what converts

    from edgeml import convert  # noqa: PLC0415

    gray = np.load(FASHION / "test.npz")["inputs"][:100]
    large = [np.asarray(cv2.resize(picture, (_WIDTH, _HEIGHT))) for picture in gray]
    pictures = np.repeat(np.array(large)[..., np.newaxis], 3, axis=3)
    np.savez(folder / PICTURES, inputs=pictures)
    film = cv2.VideoWriter(
        str(folder / FILM), cv2.VideoWriter.fourcc(*"MJPG"), 10, (_WIDTH, _HEIGHT)
    )
    for picture in pictures:
        film.write(picture)
    film.release()
    preprocess = folder / "preprocess.toml"
    preprocess.write_text(_PREPROCESS, encoding="utf-8")
    _write_network(folder / "small.onnx")
    convert(
        folder / "small.onnx",
        folder,
        calibrate=str(folder / PICTURES),
        preprocess=preprocess,
        labels=FASHION / "labels.txt",
    )
    return folder / "small.edgeml"


def _write_network(path: Path) -> None:
    """Write a network that takes so little time that a million runs of it are soon done."""
    import onnx  # noqa: PLC0415 - as above
    from onnx import helper, numpy_helper  # noqa: PLC0415

    random = np.random.default_rng(0)
    weights = {"kernel": (4, 1, 3, 3), "matrix": (4, 10)}
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["convolved"], strides=[2, 2]),
        helper.make_node("Relu", ["convolved"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 1, 28, 28])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, [1, 10])],
        [
            numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)
            for name, shape in weights.items()
        ],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
