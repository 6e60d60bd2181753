"""RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR and the exchange of channels for image."""

from edgeml_converters.tflite_import.emitter import Emitter
from edgeml_converters.tflite_import.layout import CHANNELS_FIRST
from edgeml_converters.tflite_import.order import Order
from edgeml_converters.tflite_import.registry import importing
from edgeml_converters.tflite_import.step import Step


@importing("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", ports=CHANNELS_FIRST)
def raise_resize(step: Step, emit: Emitter) -> None:
    """Add a Resize to the size of the output."""
    nearest = step.operator.code == "RESIZE_NEAREST_NEIGHBOR"
    coordinates = "asymmetric"
    if step.flag("align_corners"):
        coordinates = "align_corners"
    elif step.flag("half_pixel_centers"):
        coordinates = "half_pixel"
    sizes = emit.integers("sizes", Order.CHANNELS_FIRST.arrange(step.output.shape))
    made = emit.node(
        "Resize",
        emit.input(step),
        None,
        None,
        sizes,
        mode="nearest" if nearest else "linear",
        coordinate_transformation_mode=coordinates,
        # A place between two pixels: TFLite cuts it off, or rounds a half up.
        nearest_mode="floor" if coordinates == "asymmetric" else "round_prefer_ceil",
    )
    emit.output(step, made)


@importing("DEPTH_TO_SPACE", ports=CHANNELS_FIRST)
def raise_depth_to_space(step: Step, emit: Emitter) -> None:
    """Add a DepthToSpace; block indices lead in the channels, as ONNX's DCR has them."""
    size = step.number_of("block_size", 1)
    emit.output(step, emit.node("DepthToSpace", emit.input(step), blocksize=size, mode="DCR"))


@importing("SPACE_TO_DEPTH", ports=CHANNELS_FIRST)
def raise_space_to_depth(step: Step, emit: Emitter) -> None:
    """Add a SpaceToDepth."""
    size = step.number_of("block_size", 1)
    emit.output(step, emit.node("SpaceToDepth", emit.input(step), blocksize=size))
