"""Help is whole, and instant."""

import re
from typing import TYPE_CHECKING

import pytest

from edgeml import __version__

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

COMMANDS = (
    *("convert", "inspect", "compare", "profile", "run", "report", "doctor"),
    *("devices", "devices list", "devices show", "devices setup"),
)
HEAVY = {"numpy", "onnx", "onnx_ir", "onnxruntime", "ai_edge_litert", "cv2", "rich", "jinja2"}
OPTION = re.compile(r"^  (?:-\w, )?(--[a-z-]+)(?: <[^>]+>)?\s", re.MULTILINE)


def _options(text: str) -> dict[str, str]:
    """Return the description of each option in a help text."""
    starts = list(OPTION.finditer(text))
    ends = [*(match.start() for match in starts[1:]), text.index("Show this message")]
    return {
        m[1]: " ".join(text[m.end() : end].split()) for m, end in zip(starts, ends, strict=True)
    }


def test_every_command_is_listed(edgeml: "RunCommand") -> None:
    outcome = edgeml("--help")
    assert (outcome.code, outcome.err) == (0, "")
    listed = re.findall(r"^  (\w+)  +\w", outcome.out.partition("Commands:")[2], re.MULTILINE)
    assert sorted(listed) == sorted(name for name in COMMANDS if " " not in name)


def test_without_arguments_the_help_is_shown(edgeml: "RunCommand") -> None:
    assert edgeml() == edgeml("--help")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_every_value_too(
    edgeml: "RunCommand", command: str
) -> None:
    outcome = edgeml(*command.split(), "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert edgeml(*command.split(), "-h").out == outcome.out
    assert f"Example: edgeml {command}" in outcome.out
    for option, description in _options(outcome.out).items():
        takes_value = re.search(rf"^  (?:-\w, )?{option} <", outcome.out, re.MULTILINE) is not None
        assert not takes_value or re.search(rf"Example: (?:{option}|-\w) ", description), option


def test_options_are_found_by_this_test(edgeml: "RunCommand") -> None:
    options = _options(edgeml("convert", "--help").out)
    assert {"--quantize", "--calibrate", "--max-drop", "--json", "--debug"} <= set(options)
    assert options["--json"] == "Print one JSON document on stdout instead of text."


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_no_engine_is_loaded_for(edgeml_process: "RunCommand", option: str) -> None:
    outcome = edgeml_process(option, environment={"PYTHONPROFILEIMPORTTIME": "1"})
    assert outcome.code == 0
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in _imports(outcome.err)}
    assert {"typer", "edgeml"} <= loaded
    assert not loaded & HEAVY


def _imports(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("import time:")]


def test_the_version(edgeml: "RunCommand") -> None:
    assert edgeml("--version").out == f"edgeml {__version__}\n"
