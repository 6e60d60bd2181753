"""Boards that models run on: what is known of each, and how to run programs as if on one.

Profiles of boards (`edgeml_devices.profile`), an emulated user space for each
(`edgeml_devices.emulation`) and the estimate of latency (`edgeml_devices.latency`).
"""

from edgeml_devices.profile import Device, list_devices, load_device

__all__ = ["Device", "list_devices", "load_device"]
