"""Runs in the emulated board: inferences by an engine itself, or by the runtime.

Usage: ``overhead.py engine|run|call ENGINE MODEL BUNDLE VARIANT``. One inference counts, after some
that do not, between the markers that ``edgeml_count.c`` describes.
"""

import os
import sys

from loops import engine_call, runtime_calls  # type: ignore[import-not-found]  # copied beside it

_ATTACH, _BEGIN, _RUN_BEGIN, _RUN_END, _END = range(0x0EDCE100, 0x0EDCE105)
_WARM_UPS = 12  # Python 3.11 adapts code that has run eight times


def main() -> None:
    """Run what the command line names."""
    how, engine, model, bundle, variant = sys.argv[1:]
    alone = how == "engine"
    call = engine_call(engine, model) if alone else runtime_calls(bundle, variant, engine)[how]
    for _ in range(_WARM_UPS):
        call()
    mark(_ATTACH)
    call()
    mark(_BEGIN)
    mark(_RUN_BEGIN)
    call()
    mark(_RUN_END)
    mark(_END)


def mark(event: int) -> None:
    """Tell the counter of *event*: a system call that does nothing else, and always fails."""
    try:  # noqa: SIM105 - as in the other guest scripts
        os.sched_get_priority_max(event)
    except OSError:
        pass


if __name__ == "__main__":
    main()
