"""Debian's archive as a source of files: which mirror, by which keys, and apt without root.

Must not know what the packages are for.
"""
