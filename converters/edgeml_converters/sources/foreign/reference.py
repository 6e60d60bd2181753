"""The framework itself as the engine that every artifact is held to.

Requests and answers are an ``.npz`` each, behind its length as 8 bytes, little-endian. An answer
that holds ``__error__`` is a request that failed.
"""

import io
import struct
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from edgeml_converters.sources.foreign.child import Child
from edgeml_converters.sources.foreign.worker import Worker
from edgeml_runtime.engines.refusal import check_feeds
from edgeml_runtime.errors import InputError, InternalError
from edgeml_runtime.tensors import TensorSpec

START_TIMEOUT_S: Final = 900.0
REQUEST_TIMEOUT_S: Final = 900.0
READY: Final = "ready"
ERROR_NAME: Final = "__error__"
_LENGTH: Final = struct.Struct("<Q")


class ForeignEngine:
    """A model in its framework, in another process; the contract is that of ``Engine``.

    Args:
        worker: Serves the model.
        framework: Name and version, such as ``torch 2.13.0``.
        inputs: The inputs by their names in the exported file.
        outputs: The outputs, likewise.
        request_timeout_s: How long one request may take.
    """

    threads = 1

    def __init__(
        self,
        worker: Worker,
        framework: str,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self.name, _, self.version = framework.partition(" ")
        self.inputs = inputs
        self.outputs = outputs
        self._worker = worker
        self._request_timeout_s = request_timeout_s
        self._child: Child | None = _started(worker)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return all outputs by name; see ``Engine.run``.

        Raises:
            InputError: The inputs do not fit, or the framework refuses them.
            MissingToolError: Its process died or took too long.
        """
        if self._child is None:
            raise InputError("The model was closed.", "Load it again before running it.")
        check_feeds(self.inputs, inputs)
        values = _unpack(self._request(self._child, _pack(inputs)))
        if ERROR_NAME in values:
            raise InputError(
                f"{self._worker.spec} cannot run on these inputs: {values[ERROR_NAME]}.",
                "Give data whose values and shapes the model was made for.",
            )
        missing = [spec.name for spec in self.outputs if spec.name not in values]
        if missing:
            raise InternalError(
                f"{self._worker.spec} did not give its output {', '.join(missing)}.",
                "Report it with the model.",
            )
        return {spec.name: values[spec.name] for spec in self.outputs}

    def close(self) -> None:
        """End the framework's process."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _request(self, child: Child, data: bytes) -> bytes:
        try:
            with child.limit(self._request_timeout_s):
                child.send(_LENGTH.pack(len(data)) + data)
                header = child.output.read(_LENGTH.size)
                answer = child.output.read(*_LENGTH.unpack(header))
        except (BrokenPipeError, struct.error):
            answer = b""
        except BaseException:  # Ctrl-C: what comes next would be the answer to this request
            self.close()
            raise
        if answer and not child.timed_out:
            return answer
        error = self._worker.failure(child, "", f"running {self._worker.spec}")
        self.close()
        raise error


def _started(worker: Worker) -> Child:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="edgeml-")))
        child = worker.start("serve", folder)
        stack.push(lambda kind, *_: child.close() if kind is not None else None)
        line = ""
        with child.limit(START_TIMEOUT_S):
            for line in child.lines():
                if line == READY:
                    return child
        raise worker.failure(child, line, f"loading {worker.spec}")


def _pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]  # its stub takes the names for options
    return stream.getvalue()


def _unpack(data: bytes) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise InternalError(
            f"The framework's answer cannot be read: {error}.", "Report it with the model."
        ) from error


class References:
    """Opens the framework, and hands on one that is open already, since to start it is slow."""

    def __init__(
        self,
        worker: Worker,
        framework: str,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
    ) -> None:
        self._arguments = (worker, framework, inputs, outputs)
        self._spare: ForeignEngine | None = None

    def open(self) -> ForeignEngine:
        """Return an engine; the caller closes it."""
        engine, self._spare = self._spare, None
        return engine or ForeignEngine(*self._arguments)

    def keep(self, engine: ForeignEngine) -> None:
        """Keep an open engine for the next who asks; it goes with us if nobody does."""
        self._spare = engine

    def __del__(self) -> None:
        if self._spare is not None:
            self._spare.close()
