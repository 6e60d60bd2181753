"""A float model and its calibration data, from which int8 models are made by one recipe or many.

What one recipe needs is watched once and kept for the next: candidates differ in little.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import onnx_ir as ir

from edgeml_converters.graph import serialize_onnx
from edgeml_converters.quantize.calibration import Samples, calibrate
from edgeml_converters.quantize.equalization import equalize
from edgeml_converters.quantize.observation import Detail, Observations
from edgeml_converters.quantize.qdq import quantize_int8, quantize_int8x16
from edgeml_converters.quantize.recipe import Recipe
from edgeml_runtime.progress import Progress, silent


@dataclass(frozen=True)
class _Watched:
    """A graph, and what was seen of it."""

    model: ir.Model
    observations: Observations
    detail: Detail


class Quantizer:
    """Makes int8 models of one float model.

    Args:
        model: An optimized float graph; it is not changed.
        samples: Model inputs by name; read anew for each pass, so a generator will do for one.
        progress: Told after each sample.
        total: How many samples there will be, if that is known.
        checkpoints: A folder for what an interrupted calibration goes on from; None to start again.
        detail: What will be asked for, to be watched in one pass.
    """

    def __init__(
        self,
        model: ir.Model,
        samples: Samples,
        progress: Progress = silent,
        total: int = 0,
        *,
        checkpoints: Path | None = None,
        detail: Detail = Detail(),  # noqa: B008  # frozen, and made of truth values
    ) -> None:
        self._model = model
        self._samples = samples
        self._progress = progress
        self._total = total
        self._checkpoints = checkpoints
        self._detail = detail
        self._watched: dict[int, _Watched] = {}
        self._equalized: ir.Model | None = None
        self.equalized: tuple[str, ...] = ()

    def int8(self, recipe: Recipe) -> ir.Model:
        """Return the model with int8 weights and activations; see ``quantize_int8``."""
        watched = self._observed(recipe)
        return quantize_int8(watched.model, watched.observations, recipe)

    def int8x16(self, recipe: Recipe) -> ir.Model:
        """Return the model with int8 weights and int16 activations; see ``quantize_int8x16``."""
        watched = self._observed(recipe)
        return quantize_int8x16(watched.model, watched.observations, recipe)

    def _observed(self, recipe: Recipe) -> _Watched:
        """Return the graph that *recipe* starts from, watched in as much detail as it needs."""
        wanted = recipe.detail | self._detail
        if not recipe.equalize:
            return self._plain(wanted)
        if self._equalized is None:
            plain = self._plain(wanted | Detail(peaks=True))
            self._equalized, self.equalized = equalize(self._model, plain.observations.peaks)
        if not self.equalized:
            return self._plain(wanted)
        return self._seen(self._equalized, wanted)

    def _plain(self, wanted: Detail) -> _Watched:
        return self._seen(self._model, wanted)

    def _seen(self, model: ir.Model, wanted: Detail) -> _Watched:
        known = self._watched.get(id(model))
        if known is None or not known.detail.holds(wanted):
            known = _Watched(model, self._calibrate(model, wanted), wanted)
            self._watched[id(model)] = known
        return known

    def _calibrate(self, model: ir.Model, detail: Detail) -> Observations:
        checkpoint = None
        if self._checkpoints is not None:
            key = hashlib.sha256(serialize_onnx(model) + repr(detail).encode()).hexdigest()
            checkpoint = self._checkpoints / f"{key[:32]}.npz"
        return calibrate(
            model,
            self._samples,
            self._progress,
            self._total,
            detail=detail,
            checkpoint=checkpoint,
        )
