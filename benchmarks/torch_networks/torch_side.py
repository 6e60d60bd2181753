"""PyTorch's part, in its own interpreter: ``torch_side.py NETWORK FOLDER``.

Writes what the network answers to the samples (``answers.npz``) and what its two exporters make of
it: ``dynamo.onnx`` and ``legacy.onnx``.
"""

import logging
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

from benchmarks.torch_networks.catalog import TORCH_NETWORKS, samples


def main() -> None:
    """Write the files of the network that the arguments name."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    network, folder = TORCH_NETWORKS[sys.argv[1]], Path(sys.argv[2])
    place, name = network.factory.split(":")
    module = getattr(import_module(place), name)()
    inputs = [torch.from_numpy(array) for array in samples(network)]
    with torch.no_grad():
        answers = np.stack([module(x).numpy() for x in inputs])
    np.savez(folder / "answers.npz", inputs=np.stack([x.numpy() for x in inputs]), answers=answers)
    names = {"input_names": ["x"], "output_names": ["y"]}
    torch.onnx.export(
        module,
        (inputs[0],),
        folder / "dynamo.onnx",
        dynamo=True,
        verbose=False,
        external_data=False,
        **names,
    )
    torch.onnx.export(
        module, (inputs[0],), folder / "legacy.onnx", dynamo=False, opset_version=17, **names
    )


if __name__ == "__main__":
    main()
