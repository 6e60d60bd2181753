"""The worker of Keras and TensorFlow: .keras, .h5 and SavedModel to ONNX by tf2onnx, and answers.

It runs in an interpreter that has tensorflow and tf2onnx; edgeml is not there. See
``worker_frames`` for the command line.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="2", KERAS_BACKEND="tensorflow")

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras_export import OPSET, converted  # type: ignore[import-not-found]  # lies beside this file
from keras_model import read_model  # type: ignore[import-not-found]  # lies beside this file
from worker_frames import (  # type: ignore[import-not-found]  # lies beside this file
    Answer,
    Options,
    main,
)


def export(spec: str, folder: Path, options: Options) -> Mapping[str, Any]:
    """Write the model of *spec* as ``model.onnx`` into *folder* and return the record."""
    onnx.save(converted(spec, read_model(spec, options)), folder / "model.onnx")
    return {
        "framework": f"tensorflow {tf.__version__}",
        "exporter": f"tf2onnx {tf2onnx.__version__} with Keras {keras.__version__}",
        "opset": OPSET,
        "notes": [],
    }


def open_model(spec: str, options: Options) -> Answer:
    """Return the model of *spec* as a function of arrays by name."""
    model = read_model(spec, options)
    call = tf.function(model.call, input_signature=model.inputs)

    def answer(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        answers = call(*(tf.constant(inputs[value.name]) for value in model.inputs))
        return {name: value.numpy() for name, value in zip(model.outputs, answers, strict=True)}

    return answer


if __name__ == "__main__":
    sys.exit(main(export, open_model))
