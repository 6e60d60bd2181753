"""DepthToSpace and SpaceToDepth: blocks of an image as channels.

TFLite numbers the channels of a block as ONNX does in mode DCR; CRD is the order of PyTorch's pixel
shuffle, from and into which the channels are picked.
"""

import numpy as np

from edgeml_converters.graph.attributes import int_attribute, string_attribute
from edgeml_converters.tflite.blockers import Refusal
from edgeml_converters.tflite.emitter import Emitter
from edgeml_converters.tflite.layout import CHANNELS_LAST
from edgeml_converters.tflite.registry import lowering
from edgeml_converters.tflite.step import Step, same_scale

_RANK = 4


@lowering("DepthToSpace", ports=CHANNELS_LAST, integer=same_scale)
def lower_depth_to_space(step: Step, emit: Emitter) -> None:
    """Write channels as blocks of an image."""
    if len(step.shape()) != _RANK:
        raise Refusal("another rank than four has no TFLite form")
    size = int_attribute(step.node, "blocksize", 1)
    source, target = emit.input(step, 0), emit.output(step)
    if string_attribute(step.node, "mode", "DCR") == "CRD":
        channels = source.shape[3]
        order = np.arange(channels).reshape(-1, size, size).transpose(1, 2, 0).reshape(-1)
        picked = emit.like(source, "picked")
        places = emit.constant(f"{target.name}/places", order.astype(np.int32))
        emit.operator("GATHER", [source, places], [picked], axis=3, batch_dims=0)
        source = picked
    emit.operator("DEPTH_TO_SPACE", [source], [target], block_size=size)


@lowering("SpaceToDepth", ports=CHANNELS_LAST, integer=same_scale)
def lower_space_to_depth(step: Step, emit: Emitter) -> None:
    """Write blocks of an image as channels."""
    if len(step.shape()) != _RANK:
        raise Refusal("another rank than four has no TFLite form")
    size = int_attribute(step.node, "blocksize", 1)
    source, target = emit.input(step, 0), emit.output(step)
    if string_attribute(step.node, "mode", "DCR") == "DCR":
        emit.operator("SPACE_TO_DEPTH", [source], [target], block_size=size)
        return
    blocks = emit.like(target, "blocks")
    emit.operator("SPACE_TO_DEPTH", [source], [blocks], block_size=size)
    order = np.arange(target.shape[3]).reshape(size, size, -1).transpose(2, 0, 1).reshape(-1)
    places = emit.constant(f"{target.name}/places", order.astype(np.int32))
    emit.operator("GATHER", [blocks, places], [target], axis=3, batch_dims=0)
