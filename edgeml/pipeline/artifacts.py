"""Building the artifacts, in every format and precision that was asked for."""

from collections.abc import Iterator
from pathlib import Path

import onnx_ir as ir

from edgeml.pipeline.draft import Draft, weights_file, write_draft
from edgeml.pipeline.formats import Format, Written
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.precisions import PRECISIONS
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml.pipeline.workshop import Workshop
from edgeml_converters.graph.pixel_entry import take_bytes
from edgeml_converters.isolation import reading
from edgeml_converters.quantize import (
    QuantizationSummary,
    Quantizer,
    quantization_summary,
)
from edgeml_converters.quantize.summary import mark_synthetic


def write_drafts(
    plan: Plan, shop: Workshop, folder: Path, watch: Stopwatch
) -> tuple[list[Draft], tuple[QuantizationSummary, ...]]:
    """Write a draft for each precision and format to *folder*; return them, and what was quantized.

    Raises:
        UnsupportedError: A format cannot hold the model; lists every node in the way.
    """
    return Drafting(plan, shop, folder, watch).write()


class Drafting:
    """Writes the drafts of a plan."""

    def __init__(self, plan: Plan, shop: Workshop, folder: Path, watch: Stopwatch) -> None:
        self._plan = plan
        self._shop = shop
        self._folder = folder
        self._watch = watch
        self._summaries: list[QuantizationSummary] = []

    def write(self) -> tuple[list[Draft], tuple[QuantizationSummary, ...]]:
        """Return the drafts and one summary for each precision that is not float32."""
        drafts = [draft for precision in self._plan.precisions for draft in self._of(precision)]
        return drafts, tuple(self._summaries)

    def _of(self, precision: str) -> Iterator[Draft]:
        plan = self._plan
        native = plan.source.native
        if native is None or precision != native.precision:
            for format_, graph in self._graphs(precision):
                yield self._write(format_, precision, graph)
            return
        for format_ in plan.formats:
            if format_.name == native.format:
                path = self._path(format_, precision)
                plan.min_runtimes.check([native.data], format_.name, path.name)
                yield write_draft(path, format_, precision, Written([native.data]))
            else:
                yield self._write(format_, native.graph_precision, self._shop.optimized)

    def _graphs(self, name: str) -> Iterator[tuple[Format, ir.Model]]:
        """Yield each format with the graph of it in the precision *name*."""
        precision, graph = PRECISIONS[name], self._shop.optimized
        told = graph
        if precision.calibrated is not None:
            quantizer = self._quantizer()
            with self._watch.timing("calibrate"), reading(self._plan.source.path):
                quantizer.observe(self._plan.recipe)
            with self._watch.timing("quantize"):
                graph = told = precision.calibrated(quantizer, self._plan.recipe)
                if self._plan.calibration is not None and self._plan.calibration.synthetic:
                    mark_synthetic(graph)
        elif precision.quantized is not None:
            with self._watch.timing("quantize"):
                told = precision.quantized(graph)
        if told is not self._shop.optimized:
            self._summaries.append(quantization_summary(told))
        for format_ in self._plan.formats:
            if not format_.has(name):
                continue
            make = precision.forms.get(format_.name)
            of_onnx = told if format_.name == "onnx" else graph
            yield format_, of_onnx if make is None else make(graph)

    def _quantizer(self) -> Quantizer:
        """Return the quantizer, once each format was found to hold the float graph.

        A node that a format lacks is told before the long part.
        """
        if not self._shop.checked:
            with self._watch.timing("write"):
                for format_ in self._plan.formats:
                    self._render(format_, "float32", self._shop.optimized)
            self._shop.checked = True
        return self._shop.quantizer

    def _write(self, format_: Format, precision: str, graph: ir.Model) -> Draft:
        with self._watch.timing("write"):
            written = self._render(format_, precision, graph)
            return write_draft(self._path(format_, precision), format_, precision, written)

    def _render(self, format_: Format, precision: str, graph: ir.Model) -> Written:
        path = self._path(format_, precision)
        storage = PRECISIONS[precision].storage if precision in PRECISIONS else "float32"
        with reading(self._plan.source.path):
            if self._plan.pixels is not None:
                graph = take_bytes(graph, turned=format_.image_layout is None)
            fitting = self._plan.min_runtimes.fit(graph, format_.name)
            written = format_.render(fitting, weights_file(path).name, storage)
        self._plan.min_runtimes.check(written.parts, format_.name, path.name)
        return written

    def _path(self, format_: Format, precision: str) -> Path:
        return self._folder / f"{self._plan.name}.{precision}.{format_.name}"
