"""Compiling the modules of a board."""

import importlib.util
import py_compile
import sys
from pathlib import Path

import pytest

from edgeml_devices.emulation.bytecode import compile_tree

_OURS = f"{sys.version_info.major}.{sys.version_info.minor}"
_UNCHECKED_HASH = 1


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module that was compiled the usual way, next to one that is no Python."""
    file = tmp_path / "module.py"
    file.write_text("x = 1\n")
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    (tmp_path / "template.py").write_text("{{ x }} =\n")
    return file


@pytest.mark.parametrize("python", [_OURS, "2.7"])
def test_compiled_modules_hold_wherever_they_are_copied(module: Path, python: str) -> None:
    compile_tree(module.parent, Path("/board"), python, (sys.executable,))
    compiled = Path(importlib.util.cache_from_source(str(module))).read_bytes()
    assert int.from_bytes(compiled[4:8], "little") == _UNCHECKED_HASH
    assert b"/board/module.py" in compiled
    assert bytes(module) not in compiled


def test_a_folder_without_modules_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    compile_tree(tmp_path, Path("/board"), "2.7", ("false",))
    assert [file.name for file in tmp_path.iterdir()] == ["data"]
