"""The programs that edgeml brings along where the machine does not have the very same versions.

Counts and prices depend on the versions of QEMU and LLVM, so every host uses one of each: the
machine's own when it is that version and does what is needed, else that of Debian 12, unpacked
into the cache folder together with the libraries and the C library that it was built with.
"""

from edgeml_devices.toolkit.recipe import Recipe, load_recipe
from edgeml_devices.toolkit.tool import Tool, ensure_tool, find_tool, program_version

__all__ = ["Recipe", "Tool", "ensure_tool", "find_tool", "load_recipe", "program_version"]
