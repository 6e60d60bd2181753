"""Environments of tools that edgeml is compared with, set up as those of frameworks are."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from edgeml_converters.sources.foreign.environment import find_python, framework_python
from edgeml_converters.sources.foreign.framework import Framework


def read_peers(package: str) -> Mapping[str, Framework]:
    """Return the environments of the ``peers.toml`` of *package* by name."""
    text = (files(package) / "peers.toml").read_text(encoding="utf-8")
    return {
        name: Framework(
            name=name,
            title=table["title"],
            worker=Path(),
            modules=tuple(table["modules"]),
            requirements=tuple(table["requirements"]),
            pythons=tuple(table["pythons"]),
            download_mib=table["download_mib"],
        )
        for name, table in tomllib.loads(text).items()
    }


def peer_python(peer: Framework, install: bool) -> Path | None:
    """Return an interpreter that has *peer*, set up first if *install* says so, or None."""
    return framework_python(peer, lambda _: True) if install else find_python(peer)
