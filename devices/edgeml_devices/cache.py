"""The cache folder, under the name that the device lab knows it by, and what to do without it."""

from edgeml_runtime.cache_folder import building, cache_root, exclusive, make_folder, remove_tree

__all__ = ["COPY_A_CACHE", "building", "cache_root", "exclusive", "make_folder", "remove_tree"]

# Ends the remedy of whatever cannot be made without network or tools.
COPY_A_CACHE = (
    "copy the cache folder of a machine where 'edgeml devices setup' has run and set EDGEML_CACHE "
    "to the copy."
)
