"""A model in LiteRT's compiled-model interface, whose profiler tells what each operator took.

The Python interpreter of LiteRT offers no profile; the C interface does, which this reaches by
ctypes. Headers: https://github.com/google-ai-edge/LiteRT, folder ``litert/c``. Needs the standard
library, numpy and ai-edge-litert 2.x.
"""

from __future__ import annotations

import ctypes
import importlib.util
import struct
from pathlib import Path
from typing import Any

import numpy as np

from edgeml_runtime.errors import UnsupportedError

_CPU = 1
_TENSOR_TYPE_BYTES = 256
_EVENT_BYTES = 104
_GRAPH_OFFSET = 88
_DEFAULT, _BUILTIN_OPERATOR, _DELEGATED_OPERATOR = 1, 2, 8
_WRITE = 1
_Handle = ctypes.c_void_p
_KERNEL_MODES = {"litert": 0, "litert-builtin": 2}


class LitertModel:
    """One loaded model with zeroed buffers; ``library`` keeps the functions it calls."""

    def __init__(self, path: str, engine: str) -> None:
        package = importlib.util.find_spec("ai_edge_litert")
        assert package is not None, "the engine was opened before"
        assert package.origin is not None, "a package has a file"
        self._library = ctypes.CDLL(str(Path(package.origin).parent / "libLiteRt.so"))
        self._release = ctypes.CFUNCTYPE(None, _Handle)(_keep)
        self._texts: list[ctypes.c_char_p] = []
        self._environment = self._make("LiteRtCreateEnvironment", 0, None)
        model = self._make("LiteRtCreateModelFromFile", self._environment, path.encode())
        self._compiled = self._make(
            "LiteRtCreateCompiledModel", self._environment, model, self._options(engine)
        )
        self._profiler = self._make("LiteRtCompiledModelGetProfiler", self._compiled)
        graph = _Handle()
        self._call("LiteRtGetModelSubgraph", model, 0, ctypes.byref(graph))
        self._inputs = self._buffers("Input", graph)
        self._outputs = self._buffers("Output", graph)

    def write(self, arrays: list[np.ndarray]) -> None:
        """Fill the inputs, in the order of the file."""
        for buffer, array in zip(self._inputs, arrays):  # noqa: B905 - Python 3.9
            place = _Handle()
            handle = _Handle(buffer)
            self._call("LiteRtLockTensorBuffer", handle, ctypes.byref(place), _WRITE)
            data = np.ascontiguousarray(array)
            ctypes.memmove(place, data.ctypes.data, data.nbytes)
            self._call("LiteRtUnlockTensorBuffer", handle)

    def prepare(self) -> Any:  # noqa: ANN401 - a call without arguments
        """Return one inference as a call, with its arguments made beforehand."""
        run = self._library.LiteRtRunCompiledModel
        arguments = (
            self._compiled,
            ctypes.c_size_t(0),
            ctypes.c_size_t(len(self._inputs)),
            self._inputs,
            ctypes.c_size_t(len(self._outputs)),
            self._outputs,
        )
        return lambda: run(*arguments)

    def restart_profile(self) -> None:
        """Forget the events so far and record from here."""
        self._library.LiteRtStopProfiler(self._profiler)
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)

    def events(self) -> list[dict[str, Any]]:
        """Return the operators that ran, in order: name, start (if known) and duration in us."""
        self._call("LiteRtStopProfiler", self._profiler)
        count = ctypes.c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, ctypes.byref(count))
        records = ctypes.create_string_buffer(_EVENT_BYTES * count.value)
        self._call("LiteRtGetProfilerEvents", self._profiler, count, records)
        found = []
        for index in range(count.value):
            tag, kind = struct.unpack_from("<Qi", records, index * _EVENT_BYTES)
            start_us, elapsed_us = struct.unpack_from("<QQ", records, index * _EVENT_BYTES + 16)
            (graph,) = struct.unpack_from("<q", records, index * _EVENT_BYTES + _GRAPH_OFFSET)
            # What runs in the body of a loop or a choice is part of that operator.
            if kind not in (_BUILTIN_OPERATOR, _DELEGATED_OPERATOR) or graph != 0:
                continue
            name = ctypes.string_at(tag).decode()
            delegated = kind == _DELEGATED_OPERATOR
            found.append(
                {
                    "name": name,
                    "start_us": None if delegated else start_us,
                    "duration_us": elapsed_us,
                }
            )
        return found

    def _options(self, engine: str) -> _Handle:
        options = self._make("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, _CPU)
        self._add(options, b"runtime_options_string", b"enable_profiling = true\n")
        mode = _KERNEL_MODES[engine]
        self._add(options, b"xnnpack", f"num_threads = 1\nkernel_mode = {mode}\n".encode())
        return options

    def _add(self, options: _Handle, identifier: bytes, text: bytes) -> None:
        kept = ctypes.c_char_p(text)
        self._texts.append(kept)
        opaque = self._make("LiteRtCreateOpaqueOptions", identifier, kept, self._release)
        self._call("LiteRtAddOpaqueOptions", options, opaque)

    def _buffers(self, side: str, graph: _Handle) -> Any:  # noqa: ANN401 - an array type of ctypes
        count = ctypes.c_size_t()
        self._call(f"LiteRtGetNumSubgraph{side}s", graph, ctypes.byref(count))
        buffers = (_Handle * count.value)()
        for index in range(count.value):
            tensor = _Handle()
            self._call(f"LiteRtGetSubgraph{side}", graph, index, ctypes.byref(tensor))
            tensor_type = ctypes.create_string_buffer(_TENSOR_TYPE_BYTES)
            self._call("LiteRtGetRankedTensorType", tensor, tensor_type)
            _fix_free_sizes(tensor_type)
            needs = self._make(
                f"LiteRtGetCompiledModel{side}BufferRequirements", self._compiled, 0, index
            )
            buffers[index] = self._make(
                "LiteRtCreateManagedTensorBufferFromRequirements",
                self._environment,
                tensor_type,
                needs,
            ).value
        return buffers

    def _make(self, name: str, *arguments: Any) -> _Handle:  # noqa: ANN401 - what C takes
        handle = _Handle()
        self._call(name, *arguments, ctypes.byref(handle))
        return handle

    def _call(self, name: str, *arguments: Any) -> None:  # noqa: ANN401 - what C takes
        status = getattr(self._library, name)(*arguments)
        if status != 0:
            raise UnsupportedError(
                f"LiteRT cannot profile this model by operator: {name} gave status {status}.",
                "Its whole latency can be estimated all the same.",
            )


def _fix_free_sizes(tensor_type: Any) -> None:  # noqa: ANN401 - a buffer of ctypes
    """Set sizes of -1 to 1: element type, rank in 7 bits, then up to 8 sizes of 32 bits."""
    rank = struct.unpack_from("<I", tensor_type, 4)[0] & 0x7F
    for axis in range(rank):
        (size,) = struct.unpack_from("<i", tensor_type, 8 + 4 * axis)
        if size < 0:
            struct.pack_into("<i", tensor_type, 8 + 4 * axis, 1)


def _keep(_: int) -> None:
    """Free nothing: Python owns the text of an option."""
