"""The value that names an architecture at one width and input size."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx


@dataclass(frozen=True)
class Network:
    """A published architecture.

    Args:
        name: As its publishers name it, such as ``mobilenet-v1-0.25-128``.
        input_size: Height and width of the input image, in pixels.
        build: Makes the graph, always the same: float32 input ``image`` (1, 3, H, W), output
            ``scores`` (1, classes).
    """

    name: str
    input_size: int
    build: Callable[[], onnx.ModelProto]
