"""The check of samples in a conversion: whether they are what the network was trained on.

It watches the data on their way to whoever reads them, looks at a few of them at the end, and says
what it finds in whole sentences. It judges what it cannot know: it never stops a conversion.
"""

from collections.abc import Iterator, Sequence

from edgeml_converters.data import Dataset
from edgeml_converters.graph import weights_bytes
from edgeml_converters.lint.data_notes import calibration_notes, content_notes
from edgeml_converters.lint.network_check import NetworkCheck
from edgeml_converters.lint.sample_statistics import SampleStatistics, WatchedData
from edgeml_converters.lint.thresholds import load_thresholds
from edgeml_converters.sources import SourceModel
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.tensors import TensorSpec

LARGEST_BYTES = 1 << 29
"""Networks with more weights are not run for the check."""


class InputCheck:
    """Watches the data of one conversion.

    Args:
        source: The model.
        pipeline: What prepares the samples, if anything does.
        calibration: The samples that scales are set from.
        evaluation: The samples that are scored.
        scored: Whether the labels of *evaluation* are classes of the model.
    """

    def __init__(
        self,
        source: SourceModel,
        pipeline: Pipeline | None,
        calibration: Dataset | None,
        evaluation: Dataset | None,
        *,
        scored: bool,
    ) -> None:
        self._source = source
        self._pipeline = pipeline
        self._scored = scored
        self._limits = load_thresholds()
        self._calibration = self._watched(calibration)
        self._evaluation = self._watched(evaluation)
        self.calibration = calibration if self._calibration is None else self._calibration.data
        self.evaluation = evaluation if self._evaluation is None else self._evaluation.data

    def notes(self, macs: int) -> tuple[str, ...]:
        """Return what is wrong with the samples that were read so far; whole sentences.

        Args:
            macs: Multiplications of one run of the network, 0 where that is not known.
        """
        limits = self._limits
        notes: list[str] = []
        watched = [data for data in (self._calibration, self._evaluation) if data is not None]
        if self._calibration is not None:
            seen = self._calibration.statistics
            notes += calibration_notes(self._calibration.data, seen, limits.data)
        if len(self._source.inputs) == 1:
            sound = []
            for data in watched:
                found = list(content_notes(data.data, data.statistics, limits.data))
                sound += [] if found else [data.statistics]
                notes += found
            if sound:
                notes += self._image_notes(sound, macs)
        return tuple(dict.fromkeys(notes))

    def _watched(self, data: Dataset | None) -> WatchedData | None:
        if data is None or data.synthetic:
            return None
        limits = self._limits.surety
        name = self._source.inputs[0].name
        return WatchedData(data, name, limits.samples, limits.memory_bytes)

    def _image_notes(self, watched: Sequence[SampleStatistics], macs: int) -> Iterator[str]:
        spec = self._source.inputs[0]
        if self._pipeline is not None and self._pipeline.window is not None:
            return  # a spectrogram may have the shape of an image
        if not _is_image(spec) or not any(seen.kept for seen in watched):
            return
        if self._source.stateful:
            return
        graph = self._source.graph
        if weights_bytes(graph) > LARGEST_BYTES or len(graph.graph.inputs) != 1:
            return
        network = NetworkCheck(graph, spec, self._pipeline, macs)
        found = [note for seen in watched if seen.kept for note in network.range_notes(seen)]
        if not found and watched[-1].kept:
            scored = None if self._evaluation is None else self._evaluation.statistics
            labelled = self._scored and watched[-1] is scored
            found += network.surety_notes(watched[-1], labelled=labelled)
        yield from found


def _is_image(spec: TensorSpec) -> bool:
    channels = {"NCHW": 1, "NHWC": 3}.get(spec.layout)
    return (
        channels is not None
        and len(spec.shape) == 4
        and spec.shape[channels] in (1, 3)
        and spec.dtype == "float32"
    )
