"""DATA as a folder of images or sounds with ``labels.csv``.

Its header is ``file,label``, and labels are class indices.
"""

import csv
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from edgeml_converters.data.image_file import read_files
from edgeml_converters.data.source import Source
from edgeml_runtime.errors import InputError
from edgeml_runtime.tensors import TensorSpec

SHOWN_FILES = 3
"""Missing files that an error names; the rest are counted."""


def open_folder(spec: str, inputs: tuple[TensorSpec, ...]) -> Source:  # noqa: ARG001 - see Form
    """Return the images or sounds that ``labels.csv`` in the folder *spec* lists, in its order.

    Raises:
        InputError: The table is unreadable, empty or without its columns, a label is no class
            index, or a file is not there.
    """
    table = Path(spec) / "labels.csv"
    labelled = list(_rows(table))
    if not labelled:
        raise InputError(f"{table} lists no files.", "Add one line file,label for each file.")
    missing = [path for path, _ in labelled if not path.is_file()]
    if missing:
        shown = ", ".join(str(path) for path in missing[:SHOWN_FILES])
        more = f" and {len(missing) - SHOWN_FILES} more" if len(missing) > SHOWN_FILES else ""
        raise InputError(
            f"{table} names files that are not there: {shown}{more}.",
            "Correct the names; they are relative to the folder of labels.csv.",
        )
    return Source(spec, partial(read_files, labelled), len(labelled), images=True)


def _rows(table: Path) -> Iterator[tuple[Path, int]]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a BOM
            rows = csv.DictReader(file, skipinitialspace=True)
            columns = [name.strip() for name in rows.fieldnames or ()]
            if "file" not in columns or "label" not in columns:
                raise InputError(
                    f"The header of {table} is '{','.join(columns)}'.",
                    "Let its first line be: file,label",
                )
            rows.fieldnames = columns
            for row in rows:
                name = (row["file"] or "").strip()
                yield table.parent / name, _class_index(row["label"], table, rows.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{table} cannot be read: {error}.", "Store it as comma-separated text in UTF-8."
        ) from error


def _class_index(text: str | None, table: Path, line: int) -> int:
    label = (text or "").strip()
    if not (label.isascii() and label.isdigit()):
        raise InputError(
            f"Line {line} of {table} has the label '{label}', which is no class index.",
            "Labels are whole numbers counted from 0.",
        )
    return int(label)
