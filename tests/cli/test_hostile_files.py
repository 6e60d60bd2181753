"""Damaged and hostile model files: a worded error or a result, never a traceback or a crash."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper

EXAMPLE = Path(__file__).parents[2] / "examples" / "fashion" / "fashion.onnx"
EXTREMES = (0, 1, -1, 3, 7, 65536, 2**31 - 1, 2**31, 2**62, -(2**63), 2**63 - 1)
OPERATORS = sorted({schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain})


class Commands:
    """Many command lines, each in a process of its own that is forked and not started."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("run_many.py")
        self._server = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *arguments: object) -> dict[str, Any]:
        """Return the exit code and what was written."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        print(json.dumps([str(a) for a in arguments]), file=self._server.stdin, flush=True)
        left: dict[str, Any] = json.loads(self._server.stdout.readline())
        return left

    def close(self) -> None:
        """End the server."""
        self._server.communicate(timeout=60)


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    server = Commands()
    yield server
    server.close()


def _check(left: dict[str, Any], output: Path) -> None:
    """Hold a command to its promise: an exit code for what is wrong, words, nothing half-made."""
    assert left["code"] in (0, 1, 2), left
    assert "Traceback" not in left["err"], left
    if left["code"]:
        *_, problem, remedy = left["err"].splitlines()
        assert problem.startswith("error: "), left
        assert remedy.startswith("  "), left
    if output.exists():
        assert left["code"] != 2, left
        assert not [path for path in output.iterdir() if path.name.startswith(".")]


def _with_damaged_bytes(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    kind = chance.randrange(4)
    start = chance.randrange(len(data))
    if kind == 0:
        del data[start:]
    elif kind == 1:
        for _ in range(chance.choice((1, 2, 8))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == 2:
        del data[start : start + chance.randrange(1, 64)]
    else:
        data[start:start] = data[start : start + chance.randrange(1, 200)]
    return bytes(data)


def _with_damaged_fields(content: bytes, chance: random.Random) -> bytes:
    model = onnx.load_model_from_string(content)
    graph = model.graph
    node, weights = chance.choice(graph.node), chance.choice(graph.initializer)
    names = [name for other in graph.node for name in (*other.input, *other.output)]
    kind = chance.randrange(8)
    if kind == 0:
        node.op_type = chance.choice(OPERATORS)
    elif kind == 1:
        node.input[chance.randrange(len(node.input))] = chance.choice([*names, ""])
    elif kind == 2 and node.attribute:
        attribute = chance.choice(node.attribute)
        for index in range(len(attribute.ints)):
            attribute.ints[index] = chance.choice(EXTREMES)
        attribute.i = chance.choice(EXTREMES)
    elif kind == 3 and weights.dims:
        weights.dims[chance.randrange(len(weights.dims))] = chance.choice(EXTREMES)
    elif kind == 4:
        weights.data_type = chance.randrange(30)
    elif kind == 5:
        size = chance.choice(graph.input[0].type.tensor_type.shape.dim)
        size.dim_value = chance.choice(EXTREMES)
    elif kind == 6:
        sizes = [chance.choice(EXTREMES) for _ in range(chance.randrange(1, 5))]
        name = chance.choice(["axis", "axes", "group", "kernel_shape", "pads", "perm", "strides"])
        node.attribute.append(helper.make_attribute(name, sizes))
    else:
        node.output[0] = chance.choice([*names, ""])
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("damage", [_with_damaged_bytes, _with_damaged_fields])
@pytest.mark.parametrize("part", range(2))
def test_no_onnx_file_brings_the_command_down(
    commands: Commands,
    tmp_path: Path,
    damage: Any,  # noqa: ANN401 - pytest gives it
    part: int,
) -> None:
    chance = random.Random(part)  # noqa: S311 - the same files on every run
    content = EXAMPLE.read_bytes()
    for number in range(8):
        path = tmp_path / "net.onnx"
        path.write_bytes(damage(content, chance))
        output = tmp_path / f"out{number}"
        _check(
            commands.run("convert", path, "-o", output, "--min-runtime", "onnxruntime==1.8"), output
        )
        _check(commands.run("inspect", path, "--json"), output)


def test_shapes_that_contradict_each_other_print_no_traceback(
    commands: Commands, tmp_path: Path
) -> None:
    model = onnx.load_model_from_string(EXAMPLE.read_bytes())
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 65536
    path = tmp_path / "net.onnx"
    onnx.save(model, path)
    _check(commands.run("inspect", path), tmp_path / "none")
    _check(commands.run("convert", path, "-o", tmp_path / "out"), tmp_path / "out")


def test_no_tflite_file_brings_the_command_down(
    commands: Commands, converted: Path, tmp_path: Path
) -> None:
    chance = random.Random(0)  # noqa: S311 - the same files on every run
    whole = converted / "fashion.int8.tflite"
    for _ in range(8):
        path = tmp_path / "net.tflite"
        path.write_bytes(_with_damaged_bytes(whole.read_bytes(), chance))
        _check(commands.run("compare", whole, path), tmp_path / "none")
        _check(commands.run("inspect", path, "--json"), tmp_path / "none")
