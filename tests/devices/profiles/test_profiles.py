"""Every profile in the package holds together."""

import json
from importlib.resources import files

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation.wheels import select_wheels
from edgeml_devices.profile import list_devices, load_device

_NAMES = sorted(
    entry.name.removesuffix(".toml") for entry in (files("edgeml_devices") / "profiles").iterdir()
)


@pytest.fixture(params=_NAMES)
def device(request: pytest.FixtureRequest) -> Device:
    """Each board in turn."""
    return load_device(request.param)


def test_every_file_is_a_listed_board() -> None:
    assert [device.name for device in list_devices()] == _NAMES


def test_every_group_of_numbers_says_where_it_comes_from(device: Device) -> None:
    groups = {"board", "cpu", "caches", "emulation", "latency", "band"}
    assert set(device.provenance) == groups
    assert all(len(p.source) > 10 for p in device.provenance.values())


def test_caches_have_whole_sets_and_grow_outwards(device: Device) -> None:
    for cache in device.caches:
        assert cache.sets * cache.ways * cache.line_bytes == cache.size_kib * 1024
    levels = [device.cache(level) for level in (1, 2, 3)]
    outwards = [cache.size_kib for cache in levels if cache is not None]
    assert outwards == sorted(outwards)
    assert device.caches[-1].shared


def test_the_constant_of_the_third_level_is_there_when_the_cache_is(device: Device) -> None:
    assert (device.cache(3) is None) == (device.calibration.l3_line_ns is None)


def test_the_wheels_of_its_engines_are_locked(device: Device) -> None:
    distributions = {wheel.distribution for wheel in select_wheels(device, device.engines)}
    assert {"numpy", "onnxruntime", "ai-edge-litert"} == distributions


def test_no_version_in_use_is_known_to_be_bad(device: Device) -> None:
    for entry in device.known_bad:
        assert device.engines[entry.engine] != entry.version


def test_the_band_holds_the_estimate(device: Device) -> None:
    assert device.band.low_factor < 1.0 < device.band.high_factor


def test_the_json_entry_is_plain(device: Device) -> None:
    entry = device.to_json()
    assert json.loads(json.dumps(entry)) == entry
    assert (entry["name"], entry["arch"]) == (device.name, "aarch64")


def test_a_board_known_from_its_data_sheet_has_the_widest_band() -> None:
    widths = {d.name: d.band.high_factor / d.band.low_factor for d in list_devices()}
    assert max(widths, key=lambda name: widths[name]) == "rpi-zero2w"


def test_the_published_facts_of_the_boards() -> None:
    facts = {d.name: (d.core, d.clock_mhz, d.mca_cpu) for d in list_devices()}
    assert facts == {
        "rpi-zero2w": ("Cortex-A53", 1000, "cortex-a55"),
        "rpi3bplus": ("Cortex-A53", 1400, "cortex-a55"),
        "rpi4": ("Cortex-A72", 1500, "cortex-a72"),
        "rpi5": ("Cortex-A76", 2400, "neoverse-n1"),
    }
