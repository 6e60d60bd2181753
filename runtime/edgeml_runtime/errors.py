"""Every error a user can meet, the floor of all four packages.

The tree (exit codes of the command line in brackets)::

    EdgemlError
    |-- GateError            [1]  accuracy, parity or budget not met
    |   `-- EngineCrashError [1]  an engine died on the target (for example an illegal instruction)
    |-- InputError           [2]  bad input or usage
    |   `-- UnsupportedError [2]  a model that has no form in the wanted format
    |-- MissingToolError     [3]  a tool, extra, network or consent that is not there
    `-- InternalError        [4]  a defect of edgeml itself

Each error is made of a *problem* (what happened, where) and a *remedy* (what to do now), so that an
error without a way out cannot be written.
"""

from typing import ClassVar, Union


class EdgemlError(Exception):
    """A failure that is explained to the user.

    Args:
        problem: One sentence that says what happened and where.
        remedy: One sentence that says what to do about it.
    """

    exit_code: ClassVar[int] = 4

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"

    def to_json(self) -> dict[str, Union[str, int]]:
        """Return the ``edgeml.error/1`` document."""
        return {
            "schema": "edgeml.error/1",
            "problem": self.problem,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class GateError(EdgemlError):
    """A gate (accuracy, parity, budget) that was not met."""

    exit_code = 1


class EngineCrashError(GateError):
    """An engine that died while running a model on the target."""


class InputError(EdgemlError):
    """Bad input or usage."""

    exit_code = 2


class UnsupportedError(InputError):
    """A readable model with no equivalent in the wanted format or precision."""


class MissingToolError(EdgemlError):
    """A tool, an optional package, the network or the user's consent that is missing."""

    exit_code = 3


class InternalError(EdgemlError):
    """A defect of edgeml itself."""

    exit_code = 4
