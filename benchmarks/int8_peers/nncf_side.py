"""NNCF's part, in its own interpreter: ``nncf_side FLOAT_ONNX INPUTS COUNT OUT``."""

import sys
from pathlib import Path

import nncf  # type: ignore[import-not-found]  # in its own environment only
import onnx

from benchmarks.int8_peers.inputs import Inputs


def main() -> None:
    """Write ``model.onnx`` to the folder that the arguments name."""
    inputs, count, out = Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    model = onnx.load(sys.argv[1])
    name = model.graph.input[0].name
    data = nncf.Dataset(Inputs(inputs, count), lambda array: {name: array})
    out.mkdir()
    onnx.save(nncf.quantize(model, data, subset_size=count), str(out / "model.onnx"))


if __name__ == "__main__":
    main()
