"""What would kill the program is tried in a process of its own, and becomes a message."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import edgeml_runtime
from edgeml_runtime.engines import installed_engines
from edgeml_runtime.errors import EngineCrashError
from edgeml_runtime.selftest import cpu_name
from edgeml_runtime.trials import verify_bundle

BundleMaker = Callable[..., Path]
Breaker = Callable[..., Path]

_LIBRARIES = {"onnxruntime": "onnxruntime", "litert": "ai_edge_litert"}
_DIES = """
import os
with open({log!r}, "a") as log:
    log.write("x")
os.kill(os.getpid(), {signal})
"""


@pytest.fixture
def break_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Breaker:
    """Return a call that puts a library in the place of an engine's that dies when imported.

    It returns the file that has one letter for each time that it was imported.
    """

    def break_engine(engine: str, killed_by: int = signal.SIGILL) -> Path:
        folder, log = tmp_path / "site", tmp_path / "imports.txt"
        package = folder / _LIBRARIES[engine]
        package.mkdir(parents=True)
        program = _DIES.format(log=str(log), signal=int(killed_by))
        (package / "__init__.py").write_text(program, encoding="utf-8")
        (folder / f"{_LIBRARIES[engine]}-9.9.9.dist-info").mkdir()
        monkeypatch.syspath_prepend(folder)
        return log

    return break_engine


@pytest.fixture
def other_engine() -> str:
    """Return an engine whose library is not onnxruntime's."""
    others = [name for name in installed_engines() if name != "onnxruntime"]
    if not others:
        pytest.skip("only onnxruntime is installed")
    return others[0]


def test_an_engine_that_dies_when_imported_is_a_message(
    make_bundle: BundleMaker, break_engine: Breaker
) -> None:
    break_engine("onnxruntime")
    with pytest.raises(EngineCrashError) as caught:
        edgeml_runtime.load(make_bundle("classifier"), engine="onnxruntime")
    assert caught.value.problem == (
        "onnxruntime 9.9.9 died of an illegal instruction (SIGILL) while it was imported on "
        f"{cpu_name()}."
    )
    assert "Install another version of the engine than onnxruntime==9.9.9" in caught.value.remedy


def test_the_next_engine_is_tried_and_the_refusal_remembered(
    make_bundle: BundleMaker, break_engine: Breaker, other_engine: str
) -> None:
    log = break_engine("onnxruntime")
    path = make_bundle("classifier")
    for _ in range(2):
        assert edgeml_runtime.load(path).engine.name != "onnxruntime"
    explained = edgeml_runtime.load(path).explain()
    if os.uname().machine == "x86_64":  # where onnxruntime comes first
        assert log.read_text() == "x"
        (reason,) = [text for text in explained.impossible if "onnxruntime" in text]
        assert "SIGILL" in reason
        assert "Found 20" in reason
    assert other_engine in str(explained)


def test_a_crash_that_may_be_chance_is_tried_again(
    make_bundle: BundleMaker, break_engine: Breaker
) -> None:
    log = break_engine("onnxruntime", signal.SIGSEGV)
    path = make_bundle("classifier")
    for _ in range(2):
        with pytest.raises(EngineCrashError, match=r"a segmentation fault \(SIGSEGV\)"):
            edgeml_runtime.load(path, engine="onnxruntime")
    assert log.read_text() == "xx"


def test_an_engine_that_dies_of_the_model_is_a_message(
    make_bundle: BundleMaker, break_engine: Breaker
) -> None:
    package = break_engine("litert").parent / "site" / "ai_edge_litert"
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "interpreter.py").write_text(
        "import os\n"
        "OpResolverType = None\n"
        "def Interpreter(**options):\n"
        "    os.kill(os.getpid(), 4)\n",
        encoding="utf-8",
    )
    with pytest.raises(EngineCrashError, match=r"litert 9\.9\.9 died .*while it ran the model on"):
        edgeml_runtime.load(make_bundle("classifier"), engine="litert")


def test_without_an_interpreter_to_start_a_copy_of_the_process_is_used(
    make_bundle: BundleMaker, break_engine: Breaker
) -> None:
    # In a process of its own, as the engine must not have been imported before the copy is made.
    break_engine("onnxruntime")
    program = (
        "import sys\n"
        f"sys.path[:] = {sys.path!r}\n"
        "import edgeml_runtime\n"
        "from edgeml_runtime.errors import EngineCrashError\n"
        "sys.executable = ''\n"
        "try:\n"
        f"    edgeml_runtime.load({str(make_bundle('classifier'))!r}, engine='onnxruntime')\n"
        "except EngineCrashError as error:\n"
        "    print(error.problem)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("onnxruntime 9.9.9 died of an illegal instruction (SIGILL)")


def test_without_any_child_the_self_test_runs_here(
    make_bundle: BundleMaker, engine_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    ends = threading.Event()
    thread = threading.Thread(target=ends.wait)  # and so the process cannot be copied
    thread.start()
    try:
        model = edgeml_runtime.load(make_bundle("classifier"), engine=engine_name)
    finally:
        ends.set()
        thread.join()
    assert "in the process that loaded it: worst error" in model.explain().self_test


def test_verification_goes_on_after_a_crash(
    make_bundle: BundleMaker, break_engine: Breaker, other_engine: str
) -> None:
    break_engine("onnxruntime", signal.SIGSEGV)
    result = verify_bundle(make_bundle("classifier"))
    assert not result.passed
    by_engine = {check.engine: check for check in result.checks}
    assert "died of a segmentation fault (SIGSEGV)" in by_engine["onnxruntime"].error
    assert by_engine[other_engine].passed
