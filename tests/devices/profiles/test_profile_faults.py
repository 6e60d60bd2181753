"""A faulty profile is refused, in words that say where and what."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import pytest

from edgeml_devices.profile import load_device
from edgeml_devices.profile_file import read_device
from edgeml_runtime.errors import InputError

_TEXT = (files("edgeml_devices") / "profiles" / "rpi4.toml").read_text(encoding="utf-8")


def _keys(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict) and prefix != "caches.":
            yield from _keys(value, f"{key}.")
        elif key != "known_bad":
            yield prefix, key


_KEYS = sorted(set(_keys(tomllib.loads(_TEXT))))


@pytest.mark.parametrize(("table", "key"), [pair for pair in _KEYS if pair[0] != "engines."])
def test_no_key_can_be_left_out(table: str, key: str) -> None:
    optional = {("caches.", "l1i"), ("caches.", "l1d"), ("caches.", "l2")}
    if (table, key) in optional:
        pytest.skip("a board may lack a cache")
    head = f"[{table[:-1]}]" if table else ""
    start = _TEXT.index(head)
    before, after = _TEXT[:start], _TEXT[start:]
    cut = re.sub(rf"^{key} = (\[[^\]]*\]|.*)$", "", after, count=1, flags=re.MULTILINE)
    assert cut != after
    with pytest.raises(InputError, match=rf"The key '{key}' is missing in .*rpi4.toml"):
        read_device(before + cut, "rpi4.toml", named="rpi4")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("clock_mhz = 1500", "clock_mhz = 1.5", "cpu.clock_mhz' is 1.5.*from 100 to 10000"),
        ("clock_mhz = 1500", "clock_mhz = true", "cpu.clock_mhz' is True"),
        ("cores = 4", "cores = 4\nspeed = 3", "cpu.speed' is 3.*no such key"),
        ("ways = 3", "ways = 3, banks = 4", "caches.l1i.banks' is 4.*no such key"),
        ('"datasheet"', '"hearsay"', "'hearsay'.*'measured', 'datasheet', 'estimated'"),
        ("date = 2026-11-24", 'date = "2026"', "'2026'.*a date such as"),
        ('name = "rpi4"', 'name = "rpi6"', "'name' is 'rpi6'.*'rpi4'"),
        ('title = "Raspberry Pi 4 Model B"', 'title = ""', "'title' is ''.*not empty"),
        ('arch = "aarch64"', 'arch = "x86"', "'aarch64', 'armv7'"),
        ("edgeml.device/1", "edgeml.device/9", "'edgeml.device/1'"),
        ("shared = true", 'shared = "yes"', "true or false"),
        ("ram_mib = [1024,", "ram_mib = [1.5,", "a list of whole numbers"),
        ('"fp", "asimd"', '"fp", 1', "a list of texts"),
        ("[caches]", "[[caches]]", r"'caches' is \[.*a table"),
        ("[[known_bad]]", "[known_bad]", "'known_bad' is .*a list of tables"),
        ("[board]", "[board", "rpi4.toml is not valid TOML"),
    ],
)
def test_a_fault_is_named(old: str, new: str, words: str) -> None:
    assert old in _TEXT
    with pytest.raises(InputError, match=f"(?s){words}"):
        read_device(_TEXT.replace(old, new, 1), "rpi4.toml", named="rpi4")


@pytest.mark.parametrize(
    ("asked", "offered"), [("rpi-4", "rpi4"), ("RPI5", "rpi5"), ("rpi3b", "rpi3bplus")]
)
def test_a_wrong_name_offers_the_nearest(asked: str, offered: str) -> None:
    with pytest.raises(InputError, match=f"no board called '{asked}'.*{offered}") as caught:
        load_device(asked)
    assert caught.value.exit_code == 2


def test_a_name_cannot_leave_the_folder() -> None:
    with pytest.raises(InputError):
        load_device("../profiles/rpi4")
