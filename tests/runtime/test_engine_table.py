"""The table of engines: what is known, what is installed, and what importing it brings in."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_runtime.engines import ENGINE_FORMATS, install_line, installed_engines, open_engine
from edgeml_runtime.errors import InputError, MissingToolError


def test_importing_the_runtime_loads_no_engine_and_no_image_library() -> None:
    heavy = ("onnxruntime", "ai_edge_litert", "tflite_runtime", "cv2", "onnx")
    program = (
        "import sys, edgeml_runtime, edgeml_runtime.cli\n"
        "from edgeml_runtime.engines import installed_engines\n"
        "installed_engines()\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_at_least_one_engine_is_installed_for_these_tests() -> None:
    assert installed_engines()


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'tensorrt'.*onnxruntime, litert"):
        open_engine("tensorrt", b"model")


@pytest.mark.parametrize("name", sorted(ENGINE_FORMATS))
def test_a_missing_engine_is_named_with_its_pip_line(name: str) -> None:
    if name in installed_engines():
        pytest.skip(f"{name} is installed")
    with pytest.raises(MissingToolError) as caught:
        open_engine(name, b"model")
    assert f"The engine {name} " in caught.value.problem
    assert install_line(name) in caught.value.remedy


def test_the_pip_line_of_the_numpy_1_engine_says_so() -> None:
    assert install_line("tflite-runtime") == 'pip install tflite-runtime "numpy<2"'


def test_no_threads_are_refused(engine_name: str) -> None:
    with pytest.raises(InputError, match="threads is 0"):
        open_engine(engine_name, b"model", threads=0)


def test_a_model_file_that_is_not_there_is_named(engine_name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.onnx: cannot be read"):
        open_engine(engine_name, tmp_path / "gone.onnx")


def test_a_program_s_start_imports_nothing_slow(make_bundle: Callable[..., Path]) -> None:
    """Each of these takes a hundredth to a twentieth of a start on a board."""
    slow = ("dataclasses", "hashlib", "json", "pathlib", "subprocess", "threading", "zipfile")
    program = (
        "import sys, numpy\n"
        "before = set(sys.modules)\n"
        "from edgeml_runtime.bundle import open_bundle\n"
        "from edgeml_runtime import choice, preprocess, session, tasks\n"
        f"open_bundle({str(make_bundle('classifier'))!r})\n"
        f"print([name for name in {slow!r} if name in set(sys.modules) - before])\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
