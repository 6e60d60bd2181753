"""Unpacking a tool and running it with its own libraries."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_devices.cache import cache_root
from edgeml_devices.toolkit import Recipe, ensure_tool, find_tool
from edgeml_runtime.errors import EdgemlError, InternalError, MissingToolError


def _run(program: Path, command: str, environment: dict[str, str]) -> str:
    left = subprocess.run(
        [program, "-c", command], env=environment, check=True, capture_output=True, text=True
    )
    return left.stdout


def test_it_is_made_once_and_then_found(
    bash_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_tool(bash_recipe) is None
    tool = ensure_tool(bash_recipe)
    assert tool.version.startswith(bash_recipe.version)
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", "file:///nonexistent/debian")
    assert find_tool(bash_recipe) == ensure_tool(bash_recipe) == tool


def test_its_record_has_the_digest_of_every_package(bash_recipe: Recipe) -> None:
    record = json.loads((ensure_tool(bash_recipe).folder / "toolkit.json").read_text())
    assert list(record["sha256"]) == ["bash_1.0_amd64.deb"]
    assert all(len(digest) == 64 for digest in record["sha256"].values())


def test_only_needed_libraries_are_kept(bash_recipe: Recipe) -> None:
    names = {file.name for file in (ensure_tool(bash_recipe).folder / "lib").iterdir()}
    assert "libc.so.6" in names
    assert "libunneeded.so.1" not in names


def test_nothing_of_the_host_is_loaded(bash_recipe: Recipe) -> None:
    tool = ensure_tool(bash_recipe)
    maps = _run(
        tool.program("bash"), 'while read -r line; do echo "$line"; done </proc/$$/maps', {}
    )
    loaded = {line.split(maxsplit=5)[5] for line in maps.splitlines() if ".so" in line}
    assert loaded
    assert all(path.startswith(str(tool.folder)) for path in loaded)


def test_the_environment_arrives_as_it_was_given(bash_recipe: Recipe) -> None:
    program = ensure_tool(bash_recipe).program("bash")
    given = {"A": "1", "PATH": "/usr/bin", "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": "/a:/b"}
    command = "while IFS= read -r -d '' field; do echo \"$field\"; done </proc/$$/environ"
    arrived = _run(program, command, given).splitlines()
    assert sorted(arrived) == sorted(f"{name}={value}" for name, value in given.items())


def test_a_copied_cache_works(
    bash_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_tool(bash_recipe)
    cache_root().rename(tmp_path / "copy")
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path / "copy"))
    tool = find_tool(bash_recipe)
    assert tool is not None
    assert _run(tool.program("bash"), "echo hello", {}) == "hello\n"


def _failed(recipe: Recipe) -> EdgemlError:
    with pytest.raises(EdgemlError) as caught:
        ensure_tool(recipe)
    assert find_tool(recipe) is None
    assert [file.name for file in (cache_root() / "toolkit").iterdir()] == [".lock"]
    return caught.value


def test_another_version_is_refused_and_nothing_is_left(bash_recipe: Recipe) -> None:
    error = _failed(replace(bash_recipe, version="1.0"))
    assert isinstance(error, MissingToolError)
    assert "1.0 is needed" in error.problem


def test_a_library_of_the_host_is_no_substitute(
    bash_recipe: Recipe, bash_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", bash_package, tree], check=True)
    (tinfo,) = tree.rglob("libtinfo.so*")
    tinfo.unlink()
    lacking = tmp_path / "lacking" / bash_package.name
    lacking.parent.mkdir()
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(lacking)]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", str(lacking.parent))
    error = _failed(bash_recipe)
    assert isinstance(error, InternalError)
    assert "libtinfo" in error.problem
