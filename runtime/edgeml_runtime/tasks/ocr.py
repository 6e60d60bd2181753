"""The task ``ocr``: the text of a line, from scores of characters along it.

Method: greedy decoding of connectionist temporal classification (Graves et al., ICML 2006).
"""

from collections.abc import Mapping
from typing import Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.preprocess.geometry import Geometry
from edgeml_runtime.tasks.options import Answer, OutputTask


@dataclass(frozen=True)
class Text(Answer):
    """The answer for one line, with the mean of the characters' *scores*, from 0 to 1."""

    text: str
    score: float
    scores: tuple[float, ...]

    def summary(self) -> str:
        """Return the text in quotes, and its score."""
        return f"{self.text!r} {self.score:.4f}"


class TextReader(OutputTask):
    """Makes a ``Text`` of scores or logits (1,steps,classes) or (steps,1,classes).

    The labels are the characters. There may be a class more, the blank, and one more, a space.
    """

    def read_options(self, fields: Fields) -> None:
        """Read which class is the blank, and whether equal characters in a row are one."""
        self._blank = -1 if fields.choice("blank", ("first", "last"), "first") == "last" else 0
        self._merges = fields.choice("repeats", ("merge", "keep"), "merge") == "merge"

    def answer(
        self,
        array: np.ndarray,
        outputs: Mapping[str, np.ndarray],  # noqa: ARG002 - OutputTask
        geometry: Optional[Geometry],  # noqa: ARG002 - OutputTask
    ) -> Text:
        """Return the answer."""
        classes = array.shape[-1] if array.ndim else 0
        added = classes - len(self.labels)  # classes without a label
        if array.size != max(array.shape[:-1], default=1) * classes or not 0 <= added <= 2:
            wanted = f"steps x {len(self.labels)} labels, and one more for blank, one for space"
            raise self.unfit(array, wanted)
        rows = array.reshape(-1, classes)
        best = rows.argmax(axis=1)
        kept = best != self._blank % classes
        if self._merges:
            kept[1:] &= best[1:] != best[:-1]
        rows, best = rows[kept].astype(np.float64), best[kept]
        scores = rows.max(axis=1)
        if rows.min(initial=0.0) < -1e-3 or rows.max(initial=0.0) > 1.001:
            scores = 1.0 / np.exp(rows - scores[:, np.newaxis]).sum(axis=1)  # softmax of logits
        characters = (*self.labels, " ")
        text = "".join(characters[i - (1 if added and self._blank == 0 else 0)] for i in best)
        return Text(text, float(scores.mean()) if text else 0.0, tuple(scores.tolist()))
