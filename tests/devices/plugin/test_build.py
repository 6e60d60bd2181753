"""Compiling the plugin."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgeml_devices.emulation.plugin import CacheShape, build_plugin, plugin_digest
from edgeml_runtime.errors import InputError, MissingToolError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("EDGEML_CACHE", str(folder))
    return folder


def test_compiles_once(cache: Path) -> None:
    first = build_plugin()
    written = first.path.stat().st_mtime_ns
    assert first.path == cache / "plugin" / plugin_digest() / "edgeml_count.so"
    assert build_plugin() == first
    assert first.path.stat().st_mtime_ns == written


def test_two_processes_at_once_leave_one_whole_library(cache: Path) -> None:
    script = "from edgeml_devices.emulation.plugin import build_plugin; print(build_plugin().path)"
    children = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {child.communicate(timeout=60)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0]
    library = cache / "plugin" / plugin_digest() / "edgeml_count.so"
    assert answers == {str(library)}
    assert [entry.name for entry in library.parent.iterdir()] == [library.name]


def test_a_missing_compiler_is_worded(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install gcc"):
        build_plugin()
    assert not list(cache.rglob("*.so"))


def test_a_comma_in_a_path_is_refused(cache: Path) -> None:
    with pytest.raises(InputError, match="comma"):
        build_plugin().argument(cache / "a,b.json", ())


def test_the_argument_names_every_cache(cache: Path) -> None:
    shapes = (CacheShape("l1d", 32768, 2, 64), CacheShape("l2", 1048576, 16, 64))
    plugin = build_plugin()
    expected = f"{plugin.path},out={cache / 'o'},line=64,l1d=32768:2,l2=1048576:16"
    assert plugin.argument(cache / "o", shapes) == expected
