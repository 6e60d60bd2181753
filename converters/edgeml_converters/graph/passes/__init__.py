"""The passes, one a file. Each changes a model in place, keeps its results, and says if it did.

To add a fusion, add its file and its line in ``FUSIONS``.
"""

from collections.abc import Callable

import onnx_ir as ir

from edgeml_converters.graph.passes.constant_folding import fold_constants
from edgeml_converters.graph.passes.expand_compositions import expand_compositions
from edgeml_converters.graph.passes.expand_functions import expand_functions
from edgeml_converters.graph.passes.expand_recurrent import expand_recurrent
from edgeml_converters.graph.passes.expand_scan import expand_scan
from edgeml_converters.graph.passes.fuse_batch_norm import fuse_batch_norm
from edgeml_converters.graph.passes.fuse_channel_affine import fuse_channel_affine
from edgeml_converters.graph.passes.fuse_pad import fuse_pad
from edgeml_converters.graph.passes.identity import remove_identities
from edgeml_converters.graph.passes.inline_branches import inline_branches
from edgeml_converters.graph.passes.join_slices import join_slices
from edgeml_converters.graph.passes.preparation import prepare_graph
from edgeml_converters.graph.passes.recognize_activations import recognize_activations
from edgeml_converters.graph.passes.shapes import clear_shapes, infer_shapes
from edgeml_converters.graph.passes.turn_channel_shuffle import turn_channel_shuffle
from edgeml_converters.graph.passes.turn_windows import turn_windows
from edgeml_converters.graph.passes.unused import remove_unused

FUSIONS: tuple[Callable[[ir.Model], bool], ...] = (
    inline_branches,
    remove_identities,
    fuse_batch_norm,
    fuse_channel_affine,
    fuse_pad,
    remove_unused,
)

REWRITES: tuple[Callable[[ir.Model], bool], ...] = (
    recognize_activations,
    turn_channel_shuffle,
    turn_windows,
    join_slices,
    expand_compositions,
    expand_recurrent,
    expand_scan,
)
"""For TFLite: whole operators that it has, and parts of those that it lacks. `expand_functions`
comes after them, and asks which operators are lacking."""

__all__ = [
    "FUSIONS",
    "REWRITES",
    "clear_shapes",
    "expand_functions",
    "fold_constants",
    "infer_shapes",
    "prepare_graph",
]
