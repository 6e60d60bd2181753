"""A counted run divided into its operators.

Knows how the timeline's slices become work; must not know how the run was started.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from edgeml_devices.emulation.plugin import CacheCounts, Counts, Slice
from edgeml_devices.latency.blocks import loop_indices
from edgeml_devices.latency.measurement import OperatorWork
from edgeml_devices.latency.operator_timeline import operator_ranges, read_events
from edgeml_devices.latency.work import Events, Work


def operator_works(document: Mapping[str, Any], counts: Counts) -> tuple[OperatorWork, ...]:
    """Return the operators of a run with the engine's profiler on, in their order.

    Args:
        document: What the guest printed of the engine's profile.
        counts: The counter's report of the same run.

    Raises:
        InternalError: An operator has no place on the timeline.
    """
    events = read_events(document)
    loops = loop_indices(counts.blocks)
    return tuple(
        OperatorWork(
            event.name, event.kind, slices_work(counts, (counts.slices[i] for i in places), loops)
        )
        for event, places in zip(events, operator_ranges(events, counts.slices), strict=True)
    )


def whole_work(counts: Counts) -> Work:
    """Return the work of a whole run."""
    loops = loop_indices(counts.blocks)
    executions: dict[bytes, float] = {}
    for block in counts.blocks:
        executions[block.code] = executions.get(block.code, 0) + block.executions
    entries = sum(b.executions for i, b in enumerate(counts.blocks) if i not in loops)
    caches = {str(name): Events.sum([events]) for name, events in counts.caches.items()}
    return Work(executions, entries, caches)


def slices_work(counts: Counts, slices: Iterable[Slice], loops: frozenset[int]) -> Work:
    """Return the work of some slices; *loops* are the indices of blocks that are iterations."""
    executions: dict[bytes, float] = {}
    entries = 0
    events: dict[str, list[CacheCounts]] = {name: [] for name in counts.caches}
    for part in slices:
        for index, n in part.executions.items():
            code = counts.blocks[index].code
            executions[code] = executions.get(code, 0) + n
            entries += 0 if index in loops else n
        for name, found in part.caches.items():
            events[name].append(found)
    return Work(executions, entries, {name: Events.sum(found) for name, found in events.items()})
