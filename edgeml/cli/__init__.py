"""The command line: parses, calls `edgeml`, prints; knows nothing of models.

`main` is the one place where errors become text and exit codes.
"""

from edgeml.cli.entry import main

__all__ = ["main"]
