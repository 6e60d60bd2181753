"""How fast a model will run on a board, told without the board."""

from edgeml_devices.latency.profiler import profile_model
from edgeml_devices.latency.result import ProfileResult

__all__ = ["ProfileResult", "profile_model"]
