"""Running the board's Python."""

import json
import os
import time
from pathlib import Path

import pytest

from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, run_guest
from edgeml_runtime.errors import (
    EdgemlError,
    EngineCrashError,
    GateError,
    InputError,
    InternalError,
    MissingToolError,
)

pytestmark = pytest.mark.emulated


def test_a_guest_sees_the_board_and_not_the_host(
    rpi4: Device, rpi4_sysroot: Sysroot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_TEST_OF_HOST", "1")
    program = (
        "import os, platform, sys; print(platform.machine(), os.cpu_count(), sys.version_info[:2],"
        "platform.libc_ver()[1], 'EDGEML_TEST_OF_HOST' in os.environ, os.environ['EXTRA'])"
    )
    result = run_guest(rpi4, rpi4_sysroot, ["-c", program], environment={"EXTRA": "yes"})
    assert result.stdout == f"aarch64 4 (3, 11) {rpi4.glibc} False yes\n"


def test_the_engines_are_those_of_the_sysroot(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    program = (
        "import onnxruntime, ai_edge_litert.interpreter; from edgeml_runtime.engines import "
        "installed_engines; found = installed_engines(); found.pop('numpy'); "
        "print(sorted(found.items()))"
    )
    result = run_guest(rpi4, rpi4_sysroot, ["-c", program])
    assert result.stdout.strip() == str(sorted(rpi4_sysroot.engines.items()))
    assert result.stderr == ""


def test_modules_are_compiled_already(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    program = (
        "import inspect, json, os, sys, zipfile\n"
        "cached = [getattr(m, '__cached__', None) for m in sys.modules.values()]\n"
        "print([c for c in cached if c and not os.path.exists(c)], len(list(filter(None, cached))))"
    )
    absent, count = run_guest(rpi4, rpi4_sysroot, ["-c", program]).stdout.split()
    assert absent == "[]"
    assert int(count) > 40


# Where everything lies in memory, after the engine with the most threads has started.
_MEMORY_MAP = "import onnxruntime; print(id(object()), open('/proc/self/maps').read())"


def test_every_run_lies_at_the_same_addresses(rpi4: Device, rpi4_sysroot: Sysroot) -> None:
    # Else the simulated caches, and with them estimates, would vary with the host's own
    # randomisation of addresses. onnxruntime's telemetry, a thread of its own, must be off.
    first, second = (run_guest(rpi4, rpi4_sysroot, ["-c", _MEMORY_MAP]).stdout for _ in range(2))
    assert first == second
    assert "onnxruntime.db" not in first


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("SIGSEGV", r"a segmentation fault \(SIGSEGV\)"),
        ("SIGABRT", r"a call of abort\(\) \(SIGABRT\)"),
        ("SIGFPE", r"an arithmetic fault \(SIGFPE\)"),
        ("SIGUSR1", r"a signal \(SIGUSR1\)"),
    ],
)
def test_a_death_is_told_by_its_signal(
    rpi4: Device, rpi4_sysroot: Sysroot, signal: str, words: str
) -> None:
    program = f"import os, signal; os.kill(os.getpid(), signal.{signal})"
    with pytest.raises(EngineCrashError, match=f"python -c died.*Raspberry Pi 4.*of {words}"):
        run_guest(rpi4, rpi4_sysroot, ["-c", program])


@pytest.mark.parametrize("kind", [GateError, InputError, MissingToolError, InternalError])
def test_a_worded_error_passes_through(
    rpi4: Device, rpi4_sysroot: Sysroot, kind: type[EdgemlError]
) -> None:
    document = json.dumps(kind("It broke.", "Mend it.").to_json())
    program = f"import sys; print('noise'); print({document!r}); sys.exit({kind.exit_code})"
    with pytest.raises(kind) as caught:
        run_guest(rpi4, rpi4_sysroot, ["-c", program])
    assert (caught.value.problem, caught.value.remedy) == ("It broke.", "Mend it.")
    assert caught.value.exit_code == kind.exit_code


def test_an_error_nobody_worded_keeps_its_last_line(
    rpi4: Device, rpi4_sysroot: Sysroot, tmp_path: Path
) -> None:
    script = tmp_path / "load_model.py"
    script.write_text("raise RuntimeError('the model has no end')")
    with pytest.raises(InputError, match=r"load_model.py failed .*: RuntimeError: the model") as e:
        run_guest(rpi4, rpi4_sysroot, [str(script)])
    assert "Traceback" in e.value.__notes__[0]


def test_a_guest_that_hangs_is_killed_with_its_children(
    rpi4: Device, rpi4_sysroot: Sysroot, tmp_path: Path
) -> None:
    file = tmp_path / "pids"
    program = (
        "import os, sys, time\n"
        "child = os.fork()\n"
        "if child: open(sys.argv[1], 'w').write(f'{os.getpid()} {child}')\n"
        "time.sleep(600)"
    )
    with pytest.raises(EngineCrashError, match="did not end within 3 s"):
        run_guest(rpi4, rpi4_sysroot, ["-c", program, str(file)], timeout_s=3)
    for pid in file.read_text().split():
        _wait_until_gone(int(pid))


def _wait_until_gone(pid: int) -> None:
    for _ in range(500):
        try:
            state = (
                Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            )
        except FileNotFoundError:
            return
        if state == "Z":  # dead; nobody has asked for its code yet
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    pytest.fail(f"process {pid} still runs")
