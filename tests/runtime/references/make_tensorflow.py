"""Write ``tensorflow.npz``: what TensorFlow makes of one image, for every interpolation it has.

Run by hand where TensorFlow is installed (made with 2.21): ``python make_tensorflow.py``. The tests
read the file, so that they need no TensorFlow.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

SIZES = ((5, 9), (11, 7), (19, 24), (1, 30), (13, 1))
STEPS = 32  # of a level, so that the file is small
NAMES = {
    "nearest": "nearest",
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "area": "area",
    "lanczos": "lanczos3",
}
OLD = {
    "nearest": tf.compat.v1.image.resize_nearest_neighbor,
    "bilinear": tf.compat.v1.image.resize_bilinear,
    "bicubic": tf.compat.v1.image.resize_bicubic,
    "area": tf.compat.v1.image.resize_area,
}


def main() -> None:
    """Write the file beside this script."""
    image = np.random.default_rng(6).integers(0, 256, (11, 15, 1)).astype(np.uint8)
    arrays = {}
    for height, width in SIZES:
        for name, method in NAMES.items():
            for antialias in (
                (False, True) if name in ("bilinear", "bicubic", "lanczos") else (False,)
            ):
                key = f"tensorflow {name} {int(antialias)} {height} {width}"
                resized = tf.image.resize(image, (height, width), method, antialias=antialias)
                arrays[key] = np.asarray(resized, np.float32)
        for name, resize in OLD.items():
            key = f"tensorflow1 {name} 0 {height} {width}"
            arrays[key] = np.asarray(resize(image[np.newaxis], (height, width))[0], np.float32)
    steps = {key: np.rint(value * STEPS).astype(np.int16) for key, value in arrays.items()}
    target = Path(__file__).with_name("tensorflow.npz")
    np.savez_compressed(target, image=image, **steps)  # type: ignore[arg-type]  # names of arrays


if __name__ == "__main__":
    main()
