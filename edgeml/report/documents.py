"""What a page is made of: the documents of other commands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Documents:
    """The documents of a page, of each command one at most.

    Args:
        conversion: Of ``edgeml convert``.
        profile: Of ``edgeml profile``.
        board: Of ``edgeml run``.
        comparison: Of ``edgeml compare``.
    """

    conversion: Document | None = None
    profile: Document | None = None
    board: Document | None = None
    comparison: Document | None = None

    @property
    def given(self) -> tuple[Document, ...]:
        """Those that there are."""
        found = (self.conversion, self.profile, self.board, self.comparison)
        return tuple(document for document in found if document is not None)
