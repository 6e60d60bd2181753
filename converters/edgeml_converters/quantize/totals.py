"""Arrays of the watched graph, added up over the samples: what several observers keep."""

from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Key = TypeVar("Key", bound=Hashable)


class Totals(Generic[Key]):
    """Sums, or largest values, of outputs of the watched graph.

    Args:
        combine: ``np.add`` or ``np.maximum``.
        dtype: What is kept.
    """

    def __init__(self, combine: np.ufunc, dtype: type[np.floating[Any]]) -> None:
        self._combine = combine
        self._dtype = dtype
        self._outputs: dict[Key, str] = {}
        self._arrays: dict[Key, npt.NDArray[np.floating[Any]]] = {}
        self._count = 0

    def expect(self, key: Key, output: str) -> None:
        """Keep *output* of the graph as *key*."""
        self._outputs[key] = output

    def take(self, seen: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Add the outputs for one sample."""
        self._count += 1
        for key, output in self._outputs.items():
            found = np.asarray(seen[output], self._dtype)
            if key in self._arrays:
                self._combine(self._arrays[key], found, out=self._arrays[key])
            else:
                self._arrays[key] = found.copy()

    @property
    def arrays(self) -> Mapping[Key, npt.NDArray[np.floating[Any]]]:
        """What was combined."""
        return self._arrays

    @property
    def means(self) -> Mapping[Key, npt.NDArray[np.floating[Any]]]:
        """The same for each sample, of sums."""
        return {key: total / self._count for key, total in self._arrays.items()}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that was taken, in the order in which outputs were expected."""
        arrays = {str(index): self._arrays[key] for index, key in enumerate(self._outputs)}
        return {"count": np.array(self._count), **arrays}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Continue from what :meth:`state` returned."""
        self._count = int(state["count"])
        self._arrays = {key: state[str(index)] for index, key in enumerate(self._outputs)}
