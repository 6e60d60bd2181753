"""edgeml: convert, quantize, verify and profile models for ARM boards.

The public names, by job:

=========================  ===================================================================
`convert`                  a trained model to verified ONNX and TFLite artifacts and a bundle
`Int8Options`              how `convert` makes int8, where it is not as usual
`inspect`                  what a model holds, what it needs, what cannot be converted
`compare`                  parity of any two artifacts
`profile`                  emulated latency on a board
`run`                      a bundle's predictions, here or on the emulated board
`list_devices`             the boards that can be emulated
`add_device`               a board of the user's own
`setup_device`             provision the emulation of a board
`doctor`                   what is installed, what is missing
`write_report`             one HTML page from the documents of the above
=========================  ===================================================================

Each loads what it needs when it is first used, so that ``import edgeml`` costs nothing. Each
returns a frozen dataclass whose ``to_json()`` is the ``--json`` document of the command of the same
name.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from edgeml.api.comparison import Comparison, compare
    from edgeml.api.conversion import convert
    from edgeml.api.health import Health, doctor
    from edgeml.api.inspection import inspect
    from edgeml.api.lab import DeviceList, DeviceSetup, add_device, list_devices, setup_device
    from edgeml.api.prediction import RunResult, run
    from edgeml.api.profile_result import Profile
    from edgeml.api.profiling import profile
    from edgeml.pipeline.order import Int8Options
    from edgeml.pipeline.record import Conversion
    from edgeml.report import write_report

__all__ = [
    "Comparison",
    "Conversion",
    "DeviceList",
    "DeviceSetup",
    "Health",
    "Int8Options",
    "Profile",
    "RunResult",
    "__version__",
    "add_device",
    "compare",
    "convert",
    "doctor",
    "inspect",
    "list_devices",
    "profile",
    "run",
    "setup_device",
    "write_report",
]

__version__: Final = "0.1.0"

_HOMES: Final = {
    "Comparison": "edgeml.api.comparison",
    "Conversion": "edgeml.pipeline.record",
    "DeviceList": "edgeml.api.lab",
    "DeviceSetup": "edgeml.api.lab",
    "Health": "edgeml.api.health",
    "Int8Options": "edgeml.pipeline.order",
    "Profile": "edgeml.api.profile_result",
    "RunResult": "edgeml.api.prediction",
    "add_device": "edgeml.api.lab",
    "compare": "edgeml.api.comparison",
    "convert": "edgeml.api.conversion",
    "doctor": "edgeml.api.health",
    "inspect": "edgeml.api.inspection",
    "list_devices": "edgeml.api.lab",
    "profile": "edgeml.api.profiling",
    "run": "edgeml.api.prediction",
    "setup_device": "edgeml.api.lab",
    "write_report": "edgeml.report",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names differ in type
    """Load a public name from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'edgeml' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
