"""What Linux says of a board's processor, as files laid below QEMU's ``-L`` prefix.

Inference engines choose kernels and thread counts by ``/proc/cpuinfo`` and
``/sys/devices/system/cpu``; under QEMU user mode they would read the host's. The layout is that of
Linux's ``Documentation/ABI/testing/sysfs-devices-system-cpu``. Must not know how the rest of a
sysroot comes about.
"""

from pathlib import Path

from edgeml_devices.device import Cache, Device

_CPU = "sys/devices/system/cpu"


def identity_files(device: Device) -> dict[str, str]:
    """Return every file that tells the board's processor: path below the prefix to text."""
    everyone = _cpu_list(range(device.cores))
    entries = {
        "proc/cpuinfo": _cpuinfo(device),
        f"{_CPU}/online": everyone,
        f"{_CPU}/possible": everyone,
        f"{_CPU}/present": everyone,
        f"{_CPU}/offline": "",
        f"{_CPU}/isolated": "",
        f"{_CPU}/kernel_max": f"{device.cores - 1}",
    }
    for core in range(device.cores):
        entries.update(_core_files(device, core))
    return {path: text if path == "proc/cpuinfo" else text + "\n" for path, text in entries.items()}


def write_identity(device: Device, root: Path) -> None:
    """Write the files of `identity_files` below *root*."""
    for path, text in identity_files(device).items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")


def _cpuinfo(device: Device) -> str:
    midr = device.midr
    fields = {
        "BogoMIPS\t": f"{device.bogomips:.2f}",
        "Features\t": " ".join(device.features),
        "CPU implementer\t": f"{midr >> 24:#04x}",
        "CPU architecture": "8",
        "CPU variant\t": f"{midr >> 20 & 0xF:#x}",
        "CPU part\t": f"{midr >> 4 & 0xFFF:#05x}",
        "CPU revision\t": f"{midr & 0xF}",
    }
    body = "".join(f"{key}: {text}\n" for key, text in fields.items())
    cores = "".join(f"processor\t: {core}\n{body}\n" for core in range(device.cores))
    return f"{cores}Model\t\t: {device.title}\n"


def _core_files(device: Device, core: int) -> dict[str, str]:
    folder = f"{_CPU}/cpu{core}"
    alone, everyone = range(core, core + 1), range(device.cores)
    entries = {
        f"{folder}/online": "1",
        f"{folder}/cpufreq/cpuinfo_max_freq": f"{device.clock_mhz * 1000}",
        f"{folder}/cpufreq/scaling_max_freq": f"{device.clock_mhz * 1000}",
        f"{folder}/regs/identification/midr_el1": f"{device.midr:#018x}",
        f"{folder}/topology/core_id": f"{core}",
        f"{folder}/topology/cluster_id": "0",
        f"{folder}/topology/physical_package_id": "0",
    }
    for name, members in {"thread_siblings": alone, "core_siblings": everyone}.items():
        entries[f"{folder}/topology/{name}"] = _cpu_mask(members)
        entries[f"{folder}/topology/{name}_list"] = _cpu_list(members)
    for index, cache in enumerate(device.caches):
        members = everyone if cache.shared else alone
        entries.update(_cache_files(cache, f"{folder}/cache/index{index}", members))
    return entries


def _cache_files(cache: Cache, folder: str, members: range) -> dict[str, str]:
    return {
        f"{folder}/level": f"{cache.level}",
        f"{folder}/type": cache.kind,
        f"{folder}/size": f"{cache.size_kib}K",
        f"{folder}/ways_of_associativity": f"{cache.ways}",
        f"{folder}/coherency_line_size": f"{cache.line_bytes}",
        f"{folder}/number_of_sets": f"{cache.sets}",
        f"{folder}/shared_cpu_list": _cpu_list(members),
        f"{folder}/shared_cpu_map": _cpu_mask(members),
    }


def _cpu_list(members: range) -> str:
    return f"{members[0]}" if len(members) == 1 else f"{members[0]}-{members[-1]}"


def _cpu_mask(members: range) -> str:
    return f"{sum(1 << member for member in members):x}"
