"""The layers of a comparison as sentences and a table."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgeml.cli.console import print_lines, print_table

if TYPE_CHECKING:
    from edgeml_converters.layers import Layer, LayerComparison

LISTED = 20
"""How many layers the table shows."""
_NAMED = 5
"""How many tensors without a partner are named."""
_COLUMNS = (
    *("tensor", "operator", "shape", ">SQNR dB", ">largest error", ">cosine", ">saturated"),
    ">error added",
)


def print_layers(layers: "LayerComparison", *, in_order: bool, all_: bool) -> None:
    """Print what was matched, the table, the first divergence, and what to do.

    Args:
        layers: What to print.
        in_order: List as in the reference, not those that add the most error first.
        all_: List all, not the first ``LISTED`` of them.
    """
    listed = layers.layers if in_order else layers.worst_first
    shown = listed if all_ else listed[:LISTED]
    print_lines("", *_matched(layers), "")
    print_table(_COLUMNS, [_row(layer) for layer in shown])
    if len(shown) < len(listed):
        print_lines(f"{len(listed) - len(shown)} more layers with --all.")
    print_lines("", *_findings(layers))


def _matched(layers: "LayerComparison") -> Iterator[str]:
    comparable = len(layers.layers) + len(layers.unmatched)
    ways = ", ".join(f"{count} by {way}" for way, count in _ways(layers))
    fused = f"; {len(layers.fused)} more are fused away in B" if layers.fused else ""
    yield f"{len(layers.layers)} of {comparable} tensors of A matched ({ways}){fused}"
    for whose, names in (("A", layers.unmatched), ("B", layers.extra)):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield f"only in {whose}: {', '.join(names[:_NAMED])}{more}"


def _ways(layers: "LayerComparison") -> Iterator[tuple[str, int]]:
    words = {"border": "being inputs or outputs"}
    for way, count in layers.matched.items():
        yield words.get(way, way), count


def _row(layer: "Layer") -> tuple[str, ...]:
    parity = layer.parity
    sizes = ("?" if size is None else str(size) for size in layer.shape or ("?",))
    return (
        layer.name,
        layer.op,
        "x".join(sizes),
        "exact" if parity.sqnr_db == math.inf else f"{parity.sqnr_db:.1f}",
        f"{parity.rel_range:.2%}" if parity.rel_range >= 1e-4 else f"{parity.rel_range:.1e}",
        f"{parity.cosine:.6f}",
        "-" if layer.saturation is None else f"{layer.saturation:.2%}",
        f"{layer.error_added:.2%}" if layer.error_added >= 1e-4 else f"{layer.error_added:.1e}",
    )


def _findings(layers: "LayerComparison") -> Iterator[str]:
    first = layers.first_divergence
    if first is None:
        yield f"No tensor differs by more than {layers.tolerance:g} of its range."
    else:
        yield (
            f"The first tensor that differs by more than {layers.tolerance:g} of its range is "
            f"{first.name} ({first.op}): by {first.parity.rel_range:.2g} of it, "
            f"SQNR {first.parity.sqnr_db:.1f} dB."
        )
    if layers.exclude:
        names = ", ".join(f"{layer.node or layer.name} ({layer.op})" for layer in layers.exclude)
        yield f"Keep out of int8 first what adds the most error: {names}."
    yield from layers.notes
