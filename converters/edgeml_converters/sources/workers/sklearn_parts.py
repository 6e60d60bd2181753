"""Everything that a scikit-learn model is made of."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline


def parts_of(model: BaseEstimator) -> Iterator[Any]:
    """Yield *model* and each object that is anywhere in it, once."""
    waiting, seen = [model], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type):
            continue
        seen.add(id(part))
        if isinstance(part, np.ndarray):
            if part.dtype == object:
                waiting += part.ravel().tolist()
            continue
        yield part
        waiting += vars(part).values() if hasattr(part, "__dict__") else ()
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part


def steps_of(model: BaseEstimator) -> list[Any]:
    """Return the steps of a pipeline, those of pipelines in it too, or the one estimator."""
    if not isinstance(model, Pipeline):
        return [model]
    steps = (step for _, step in model.steps if step not in (None, "passthrough"))
    return [inner for step in steps for inner in steps_of(step)]
