"""litert-torch's part, in its own interpreter: ``litert_torch_side.py NETWORK FILE``."""

import sys
from importlib import import_module
from pathlib import Path

import litert_torch  # type: ignore[import-not-found]  # in its own environment only
import torch

from benchmarks.torch_networks.catalog import TORCH_NETWORKS, samples


def main() -> None:
    """Write the file of the network that the arguments name."""
    network, file = TORCH_NETWORKS[sys.argv[1]], Path(sys.argv[2])
    place, name = network.factory.split(":")
    module = getattr(import_module(place), name)()
    x = torch.from_numpy(samples(network)[0])
    if x.ndim == 4:
        with torch.no_grad():
            images = [0] if module(x).ndim == 4 else None
        module = litert_torch.to_channel_last_io(module, args=[0], outputs=images)
        x = x.permute(0, 2, 3, 1).contiguous()
    file.parent.mkdir(parents=True, exist_ok=True)
    litert_torch.convert(module, (x,)).export(str(file))


if __name__ == "__main__":
    main()
