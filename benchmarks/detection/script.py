"""The rival: detection as one writes it by hand with OpenCV and onnxruntime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

from benchmarks.detection.detectors import Detector

SCORE, IOU = 0.25, 0.45
_DNN: Any = cv2.dnn

Found = tuple[int, float, tuple[float, ...]]
"""Class, score, and left, top, right, bottom in pixels of the photo."""


def script(detector: Detector) -> Callable[[Path], list[Found]]:
    """Return the script: a photo's path in, its boxes out, best first."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(str(detector.source), options)
    name = session.get_inputs()[0].name
    size = detector.size

    def detect(path: Path) -> list[Found]:
        image = cv2.imread(str(path))
        assert image is not None
        height, width = image.shape[:2]
        scale = min(size / height, size / width)
        inner_height, inner_width = round(height * scale), round(width * scale)
        top, left = (size - inner_height) // 2, (size - inner_width) // 2
        bottom, right = size - inner_height - top, size - inner_width - left
        fitted = cv2.resize(image, (inner_width, inner_height))
        gray = (114, 114, 114)
        boxed = cv2.copyMakeBorder(
            fitted, top, bottom, left, right, cv2.BORDER_CONSTANT, value=gray
        )
        blob = _DNN.blobFromImage(boxed, detector.scale, swapRB=detector.rgb)
        boxes, scores = detector.decode(session.run(None, {name: blob}))
        classes = scores.argmax(axis=1)
        best = scores[np.arange(len(scores)), classes]
        sure = best > SCORE
        boxes, best, classes = boxes[sure], best[sure], classes[sure]
        boxes[:, :2] -= boxes[:, 2:] / 2
        kept = _DNN.NMSBoxesBatched(boxes.tolist(), best.tolist(), classes.tolist(), SCORE, IOU)
        found: list[Found] = []
        for index in kept:
            x, y, w, h = boxes[index]
            ratio_x, ratio_y = width / inner_width, height / inner_height
            edges = (
                max(0.0, float((x - left) * ratio_x)),
                max(0.0, float((y - top) * ratio_y)),
                min(float(width), float((x + w - left) * ratio_x)),
                min(float(height), float((y + h - top) * ratio_y)),
            )
            found.append((int(classes[index]), float(best[index]), edges))
        return found

    return detect
