"""Runs in the emulated board: a program that starts, loads a model and runs it once.

Usage: ``cold_start.py ENGINE LIBRARY MODEL``, where LIBRARY is the module that the engine is in.
Prints one line of JSON: the engine's version, and the resident memory after loading and after the
inference; or an ``edgeml.error/1`` document, with the error's exit code.

The counter counts from the interpreter's first instruction on; the markers, which are described in
the plugin's ``edgeml_count.c``, cut its timeline after the interpreter's start, the imports and the
loading, and before and after the inference. What lies between the third and the fourth cut is this
script's own: it looks at the memory and makes the inputs.

It imports as little as a program on a board does, and late, so that each import is in its stage.
Needs the standard library, numpy and edgeml_runtime only, on Python 3.9 or newer.
"""

from __future__ import annotations

import os
import sys

_MARKER = 0x0EDCE100
RUN_BEGIN, CALL_END = 2, 4
"""In this script's kind of run, the first one cuts the timeline and the second one ends it."""


def main() -> None:
    """Start cold, with the model that the command line names."""
    mark(RUN_BEGIN)
    name, library, model = sys.argv[1:]

    # The time that these take is what is looked for.
    import importlib  # noqa: PLC0415 - as said

    from edgeml_runtime.engines import open_engine  # noqa: PLC0415 - as said
    from edgeml_runtime.errors import EdgemlError  # noqa: PLC0415 - as said

    importlib.import_module(library)
    mark(RUN_BEGIN)
    try:
        engine = open_engine(name, model, threads=1)
    except EdgemlError as error:
        _print_json(error.to_json())
        sys.exit(error.exit_code)
    mark(RUN_BEGIN)
    loaded_kib = resident_kib()
    import numpy as np  # noqa: PLC0415 - the runtime has imported it before

    # Filled, as memory that nobody wrote to is not resident.
    feeds = {s.name: np.full([n or 1 for n in s.shape], 0, s.dtype) for s in engine.inputs}
    mark(RUN_BEGIN)
    engine.run(feeds)
    mark(CALL_END)
    resident = {"load": loaded_kib, "first_inference": resident_kib()}
    _print_json({"version": engine.version, "resident_kib": resident})


def mark(event: int) -> None:
    """Tell the counter of *event*: a system call that does nothing else, and always fails."""
    try:  # noqa: SIM105 - contextlib is not loaded yet
        os.sched_get_priority_max(_MARKER + event)
    except OSError:
        pass


def resident_kib() -> int:
    """Return the memory that this program has resident, without the emulator's own.

    The emulator answers ``/proc/self/maps`` itself and lists the guest's mappings only, but without
    sizes in memory. Under the other name of the same folder there are the kernel's figures, for all
    mappings of the process. A 64-bit guest's addresses are the same in both.
    """
    with open("/proc/thread-self/smaps", "rb") as file:  # noqa: PTH123 - pathlib is not loaded
        figures = file.read()
    with open("/proc/self/maps", "rb") as file:  # noqa: PTH123 - as said
        own = {_bounds(line) for line in file.read().splitlines()}
    total = 0
    counted = False
    for line in figures.splitlines():
        key, _, value = line.partition(b" ")
        if not key.endswith(b":"):
            begin, end = _bounds(line)
            counted = any(begin < other_end and other_begin < end for other_begin, other_end in own)
        elif counted and key == b"Rss:":
            total += int(value.split()[0])
    return total


def _bounds(line: bytes) -> tuple[int, int]:
    begin, _, end = line.split(b" ", 1)[0].partition(b"-")
    return int(begin, 16), int(end, 16)


def _print_json(document: object) -> None:
    import json  # noqa: PLC0415 - no part of the start

    print(json.dumps(document))


if __name__ == "__main__":
    main()
