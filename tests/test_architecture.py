"""The shape of the code: who imports whom, how long things are, what is named how."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "edgeml": ROOT / "edgeml",
    "edgeml_converters": ROOT / "converters" / "edgeml_converters",
    "edgeml_devices": ROOT / "devices" / "edgeml_devices",
    "edgeml_runtime": ROOT / "runtime" / "edgeml_runtime",
}
ALLOWED = {
    "edgeml": {"edgeml", "edgeml_converters", "edgeml_devices", "edgeml_runtime"},
    "edgeml_converters": {"edgeml_converters", "edgeml_runtime"},
    "edgeml_devices": {"edgeml_devices", "edgeml_runtime"},
    "edgeml_runtime": {"edgeml_runtime"},
}
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
HEAVY = ("onnx", "onnx_ir", "onnxruntime", "ai_edge_litert", "cv2", "torch", "jinja2")


def _sources() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            yield package, path


SOURCES = list(_sources())
SOURCE_IDS = [str(path.relative_to(ROOT)) for _, path in SOURCES]


def _imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module or ""


def test_every_package_has_sources() -> None:
    assert {package for package, _ in SOURCES} == set(PACKAGES)


@pytest.mark.parametrize(("package", "path"), SOURCES, ids=SOURCE_IDS)
def test_imports_go_one_way(package: str, path: Path) -> None:
    ours = {name.split(".")[0] for name in _imported_modules(path)} & set(PACKAGES)
    assert ours <= ALLOWED[package], f"{path} imports {ours - ALLOWED[package]}"


@pytest.mark.parametrize(("package", "path"), SOURCES, ids=SOURCE_IDS)
def test_nothing_but_the_command_line_imports_the_command_line(package: str, path: Path) -> None:
    if "cli" in path.relative_to(PACKAGES[package]).parts[:1]:
        return
    assert not [name for name in _imported_modules(path) if name.startswith("edgeml.cli.")]


@pytest.mark.parametrize(("package", "path"), SOURCES, ids=SOURCE_IDS)
def test_files_and_functions_stay_readable(package: str, path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_FILE_LINES, f"{path} is too long ({package})"
    assert path.stem not in VAGUE_NAMES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno
            assert lines <= MAX_FUNCTION_LINES, f"{path}:{node.lineno} {node.name}: {lines} lines"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "devices").rglob("*.c")), ids=lambda path: str(path.name)
)
def test_c_sources_stay_readable(path: Path) -> None:
    assert path.read_text().count("\n") <= MAX_FILE_LINES


@pytest.mark.parametrize("module", ["edgeml", "edgeml.cli", "edgeml_runtime", "edgeml_devices"])
def test_light_modules_load_no_engine(module: str) -> None:
    program = f"import {module}, sys; print(*(m for m in {HEAVY} if m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_the_runtime_loads_nothing_that_the_board_lacks() -> None:
    absent = ("typer", "rich", "pydantic")
    program = f"import edgeml_runtime, sys; print(*(m for m in {absent} if m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
