"""Mean average precision: how well boxes agree with the truth (PASCAL VOC, all points)."""

from collections.abc import Sequence

import numpy as np

Box = Sequence[float]
Thing = tuple[str, float, Box]
"""Label, score (of a truth: any), and left, top, right, bottom."""


def mean_average_precision(
    answers: Sequence[Sequence[Thing]], truths: Sequence[Sequence[Thing]], least: float = 0.5
) -> float:
    """Return the mean over the labels in *truths* of the area below precision by recall.

    Args:
        answers: What was found, for each photo.
        truths: What is there, for each photo.
        least: The overlap (intersection over union) from which a box is right.
    """
    labels = sorted({label for truth in truths for label, _, _ in truth})
    return float(np.mean([_average_precision(label, answers, truths, least) for label in labels]))


def _average_precision(
    label: str,
    answers: Sequence[Sequence[Thing]],
    truths: Sequence[Sequence[Thing]],
    least: float,
) -> float:
    there = [[box for name, _, box in truth if name == label] for truth in truths]
    claims = sorted(
        (-score, photo, tuple(box))
        for photo, answer in enumerate(answers)
        for name, score, box in answer
        if name == label
    )
    hits = np.zeros(len(claims))
    for number, (_, photo, box) in enumerate(claims):
        overlaps = [overlap(box, other) for other in there[photo]]
        if overlaps and max(overlaps) >= least:
            hits[number] = 1.0
            del there[photo][int(np.argmax(overlaps))]
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    total = sum(name == label for truth in truths for name, _, _ in truth)
    return float((best_from_here * hits).sum() / total)


def overlap(a: Box, b: Box) -> float:
    """Return intersection over union of two boxes."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    both = sum(areas) - width * height
    return width * height / both if both > 0.0 else 0.0
