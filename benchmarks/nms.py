"""Suppression of 25,200 YOLO boxes beside OpenCV's: `python -m benchmarks.nms`.

Both are given all boxes with their scores, as a YOLO of 640x640 has them, and apply the score
threshold themselves. OpenCV is called with arrays, as scripts do; how long it takes for lists of
boxes that were filtered beforehand, its fastest way, is shown for comparison. What is kept must be
the same.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from edgeml_runtime.tasks.detection import suppress

OPENCV: Any = cv2.dnn  # arrays work, and are not in its types
BOXES = 25200
SIZE = 640
IOU = 0.45
THRESHOLD = 0.25
RUNS = 9
LIMIT = 1.0


@dataclass(frozen=True)
class Case:
    """Boxes around objects, some of them anywhere.

    Args:
        title: What is printed.
        above: How many boxes pass the score threshold.
        objects: How many things they lie around.
        stray: The part of them that lies anywhere.
        classes: How many classes; with 1 all boxes suppress each other.
    """

    title: str
    above: int
    objects: int
    stray: float
    classes: int = 1


CASES = (
    Case("a photo with 20 things", 300, 20, 0.0),
    Case("a crowd of 150", 1500, 150, 0.05),
    Case("the crowd, 10 classes", 1500, 150, 0.05, 10),
    Case("low threshold", 5000, 200, 0.3),
    Case("low threshold, 80 classes", 5000, 200, 0.3, 80),
    Case("all boxes, in clusters", BOXES, 50, 0.0),
    Case("all boxes, half stray", BOXES, 500, 0.5),
    Case("all boxes anywhere", BOXES, BOXES, 1.0),
    Case("all boxes, 80 classes", BOXES, 500, 0.5, 80),
)


def main() -> int:
    """Print the medians of each case; return 1 when one takes longer than OpenCV."""
    print(f"{BOXES:,} boxes, IoU {IOU}, medians of {RUNS} interleaved runs, CPU milliseconds")
    print(f"{'':26} {'pass':>6} {'kept':>6} {'ours':>8} {'OpenCV':>8} {'ratio':>6} {'lists':>8}")
    worst = 0.0
    for case in CASES:
        ltrb, scores, classes = boxes_of(case)
        ltwh = np.hstack([ltrb[:, :2], ltrb[:, 2:] - ltrb[:, :2]])
        calls = [
            ours(ltrb, scores, classes, case.classes > 1),
            opencv(ltwh, scores, classes, case.classes > 1),
            opencv_lists(ltwh, scores, classes, case.classes > 1),
        ]
        kept = [call().tolist() for call in calls]
        ours_ms, opencv_ms, lists_ms = medians_ms(calls)
        worst = max(worst, ours_ms / opencv_ms)
        print(
            f"{case.title:26} {case.above:6} {len(kept[0]):6} {ours_ms:8.2f} {opencv_ms:8.2f} "
            f"{ours_ms / opencv_ms:6.2f} {lists_ms:8.2f}"
        )
        if kept[1:] != kept[:-1]:
            print("  not the same boxes")
            worst = float("inf")
    print(f"largest ratio to OpenCV: {worst:.2f} (limit {LIMIT})")
    return int(worst > LIMIT)


def boxes_of(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return boxes (N,4) as left, top, right, bottom, scores and classes."""
    random = np.random.default_rng(0)
    centers = random.uniform(50, SIZE - 50, (case.objects, 2))
    sizes = random.uniform(20, 200, (case.objects, 2))
    thing = random.integers(0, case.objects, BOXES)
    scale = np.tile(sizes[thing], 2)
    placed = np.hstack([centers[thing], sizes[thing]]) + random.normal(0, 0.1, (BOXES, 4)) * scale
    stray = random.random(BOXES) < case.stray
    count = int(stray.sum())
    anywhere = [random.uniform(0, SIZE, (count, 2)), random.uniform(10, 150, (count, 2))]
    placed[stray] = np.hstack(anywhere)
    half = np.maximum(placed[:, 2:], 2.0) / 2
    edges = np.hstack([placed[:, :2] - half, placed[:, :2] + half]).round(2).astype(np.float32)
    scores = random.uniform(0.0, THRESHOLD - 0.01, BOXES)
    passing = random.permutation(BOXES)[: case.above]
    scores[passing] = random.uniform(THRESHOLD + 0.01, 1.0, case.above)
    return edges, scores.astype(np.float32), thing % case.classes


Call = Callable[[], np.ndarray]


def ours(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, apart: bool) -> Call:
    """Return our call for boxes as left, top, right, bottom."""

    def call() -> np.ndarray:
        rows = np.flatnonzero(scores > THRESHOLD)
        kept = suppress(boxes[rows], scores[rows], IOU, classes[rows] if apart else None)
        return np.take(rows, kept)

    return call


def opencv(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, apart: bool) -> Call:
    """Return OpenCV's call for boxes as left, top, width, height."""

    def call() -> np.ndarray:
        if apart:
            return np.array(OPENCV.NMSBoxesBatched(boxes, scores, classes, THRESHOLD, IOU))
        return np.array(OPENCV.NMSBoxes(boxes, scores, THRESHOLD, IOU))

    return call


def opencv_lists(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, apart: bool) -> Call:
    """Return OpenCV's call on lists of what passes the threshold, made within it."""

    def call() -> np.ndarray:
        rows = np.flatnonzero(scores > THRESHOLD)
        lists = [boxes[rows].tolist(), scores[rows].tolist()]
        if apart:
            kept = OPENCV.NMSBoxesBatched(*lists, classes[rows].tolist(), THRESHOLD, IOU)
        else:
            kept = OPENCV.NMSBoxes(*lists, THRESHOLD, IOU)
        return np.take(rows, np.asarray(kept, np.intp))

    return call


def medians_ms(calls: list[Call]) -> list[float]:
    """Return the median time of each of *calls*, run in turn."""
    times_ms: list[list[float]] = [[] for _ in calls]
    for _ in range(RUNS):
        for call, times in zip(calls, times_ms, strict=True):
            start = time.process_time()
            call()
            times.append((time.process_time() - start) * 1e3)
    return [statistics.median(times) for times in times_ms]


if __name__ == "__main__":
    sys.exit(main())
