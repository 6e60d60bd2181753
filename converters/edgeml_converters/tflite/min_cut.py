"""Minimum cut of a hypergraph with two fixed sides.

Every net is replaced by two nodes joined by an edge of the net's cost (E. L. Lawler, "Cutsets and
partitions of hypergraphs", Networks 3, 1973), and the cut is found by maximum flow (E. A. Dinic,
1970).
"""

from collections import deque
from collections.abc import Hashable, Iterable, Sequence


class _Flow:
    """A flow network; ``edges`` holds [target, capacity left], each edge beside its reverse."""

    def __init__(self) -> None:
        self.edges: list[list[int]] = []
        self.outgoing: list[list[int]] = []

    def node(self) -> int:
        self.outgoing.append([])
        return len(self.outgoing) - 1

    def edge(self, start: int, end: int, capacity: int) -> None:
        self.outgoing[start].append(len(self.edges))
        self.edges.append([end, capacity])
        self.outgoing[end].append(len(self.edges))
        self.edges.append([start, 0])

    def levels(self, source: int) -> list[int]:
        """Return the distance of every node from the source, -1 where no capacity leads."""
        level = [-1] * len(self.outgoing)
        level[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for index in self.outgoing[node]:
                target, capacity = self.edges[index]
                if capacity and level[target] < 0:
                    level[target] = level[node] + 1
                    queue.append(target)
        return level

    def saturate(self, source: int, sink: int) -> list[int]:
        """Push the maximum flow; return the levels that remain."""
        while True:
            level = self.levels(source)
            if level[sink] < 0:
                return level
            unused = [0] * len(self.outgoing)
            while self._augment(source, sink, level, unused):
                pass

    def _augment(self, source: int, sink: int, level: list[int], unused: list[int]) -> bool:
        """Push flow along one shortest path; dead ends are skipped for the rest of the phase."""
        path: list[int] = []
        node = source
        while node != sink:
            if unused[node] < len(self.outgoing[node]):
                index = self.outgoing[node][unused[node]]
                target, capacity = self.edges[index]
                if capacity and level[target] == level[node] + 1:
                    path.append(index)
                    node = target
                else:
                    unused[node] += 1
            elif not path:
                return False
            else:
                node = self.edges[path.pop() ^ 1][0]
                unused[node] += 1
        pushed = min(self.edges[index][1] for index in path)
        for index in path:
            self.edges[index][1] -= pushed
            self.edges[index ^ 1][1] += pushed
        return True


def cheapest_sides(
    nets: Sequence[tuple[int, Sequence[Hashable]]],
    first: Iterable[Hashable],
    second: Iterable[Hashable],
) -> set[Hashable]:
    """Assign every item to one of two sides so that the nets with items on both cost least.

    Args:
        nets: Cost (positive) and items of every net.
        first: Items that must be on the first side.
        second: Items that must be on the second side; none of ``first``.

    Returns:
        The items of the first side; of equally cheap answers the one with the fewest.
    """
    flow = _Flow()
    source, sink = flow.node(), flow.node()
    infinite = 1 + sum(cost for cost, _ in nets)
    nodes: dict[Hashable, int] = {}
    for items in (first, second, *(items for _, items in nets)):
        for item in items:
            if item not in nodes:
                nodes[item] = flow.node()
    for item in dict.fromkeys(first):
        flow.edge(source, nodes[item], infinite)
    for item in dict.fromkeys(second):
        flow.edge(nodes[item], sink, infinite)
    for cost, items in nets:
        entry, leave = flow.node(), flow.node()
        flow.edge(entry, leave, cost)
        for item in dict.fromkeys(items):
            flow.edge(nodes[item], entry, infinite)
            flow.edge(leave, nodes[item], infinite)
    level = flow.saturate(source, sink)
    return {item for item, node in nodes.items() if level[node] >= 0}
