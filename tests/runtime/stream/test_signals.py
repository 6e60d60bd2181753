"""SIGTERM and SIGINT, as systemd and a terminal send them to a program."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import signal, sys, threading, time
import numpy as np
from edgeml_runtime.stream import Stream

class Camera:
    live = True
    released = False
    def frames(self):
        try:
            while True:
                time.sleep(0.005)
                if "silent" not in sys.argv or not self.released:
                    yield np.zeros(4)
                if "silent" in sys.argv:
                    time.sleep(3.0)
                    return
        finally:
            self.released = True

def model(frame):
    print("begun", flush=True)
    time.sleep(0.05)
    print("done", flush=True)
    return frame

source, own = Camera(), signal.getsignal(signal.SIGTERM)
with Stream(model, source) as stream:
    for answer in stream:
        pass
print("end", stream.signal, source.released, threading.active_count(),
      signal.getsignal(signal.SIGTERM) == own)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("mode", ["busy", "silent"])
def test_a_signal_ends_the_loop_after_the_frame_in_work(number: int, mode: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, mode], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "begun\n"
        if mode == "silent":  # the signal comes while the stream waits for a frame
            assert child.stdout.readline() == "done\n"
            time.sleep(0.1)
        child.send_signal(number)
        lines = child.stdout.read().splitlines()
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.stdout.close()
        child.wait()
    assert lines[-1] == f"end {int(number)} True 1 True"
    begun = lines.count("begun") + (mode == "busy")
    assert begun == lines.count("done")


def test_a_second_signal_does_not_wait() -> None:
    program = PROGRAM.replace("time.sleep(0.05)", "time.sleep(60)")
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "begun\n"
        child.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert child.poll() is None
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == -signal.SIGTERM
    finally:
        child.kill()
        child.stdout.close()
        child.wait()
