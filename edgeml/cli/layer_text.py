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
_ALSO = 3
"""How many other layers with the same trouble are named."""
_COLUMNS = (
    *("tensor", "operator", "shape", ">SQNR dB", ">largest error", ">saturated", ">error added"),
    *(">own error", ">passed on"),
)
_WORDS = (
    "SQNR            signal to quantization noise; 20 dB is an error of 10 %, 40 dB of 1 %",
    "largest error   of any value, as a part of the tensor's range",
    "saturated       values beyond the ends of B's integers",
    "error added     root mean square, of the tensor's own: what its worst input does not explain",
    "own error       the same of B's layer alone, when it is fed with A's values",
    "passed on       what that comes to in a layer that reads it, which has it in its own error",
    "damage          the larger of what a layer makes itself and passes on: the order of the rows",
)


def print_layers(layers: "LayerComparison", *, in_order: bool, all_: bool) -> None:
    """Print what was matched, the table, the first divergence, and what to do.

    Args:
        layers: What to print.
        in_order: List as in the reference, not those that do the most damage first.
        all_: List all, not the first ``LISTED`` of them.
    """
    listed = layers.layers if in_order else layers.worst_first
    shown = listed if all_ else listed[:LISTED]
    print_lines("", *_matched(layers), "")
    print_table(_COLUMNS, [_row(layer) for layer in shown])
    if len(shown) < len(listed):
        print_lines(f"{len(listed) - len(shown)} more layers with --all.")
    print_lines(
        *_WORDS,
        "",
        *_findings(layers),
        *_hints(layers),
    )


def _matched(layers: "LayerComparison") -> Iterator[str]:
    comparable = len(layers.layers) + len(layers.unmatched)
    ways = ", ".join(f"{count} by {way}" for way, count in _ways(layers))
    fused = f"; {len(layers.fused)} more are fused away in B" if layers.fused else ""
    yield f"{len(layers.layers)} of {comparable} tensors of A matched ({ways}){fused}"
    for whose, names in (("A", layers.unmatched), ("B", layers.extra)):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield f"only in {whose}: {', '.join(map(_short, names[:_NAMED]))}{more}"


def _ways(layers: "LayerComparison") -> Iterator[tuple[str, int]]:
    words = {"border": "being inputs or outputs"}
    for way, count in layers.matched.items():
        yield words.get(way, way), count


def _row(layer: "Layer") -> tuple[str, ...]:
    parity = layer.parity
    sizes = ("?" if size is None else str(size) for size in layer.shape or ("?",))
    return (
        _short(layer.name),
        layer.op,
        "x".join(sizes),
        "exact" if parity.sqnr_db == math.inf else f"{parity.sqnr_db:.1f}",
        _per_cent(parity.rel_range),
        "-" if layer.saturation is None else _per_cent(layer.saturation),
        _per_cent(layer.error_added),
        *("-" if e is None else _per_cent(e) for e in (layer.own_error, layer.passed_error)),
    )


def _per_cent(share: float) -> str:
    return f"{share:.2%}" if share == 0 or 1e-4 <= share < 100 else f"{100 * share:.1e}%"


def _short(name: str) -> str:
    """Return the first of the names that TensorFlow's converter joins for a fused operator."""
    first, joined, _ = name.partition(";")
    return f"{first};..." if joined else first


def _findings(layers: "LayerComparison") -> Iterator[str]:
    first = layers.first_divergence
    limit = f"more than {layers.tolerance:g} of its range"
    if layers.sqnr_limit_db is not None:
        limit += f" at an SQNR below {layers.sqnr_limit_db:g} dB"
    if first is None:
        yield f"No tensor differs by {limit}."
    else:
        yield (
            f"The first tensor that differs by {limit} is {_short(first.name)} ({first.op}): "
            f"by {first.parity.rel_range:.2g}, SQNR {first.parity.sqnr_db:.1f} dB."
        )
    if layers.exclude:
        names = (f"{_short(layer.keep_float)} ({layer.op})" for layer in layers.exclude)
        yield f"Keep out of int8 first what does the most damage: {', '.join(names)}."
    yield from layers.notes


def _hints(layers: "LayerComparison") -> Iterator[str]:
    """Yield what does the most damage, and what helps."""
    for place, hint in enumerate(layers.hints, 1):
        yield f"{place}. {hint.finding} Error of {100 * hint.damage:.0f} %."
        if hint.also:
            more = len(hint.also) - _ALSO
            named = ", ".join(map(_short, hint.also[:_ALSO]))
            yield f"   So in {named}{f' and {more} more' if more > 0 else ''}."
        yield f"   {hint.remedy}"
