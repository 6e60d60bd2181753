"""Which operator of a model an engine was running, when it says so in its own words only.

Engines fuse activations, paddings and bias additions, insert moves and conversions, and call what
is left by names of their own. What they keep is each operator that multiplies matrices, and their
order; so those are joined: by name where the engine keeps names, else by position when there are as
many of them in the engine's profile as in the model.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgeml_converters.inspection import ModelOperator
from edgeml_devices.latency.result import REST

# As the engines call those that multiply: XNNPACK in words, TFLite's own kernels in capitals,
# onnxruntime as in ONNX with words before or after ("FusedConv", "QGemm", "FusedMatMul").
_MULTIPLIES: Final = re.compile(
    r"Convolution|Deconvolution|Fully Connected|Batch Matrix Multiply"
    r"|CONV_2D|CONV_3D|TRANSPOSE_CONV|FULLY_CONNECTED|BATCH_MATMUL"
    r"|Conv$|ConvTranspose|ConvInteger|Gemm|MatMul|^(LSTM|GRU|RNN)$"
)
# What onnxruntime puts around the names of nodes that it rewrites.
_SCALES: Final = ("QuantizeLinear", "DequantizeLinear")
_PREFIX: Final = "fused "
_SUFFIX: Final = re.compile(r"_(token_\d+|nchwc)$")


@dataclass(frozen=True)
class Joined:
    """What the model says of an operator that an engine ran.

    Args:
        layer: The model's name for it; empty when it could not be found.
        macs: Of one inference; 0 for an operator that multiplies nothing, None when not known.
    """

    layer: str
    macs: int | None


def join_operators(
    run: Sequence[tuple[str, str]], model: Sequence[ModelOperator]
) -> tuple[Joined, ...]:
    """Return what the model says of each operator that an engine ran.

    Args:
        run: Name and kind of the engine's operators, in the order in which they ran.
        model: The model's operators, in the order of the file.
    """
    kinds = [kind for _, kind in run]
    same = [kind for kind in kinds if kind != REST] == [operator.type for operator in model]
    if same:  # the engine ran the file as it is
        each = iter(model)
        return tuple(Joined("", 0) if kind == REST else _joined(next(each)) for kind in kinds)
    multiplying = [at for at, kind in enumerate(kinds) if _MULTIPLIES.search(kind)]
    found = _found([run[at][0] for at in multiplying], [o for o in model if o.multiplies])
    operators = dict(zip(multiplying, found, strict=True))
    return tuple(
        _joined(operators[at]) if at in operators else Joined("", 0) for at in range(len(run))
    )


def is_quantized(model: Sequence[ModelOperator]) -> bool:
    """Return whether *model* computes with integers: it has layers of bytes, or scales for them."""
    return any((o.multiplies and o.integer) or o.type in _SCALES for o in model)


def _found(
    names: Sequence[str], model: Sequence[ModelOperator]
) -> tuple[ModelOperator | None, ...]:
    """Return the operator of the model behind each multiplying one, or None."""
    by_name: Mapping[str, ModelOperator] = {operator.name: operator for operator in model}
    named = tuple(by_name.get(_SUFFIX.sub("", name.removeprefix(_PREFIX))) for name in names)
    if None in named and len(names) == len(model):
        return tuple(model)
    return named


def _joined(operator: ModelOperator | None) -> Joined:
    return Joined("", None) if operator is None else Joined(_short(operator.name), operator.macs)


def _short(name: str) -> str:
    """Return the first of the names that TensorFlow's converter joins for a fused operator."""
    return name.partition(";")[0]
