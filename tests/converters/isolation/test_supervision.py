"""A child that dies, and what its parent makes of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import ctypes, json, os, signal, sys, time
from pathlib import Path
from edgeml_converters.isolation import reading, risk, supervise, unfinished
from edgeml_runtime.errors import EdgemlError, EngineCrashError

folder = Path(sys.argv[1])

def work():
{work}

try:
    code = supervise(work)
except EdgemlError as error:
    print(json.dumps([type(error).__name__, error.problem, error.remedy]), flush=True)
    code = error.exit_code
sys.exit(code)
"""
CRASH = "ctypes.string_at(0)"


def _start(work: str, folder: Path) -> subprocess.Popen[str]:
    body = "\n".join(f"    {line}" for line in work.splitlines())
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(work=body), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(work: str, folder: Path) -> tuple[int, str]:
    with _start(work, folder) as process:
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out


@pytest.mark.parametrize("code", [0, 1, 130])
def test_the_exit_code_is_that_of_the_work(tmp_path: Path, code: int) -> None:
    assert _run(f"print('done'); return {code}", tmp_path) == (code, "done\n")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (CRASH, "a segmentation fault"),
        ("os.abort()", "a call of abort()"),
        ("os.kill(os.getpid(), signal.SIGILL)", "an illegal instruction"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "most likely for want of memory"),
    ],
)
def test_a_crash_is_one_sentence(tmp_path: Path, end: str, words: str) -> None:
    code, out = _run(f"with reading('net.onnx'):\n    {end}", tmp_path)
    kind, problem, remedy = json.loads(out)
    assert (code, kind) == (2, "InputError")
    assert problem.startswith(f"edgeml was ended by {'the system' if 'KILL' in end else words}")
    assert words in problem
    assert problem.endswith(" while reading 'net.onnx'.")
    assert "export it again" in remedy


def test_the_innermost_risk_is_told(tmp_path: Path) -> None:
    work = f"""with reading('net.onnx'):
    with risk('loading it in an engine', kind=EngineCrashError, remedy='Take another.'):
        pass
    with risk('running it', kind=EngineCrashError, remedy='Take another.'):
        {CRASH}"""
    code, out = _run(work, tmp_path)
    told = ["EngineCrashError", "edgeml was ended by a segmentation fault while running it."]
    assert (code, json.loads(out)) == (1, [*told, "Take another."])


def test_a_crash_of_nothing_noted_is_a_defect(tmp_path: Path) -> None:
    code, out = _run(f"with reading('net.onnx'): pass\n{CRASH}", tmp_path)
    assert (code, json.loads(out)[0]) == (4, "InternalError")


def test_what_is_half_made_disappears(tmp_path: Path) -> None:
    work = f"""(folder / 'out' / 'deep').mkdir(parents=True)
(folder / 'kept').write_text('kept')
stage = folder / 'out' / 'deep' / 'stage'
stage.mkdir()
(stage / 'half').write_text('half')
with unfinished(folder / 'finished'):
    (folder / 'finished').write_text('whole')
with unfinished(stage, (folder / 'out' / 'deep', folder / 'out')):
    {CRASH}"""
    assert _run(work, tmp_path)[0] == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["finished", "kept"]


def test_a_crash_after_the_work_does_not_count(tmp_path: Path) -> None:
    work = f"import atexit\natexit.register(lambda: {CRASH})\nreturn 1"
    assert _run(work, tmp_path) == (1, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_both_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    work = """stage = folder / 'stage'
with unfinished(stage):
    stage.mkdir()
    print('ready', flush=True)
    time.sleep(60)"""
    with _start(work, tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == -number
    assert not list(tmp_path.iterdir())


def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    with _start("print(os.getpid(), flush=True)\ntime.sleep(60)", tmp_path) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
        process.communicate(timeout=30)
    for _ in range(300):
        if not _runs(child):
            return
        time.sleep(0.1)
    pytest.fail("the child still runs")


def _runs(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z" and os.getpid() != process_id
