"""All real models by name; to add one, add its table to ``catalog.toml``."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True)
class RealModel:
    """An ONNX file in a package; the fields are those of ``catalog.toml``, which describes them."""

    name: str
    package: str
    path: str
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def _read() -> Mapping[str, RealModel]:
    text = (files("benchmarks.real_models") / "catalog.toml").read_text(encoding="utf-8")
    models = {}
    for name, table in tomllib.loads(text).items():
        shapes = {tensor: tuple(sizes) for tensor, sizes in table.get("shapes", {}).items()}
        models[name] = RealModel(name, table["package"], table["path"], shapes)
    return MappingProxyType(models)


REAL_MODELS: Mapping[str, RealModel] = _read()
