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
    """Write them, and return the bundle: the example's, for color pictures of any size."""
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
    convert(
        FASHION / "fashion.onnx",
        folder,
        calibrate=str(folder / PICTURES),
        preprocess=preprocess,
        labels=FASHION / "labels.txt",
    )
    return folder / "fashion.edgeml"
