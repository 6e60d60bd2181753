"""ONNX's own node tests: none may come out wrong, and no fewer pass than did."""

import subprocess
import sys
from pathlib import Path


def test_no_case_of_onnx_comes_out_wrong() -> None:
    command = [sys.executable, "-m", "benchmarks.onnx_nodes"]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " 0 failed" in done.stdout
