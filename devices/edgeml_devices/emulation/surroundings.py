"""What a board's Python must be told of its own file system.

A 64-bit guest needs nothing: whatever path it asks for, QEMU looks below the ``-L`` prefix first.
In a 32-bit guest that holds for ``open`` but not for ``statx``, by which the C library and Python
look whether a file is there; so every place has to be named by its path on the host.
"""

from pathlib import Path

from edgeml_devices.device import Device

_LIBRARIES = "usr/lib/arm-linux-gnueabihf"


def own_places(device: Device, root: Path) -> dict[str, str]:
    """Return the variables by which the board's Python finds its libraries below *root*."""
    if device.arch == "aarch64":
        return {}
    places = ("lib/arm-linux-gnueabihf", _LIBRARIES, f"{_LIBRARIES}/blas", f"{_LIBRARIES}/lapack")
    return {
        "PYTHONHOME": str(root / "usr"),
        "LD_LIBRARY_PATH": ":".join(str(root / place) for place in places),
    }


def packaged_modules(root: Path) -> Path:
    """Return where the distribution's packages put Python modules."""
    return root / "usr" / "lib" / "python3" / "dist-packages"
