"""`edgeml devices add`: a board of the user's own, from a file to a target."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

_RPI4 = (files("edgeml_devices") / "profiles" / "rpi4.toml").read_text(encoding="utf-8")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Pi 4 under another name; own boards are kept in a folder of the test's."""
    monkeypatch.setenv("EDGEML_DEVICES", str(tmp_path / "boards"))
    file = tmp_path / "board.toml"
    file.write_text(_RPI4.replace('name = "rpi4"', 'name = "shop-floor"'), encoding="utf-8")
    return file


def test_an_added_board_is_listed_as_ones_own(edgeml: "RunCommand", board: Path) -> None:
    assert "shop-floor" in edgeml("devices", "add", board).out
    owners = {d["name"]: d["own"] for d in edgeml("devices", "list", "--json").document["devices"]}
    assert (owners["shop-floor"], owners["rpi4"]) == (True, False)
    rows = {line.split()[0]: line.split() for line in edgeml("devices", "list").out.splitlines()}
    assert "own" in rows["shop-floor"]
    assert "own" not in rows["rpi4"]
    assert "Cortex-A72" in edgeml("devices", "show", "shop-floor").out


def test_the_document_is_that_of_the_board(edgeml: "RunCommand", board: Path) -> None:
    document = edgeml("devices", "add", board, "--json").document
    assert document["schema"] == "edgeml.devices/1"
    assert [entry["name"] for entry in document["devices"]] == ["shop-floor"]


def test_a_second_one_needs_a_flag(edgeml: "RunCommand", board: Path) -> None:
    assert edgeml("devices", "add", board).code == 0
    again = edgeml("devices", "add", board)
    assert again.code == 2
    assert "there is a board 'shop-floor' already" in again.problem
    assert edgeml("devices", "add", board, "--replace").code == 0


def test_a_fault_names_file_key_and_what_is_allowed(edgeml: "RunCommand", board: Path) -> None:
    board.write_text(board.read_text().replace("cores = 4", "cores = 0"))
    outcome = edgeml("devices", "add", board)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.problem == f"{board}: the key 'cpu.cores' is 0."
    assert "a whole number from 1 to 64" in outcome.err


def test_a_board_whose_own_system_is_too_old_says_so(edgeml: "RunCommand") -> None:
    text = edgeml("devices", "show", "jetson-nano").out
    assert "too old for current engine wheels; a Debian 12 user space is assumed" in text


def test_a_file_that_went_bad_stops_no_other_board(
    edgeml: "RunCommand", board: Path, tmp_path: Path
) -> None:
    assert edgeml("devices", "add", board).code == 0
    kept = tmp_path / "boards" / "shop-floor.toml"
    kept.write_text(kept.read_text().replace("cores = 4", "cores = 0"))
    listed = edgeml("devices", "list")
    assert listed.code == 0
    assert "rpi4" in listed.out
    assert "shop-floor" not in listed.out
    assert f"left out: {kept}: the key 'cpu.cores' is 0." in listed.err
    document = edgeml("devices", "list", "--json").document
    assert [fault["problem"] for fault in document["faults"]] == [
        f"{kept}: the key 'cpu.cores' is 0."
    ]
    checks = {c["name"]: c for c in edgeml("doctor", "--json").document["checks"]}
    assert not checks["own boards"]["ok"]
    assert edgeml("devices", "show", "shop-floor").code == 2
