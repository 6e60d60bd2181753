"""The files that tell a guest which processor it runs on."""

import re
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation.identity import identity_files, write_identity
from edgeml_devices.profile import list_devices, load_device

_CPU = "sys/devices/system/cpu"


@pytest.mark.parametrize("device", list_devices(), ids=lambda device: device.name)
def test_cpuinfo_and_sysfs_agree_on_the_core(device: Device) -> None:
    files = identity_files(device)
    cpuinfo = files["proc/cpuinfo"]

    def field(name: str) -> int:
        (value,) = set(re.findall(rf"^{name}\t*: (.*)$", cpuinfo, flags=re.MULTILINE))
        return int(value, 0)

    # Arm architecture reference manual, MIDR_EL1: implementer, variant, architecture 15, part, rev.
    midr = (
        field("CPU implementer") << 24
        | field("CPU variant") << 20
        | 0xF << 16
        | field("CPU part") << 4
        | field("CPU revision")
    )
    assert midr == device.midr
    for core in range(device.cores):
        text = files[f"{_CPU}/cpu{core}/regs/identification/midr_el1"]
        assert text == f"0x{device.midr:016x}\n"
    assert cpuinfo.count("processor\t:") == device.cores


def test_the_caches_of_a_pi_5() -> None:
    files = identity_files(load_device("rpi5"))
    read = [
        [files[f"{_CPU}/cpu2/cache/index{i}/{name}"].strip() for i in range(4)]
        for name in ("level", "type", "size", "shared_cpu_list", "shared_cpu_map")
    ]
    assert read == [
        ["1", "1", "2", "3"],
        ["Instruction", "Data", "Unified", "Unified"],
        ["64K", "64K", "512K", "2048K"],
        ["2", "2", "2", "0-3"],
        ["4", "4", "4", "f"],
    ]


def test_files_are_written_below_the_prefix(tmp_path: Path) -> None:
    device = load_device("rpi4")
    write_identity(device, tmp_path)
    assert (tmp_path / _CPU / "online").read_text() == "0-3\n"
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == set(identity_files(device))
