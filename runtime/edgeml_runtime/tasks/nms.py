"""Non-maximum suppression: of boxes that overlap too much, the one with the best score stays.

Greedy, as in ``cv2.dnn.NMSBoxes`` and torchvision, in blocks of 64: what stays of a block is found
on the bits of a word, and then thins out all later boxes at once.
"""

from typing import Optional

import numpy as np

_BLOCK = 64  # bits of a word
_CELLS = 1 << 15  # of a matrix of pairs: stays in the cache
_MIXED = 1024  # above this it pays to take one class after the other


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    iou_threshold: float,
    classes: Optional[np.ndarray] = None,
    limit: Optional[int] = None,
) -> np.ndarray:
    """Return the indices of the boxes that stay, best first; equal scores by index.

    Args:
        boxes: Left, top, right, bottom, (N,4), finite.
        scores: (N,).
        iou_threshold: What two boxes share, over what they cover, must be more for one to go.
        classes: (N,); only boxes of one class suppress each other. None: all do.
        limit: How many may stay.
    """
    order: np.ndarray = np.argsort(-scores, kind="stable")
    columns = np.empty((6, len(order)), np.float32)
    columns[:4] = boxes.T[:, order]
    columns[4] = np.maximum(columns[2:4] - columns[:2], 0.0).prod(axis=0)
    # shared / (a + b - shared) > t without division; just t, as whole pixels may have, is not more.
    factor = np.float32((1.0 / max(iou_threshold, 1e-6) + 1.0) * (1.0 - 2.0**-22))
    if classes is None:
        return np.take(order, _kept(columns[:5], factor, limit))
    columns[5] = classes[order]
    if len(order) <= _MIXED:
        return np.take(order, _kept(columns, factor, limit))
    parts = (np.flatnonzero(columns[5] == number) for number in np.unique(columns[5]))
    kept = [part[_kept(columns[:5, part], factor, limit)] for part in parts]
    return np.take(order, np.sort(np.concatenate(kept))[:limit])


def _kept(columns: np.ndarray, factor: np.float32, limit: Optional[int]) -> np.ndarray:
    """Return which of *columns* (edges, area, perhaps class; best first) stay, in order."""
    numbers = np.arange(columns.shape[1])
    found, count = [numbers[:0]], 0
    while len(numbers) and (limit is None or count < limit):
        first, rest = columns[:, :_BLOCK], columns[:, _BLOCK:]
        chosen = _chosen(_overlapping(first, first, factor))
        found.append(numbers[chosen])
        count += len(chosen)
        if not rest.size:
            break
        best, step = first[:, chosen], _CELLS // len(chosen)
        hit = [
            _overlapping(best, rest[:, start : start + step], factor).any(axis=0)
            for start in range(0, rest.shape[1], step)
        ]
        free = np.flatnonzero(~np.concatenate(hit))
        numbers, columns = numbers[_BLOCK:].take(free), rest.take(free, axis=1)
    return np.concatenate(found)[:limit]


def _chosen(overlapping: np.ndarray) -> list[int]:
    """Return the rows that stay of a square of at most 64, where each drops those it overlaps."""
    size = len(overlapping)
    bits = np.zeros((size, 8), np.uint8)
    bits[:, : (size + 7) // 8] = np.packbits(overlapping, axis=1, bitorder="little")
    drops: list[int] = bits.view("<u8").ravel().tolist()
    left, chosen = (1 << size) - 1, []
    while left:
        lowest = left & -left
        chosen.append(lowest.bit_length() - 1)
        left &= ~(drops[chosen[-1]] | lowest)
    return chosen


def _overlapping(ours: np.ndarray, theirs: np.ndarray, factor: np.float32) -> np.ndarray:
    """Return (N,M), true where a box of *ours* and one of *theirs* overlap too much."""
    ours = ours[:, :, np.newaxis]
    shared = np.minimum(ours[2], theirs[2])
    shared -= np.maximum(ours[0], theirs[0])
    np.maximum(shared, 0.0, out=shared)
    height = np.minimum(ours[3], theirs[3])
    height -= np.maximum(ours[1], theirs[1])
    shared *= height
    shared *= factor
    np.add(ours[4], theirs[4], out=height)
    result: np.ndarray = shared > height
    if len(ours) == 6:
        result &= ours[5] == theirs[5]
    return result
