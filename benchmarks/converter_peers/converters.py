"""The converters as commands: what each takes, how it is called, where its file is.

To add one: its table in ``peers.toml``, a class, and its line in `CONVERTERS`.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol

import edgeml
import edgeml_converters
import edgeml_runtime
from benchmarks.converter_peers.subject import Subject
from benchmarks.peer_environments import read_peers
from edgeml_converters.sources.foreign.framework import Framework


class Converter(Protocol):
    """A converter to TFLite; a Protocol as each has a command of its own."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def version(self) -> str:
        """Another version makes other trials."""

    @property
    def peer(self) -> Framework | None:
        """The environment that it runs in; None for this one."""

    def takes(self, subject: Subject) -> bool:
        """Return whether it reads this kind of source."""

    def command(self, subject: Subject, source: Path | str, out: Path, python: Path) -> list[str]:
        """Return the command that converts.

        Args:
            subject: What to convert.
            source: A copy of its file, or the network's name.
            out: A folder that is not there yet.
            python: An interpreter that has the converter.
        """

    def file(self, out: Path) -> Path | None:
        """Return the float32 file that the command left, if any."""


class Edgeml:
    """This project: the command as users type it, everything verified."""

    name = "edgeml"
    peer = None

    @property
    def version(self) -> str:
        """A digest of what converts."""
        return _own_digest()

    def takes(self, subject: Subject) -> bool:  # noqa: ARG002 - the Protocol's
        """Return that it reads both kinds."""
        return True

    def command(self, subject: Subject, source: Path | str, out: Path, python: Path) -> list[str]:
        """Return ``edgeml convert``."""
        network = subject.network
        spec = str(source) if network is None else network.factory
        shapes = [f"{name}:{'x'.join(map(str, s))}" for name, s in subject.shapes.items()]
        if network is not None:
            shapes = [network.input_shape]
        options = [part for shape in shapes for part in ("--input-shape", shape)]
        edgeml_command = [str(python), "-m", "edgeml", "convert", spec, "-o", str(out)]
        return [*edgeml_command, "--to", "tflite", "--yes", *options]

    def file(self, out: Path) -> Path | None:
        """Return the TFLite file."""
        return next(iter(sorted(out.glob("*.float32.tflite"))), None)


class Onnx2tf:
    """onnx2tf, options as they are; sizes are given where the model leaves them free."""

    name = "onnx2tf"

    def __init__(self) -> None:
        self.peer: Framework | None = peers()["onnx2tf"]
        self.version = self.peer.requirements[0].partition("==")[2]

    def takes(self, subject: Subject) -> bool:
        """Return whether it is an ONNX file."""
        return subject.network is None

    def command(self, subject: Subject, source: Path | str, out: Path, python: Path) -> list[str]:
        """Return the command."""
        sizes = [f"{name}:{','.join(map(str, s))}" for name, s in subject.shapes.items()]
        options = ["-ois", *sizes] if sizes else []
        return [str(python.with_name("onnx2tf")), "-i", str(source), "-o", str(out), *options]

    def file(self, out: Path) -> Path | None:
        """Return the float32 file; there are others beside it."""
        return next(iter(sorted(out.glob("*_float32.tflite"))), None)


class LitertTorch:
    """litert-torch, images channels last, which gives the fewest operators."""

    name = "litert-torch"

    def __init__(self) -> None:
        self.peer: Framework | None = peers()["litert_torch"]
        self.version = self.peer.requirements[0].partition("==")[2]

    def takes(self, subject: Subject) -> bool:
        """Return whether it is a PyTorch network."""
        return subject.network is not None

    def command(self, subject: Subject, source: Path | str, out: Path, python: Path) -> list[str]:
        """Return the command: it has a Python interface only."""
        script = "benchmarks.converter_peers.litert_torch_side"
        assert subject.network is not None
        return [str(python), "-m", script, str(source), str(out / "model.tflite")]

    def file(self, out: Path) -> Path | None:
        """Return the file."""
        found = out / "model.tflite"
        return found if found.exists() else None


@cache
def peers() -> Mapping[str, Framework]:
    """Return the environments of the peers by name."""
    return read_peers("benchmarks.converter_peers")


def converters() -> tuple[Converter, ...]:
    """Return all of them, ours first."""
    return (Edgeml(), Onnx2tf(), LitertTorch())


@cache
def _own_digest() -> str:
    digest = hashlib.sha256()
    for package in (edgeml, edgeml_converters, edgeml_runtime):
        root = Path(str(package.__file__)).parent
        for path in sorted([*root.rglob("*.py"), *root.rglob("*.toml")]):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
