"""What stands in the way of a conversion, node by node."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Blocker:
    """A node without a TFLite form.

    Args:
        node: Its name in the graph.
        op_type: Its operator.
        reason: Why it cannot be written, as the end of a sentence.
    """

    node: str
    op_type: str
    reason: str

    def __str__(self) -> str:
        return f"{self.node} ({self.op_type}): {self.reason}"


class Refusal(Exception):  # noqa: N818 - it is caught and gathered, no error of the program
    """Raised where a node is found to have no TFLite form; the writer gathers them all.

    Args:
        reason: Why, as the end of a sentence.
        inside: The nodes of its bodies that are the reason, when it has bodies.
    """

    def __init__(self, reason: str, inside: tuple[Blocker, ...] = ()) -> None:
        super().__init__(reason)
        self.inside = inside
