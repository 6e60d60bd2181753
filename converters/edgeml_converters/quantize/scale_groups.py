"""Which tensors must have the same scale and zero point: a union-find over tensor names.

A group takes its scale either from the ranges of its members or from one member that is fixed by
the rules of its operator. It cannot do both.
"""

from collections.abc import Iterable

from edgeml_runtime.tensors import Quantization


class ScaleGroups:
    """Sets of tensors that share a scale.

    A tensor is *ranged* when its values decide on the scale, *fixed* when an operator dictates it,
    and neither when it only repeats the values of others.
    """

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._fixed: dict[str, Quantization] = {}
        self._ranged: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._parent

    def add_ranged(self, name: str) -> None:
        """Add *name*, unless it is known, as a tensor with values of its own."""
        if name not in self._parent:
            self._parent[name] = name
            self._ranged.add(name)

    def add_fixed(self, name: str, quantization: Quantization) -> None:
        """Add *name* as a tensor whose scale is dictated."""
        self._parent[name] = name
        self._fixed[name] = quantization

    def unite(self, names: Iterable[str], follower: str) -> bool:
        """Put *names* and the new tensor *follower*, which repeats their values, into one group.

        Returns:
            Whether that is possible; if not, nothing has changed.
        """
        roots = sorted({self.root(name) for name in names})
        fixed = {self._fixed[root] for root in roots if root in self._fixed}
        if len(fixed) > 1 or (fixed and any(root in self._ranged for root in roots)):
            return False
        for root in roots[1:]:
            self._parent[root] = roots[0]
        self._parent[follower] = roots[0]
        return True

    def root(self, name: str) -> str:
        """Return the name that stands for the group of *name*."""
        while self._parent[name] != name:
            self._parent[name] = name = self._parent[self._parent[name]]
        return name

    def fixed(self, root: str) -> Quantization | None:
        """Return the scale that is dictated to the group of *root*, if one is."""
        return self._fixed.get(root)

    def members(self) -> dict[str, list[str]]:
        """Return the groups: root to its members, in the order in which they were added."""
        groups: dict[str, list[str]] = {}
        for name in self._parent:
            groups.setdefault(self.root(name), []).append(name)
        return groups
