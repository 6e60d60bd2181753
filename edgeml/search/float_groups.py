"""Which nodes must stay float together so that the damage of a layer goes.

Rounded weights harm the layer itself. A tensor that 255 steps do not hold harms what reads it, and
it is rounded as long as one of its readers computes in integers: then they stay float with it.
"""

from typing import Final

from edgeml_converters.layers import Layer, LayerComparison

PASSED_SHARE: Final = 0.5
"""Of the damage of a layer; where less of it shows in the readers, the layer itself is to blame."""


def float_groups(layers: LayerComparison) -> tuple[tuple[str, ...], ...]:
    """Return the nodes of each quantized layer and its readers, the most damaged first."""
    readers: dict[str, list[Layer]] = {}
    for layer in layers.layers:
        for name in layer.inputs:
            readers.setdefault(name, []).append(layer)
    groups = (
        _group(layer, readers.get(layer.name, []))
        for layer in layers.worst_first
        if layer.quantized and layer.damage > 0
    )
    return tuple(dict.fromkeys(group for group in groups if group))


def _group(layer: Layer, readers: list[Layer]) -> tuple[str, ...]:
    nodes = [layer.node]
    if (layer.passed_error or 0.0) >= PASSED_SHARE * layer.damage:
        nodes += [reader.node for reader in readers if reader.quantized]
    return tuple(dict.fromkeys(node for node in nodes if node))
