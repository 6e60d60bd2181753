"""Boards from the command line: the list, a run and a profile under emulation."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand


def test_the_list_and_its_document_name_the_same_boards(edgeml: "RunCommand") -> None:
    document = edgeml("devices", "list", "--json").document
    assert document["schema"] == "edgeml.devices/1"
    text = edgeml("devices", "list").out
    for device in document["devices"]:
        assert device["arch"] in {"aarch64", "armv7"}
        assert f"{device['name']} " in text
    assert {"rpi4", "rpi5"} <= {device["name"] for device in document["devices"]}


def test_a_board_tells_where_its_numbers_come_from(edgeml: "RunCommand") -> None:
    outcome = edgeml("devices", "show", "rpi4", "--json")
    (board,) = outcome.document["devices"]
    for group in board["provenance"].values():
        assert group["source"]
        assert group["method"] in {"measured", "datasheet", "estimated"}
    assert "Cortex-A72" in edgeml("devices", "show", "rpi4").out


@pytest.mark.emulated
def test_a_bundle_gives_the_right_answers_on_the_emulated_board(
    edgeml: "RunCommand", converted: Path, example: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "board.json"
    outcome = edgeml(
        *("run", converted / "fashion.edgeml", example / "test.npz", "--target", "rpi4"),
        *("--limit", "3", "--save", saved, "--json"),
    )
    assert outcome.code == 0
    assert json.loads(saved.read_text()) == outcome.document
    assert outcome.document["method"] == "emulated"
    labels = (example / "labels.txt").read_text().splitlines()
    with np.load(example / "test.npz") as test:
        expected = [labels[index] for index in test["labels"][:3]]
    assert {(run["variant"], run["engine"]["name"]) for run in outcome.document["runs"]} == {
        *((f"{p}.onnx", "onnxruntime") for p in ("float32", "int8")),
        *((f"{p}.tflite", e) for p in ("float32", "int8") for e in ("litert", "litert-builtin")),
    }
    for run in outcome.document["runs"]:
        assert run["self_test"]["passed"]
        assert [prediction["label"] for prediction in run["predictions"]] == expected
        bits = run["bit_exact"]
        assert bits["samples"] == len(run["self_test"]["outputs_sha256"]) == 8
        assert bits["holds"] is (bits["identical"] == 8)
        # Integers round alike on both machines, in the engines that mean them to.
        if run["variant"].startswith("int8") and run["engine"]["name"] != "litert-builtin":
            assert bits["holds"]


@pytest.mark.emulated
def test_two_profiles_agree(edgeml: "RunCommand", converted: Path) -> None:
    command = ["profile", converted / "fashion.int8.tflite", "--target", "rpi4", "--json"]
    first, again = edgeml(*command).document, edgeml(*command, "--no-cache").document
    (one,), (other,) = first["results"], again["results"]
    assert one["instructions"] == pytest.approx(other["instructions"], rel=1e-3)
    estimate = one["latency_ms"]
    # What runs between the operators of so small a network finds other lines cached each time.
    found = pytest.approx(other["latency_ms"]["estimate"], rel=1e-3, abs=0.003)
    assert estimate["estimate"] == found
    assert 0 < estimate["low"] < estimate["estimate"] < estimate["high"]
    assert one["method"] == "emulated"


def test_here_every_engine_answers_alike(
    edgeml: "RunCommand", converted: Path, example: Path
) -> None:
    command = ["run", converted / "fashion.edgeml", example / "test.npz", "--limit", "5", "--json"]
    answers = []
    for engine in ("onnxruntime", "litert", "litert-builtin"):
        outcome = edgeml(*command, "--engine", engine)
        assert outcome.code == 0
        (run,) = outcome.document["runs"]
        assert run["engine"]["name"] == engine
        answers.append([prediction["label"] for prediction in run["predictions"]])
    assert answers[0] == answers[1] == answers[2]
