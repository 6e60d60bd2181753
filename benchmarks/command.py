"""Running a benchmark as a command: an error is a sentence and a remedy, as everywhere."""

import sys
from collections.abc import Callable

from edgeml_runtime.errors import EdgemlError


def worded(main: Callable[[], int]) -> int:
    """Return the exit code of *main*, having printed an error that it raised."""
    try:
        return main()
    except EdgemlError as error:
        print(f"error: {error.problem}\n  {error.remedy}", file=sys.stderr)
        return error.exit_code
