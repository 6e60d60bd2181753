"""The counter that runs inside QEMU: its C sources, how it is built, and what it reports."""

from edgeml_devices.emulation.plugin.build import Plugin, build_plugin, plugin_digest
from edgeml_devices.emulation.plugin.counts import (
    CacheCounts,
    CacheShape,
    ClockRead,
    Counts,
    LevelName,
    Slice,
    TranslationBlock,
    read_counts,
)

__all__ = [
    "CacheCounts",
    "CacheShape",
    "ClockRead",
    "Counts",
    "LevelName",
    "Plugin",
    "Slice",
    "TranslationBlock",
    "build_plugin",
    "plugin_digest",
    "read_counts",
]
