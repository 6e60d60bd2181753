"""What the float model answers, where that is what int8 is held to."""

from collections.abc import Iterable
from contextlib import closing

import numpy as np

from benchmarks.int8_tasks.task import Arrays, Task
from edgeml_converters.sources import load_source


def float_readings(task: Task, questions: Iterable[Arrays]) -> tuple[np.ndarray, ...]:
    """Return what is read off the answers of the model of *task* to *questions*."""
    with closing(load_source(str(task.model()), task.shapes).reference()) as engine:
        return tuple(task.read(engine.run(question)) for question in questions)
