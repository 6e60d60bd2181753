"""Random changes of JSON documents: one place of the tree becomes something else."""

import json
import math
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Tree = Any
Bytes = Callable[[bytes], bytes]

_VALUES: tuple[Tree, ...] = (
    *(None, True, False, 0, 1, -1, 2, 3, 4, 255, 256, 32767, 65536, 2**31, 2**63 - 1, 2**63),
    *(-(2**63), 10**19, 10**30, 0.0, -0.0, 0.5, 1e-310, 1e308, -1e308, math.nan, math.inf),
    *("", "a", "..", "../a", "/a", "a/b", "a\\b", "C:a", "\0", "\u0301", "\u202e", "\ud800"),
    *("x" * 300, "0" * 64, "NCHW", "NHWC", "float32", "int8"),
    *([], {}, [[]], [0], [1, 1], [None], {"": 0}),
)


def changed(text: bytes, choose: random.Random, mutate: Bytes) -> bytes:
    """Return the JSON document *text* with one to three changes; *mutate* changes plain bytes."""
    try:
        tree = json.loads(text)
        for _ in range(choose.randint(1, 3)):
            tree = _change(tree, choose, mutate)
        return json.dumps(tree, ensure_ascii=choose.random() < 0.5).encode("utf-8")
    except (ValueError, RecursionError):  # no JSON, or nested too deep for this
        return mutate(text)


def _change(tree: Tree, choose: random.Random, mutate: Bytes) -> Tree:
    places = list(_places(tree))
    if not places or choose.random() < 0.02:
        return deepcopy(choose.choice(_VALUES))
    holder, key = choose.choice(places)
    kind = choose.randrange(7)
    if kind == 0:
        holder[key] = deepcopy(choose.choice(_VALUES))
    elif kind == 1:
        other, place = choose.choice(places)
        holder[key] = deepcopy(other[place])
    elif kind == 2:
        del holder[key]
    elif kind == 3:
        holder[key] = _near(holder[key], choose, mutate)
    elif kind == 4 and isinstance(holder, list):
        holder.insert(key, deepcopy(holder[key]))
    elif kind == 5 and isinstance(holder, dict):
        holder[str(choose.choice((key + "x", key.upper(), "more", "")))] = holder.pop(key)
    else:
        for _ in range(choose.choice((1, 2, 70, 300))):
            holder[key] = [holder[key]]
    return tree


def _near(value: Tree, choose: random.Random, mutate: Bytes) -> Tree:
    if isinstance(value, str):
        return mutate(value.encode("utf-8", "replace")).decode("utf-8", "replace")
    if isinstance(value, (int, float)):
        return choose.choice((value + 1, value - 1, -value, value * 2, value / 3, str(value)))
    return deepcopy(choose.choice(_VALUES))


def _places(tree: Tree) -> list[tuple[Any, Any]]:
    """Return every place of *tree*: the list or object, and the index or key."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree] if isinstance(tree, (dict, list)) else []
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], (dict, list)):
                waiting.append(node[key])
    return found
