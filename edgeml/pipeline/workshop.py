"""What the artifacts of one conversion share: the optimized graph, and what calibration saw."""

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np
import onnx_ir as ir

from edgeml.pipeline.plan import Plan
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml_converters.graph import optimize
from edgeml_converters.isolation import reading
from edgeml_converters.quantize import Detail, Quantizer
from edgeml_converters.sources.pixels import PixelSamples
from edgeml_runtime.cache_folder import cache_root
from edgeml_runtime.progress import Progress


class Workshop:
    """The float graph of a plan and its quantizer, made when first asked for.

    Args:
        plan: The conversion.
        progress: Told of each step.
        watch: Takes the time.
        detail: What calibration is to watch at once, for recipes still to come.
    """

    def __init__(
        self, plan: Plan, progress: Progress, watch: Stopwatch, detail: Detail | None = None
    ) -> None:
        self._plan = plan
        self._progress = progress
        self._watch = watch
        self._detail = detail or Detail()
        self.checked = False

    @cached_property
    def optimized(self) -> ir.Model:
        """The float graph that every artifact starts from."""
        with self._watch.timing("optimize"):
            self._progress("optimizing the graph", 0, 1)
            with reading(self._plan.source.path):  # onnx may crash on shapes and constants
                optimized = optimize(self._plan.source.graph)
            self._progress("optimizing the graph", 1, 1)
        return optimized

    @cached_property
    def quantizer(self) -> Quantizer:
        """The float graph with the calibration data."""
        data = self._plan.calibration
        assert data is not None, "the plan refuses such precisions without calibration data"
        graph = self.optimized
        samples: Iterable[Mapping[str, np.ndarray]] = data.inputs
        if self._plan.pixels is not None:
            with reading(self._plan.source.path):
                graph = optimize(self._plan.pixels.integer_graph())
            samples = PixelSamples(data.inputs, graph)
        return Quantizer(
            graph,
            samples,
            self._progress,
            data.size or 0,
            checkpoints=cache_root() / "calibration",
            detail=self._detail,
        )
