"""Builds the board's wheel: the package without what only a reader of its source needs.

A board's wheel is fetched over slow links onto small cards, so the docstrings of inner modules, the
comments, the types of functions and of variables, the members of Protocols and what was
imported for types alone stay in the repository, and lines are indented by one space. What is left
runs the same and is line for line where it was, so that a traceback of a board points into the
repository's files. The docstrings of the public names (``__all__`` of the package) stay, for
``help()``.
"""

import ast
import io
import re
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional, Union

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "edgeml_runtime"

_PLACES = (ast.Attribute, ast.Name, ast.Subscript)
_Definition = Union[ast.ClassDef, ast.FunctionDef]


class LeanSources(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is not used
    """Puts the lean form of every module into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the modules to a folder and name them to the builder."""
        if self.target_name != "wheel" or version == "editable":
            return
        package = Path(self.root) / PACKAGE
        public = public_names((package / "__init__.py").read_text(encoding="utf-8"))
        self._folder = tempfile.TemporaryDirectory(prefix="edgeml-wheel-")
        build_data["force_include"] = {}
        for source in sorted(package.rglob("*.py")):
            name = source.relative_to(package)
            if not self.build_config.include_path(str(source.relative_to(self.root))):
                continue
            lean = Path(self._folder.name) / name
            lean.parent.mkdir(parents=True, exist_ok=True)
            text = lean_source(source.read_text(encoding="utf-8"), public)
            lean.write_text(text, encoding="utf-8")
            build_data["force_include"][str(lean)] = f"{PACKAGE}/{name.as_posix()}"


def public_names(source: str) -> frozenset[str]:
    """Return the names in the ``__all__`` of a module."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return frozenset(ast.literal_eval(statement.value))
    raise ValueError("The module has no __all__.")


def lean_source(source: str, public: frozenset[str] = frozenset()) -> str:
    """Return *source* without what only a reader of it needs, on the same lines.

    Args:
        source: Of a module.
        public: Classes and functions that keep their docstrings, and those of their methods.
    """
    tree = ast.parse(source)
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    for definition in _definitions(tree):
        if isinstance(definition, ast.FunctionDef):
            for start, end in sorted(set(_types(definition)), reverse=True):
                _cut(lines, start, end)
    _empty_docstring(tree, lines)
    for definition in _definitions(tree, public):
        _empty_docstring(definition, lines)
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and statement.value:
            _cut(lines, _end(statement.target), _end(statement.annotation))
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            _empty_types(statement, lines)
        if isinstance(statement, ast.ClassDef) and "Protocol" in map(ast.unparse, statement.bases):
            _empty(statement.body, lines)
    return _indented_less(_without_types_imports(_without_comments(b"".join(lines).decode())))


def _definitions(node: ast.AST, public: frozenset[str] = frozenset()) -> Iterator[_Definition]:
    """Yield the classes and functions in *node*, but for *public* ones and what is in them."""
    for child in ast.iter_child_nodes(node):
        is_definition = isinstance(child, (ast.ClassDef, ast.FunctionDef))
        if is_definition and child.name in public:  # type: ignore[attr-defined]  # as just asked
            continue
        if is_definition:
            yield child  # type: ignore[misc]  # as just asked
        yield from _definitions(child, public)


def _types(function: ast.FunctionDef) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield from where to where the types of arguments and result stand, with the sign before."""
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    for argument in arguments:
        if argument is not None and argument.annotation is not None:
            after_name = (argument.lineno, argument.col_offset + len(argument.arg.encode()))
            yield after_name, _end(argument.annotation)
    if function.returns is not None:
        before_arrow = (function.returns.lineno, function.returns.col_offset - len(" -> "))
        yield before_arrow, _end(function.returns)
    for node in ast.walk(function):
        if isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, _PLACES):
            yield _end(node.target), _end(node.annotation)


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _cut(lines: list[bytes], start: tuple[int, int], end: tuple[int, int]) -> None:
    if start[0] != end[0]:
        return  # a type over several lines stays
    line = lines[start[0] - 1]
    lines[start[0] - 1] = line[: start[1]] + line[end[1] :]


def _empty_docstring(node: Union[ast.Module, _Definition], lines: list[bytes]) -> None:
    if ast.get_docstring(node, clean=False) is None:
        return
    if len(node.body) == 1 and not isinstance(node, ast.Module):
        _empty(node.body, lines)
    else:
        _blank(node.body[0].lineno, node.body[0].end_lineno, lines)


def _empty(body: list[ast.stmt], lines: list[bytes]) -> None:
    """Leave ``...`` of the body of a class or function."""
    first = body[0]
    decorators = getattr(first, "decorator_list", [])
    start = min([first.lineno, *(decorator.lineno for decorator in decorators)])
    _blank(start, body[-1].end_lineno, lines)
    lines[start - 1] = b" " * first.col_offset + b"...\n"


def _empty_types(block: ast.If, lines: list[bytes]) -> None:
    """Leave nothing of a block that runs nowhere, or ``...`` of it before an ``else``."""
    if block.orelse:
        _empty(block.body, lines)
    else:
        _blank(block.lineno, block.end_lineno, lines)


def _blank(first: int, last: Optional[int], lines: list[bytes]) -> None:
    assert last is not None
    lines[first - 1 : last] = [b"\n"] * (last - first + 1)


def _without_types_imports(source: str) -> str:
    """Return *source* without the names of types that nothing in it uses any more."""
    tree = ast.parse(source)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used.update(public_names(source) if "__all__" in used else ())
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and _has_types(statement):
            left = [alias.name for alias in statement.names if alias.name in used]
            _blank(statement.lineno, statement.end_lineno, lines)
            if left:
                text = f"from {statement.module} import {', '.join(left)}\n"
                lines[statement.lineno - 1] = text.encode()
    return b"".join(lines).decode()


def _has_types(statement: ast.ImportFrom) -> bool:
    module = statement.module or ""
    return module in ("collections.abc", "typing") or module.split(".")[0] == PACKAGE


def _indented_less(source: str) -> str:
    """Return *source* with one space for four, but for the lines within a text."""
    within: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Constant, ast.JoinedStr)) and node.end_lineno != node.lineno:
            within.update(range(node.lineno + 1, (node.end_lineno or 0) + 1))
    lines = source.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if number not in within:
            bare = line.lstrip(" ")
            lines[number - 1] = " " * ((len(line) - len(bare)) // 4) + bare
    return "".join(lines)


def _without_comments(source: str) -> str:
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    return re.sub(r"[ \t]+\n", "\n", "".join(lines))
