"""A layer with all that was measured around it: what the causes are judged by."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgeml_converters.layers.blocks import find_blocks
from edgeml_converters.layers.channels import Numbers
from edgeml_converters.layers.diagnosis.flat_functions import flat_readers
from edgeml_converters.layers.families import load_families
from edgeml_converters.layers.matching import Pair
from edgeml_converters.layers.network import INPUT, Grid, Network
from edgeml_converters.layers.report import Layer
from edgeml_converters.layers.statistics import Values
from edgeml_converters.layers.weights import Weights

_CORRELATED = 3.0
"""How much more errors may come to than if they were independent."""


@dataclass(eq=False)
class Scene:
    """A compared tensor and its neighbours; these are set once all are there.

    Args:
        layer: What was measured of the tensor.
        values: What its values are like.
        weights: The integer weights of the product that makes it, if one does.
        is_output: Whether it is what the model gives.
        sources: The nearest compared tensors before it.
        readers: The tensors made of it, compared or not, by operator; moves are looked through.
    """

    layer: Layer
    values: Values
    weights: Weights | None
    is_output: bool
    sources: "tuple[Scene, ...]" = ()
    readers: "tuple[tuple[str, Scene | None], ...]" = ()

    @property
    def name(self) -> str:
        """What names the layer to ``--keep-float``; for an input, the first layer that reads it."""
        if self.layer.op == INPUT:
            return next((reader.name for _, reader in self.readers if reader), self.layer.name)
        return self.layer.keep_float

    @property
    def words(self) -> str:
        """Words for the tensor: its name, and its operator's where that is another."""
        node, name = self.layer.node, self.layer.name.partition(";")[0]
        return f"{name} (of {node})" if node and not name.startswith(node) else name

    @property
    def ops(self) -> tuple[str, ...]:
        """The operators that read it."""
        return tuple(op for op, _ in self.readers)

    @property
    def shielded(self) -> bool:
        """Whether only functions that are flat somewhere read it."""
        return not self.is_output and bool(flat_readers(tuple(self._functions())))

    def _functions(self) -> Iterator[str]:
        """Yield the operators that read it, or that read a sum of it, where that is flat."""
        for op, reader in self.readers:
            if op == "Add" and reader is not None and reader.shielded:
                yield from reader.ops
            else:
                yield op

    @property
    def grid(self) -> Grid | None:
        """The candidate's integers."""
        return self.layer.grid

    @property
    def power(self) -> float:
        """The mean square of the values, never 0."""
        return self.values.mean_power

    @property
    def rounding(self) -> float:
        """The error of nothing but its own rounding, as a share of its root mean square."""
        return math.sqrt(float(self.values.rounding.mean()) / self.power)

    def passed_on(self, noise: Numbers) -> float:
        """Return the most that errors of it come to in a product that reads it.

        Args:
            noise: Their mean square in each channel.
        """
        found = [
            reader.share(reader.weights.passed_on(noise))
            for _, reader in self.readers
            if reader is not None
            and reader.weights is not None
            and reader.sources == (self,)
            and noise.size == reader.weights.inputs
        ]
        return max(found, default=0.0)

    def brought(self, noise: Numbers) -> float:
        """Return what errors of it come to in it or in what reads it, whichever is more."""
        return max(math.sqrt(float(noise.mean()) / self.power), self.passed_on(noise))

    def share(self, noise: Numbers) -> float:
        """Return errors before its activation as a share of its root mean square behind it."""
        return math.sqrt(float(noise.mean()) * self.passing / self.power)

    @cached_property
    def passing(self) -> float:
        """The share of the errors' power that its activation lets through.

        A Relu or Clip holds back what arises where it is flat. That is measured: it is what is
        left of the error that the roundings of weights and input must make.
        """
        alone = self.layer.alone
        if self.weights is None or len(self.sources) != 1 or alone is None:
            return 1.0
        source = self.sources[0].values
        predicted = self.weights.passed_on(matching(source.rounding, self.weights)).mean()
        predicted += self.weights.own_noise(matching(source.power, self.weights)).mean()
        measured = float(alone.power.mean() - self.values.rounding.mean())
        return min(1.0, max(0.0, measured) / float(predicted)) if predicted else 1.0

    @property
    def crest(self) -> float:
        """How far the largest value lies above the root mean square of its own channel."""
        magnitudes = self.values.magnitudes
        at = int(magnitudes.argmax())
        power = float(self.values.power[at])
        return float(magnitudes[at]) / math.sqrt(power) if power else 1.0

    @property
    def harm(self) -> float:
        """The most that its own rounding damages it, or a layer that reads it."""
        if self.shielded:
            return self.passed_to_functions
        return max(self.brought(self.values.rounding), self.passed_to_functions)

    @property
    def passed_to_functions(self) -> float:
        """The most that its rounding comes to in a reader without weights."""
        readers = (reader for _, reader in self.readers if reader is not None)
        found = [
            r.input_error if r.sources == (self,) else r.layer.own_error or 0.0
            for r in readers
            if r.weights is None
        ]
        return max(found, default=0.0)

    def input_noise(self) -> float:
        """Return what the rounding of its input brings, as a share of its root mean square."""
        if self.weights is None or len(self.sources) != 1:
            return 0.0
        noise = matching(self.sources[0].values.rounding, self.weights)
        return self.share(self.weights.passed_on(noise))

    @property
    def input_error(self) -> float:
        """The part of its own error that comes from the rounding of its one input.

        It is what its weights and its own rounding leave, where the input's rounding can come to
        that much: its errors need not be independent, and a function may make more of them.
        """
        own = self.layer.own_error
        if own is None or len(self.sources) != 1:
            return 0.0
        source = self.sources[0]
        if self.weights is not None:
            noise = self.weights.passed_on(matching(source.values.rounding, self.weights))
            most = _CORRELATED * math.sqrt(float(noise.mean()) / self.power)
        else:
            most = math.inf if source.shielded else _CORRELATED * source.rounding
        made = float(self.weight_noise().mean()) / self.power + self.rounding**2
        return min(math.sqrt(max(0.0, own**2 - made)), most)

    def weight_noise(self) -> Numbers:
        """Return the mean square in each channel of what the rounding of its weights brings."""
        if self.weights is None or len(self.sources) != 1:
            return np.zeros(1)
        power = matching(self.sources[0].values.power, self.weights)
        return self.weights.own_noise(power) * self.passing


def matching(numbers: Numbers, weights: Weights) -> Numbers:
    """Return a number for each channel that the weights read; the mean where they are others."""
    return numbers if numbers.size == weights.inputs else np.asarray(numbers.mean())


def build_scenes(
    layers: Sequence[Layer],
    pairs: Sequence[Pair],
    mine: Network,
    theirs: Network,
    weights: Callable[[int], Weights | None],
) -> tuple[Scene, ...]:
    """Return a scene for each of *layers* whose values are known.

    Args:
        layers: What was measured.
        pairs: The same as positions in the networks.
        mine: The reference.
        theirs: The candidate.
        weights: Gives the candidate's weights by position.
    """
    firsts = {at: block.members for block in find_blocks(theirs) for at in block.members}
    scenes: dict[int, Scene] = {}
    for layer, pair in zip(layers, pairs, strict=True):
        if layer.values is not None:
            chain = [at for at in firsts.get(pair.candidate, ()) if at <= pair.candidate]
            held = next((found for at in chain if (found := weights(at)) is not None), None)
            is_output = pair.reference in mine.outputs
            scenes[pair.reference] = Scene(layer, layer.values, held, is_output)
    names = {scene.layer.name: scene for scene in scenes.values()}
    for at, scene in scenes.items():
        scene.sources = tuple(names[name] for name in scene.layer.inputs if name in names)
        scene.readers = tuple(_readers(mine, at, scenes))
    return tuple(scenes.values())


def _readers(
    network: Network, at: int, scenes: Mapping[int, Scene]
) -> "list[tuple[str, Scene | None]]":
    """Return what reads a tensor, with the scene of the block that ends with it."""
    moves = load_families().moves
    readers = network.readers()
    found: list[tuple[str, Scene | None]] = []
    waiting = list(dict.fromkeys(readers[at]))
    while waiting:
        reader = waiting.pop(0)
        op = network.tensors[reader].op
        if op in moves:
            waiting.extend(readers[reader])
        else:
            found.append((op, _next_scene(reader, scenes, readers)))
    return found


def _next_scene(
    at: int, scenes: Mapping[int, Scene], readers: Sequence[Sequence[int]]
) -> Scene | None:
    """Return the scene of a tensor, or of what alone is made of it."""
    while at not in scenes and len(readers[at]) == 1:
        at = readers[at][0]
    return scenes.get(at)
