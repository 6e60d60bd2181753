"""Runs in the emulated board, or in our own Python: compiles modules.

Usage: ``compile_modules.py LIST``. Each line of LIST names a source and, after a tab, what it is
called in tracebacks. A file that is no valid Python, as some templates are not, is passed over.

Needs the standard library only, on Python 3.9 or newer, and imports as little as it can: under
emulation there is nothing compiled yet, and each import is slow.
"""

from __future__ import annotations

import py_compile
import sys

_MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH

with open(sys.argv[1], encoding="utf-8") as modules:  # noqa: PTH123 - pathlib would be compiled
    for line in modules:
        source, _, final = line.rstrip("\n").partition("\t")
        py_compile.compile(source, dfile=final, invalidation_mode=_MODE, quiet=2)
