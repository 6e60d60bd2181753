"""All tasks by name; to add one, write its module and add its line."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from benchmarks.int8_tasks.task import Task

_MODULES = {
    "ppocr_cls": "text_direction",
    "ppocr_rec": "text_recognition",
    "ppocr_det": "text_detection",
    "dog_breeds": "dog_breeds",
    "dnsmos": "speech_quality",
    "dnsmos_v8": "spectrum_quality",
    "basic_pitch": "chords",
    "minilm": "sentences",
}


def _maker(module: str) -> Callable[[], Task]:
    def make() -> Task:
        task: Task = import_module(f"benchmarks.int8_tasks.{module}").task()
        return task

    return make


TASKS: Mapping[str, Callable[[], Task]] = MappingProxyType(
    {name: _maker(module) for name, module in _MODULES.items()}
)
