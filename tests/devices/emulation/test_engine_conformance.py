"""The conformance suite of the engines, run in the emulated boards by their own Python."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from edgeml_devices.emulation import ensure_sysroot, run_guest
from edgeml_devices.profile import load_device

pytestmark = pytest.mark.emulated

_TESTS = Path(__file__).parents[2] / "runtime"
# Pure Python, and all that the suite needs besides numpy and an engine.
_PACKAGES = ("_pytest", "iniconfig", "packaging", "pluggy", "py", "pygments", "pytest")
_PROGRAM = """
import sys
sys.path.append(sys.argv[1])
import pytest
options = ("-q", "-rA", "-p", "no:cacheprovider", "--import-mode=importlib", "-c", "/dev/null")
print("ended with", int(pytest.main([*options, "--rootdir=/", *sys.argv[2:]])))
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pytest and what it imports, and nothing else of the host's."""
    folder = tmp_path_factory.mktemp("packages")
    for name in _PACKAGES:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        place = origin.parent if found.submodule_search_locations else origin
        (folder / place.name).symlink_to(place)
    return folder


@pytest.mark.parametrize(
    ("board", "engines"),
    [
        ("rpi3-armv7", ("tflite-runtime",)),
        ("rpi4", ("litert", "litert-builtin", "onnxruntime")),
        pytest.param("rpi5", ("litert", "litert-builtin", "onnxruntime"), marks=pytest.mark.slow),
    ],
)
def test_every_engine_of_the_board_conforms(
    packages: Path, board: str, engines: tuple[str, ...]
) -> None:
    device = load_device(board)
    suite = str(_TESTS / "test_engines.py")
    arguments = ["-c", _PROGRAM, str(packages), suite]
    said = run_guest(device, ensure_sysroot(device), arguments).stdout
    passed = [line for line in said.splitlines() if line.startswith("PASSED")]
    for engine in engines:
        assert len([line for line in passed if f"[{engine}" in line]) >= 12, said
    assert said.endswith("ended with 0\n"), said
