"""Every published row that counts means something that edgeml can predict."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from benchmarks.networks import NETWORKS
from benchmarks.published_rows import Case, PublishedRow, case_file, case_of, read_rows, row_weights
from edgeml_devices import load_device
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import InputError

ROWS = read_rows()
USABLE = tuple(row for row in ROWS if row.usable)


def _cases() -> list[tuple[PublishedRow, Case]]:
    cases = []
    for row in USABLE:
        case = case_of(row)
        assert case is not None, row
        cases.append((row, case))
    return cases


def test_all_rows_are_read() -> None:
    assert (len(ROWS), len(USABLE)) == (96, 75)
    assert all(row.latency_ms > 0 and row.source and row.commit for row in ROWS)
    assert all(row.usable == (not row.unusable_because) for row in ROWS)


def test_every_usable_row_is_of_a_device_and_an_engine_that_exist() -> None:
    for row, case in _cases():
        device = load_device(case.target)
        assert row.threads == case.threads <= device.cores
        assert ENGINE_FORMATS[case.engine] == "tflite"
        assert case.engine in device.engines


def test_clocks_are_those_of_the_devices_but_for_the_slower_sibling() -> None:
    slower = {
        row.device: case.clock_mhz
        for row, case in _cases()
        if case.clock_mhz != load_device(case.target).clock_mhz
    }
    assert slower == {"Raspberry Pi 3B V1.2": 1200}


def test_every_usable_row_of_a_network_has_its_input_size() -> None:
    networks = [(row, NETWORKS[case.model]) for row, case in _cases() if case.model in NETWORKS]
    assert len(networks) == 25
    for row, network in networks:
        assert row.input_shape == (1, network.input_size, network.input_size, 3)


def test_every_other_usable_row_has_its_file(latency_models_folder: str) -> None:
    others = [row for row, case in _cases() if case.model not in NETWORKS]
    assert {row.model.lower() for row in others} == {"efficientdet-lite0", "efficientdet-lite2"}
    for row in others:
        assert case_file(row).parent == Path(latency_models_folder) / "models"


def test_a_network_is_built_below_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path))
    row = next(row for row in USABLE if row.model == "mobilenet-v1-0.25-128-quantized")
    path = case_file(row)
    assert path.is_relative_to(tmp_path)
    assert path.name.startswith("mobilenet-v1-0.25-128-int8-")


def test_a_missing_model_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEML_LATENCY_MODELS", raising=False)
    row = next(row for row in USABLE if row.model == "efficientdet-lite0")
    with pytest.raises(InputError, match="EDGEML_LATENCY_MODELS"):
        case_file(row)


def test_what_we_have_no_board_or_model_for_has_no_case() -> None:
    without = {row.device if "yolo" not in row.model else row.model for row in ROWS} - {
        row.device for row in ROWS if case_of(row) is not None
    }
    assert without == {"Raspberry Pi Zero W", "Raspberry Pi 2", "yolov8n", "yolov8s"}
    with pytest.raises(InputError, match="yolov8n"):
        case_file(next(row for row in ROWS if row.model == "yolov8n"))


def test_a_group_holds_both_types_and_all_boards_of_a_model() -> None:
    members = defaultdict(set)
    for row, case in _cases():
        members[case.model].add((row.device, case.precision))
    assert len(members) == 15
    assert members["efficientnet-lite0"] == {
        ("Raspberry Pi 4B", "float32"),
        ("Raspberry Pi 4B", "int8"),
    }
    assert len({device for device, _ in members["efficientdet_lite0"]}) == 4


def test_repeats_weigh_as_one() -> None:
    weights = row_weights(USABLE)
    repeated = Counter(
        (row.model, row.dtype, row.device)
        for row, weight in zip(USABLE, weights, strict=True)
        if weight == 0.5
    )
    assert set(repeated.values()) == {2}
    assert sum(weights) == len(USABLE) - len(repeated) == 72
