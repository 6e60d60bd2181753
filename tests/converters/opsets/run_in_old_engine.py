"""Run in another Python: each ``NAME.onnx`` of a folder on what ``NAME.npz`` holds."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime

WITHOUT_KERNEL = "NOT_IMPLEMENTED"
"""The format was read; that release just has no kernel for the type."""

FIXED_LATER = ("test_averagepool_2d_ceil_last_window", "test_averagepool_3d_dilations_large_count")
"""onnxruntime 1.16 counts the last window of ``ceil_mode`` in another way, whatever the opset."""


def main(folder: Path) -> int:
    """Return 1 if a model is not read, or gives something else."""
    onnxruntime.set_default_logger_severity(4)
    failures = 0
    for path in sorted(folder.glob("*.onnx")):
        arrays = np.load(path.with_suffix(".npz"))
        feed = {name[3:]: arrays[name] for name in arrays.files if name.startswith("in_")}
        try:
            found = onnxruntime.InferenceSession(str(path)).run(None, feed)
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no other base
            if WITHOUT_KERNEL not in str(error):
                print(path.name, error)
                failures += 1
            continue
        for index, value in enumerate(found):
            if not path.name.startswith(FIXED_LATER) and not np.allclose(
                value, arrays[f"out_{index}"], 1e-3, 1e-3, equal_nan=True
            ):
                print(path.name, "differs")
                failures += 1
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
