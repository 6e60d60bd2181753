"""Boards of the user's own: checked, kept, and found by name."""

from importlib.resources import files
from pathlib import Path

import pytest

from edgeml_devices.emulation.wheels import select_wheels
from edgeml_devices.profile import add_device, list_devices, load_device, own_folder
from edgeml_runtime.errors import InputError

_RPI4 = (files("edgeml_devices") / "profiles" / "rpi4.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of own profiles, which is not there yet."""
    folder = tmp_path / "settings" / "boards"
    monkeypatch.setenv("EDGEML_DEVICES", str(folder))
    return folder


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The Pi 4 under another name and clock."""
    return _write(tmp_path / "anything.toml", clock_mhz=1800)


def _write(file: Path, clock_mhz: int, name: str = "shop-floor") -> Path:
    text = _RPI4.replace('name = "rpi4"', f'name = "{name}"')
    file.write_text(text.replace("clock_mhz = 1500", f"clock_mhz = {clock_mhz}"), encoding="utf-8")
    return file


def test_an_added_board_is_found_like_any_other(profile: Path, kept: Path) -> None:
    added = add_device(profile)
    assert load_device("shop-floor") == added
    assert (added.own, added.clock_mhz, added.core) == (True, 1800, "Cortex-A72")
    marks = {device.name: device.own for device in list_devices()}
    assert marks["shop-floor"]
    assert not marks["rpi4"]
    assert [file.name for file in kept.iterdir()] == ["shop-floor.toml"]


@pytest.mark.parametrize(
    ("suite", "glibc", "python"), [("bookworm", "2.36", "3.11"), ("trixie", "2.41", "3.13")]
)
def test_an_own_board_may_have_either_release(
    profile: Path, suite: str, glibc: str, python: str
) -> None:
    text = profile.read_text(encoding="utf-8")
    for old, new in (("bookworm", suite), ("2.36", glibc), ("3.11", python)):
        text = text.replace(f'"{old}"', f'"{new}"')
    profile.write_text(text, encoding="utf-8")
    added = add_device(profile)
    assert (added.suite, added.glibc, added.python) == (suite, glibc, python)
    engines = {name: version for name, version in added.engines.items() if "litert" in name}
    tag = f"-cp{python.replace('.', '')}-"
    assert all(tag in wheel.file for wheel in select_wheels(added, engines))


def test_a_wrong_name_offers_own_boards_too(profile: Path) -> None:
    add_device(profile)
    with pytest.raises(InputError, match="Did you mean shop-floor"):
        load_device("shopfloor")


def test_an_own_board_is_replaced_only_on_demand(profile: Path, tmp_path: Path) -> None:
    add_device(profile)
    faster = _write(tmp_path / "faster.toml", clock_mhz=2000)
    with pytest.raises(InputError, match=r"a board 'shop-floor' already.*--replace"):
        add_device(faster)
    assert load_device("shop-floor").clock_mhz == 1800
    add_device(faster, replace=True)
    assert load_device("shop-floor").clock_mhz == 2000


@pytest.mark.parametrize("replace", [False, True])
def test_a_board_of_edgemls_cannot_be_replaced(
    tmp_path: Path, kept: Path, *, replace: bool
) -> None:
    file = _write(tmp_path / "mine.toml", clock_mhz=1, name="rpi5")
    file.write_text(_RPI4.replace('name = "rpi4"', 'name = "rpi5"'), encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.toml: the board 'rpi5' comes with edgeml"):
        add_device(file, replace=replace)
    assert not kept.exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("cores = 4", "cores = 0", r"bad\.toml: the key 'cpu\.cores' is 0\. .*from 1 to 64"),
        ('name = "rpi4"', 'name = "../rpi"', r"'name' is '\.\./rpi'.*small letters and digits"),
        ('"bookworm"', '"buster"', r"'software\.suite' is 'buster'.*'bookworm', 'trixie'"),
        ('"bookworm"', '"trixie"', r"'software\.glibc' is '2\.36'.*'2\.41'"),
        ('python = "3.11"', 'python = "3.9"', r"'software\.python' is '3\.9'.*'3\.11'"),
        ("ways = 3", "ways = 5", r"'caches\.l1i\.size_kib' is 48.*whole number of sets"),
        ("ways = 3, line_bytes = 64", "ways = 3, line_bytes = 48", "is 48.*a power of two"),
        ("onnxruntime = ", "pytorch = ", r"'engines\.pytorch' is .*engines are onnxruntime"),
        ('"1.32.0"', '"newest"', r"'engines\.onnxruntime' is 'newest'.*a version such as"),
        ('arch = "aarch64"', 'arch = "armv7"', "'latency' is a table.*no such key"),
        ("[latency]", "[speed]", "The key 'latency' is missing in .*bad.toml"),
    ],
)
def test_a_faulty_file_is_refused_and_not_kept(
    tmp_path: Path, kept: Path, old: str, new: str, words: str
) -> None:
    assert old in _RPI4
    file = tmp_path / "bad.toml"
    file.write_text(_RPI4.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=f"(?s){words}"):
        add_device(file)
    assert not kept.exists()


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml cannot be read: No such file"):
        add_device(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text in UTF-8"):
        add_device(tmp_path / "binary.toml")


def test_a_folder_that_cannot_be_made_names_the_variable(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGEML_DEVICES", str(tmp_path / "file" / "boards"))
    with pytest.raises(InputError, match=r"cannot be kept in .*EDGEML_DEVICES"):
        add_device(profile)


def test_an_own_file_that_went_bad_is_named_by_its_path(kept: Path) -> None:
    kept.mkdir(parents=True)
    (kept / "broken.toml").write_text("schema = 1\n", encoding="utf-8")
    assert load_device("rpi4").name == "rpi4"
    with pytest.raises(InputError, match=rf"{kept / 'broken.toml'}: the key 'schema' is 1"):
        load_device("broken")


def test_the_place_of_own_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGEML_DEVICES")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert own_folder() == tmp_path / "xdg" / "edgeml" / "devices"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert own_folder() == tmp_path / ".config" / "edgeml" / "devices"
