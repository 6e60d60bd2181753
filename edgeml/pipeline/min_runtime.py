"""The oldest engines that the artifacts must run in: ``--min-runtime onnxruntime==1.16``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import onnx_ir as ir

from edgeml.pipeline.formats import Parts
from edgeml_converters.inspection import onnxruntime_limits, tflite_obstacles
from edgeml_converters.opsets import lower_model
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import InputError, UnsupportedError

_FORM: Final = re.compile(r"([a-z-]+)==(\d+(?:\.\d+)*)")
_EXAMPLE: Final = "Give an engine and a version, for example --min-runtime onnxruntime==1.16."


@dataclass(frozen=True)
class MinRuntimes:
    """Engine name to the oldest version that must run the artifacts of its format."""

    versions: Mapping[str, str] = field(default_factory=dict)

    def fit(self, graph: ir.Model, format_name: str) -> ir.Model:
        """Return *graph* in a form that the engines of the format read.

        Raises:
            UnsupportedError: A node has no form that is old enough; all are listed.
        """
        for engine, version in self._of(format_name).items():
            if engine == "onnxruntime":
                limits = onnxruntime_limits(version)
                assert limits is not None, "what is before the table was refused"
                graph = lower_model(graph, limits, f"{engine} {version}")
        return graph

    def check(self, parts: Parts, format_name: str, file_name: str) -> None:
        """Refuse a TFLite file with operators that an engine does not have.

        Raises:
            UnsupportedError: Lists them, with the version that does.
        """
        for engine, version in self._of(format_name).items():
            if engine != "tflite-runtime":
                continue  # LiteRT reads what TensorFlow Lite read; onnxruntime had its form made
            obstacles = tflite_obstacles(b"".join(parts), file_name, version)
            if obstacles:
                raise UnsupportedError(
                    f"{file_name} does not run in {engine} {version}: {'; '.join(obstacles)}.",
                    "Ask for a newer --min-runtime, or change these operators in the source.",
                )

    def _of(self, format_name: str) -> dict[str, str]:
        return {
            engine: version
            for engine, version in self.versions.items()
            if ENGINE_FORMATS[engine] == format_name
        }


def parse_min_runtimes(texts: Sequence[str], formats: Sequence[str]) -> MinRuntimes:
    """Return what ``ENGINE==VERSION`` texts ask for.

    Args:
        texts: One for each engine.
        formats: The formats that are written.

    Raises:
        InputError: A text that is not of the form, or an engine that is not known, too old, or of a
            format that is not written.
    """
    versions: dict[str, str] = {}
    for text in texts:
        match = _FORM.fullmatch(text)
        if match is None or match[1] not in ENGINE_FORMATS:
            raise InputError(
                f"--min-runtime {text!r} is no ENGINE==VERSION; the engines are "
                f"{', '.join(ENGINE_FORMATS)}.",
                _EXAMPLE,
            )
        engine, version = match.groups()
        if engine in versions:
            raise InputError(f"--min-runtime names {engine} twice.", "Give its oldest version.")
        if ENGINE_FORMATS[engine] not in formats:
            raise InputError(
                f"--min-runtime {text} is about .{ENGINE_FORMATS[engine]} files, and --to writes "
                f"{', '.join(formats)}.",
                f"Add {ENGINE_FORMATS[engine]} to --to, or leave --min-runtime {text} out.",
            )
        if engine == "onnxruntime" and onnxruntime_limits(version) is None:
            raise InputError(f"--min-runtime {text} is before onnxruntime 1.0.", _EXAMPLE)
        versions[engine] = version
    return MinRuntimes(versions)
