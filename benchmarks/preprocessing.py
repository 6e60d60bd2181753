"""Preprocessing a 1080p frame beside straight OpenCV code: `python -m benchmarks.preprocessing`.

Both give the same tensor, which a test checks. They take turns, so that whatever else the machine
does falls on both; the figure is the median ratio of the turns.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from unittest import mock

import cv2
import numpy as np

from benchmarks.command import worded
from edgeml_runtime.adaptation import TensorAdapter
from edgeml_runtime.preprocess import Pipeline, scaling
from edgeml_runtime.tensors import Quantization, TensorSpec

LIMIT = 1.0  # of the time of the faster straight code
NOISE = 0.03  # by which two medians of the same code differ
TURNS = 201

Steps = list[dict[str, Any]]
Call = Callable[[np.ndarray], Any]

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
STD = np.array([58.395, 57.12, 57.375], np.float32)
NORMALIZE = {"op": "normalize", "mean": MEAN.tolist(), "std": STD.tolist()}
CLASSIFIER: Steps = [
    {"op": "resize", "shorter_side": 256},
    {"op": "center_crop", "size": [224, 224]},
    NORMALIZE,
]
DETECTOR: Steps = [
    {"op": "letterbox", "size": [640, 640]},
    {"op": "normalize", "mean": 0, "std": 255},
]
CLASSIFIER_INT8 = Quantization(0.0186584, -14)
DETECTOR_INT8 = Quantization(1 / 255, -128)


@dataclass(frozen=True)
class Comparison:
    """A chain beside straight codes for the same tensor; times are medians.

    Args:
        chain: Its name.
        threads: Of OpenCV.
        ours_ms: Time of the chain as a loaded model runs it.
        rivals_ms: Time of each straight code.
        ratio: Median over the turns of our time by that of the rival that is faster.
        numpy_ms: Time of the chain where OpenCV is not installed.
    """

    chain: str
    threads: int
    ours_ms: float
    rivals_ms: dict[str, float]
    ratio: float
    numpy_ms: float

    @property
    def met(self) -> bool:
        """Whether the chain is not slower."""
        return self.ratio <= LIMIT + NOISE

    @property
    def sentence(self) -> str:
        """The figures beside the limit."""
        rivals = ", ".join(f"{name} {value:.2f}" for name, value in self.rivals_ms.items())
        return (
            f"{self.chain}, {self.threads} threads: {self.ours_ms:.2f} ms; {rivals}; ratio "
            f"{self.ratio:.2f} (limit {LIMIT:g}); numpy alone {self.numpy_ms:.1f} ms"
            f"{'' if self.met else '  MISSED'}"
        )


def _classifier_crop(frame: np.ndarray) -> np.ndarray:
    resized = cv2.resize(frame, (455, 256))
    return resized[16:240, 115:339]


def _framed(frame: np.ndarray) -> np.ndarray:
    inner = cv2.resize(frame, (640, 360))
    return cv2.copyMakeBorder(inner, 140, 140, 0, 0, cv2.BORDER_CONSTANT, value=(114, 114, 114))


def classifier_by_hand(frame: np.ndarray) -> np.ndarray:
    """Return the float tensor (1,3,224,224), a plane at a time."""
    planes = cv2.split(_classifier_crop(frame))
    tensor = np.empty((1, 3, 224, 224), np.float32)
    for channel, plane in enumerate(planes):
        np.subtract(plane, MEAN[channel], out=tensor[0, channel])
        np.multiply(tensor[0, channel], 1 / STD[channel], out=tensor[0, channel])
    return tensor


def classifier_by_blob(frame: np.ndarray) -> np.ndarray:
    """Return the same by OpenCV's own way; it has one scale, so the channels' own follow."""
    blob = cv2.dnn.blobFromImage(_classifier_crop(frame), 1.0, mean=MEAN.tolist())
    return np.multiply(blob, 1 / STD.reshape(1, 3, 1, 1), out=blob)


def detector_by_hand(frame: np.ndarray) -> np.ndarray:
    """Return the float tensor (1,3,640,640)."""
    planes = _framed(frame).transpose(2, 0, 1)
    tensor = planes.astype(np.float32, order="C")
    tensor *= np.float32(1 / 255)
    return tensor[np.newaxis]


def detector_by_blob(frame: np.ndarray) -> np.ndarray:
    """Return the same by OpenCV's own way."""
    return np.asarray(cv2.dnn.blobFromImage(_framed(frame), 1 / 255))


def _quantized_levels(quantization: Quantization, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    levels = (np.arange(256, dtype=np.float32)[:, np.newaxis] - mean) / std
    steps = np.rint(levels / np.float32(quantization.scale)) + quantization.zero_point
    return np.asarray(np.clip(steps, -128, 127), np.int8)[np.newaxis]


CLASSIFIER_LEVELS = _quantized_levels(CLASSIFIER_INT8, MEAN, STD)


def classifier_int8_by_table(frame: np.ndarray) -> np.ndarray:
    """Return the int8 tensor (1,224,224,3) by a table of levels."""
    cut = np.ascontiguousarray(_classifier_crop(frame))
    return np.asarray(cv2.LUT(cut, CLASSIFIER_LEVELS))[np.newaxis]


def classifier_int8_by_hand(frame: np.ndarray) -> np.ndarray:
    """Return the same by arithmetic."""
    real = _classifier_crop(frame) * (1 / STD) - MEAN / STD
    steps = np.rint(real * np.float32(1 / CLASSIFIER_INT8.scale)) + CLASSIFIER_INT8.zero_point
    return np.asarray(np.clip(steps, -128, 127), np.int8)[np.newaxis]


def detector_int8_by_bits(frame: np.ndarray) -> np.ndarray:
    """Return the int8 tensor (1,640,640,3): of /255 and this quantization, x - 128 is left."""
    framed = np.asarray(_framed(frame))
    np.bitwise_xor(framed, np.uint8(128), out=framed)
    return framed.view(np.int8)[np.newaxis]


def detector_int8_by_table(frame: np.ndarray) -> np.ndarray:
    """Return the same by a table of levels."""
    levels = (np.arange(256) - 128).astype(np.int8)
    return np.asarray(cv2.LUT(_framed(frame), levels))[np.newaxis]


FLOAT = TensorSpec("image", (None,) * 4, "float32")
CASES: tuple[tuple[str, Steps, str, TensorSpec, tuple[Call, ...]], ...] = (
    ("classifier, float32", CLASSIFIER, "NCHW", FLOAT, (classifier_by_hand, classifier_by_blob)),
    ("detector, float32", DETECTOR, "NCHW", FLOAT, (detector_by_hand, detector_by_blob)),
    (
        "classifier, int8",
        CLASSIFIER,
        "NHWC",
        TensorSpec("image", (None,) * 4, "int8", "", CLASSIFIER_INT8),
        (classifier_int8_by_table, classifier_int8_by_hand),
    ),
    (
        "detector, int8",
        DETECTOR,
        "NHWC",
        TensorSpec("image", (None,) * 4, "int8", "", DETECTOR_INT8),
        (detector_int8_by_bits, detector_int8_by_table),
    ),
)


def compare(frame: np.ndarray, threads: int, turns: int) -> list[Comparison]:
    """Return a comparison for each case, with OpenCV at *threads*."""
    cv2.setNumThreads(threads)
    comparisons = []
    for name, steps, layout, spec, rivals in CASES:
        chain = make_chain(steps, layout, spec)
        calls: tuple[Call, ...] = (chain, *rivals)
        times = _interleaved(calls, frame, turns)
        medians = [statistics.median(column) for column in times]
        best = min(range(1, len(calls)), key=lambda at: medians[at])
        ratio = statistics.median(a / b for a, b in zip(times[0], times[best], strict=True))
        rivals_ms = {rival.__name__: at for rival, at in zip(rivals, medians[1:], strict=True)}
        alone_ms = _numpy_alone_ms(make_chain(steps, layout, spec), frame)
        count = cv2.getNumThreads()
        comparisons.append(Comparison(name, count, medians[0], rivals_ms, ratio, alone_ms))
    return comparisons


def make_chain(steps: Steps, layout: str, spec: TensorSpec) -> Pipeline:
    """Return the chain as a loaded model has it."""
    chain = Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": steps})
    return chain.with_layout(layout).encoded(TensorAdapter(FLOAT, spec).encode_source)


def _interleaved(calls: tuple[Call, ...], frame: np.ndarray, turns: int) -> list[list[float]]:
    """Return the times of each in milliseconds; in every turn another comes first."""
    times: list[list[float]] = [[] for _ in calls]
    random = np.random.default_rng(2)
    for turn in range(-5, turns):
        for which in random.permutation(len(calls)):
            begin = time.perf_counter()
            calls[which](frame)
            if turn >= 0:
                times[which].append((time.perf_counter() - begin) * 1e3)
    return times


def _numpy_alone_ms(chain: Pipeline, frame: np.ndarray) -> float:
    with (
        mock.patch.object(scaling, "opencv", return_value=None),
        mock.patch.dict(sys.modules, {"cv2": None}),  # means: there is no such module
    ):
        return statistics.median(_interleaved((chain,), frame, 15)[0])


def make_frame() -> np.ndarray:
    """Return a frame (1080,1920,3) with what a photo has: areas, edges and noise."""
    random = np.random.default_rng(1)
    small = random.integers(0, 256, (34, 60, 3)).astype(np.uint8)
    large = cv2.resize(small, (1920, 1080), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noisy: np.ndarray = large + random.integers(-6, 7, large.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def main() -> int:
    """Print the figures beside the limit; return 1 when a chain is slower."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.preprocessing", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--turns", type=int, default=TURNS, help="of each, default %(default)s")
    options = parser.parse_args()
    frame, default = make_frame(), cv2.getNumThreads()
    comparisons = [*compare(frame, default, options.turns), *compare(frame, 1, options.turns)]
    if options.json:
        print(json.dumps([{**asdict(one), "met": one.met} for one in comparisons], indent=1))
    else:
        print("\n".join(one.sentence for one in comparisons))
    return int(not all(one.met for one in comparisons))


if __name__ == "__main__":
    sys.exit(worded(main))
