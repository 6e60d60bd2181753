"""What happens where OpenCV is not installed: seen in a process that cannot import it."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
sys.modules["cv2"] = None
import numpy as np
from pathlib import Path
from edgeml_runtime.errors import MissingToolError
from edgeml_runtime.preprocess import Pipeline
from edgeml_runtime.samples import read_samples

def scale(interpolation):
    step = {"op": "resize", "size": [3, 4], "interpolation": interpolation}
    pipeline = Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": [step]})
    return pipeline(np.zeros((9, 9, 3), np.uint8)).shape

print(*(scale(name) for name in ("nearest", "bilinear", "bicubic", "area", "lanczos")))
try:
    list(read_samples(Path(sys.argv[1])))
except MissingToolError as error:
    print(error)
"""


def test_numpy_scales_and_reading_names_the_pip_line(tmp_path: Path) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(b"any")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(image)], capture_output=True, text=True, check=True
    )
    scaled, reading = done.stdout.splitlines()
    assert scaled == " ".join(["(1, 3, 4, 3)"] * 5)
    assert "a.png" in reading
    assert "pip install opencv-python-headless" in reading
