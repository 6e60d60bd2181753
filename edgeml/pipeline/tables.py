"""The formats of a model of tables, where the user left them open."""

from dataclasses import replace
from typing import Final

from edgeml.pipeline.formats import FORMATS
from edgeml.pipeline.plan import Plan
from edgeml.pipeline.workshop import Workshop
from edgeml_converters.numpy_program import is_tabular, write_numpy
from edgeml_runtime.errors import UnsupportedError

LARGEST_BYTES: Final = 4 << 20
"""What NumPy's form may add to a bundle unasked."""
_FRAMEWORK: Final = "scikit-learn"


def with_tables(plan: Plan, shop: Workshop) -> tuple[Plan, tuple[str, ...]]:
    """Return *plan* with the formats of a model of tables, and what to say about it.

    Such a model gets a form for NumPy, which every board has, where it has a small one. Trees have
    no form in TFLite.
    """
    if not plan.formats_open or plan.source.native is not None:
        return plan, ()
    framework = str(plan.source.provenance.get("framework", ""))
    learning = is_tabular(shop.optimized)
    if not learning and not framework.startswith(_FRAMEWORK):
        return plan, ()
    formats, notes = list(plan.formats), []
    if learning:
        formats.remove(FORMATS["tflite"])
        notes.append("Models with operators of ai.onnx.ml, such as trees, have no TFLite form.")
    if "float32" in plan.precisions and _is_small(shop):
        formats.append(FORMATS["numpy"])
    return replace(plan, formats=tuple(formats)), tuple(notes)


def _is_small(shop: Workshop) -> bool:
    try:
        return len(write_numpy(shop.optimized)) <= LARGEST_BYTES
    except UnsupportedError:
        return False
