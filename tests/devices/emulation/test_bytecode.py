"""Compiling the modules of a board."""

import importlib.util
import py_compile
import sys
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, run_guest
from edgeml_devices.emulation.bytecode import compile_tree, compile_trees
from edgeml_runtime.errors import InternalError

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


def test_several_folders_are_compiled_but_for_what_is_left(tmp_path: Path) -> None:
    trees = {tmp_path / name: Path("/board", name) for name in ("one", "two")}
    for folder in trees:
        for name in ("kept.py", "test/left.py", "package/test/kept.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("raise SystemExit\n")
    compile_trees(trees, _OURS, (), leave=("test/*",))
    for folder, final in trees.items():
        names = {p.relative_to(folder).parent.parent for p in folder.rglob("*.pyc")}
        assert names == {Path(), Path("package/test")}
        compiled = Path(importlib.util.cache_from_source(str(folder / "kept.py"))).read_bytes()
        assert f"{final}/kept.py".encode() in compiled


def test_a_compiler_that_fails_is_told(module: Path) -> None:
    with pytest.raises(InternalError, match="the modules below /board: it ended with 1"):
        compile_tree(module.parent, Path("/board"), "2.7", ("false",))


_UNCOMPILED = """
import os, pkgutil, sys
import edgeml_runtime, numpy, numpy.lib.npyio, numpy.random
import ai_edge_litert.interpreter, onnxruntime
for module in pkgutil.walk_packages(edgeml_runtime.__path__, "edgeml_runtime."):
    if module.name == "edgeml_runtime.serve":  # brings the HTTP library, and is not emulated
        continue
    try:
        __import__(module.name)
    except ImportError:  # an engine that this board does not have
        pass
files = {getattr(module, "__file__", None) or "" for module in [*sys.modules.values()]}
ours = [file for file in files if file.startswith(sys.argv[1]) and file.endswith(".py")]
print({os.__file__, numpy.__file__} <= {*ours})
for file in ours:
    folder, name = os.path.split(file)
    tag = sys.implementation.cache_tag
    if not os.path.exists(f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc"):
        print(file)
"""


@pytest.mark.emulated
def test_what_engines_import_is_compiled(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    # `library.toml` leaves parts of Python's library alone, which no engine may need.
    board = str(rpi4_sysroot.path.parent)
    assert run_guest(rpi4, rpi4_sysroot, ["-c", _UNCOMPILED, board]).stdout == "True\n"
