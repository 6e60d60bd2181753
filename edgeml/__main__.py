"""``python -m edgeml``: the command line, where its script is not on the path."""

import sys

from edgeml.cli import main

sys.exit(main())
