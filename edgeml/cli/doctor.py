"""`edgeml doctor`: what is installed and what is missing."""

import edgeml
from edgeml.cli.console import print_document, print_lines, print_table
from edgeml.cli.options import Debug, Json

EXAMPLE = "\b\nExample: edgeml doctor --json"
MISSING = 3


def command(as_json: Json = False, _debug: Debug = False) -> int:
    """Show what is installed and what is missing."""
    health = edgeml.doctor()
    if as_json:
        print_document(health.to_json())
    else:
        rows = [("ok" if c.ok else "MISSING", c.name, c.found) for c in health.checks]
        print_table(("", "what", "found"), rows)
        print_lines(*(f"{check.name}: {check.remedy}" for check in health.checks if not check.ok))
    return 0 if health.ok else MISSING
