"""Looking for an engine version that the lock does not have, with the real pip."""

import hashlib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml_devices.device import Device
from edgeml_devices.emulation.package_index import offered_versions, platform_tags
from edgeml_devices.emulation.wheel_search import allows
from edgeml_devices.emulation.wheels import compatible_sets, select_wheels
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.progress import silent


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the index; the cache folder is empty."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def board() -> Device:
    """The board that looks for engines."""
    return load_device("rpi4")


def _offer(
    index: Path, version: str, platform: str, requires: str = "numpy>=1.21.6", python: str = "cp311"
) -> Path:
    wheel = index / f"onnxruntime-{version}-{python}-{python}-{platform}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        info = f"onnxruntime-{version}.dist-info"
        metadata = f"Metadata-Version: 2.1\nName: onnxruntime\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", f"{metadata}Requires-Dist: {requires}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def _select(board: Device, version: str) -> list[str]:
    return [wheel.file for wheel in select_wheels(board, {"onnxruntime": version}, silent)]


def test_the_file_for_the_board_is_found_and_noted(
    index: Path, board: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(index, "7.1", "manylinux_2_28_x86_64")
    _offer(index, "7.1", "manylinux_2_39_aarch64")  # for a newer C library than the board's
    found = _offer(index, "7.1", "manylinux_2_28_aarch64")
    told: list[str] = []
    numpy, engine = select_wheels(
        board, {"onnxruntime": "7.1"}, lambda task, _done, _total: told.append(task)
    )
    assert told == ["looking for onnxruntime==7.1 on the Python package index"]
    assert engine.file == found.name
    assert engine.sha256 == hashlib.sha256(found.read_bytes()).hexdigest()
    assert numpy.pin == "numpy==2.4.6"
    monkeypatch.delenv("PIP_FIND_LINKS")  # from now on it is known without the index
    assert select_wheels(board, {"onnxruntime": "7.1"}) == (numpy, engine)


def test_what_it_says_of_numpy_decides(index: Path, board: Device) -> None:
    _offer(index, "7.1", "manylinux2014_aarch64", "numpy (<2.0,>=1.24)")
    _offer(index, "7.2", "manylinux2014_aarch64", 'numpy>=1.21; python_version > "3.8"')
    assert "numpy-1.26.4" in _select(board, "7.1")[0]
    assert "numpy-2.4.6" in _select(board, "7.2")[0]
    engines = {"litert": "2.3.0", "onnxruntime": "7.1"}
    assert len(compatible_sets(board, engines, silent)) == 2


def test_versions_before_numpy_2_get_numpy_1_whatever_they_say(index: Path, board: Device) -> None:
    _offer(index, "1.18.7", "manylinux2014_aarch64")
    assert "numpy-1.26.4" in _select(board, "1.18.7")[0]


def test_a_numpy_that_nobody_has_is_refused(index: Path, board: Device) -> None:
    _offer(index, "7.1", "manylinux2014_aarch64", "numpy>=7")
    with pytest.raises(InputError, match=r"onnxruntime==7\.1 needs NumPy >=7.*2\.4\.6"):
        _select(board, "7.1")


def test_a_32_bit_board_takes_numpy_from_its_distribution(index: Path) -> None:
    _offer(index, "7.1", "manylinux_2_31_armv7l")
    (wheel,) = select_wheels(load_device("rpi2-armv7"), {"onnxruntime": "7.1"}, silent)
    assert wheel.packages == ("python3-numpy",)


def test_no_such_version_names_those_that_fit(index: Path, board: Device, tmp_path: Path) -> None:
    _offer(index, "7.1", "manylinux2014_aarch64")
    _offer(index, "7.2", "manylinux2014_aarch64")
    with pytest.raises(InputError, match=r"no onnxruntime 9\.9 for Raspberry.*are 7\.1, 7\.2\.$"):
        _select(board, "9.9")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_of_many_versions_the_first_and_the_newest_are_named(index: Path, board: Device) -> None:
    for minor in range(3, 13):
        _offer(index, f"7.{minor}", "manylinux2014_aarch64")
    newest = r"7\.5, 7\.6, .*, 7\.11, 7\.12"
    with pytest.raises(InputError, match=rf"go from 7\.3 on; the newest are {newest}\.$"):
        _select(board, "7.1")


def test_a_version_for_another_python_is_none_for_the_board(index: Path) -> None:
    _offer(index, "7.1", "manylinux2014_aarch64")
    _offer(index, "7.2", "manylinux2014_aarch64", python="cp313")
    rpi5 = load_device("rpi5")
    with pytest.raises(
        InputError, match=r"no onnxruntime 7\.1 for .*Python 3\.13.* it are 7\.2\.$"
    ):
        _select(rpi5, "7.1")
    numpy, engine = _select(rpi5, "7.2")
    assert "-cp313-" in numpy
    assert "-cp313-" in engine


def test_no_wheel_at_all_says_for_what(index: Path) -> None:
    _offer(index, "7.1", "manylinux2014_aarch64")
    with pytest.raises(
        InputError, match=r"no wheel of onnxruntime for .*3\.11, armv7, glibc 2\.36"
    ):
        _select(load_device("rpi2-armv7"), "7.1")


def test_no_connection_is_not_taken_for_no_wheel(
    board: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(MissingToolError, match=r"onnxruntime==7\.1.*Connect to the Python package"):
        _select(board, "7.1")


def test_without_a_look_at_the_index_it_is_unknown(index: Path, board: Device) -> None:
    _offer(index, "7.1", "manylinux2014_aarch64")
    with pytest.raises(
        InputError, match=r"no onnxruntime 7\.1.*Known versions: 1\.21\.0, 1\.32\.0"
    ):
        select_wheels(board, {"onnxruntime": "7.1"})


def test_the_tags_go_from_the_boards_own_library_downwards() -> None:
    tags = platform_tags(load_device("rpi2-armv7"))
    assert tags[0] == "manylinux_2_36_armv7l"
    assert tags[-3:] == ("manylinux_2_17_armv7l", "manylinux2014_armv7l", "linux_armv7l")


def test_other_failures_of_pip_offer_nothing() -> None:
    assert offered_versions("ERROR: disk full") is None


_NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=3).map(
    lambda parts: ".".join(map(str, parts))
)


@given(_NUMBERS, _NUMBERS)
def test_limits_are_consistent(bound: str, version: str) -> None:
    at_least, below = allows(f">={bound}", version), allows(f"<{bound}", version)
    assert at_least is not below
    assert allows(f">{bound}", version) == (at_least and allows(f"!={bound}", version))
    assert allows(f"<={bound}", version) == (below or allows(f"=={bound}", version))
    assert allows(f"=={bound}", f"{bound}.0")


@pytest.mark.parametrize(
    ("limit", "version", "allowed"),
    [
        ("~=1.21", "1.26.4", True),
        ("~=1.21", "2.0", False),
        ("~=1.21.6", "1.22", False),
        ("==1.26.*", "1.26.4", True),
        ("!=1.26.*", "1.26.4", False),
        ("<2", "1.26.4", True),
        (">=2.0.0rc1", "1.26.4", True),  # a limit that is not understood does not exclude
    ],
)
def test_limits(limit: str, version: str, *, allowed: bool) -> None:
    assert allows(limit, version) is allowed
