"""``python -m edgeml_runtime``: the command ``edgeml-runtime``."""

import sys

from edgeml_runtime.cli import main

if __name__ == "__main__":
    sys.exit(main())
