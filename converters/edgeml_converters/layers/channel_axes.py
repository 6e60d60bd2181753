"""Along which axis of a tensor its channels lie: where one scale for all of them may be too few."""

from edgeml_converters.layers.families import load_families
from edgeml_converters.layers.network import Network

_IMAGE = 3  # rank, from which there are places beside channels


def channel_axes(network: Network) -> tuple[int, ...]:
    """Return for each tensor the axis of its channels; -1 is the last one.

    Operators of ONNX that run over places want channels at axis 1, also of what they read. Others
    leave them where they are, and products of matrices put them last, as all of TFLite does.
    """
    first = load_families().channels_first
    readers = network.readers()
    axes: list[int] = []
    for at, tensor in enumerate(network.tensors):
        rank = len(tensor.shape or ())
        ops = {tensor.op, *(network.tensors[reader].op for reader in readers[at])}
        source = tensor.inputs[0] if tensor.inputs else None
        if rank >= _IMAGE and ops & first:
            axes.append(1)
        elif source is not None and len(network.tensors[source].shape or ()) == rank:
            axes.append(axes[source])
        else:
            axes.append(-1)
    return tuple(axes)
