"""Every profile in the package holds together."""

import json
from importlib.resources import files

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation.wheels import compatible_sets, select_wheels
from edgeml_devices.profile import list_devices, load_device
from edgeml_runtime.errors import UnsupportedError

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
    groups = {"board", "cpu", "caches", "software", "emulation"}
    if device.timing is not None:
        groups |= {"latency", "band"}
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
    if device.timing is not None:
        assert (device.cache(3) is None) == (device.calibration.l3_line_ns is None)


def test_64_bit_boards_are_timed_and_others_say_why_not(device: Device) -> None:
    if device.arch == "aarch64":
        assert device.timing is not None
        assert device.band.low_factor < 1.0 < device.band.high_factor
    else:
        with pytest.raises(UnsupportedError, match=r"only 64-bit code can be timed"):
            device.calibration  # noqa: B018 - reading it is what fails
        assert any("no estimate of latency" in note for note in device.notes)


def test_the_wheels_of_its_engines_are_locked(device: Device) -> None:
    for engines in compatible_sets(device, device.engines):
        distributions = {wheel.distribution for wheel in select_wheels(device, engines)}
        assert distributions <= {"numpy", "onnxruntime", "ai-edge-litert", "tflite-runtime"}


def test_no_version_in_use_is_known_to_be_bad(device: Device) -> None:
    for entry in device.known_bad:
        assert device.engines[entry.engine] != entry.version


def test_the_json_entry_is_plain(device: Device) -> None:
    entry = device.to_json()
    assert json.loads(json.dumps(entry)) == entry
    assert (entry["name"], entry["arch"]) == (device.name, device.arch)
    assert ("calibration" in entry, entry["band"] is None) == (True, device.timing is None)
    assert not entry["own"]


def test_a_board_known_from_its_data_sheet_has_a_wider_band() -> None:
    timed = [device for device in list_devices() if device.timing is not None]
    widths = {d.name: d.band.high_factor / d.band.low_factor for d in timed}
    calibrated = {"rpi3bplus", "rpi4", "rpi5"}
    widest = max(widths[name] for name in calibrated)
    assert all(widths[name] > widest for name in widths if name not in calibrated)


def test_the_constants_of_a_core_are_those_of_its_sibling_in_cycles() -> None:
    siblings = {
        "rpi4": ("jetson-nano", "odroid-n2plus", "bbai64"),
        "rpi5": ("rock5b",),
        "rpi3bplus": ("rpi-zero2w", "coral-dev"),
    }
    for origin, names in siblings.items():
        given = load_device(origin)
        for device in map(load_device, names):
            ours, theirs = device.calibration, given.calibration
            assert ours.compute_factor == theirs.compute_factor
            assert ours.block_entry_cycles == theirs.block_entry_cycles
            assert ours.l2_line_cycles == pytest.approx(theirs.l2_line_cycles, rel=0.03)


def test_the_published_facts_of_the_boards() -> None:
    facts = {d.name: (d.core, d.cores, d.clock_mhz, d.qemu_cpu) for d in list_devices()}
    assert facts == {
        "bbai64": ("Cortex-A72", 2, 2000, "cortex-a72"),
        "coral-dev": ("Cortex-A53", 4, 1500, "cortex-a53"),
        "jetson-nano": ("Cortex-A57", 4, 1430, "cortex-a57"),
        "odroid-n2plus": ("Cortex-A73", 4, 2400, "cortex-a72"),
        "rock5b": ("Cortex-A76", 4, 2400, "cortex-a76"),
        "rpi-zero2w": ("Cortex-A53", 4, 1000, "cortex-a53"),
        "rpi2-armv7": ("Cortex-A7", 4, 900, "cortex-a7"),
        "rpi3-armv7": ("Cortex-A53", 4, 1200, "cortex-a15"),
        "rpi3bplus": ("Cortex-A53", 4, 1400, "cortex-a53"),
        "rpi4": ("Cortex-A72", 4, 1500, "cortex-a72"),
        "rpi4-armv7": ("Cortex-A72", 4, 1500, "cortex-a15"),
        "rpi5": ("Cortex-A76", 4, 2400, "cortex-a76"),
    }


@pytest.mark.parametrize("name", ["jetson-nano", "coral-dev"])
def test_a_board_whose_own_system_is_too_old_says_what_is_assumed(name: str) -> None:
    assert any("too old" in note and "Debian 12" in note for note in load_device(name).notes)
