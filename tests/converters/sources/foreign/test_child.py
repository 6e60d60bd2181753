"""Programs that work for us, and are gone when we are done."""

import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.sources.foreign.child import Child
from edgeml_converters.sources.foreign.framework import Framework
from edgeml_converters.sources.foreign.reference import ForeignEngine
from edgeml_converters.sources.foreign.worker import Worker
from edgeml_runtime.errors import InputError, MissingToolError
from edgeml_runtime.tensors import TensorSpec

FAMILY = """
import os, sys, time
if os.fork():
    print(os.getpid(), flush=True)
time.sleep(600)
"""
OPTIONS = {"input_shapes": {}, "input_dtypes": {}, "trust_pickle": False}


def _alive(group: int) -> bool:
    """Say whether a process of the group still runs; the dead that nobody waited for do not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_leaving_ends_the_whole_family(error: type[BaseException] | None) -> None:
    def work() -> int:
        with Child([sys.executable, "-c", FAMILY]) as child:
            group = int(next(child.lines()))
            assert _alive(group)
            groups.append(group)
            if error is not None:
                raise error
        return group

    groups: list[int] = []
    if error is None:
        work()
    else:
        with pytest.raises(error):
            work()
    assert not _alive(groups[0])


def test_a_limit_ends_it(framework: Framework, tmp_path: Path) -> None:
    worker = Worker(framework, Path(sys.executable), "module:exportsleep", OPTIONS)
    with pytest.raises(MissingToolError, match="in time"):
        worker.export(tmp_path, timeout_s=1.0)


def test_a_request_that_takes_too_long(framework: Framework) -> None:
    worker = Worker(framework, Path(sys.executable), "module:runsleep", OPTIONS)
    inputs, outputs = (TensorSpec("x", (1, 3), "float32"),), (TensorSpec("y", (1, 2), "float32"),)
    with closing(
        ForeignEngine(worker, "numpy 2", inputs, outputs, request_timeout_s=1.0)
    ) as engine:
        with pytest.raises(MissingToolError, match="in time"):
            engine.run({"x": np.ones((1, 3), np.float32)})
        with pytest.raises(InputError, match="closed"):
            engine.run({"x": np.ones((1, 3), np.float32)})


def test_what_it_says_on_stderr_is_kept_to_its_end() -> None:
    program = "import sys; sys.stderr.write('x' * 100_000 + 'the end')"
    with Child([sys.executable, "-c", program]) as child:
        assert list(child.lines()) == []
        assert child.wait() == 0
        assert child.log().endswith("the end")
        assert len(child.log()) < 50_000


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        Child(["/no/such/program"])
