"""Whole networks: of packages, with their weights, and published architectures without."""

from collections.abc import Callable, Mapping
from functools import partial

import onnx_ir as ir

from benchmarks.networks.catalog import NETWORKS as ARCHITECTURES
from benchmarks.real_models import REAL_MODELS, fetch
from edgeml_converters.graph import optimize
from edgeml_converters.sources import load_source

_REAL = (
    "fashion",
    "ppocr_cls",
    "ppocr_det",
    "ppocr_rec",
    "opennsfw",
    "dnsmos_model_v8",
    "dnsmos_sig",
)
_RANDOM = ("mobilenet-v2-1.0-224", "efficientnet-lite0")


def _real(name: str) -> ir.Model:
    model = REAL_MODELS[name]
    return optimize(load_source(str(fetch(model)), model.shapes).graph)


def _random(name: str) -> ir.Model:
    return optimize(ir.from_proto(ARCHITECTURES[name].build()))


NETWORKS: Mapping[str, Callable[[], ir.Model]] = {
    **{name: partial(_real, name) for name in _REAL},
    **{f"{name}, random weights": partial(_random, name) for name in _RANDOM},
}
"""Optimized float graphs by name; made when called."""
