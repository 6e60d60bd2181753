"""Whether a .pt2 file can be read without running code that is in it.

``torch.export.load`` warns that it must not be given files from others, for it evaluates the sizes
in them, unpickles what they say is a pickle and loads the libraries they bring. What an exported
program needs is none of that, so everything else is refused. Knows the archive; needs no torch.
"""

import ast
import json
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from worker_frames import UserError  # type: ignore[import-not-found]  # lies beside this file

REMEDY: Final = "If you trust where the file is from, add --trust-pickle."
_ENTRIES: Final = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/\w+|extra/.*"
    r"|models/\w+\.json|data/sample_inputs/\w+\.pt"
    r"|data/weights/(weight_\d+|\w+_config\.json)|data/constants/(tensor_\d+|\w+_config\.json)"
)
# What sizes are made of: numbers, symbols, and functions of sympy and torch (`FloorDiv`, `Max`).
_FUNCTION: Final = re.compile(r"[A-Z]\w*|floor|ceiling|sqrt|log2|exp|abs|round|trunc")
_NAME: Final = re.compile(r"[A-Za-z]\w*")
_EXPRESSION_NODES: Final = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.Call, ast.Name),
    *(ast.Constant, ast.operator, ast.unaryop, ast.cmpop, ast.boolop, ast.keyword, ast.Load),
)


def refuse_code(path: Path) -> None:
    """Check that the archive at *path* holds nothing that would be run, and forbid pickles.

    Raises:
        UserError: It holds more than a program and its weights, or is no such archive.
    """
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        with zipfile.ZipFile(path) as archive:
            _check_entries(path, archive.namelist())
            for name in archive.namelist():
                if name.endswith(".json"):
                    _check_document(path, json.loads(archive.read(name)))
    except (zipfile.BadZipFile, ValueError, RecursionError, NotImplementedError) as error:
        raise UserError(
            f"'{path}' is truncated, damaged or no exported program: {error}.",
            "Save the model again with torch.export.save.",
        ) from error


def _check_entries(path: Path, names: list[str]) -> None:
    if len({name.lower() for name in names}) != len(names):
        raise _refusal(path, "two entries of the same name")
    if not any(name.endswith(".json") and "/models/" in name for name in names):
        raise UserError(
            f"'{path}' is no exported program.", "Save the model with torch.export.save."
        )
    for name in names:
        root, _, entry = name.partition("/")
        if not root or _ENTRIES.fullmatch(entry) is None or ".." in entry:
            raise _refusal(path, f"'{name}'")


def _check_document(path: Path, document: object) -> None:
    for key, value in _fields(document):
        if key == "expr_str" and not (isinstance(value, str) and _is_plain_expression(value)):
            raise _refusal(path, f"the size {value!r}")
        if key == "path_name" and re.fullmatch(r"(weight|tensor)_\d+", str(value)) is None:
            raise _refusal(path, f"the object '{value}'")


def _fields(document: object) -> Iterator[tuple[str, object]]:
    pending = [document]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield from item.items()
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _is_plain_expression(text: str) -> bool:
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return all(_is_plain(node) for node in ast.walk(tree))


def _is_plain(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        function = node.func
        return isinstance(function, ast.Name) and _FUNCTION.fullmatch(function.id) is not None
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):  # the name in Symbol('s0', integer=True)
            return _NAME.fullmatch(node.value) is not None
        return isinstance(node.value, (bool, int, float))
    if isinstance(node, ast.Name):
        return _NAME.fullmatch(node.id) is not None
    return isinstance(node, _EXPRESSION_NODES)


def _refusal(path: Path, what: str) -> UserError:
    return UserError(
        f"'{path}' holds {what}, which is not part of an exported program and could run code.",
        REMEDY,
    )
