"""The HTML page: one file, no network, made from ``--json`` documents alone."""

from edgeml.report.page import write_report

__all__ = ["write_report"]
