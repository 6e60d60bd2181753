"""What the two distributions hold, and that the device's brings numpy and nothing else."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
MAX_RUNTIME_WHEEL_BYTES = 100_000
_TYPES = ("collections.abc", "typing", "edgeml_runtime")  # where types come from


def _project(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return project


def _build_wheel(source: Path, output: Path) -> Path:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            str(output),
            source,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = output.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def host_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build_wheel(ROOT, tmp_path_factory.mktemp("host"))


@pytest.fixture(scope="module")
def runtime_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build_wheel(ROOT / "runtime", tmp_path_factory.mktemp("runtime"))


def test_the_versions_agree() -> None:
    assert _project(ROOT)["version"] == _project(ROOT / "runtime")["version"]


def test_the_runtime_depends_on_numpy_alone() -> None:
    (only,) = _project(ROOT / "runtime")["dependencies"]
    assert only.startswith("numpy")


def test_the_host_wheel_holds_every_data_file(host_wheel: Path) -> None:
    held = set(zipfile.ZipFile(host_wheel).namelist())
    for base in (ROOT, ROOT / "runtime", ROOT / "converters", ROOT / "devices"):
        for package in base.glob("edgeml*"):
            for path in package.rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    assert path.relative_to(base).as_posix() in held


def test_the_host_wheel_holds_all_four_packages(host_wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(host_wheel).namelist()}
    assert {"edgeml", "edgeml_runtime", "edgeml_converters", "edgeml_devices"} <= top


def test_the_runtime_wheel_is_small_and_holds_one_package(runtime_wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(runtime_wheel).namelist()}
    assert top == {"edgeml_runtime", f"edgeml_runtime-{_project(ROOT)['version']}.dist-info"}
    assert runtime_wheel.stat().st_size <= MAX_RUNTIME_WHEEL_BYTES


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _exported(tree: ast.Module) -> set[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def _module_code(source: str) -> tuple[object, ...]:
    """Return what a module does, line by line, without its documents and types."""

    class Bare(ast.NodeTransformer):
        def __init__(self) -> None:
            self.within: list[ast.AST] = []

        def visit(self, node: ast.AST) -> Any:  # noqa: ANN401 - as its base
            self.within.append(node)
            self.generic_visit(node)
            self.within.pop()
            if isinstance(node, ast.FunctionDef):
                node.returns = None
            if isinstance(node, ast.arg):
                node.annotation = None
            fields = isinstance(self.within[-1], ast.ClassDef) if self.within else False
            if isinstance(node, ast.AnnAssign) and node.value and not fields:
                plain = ast.Assign(targets=[node.target], value=node.value)
                return ast.copy_location(plain, node)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = []  # never runs
                return node if node.orelse else None
            if isinstance(node, ast.ClassDef) and "Protocol" in map(ast.unparse, node.bases):
                node.body = []  # says what others have
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                node.body = [child for child in node.body if not _is_constant(child)]
            return node

    tree = Bare().visit(ast.parse(source))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    exported = _exported(tree)
    for node in list(tree.body):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(_TYPES):
            node.names = [alias for alias in node.names if alias.name in used | exported]
            if not node.names:
                tree.body.remove(node)
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return ast.dump(tree), [(type(node).__name__, node.lineno) for node in statements]


def test_the_runtime_wheel_does_what_the_sources_do_on_the_same_lines(runtime_wheel: Path) -> None:
    with zipfile.ZipFile(runtime_wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".py")]
        held = {name: archive.read(name).decode() for name in names}
    sources = {
        path.relative_to(ROOT / "runtime").as_posix(): path.read_text()
        for path in (ROOT / "runtime" / "edgeml_runtime").rglob("*.py")
    }
    assert sources.keys() - held.keys() == {"edgeml_runtime/cache_folder.py"}
    for name, text in held.items():
        assert _module_code(text) == _module_code(sources[name]), name
        assert len(text.splitlines()) <= len(sources[name].splitlines())


def test_every_name_that_a_module_of_the_wheel_imports_from_another_is_there(
    runtime_wheel: Path,
) -> None:
    program = """
import ast, importlib, sys, zipfile
sys.path.insert(0, sys.argv[1])
with zipfile.ZipFile(sys.argv[1]) as archive:
    names = [name for name in archive.namelist() if name.endswith(".py")]
    trees = {name: ast.parse(archive.read(name)) for name in names}
for name, tree in trees.items():
    if "__main__" not in name and "onnxruntime_engine" not in name:
        module = importlib.import_module(name[:-3].replace("/", ".").replace(".__init__", ""))
        assert module.__file__.startswith(sys.argv[1]), module.__file__
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("edgeml_runtime"):
            for alias in node.names:
                home = importlib.import_module(node.module)
                if not hasattr(home, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
"""
    arguments = [sys.executable, "-I", "-c", program, str(runtime_wheel)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_public_names_keep_their_documents(runtime_wheel: Path) -> None:
    with zipfile.ZipFile(runtime_wheel) as archive:
        session = ast.parse(archive.read("edgeml_runtime/session.py"))
    documents = {
        node.name: ast.get_docstring(node)
        for node in ast.walk(session)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef))
    }
    assert documents["load"]
    assert documents["Model"]
    assert documents["stream"]
    assert not documents["open_model"]
