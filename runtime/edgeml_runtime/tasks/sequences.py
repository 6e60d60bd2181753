"""The tasks of what comes one after the other: ``ocr``, a text, and ``audio_events``, sounds."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np

from edgeml_runtime.document import Fields
from edgeml_runtime.frozen import asdict, dataclass, replace
from edgeml_runtime.preprocess import Geometry
from edgeml_runtime.tasks import Answer, OutputTask


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


_ROUNDING_S = 1e-9


@dataclass(frozen=True)
class AudioEvent:
    """One event: its class by name and number, its highest score, its start and end in seconds."""

    label: str
    index: int
    score: float
    start_s: float
    end_s: float


@dataclass(frozen=True)
class AudioEvents:
    """The events in order of their start, and the scores (windows, classes), not smoothed."""

    events: tuple[AudioEvent, ...]
    scores: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON values."""
        scores = self.scores.round(6).tolist()
        return {"events": [asdict(event) for event in self.events], "scores": scores}

    def summary(self) -> str:
        """Return the events as one line."""
        return (
            "; ".join(
                f"{event.start_s:.2f} to {event.end_s:.2f} s {event.label} {event.score:.4f}"
                for event in self.events
            )
            or "nothing"
        )


class AudioEventTask(OutputTask):
    """Makes ``AudioEvents`` of an output with one score for each class.

    Options: ``activation`` (``sigmoid``, ``softmax`` or ``none``) makes scores of outputs; those of
    ``smooth`` windows are averaged, each with the ones before, as a stream would; where they reach
    ``threshold`` there is an event, and events of a class that are ``gap_s`` apart at most are one.
    Classes in ``ignore``, such as silence, make none.
    """

    def read_options(self, fields: Fields) -> None:
        """Read the options."""
        self._activation = fields.choice("activation", ("none", "sigmoid", "softmax"), "none")
        self._smooth = fields.whole("smooth", 1, 10_000) if fields.has("smooth") else 1
        (self._threshold,) = fields.numbers("threshold", 0.5)[:1]
        (self._gap_s,) = fields.numbers("gap_s", 0.0)[:1]
        self._ignored = fields.texts("ignore") if fields.has("ignore") else ()
        for label in self._ignored:
            if label not in self.labels:
                raise fields.fault(f"'ignore' has '{label}', which is no label")

    def answer(
        self,
        array: np.ndarray,
        outputs: Mapping[str, np.ndarray],  # noqa: ARG002 - OutputTask
        geometry: Optional[Geometry],  # noqa: ARG002 - OutputTask
    ) -> AudioEvents:
        """Return the answer for one window, whose length is not known: its events have none."""
        wanted = "one score for each class"
        values = self.vector(array, wanted).astype(np.float64)
        if self.labels and len(self.labels) != values.size:
            raise self.unfit(array, wanted)
        if self._activation == "sigmoid":
            values = 0.5 * (1.0 + np.tanh(0.5 * values))
        elif self._activation == "softmax":
            values = np.exp(values - values.max())
            values /= values.sum()
        return self._answer(values[np.newaxis], [(0.0, 0.0)])

    def merge(
        self, results: Sequence[AudioEvents], spans_s: Sequence[tuple[float, float]]
    ) -> AudioEvents:
        """Return the answer for all windows together; *spans_s* are their starts and ends."""
        return self._answer(np.concatenate([result.scores for result in results]), spans_s)

    def _answer(self, scores: np.ndarray, spans_s: Sequence[tuple[float, float]]) -> AudioEvents:
        firsts = [max(0, last - self._smooth) for last in range(1, len(scores) + 1)]
        smoothed = np.array([scores[first:at].mean(0) for at, first in enumerate(firsts, 1)])
        events: list[AudioEvent] = []
        for index in np.flatnonzero(smoothed.max(axis=0) >= self._threshold):
            label = self.labels[index] if self.labels else str(index)
            if label not in self._ignored:
                events += self._events(label, int(index), smoothed[:, index], spans_s)
        events.sort(key=lambda event: (event.start_s, event.index))
        return AudioEvents(tuple(events), scores)

    def _events(
        self, label: str, index: int, scores: np.ndarray, spans_s: Sequence[tuple[float, float]]
    ) -> list[AudioEvent]:
        events: list[AudioEvent] = []
        for score, (start, end) in zip(scores.tolist(), spans_s):
            if score < self._threshold:
                continue
            event = AudioEvent(label, index, score, start, end)
            if events and start - events[-1].end_s <= self._gap_s + _ROUNDING_S:
                before = events.pop()
                event = replace(before, score=max(before.score, score), end_s=end)
            events.append(event)
        return events
