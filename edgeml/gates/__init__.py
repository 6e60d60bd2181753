"""What a profile must reach: a budget, a baseline, and the reports of both for a CI job.

Reads and writes ``edgeml.profile/1`` documents alone, so that a gate means the same anywhere.
"""

from edgeml.gates.baseline import MAX_REGRESSION, Baseline, load_baseline
from edgeml.gates.budget import Budget, load_budget
from edgeml.gates.judgement import Gates, Judgement, load_gates
from edgeml.gates.junit import junit_text
from edgeml.gates.markdown import markdown_text
from edgeml.gates.percentage import parse_share
from edgeml.gates.verdict import EntryKey, Verdict, crash_verdict

__all__ = [
    "MAX_REGRESSION",
    "Baseline",
    "Budget",
    "EntryKey",
    "Gates",
    "Judgement",
    "Verdict",
    "crash_verdict",
    "junit_text",
    "load_baseline",
    "load_budget",
    "load_gates",
    "markdown_text",
    "parse_share",
]
