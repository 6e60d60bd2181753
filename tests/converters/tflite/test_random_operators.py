"""Random graphs of every operator of the table: none may come out wrong, or break the converter."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.random_graphs.case import grow
from benchmarks.random_graphs.outcome import judge
from benchmarks.random_graphs.registry import FAMILIES
from benchmarks.random_graphs.table import rows
from edgeml_converters.tflite.writer import supported_ops

# onnxruntime, which tells what is right, does not run it.
_ELSEWHERE = {"If", "Loop", "Swish"}
"""No random graph has them: onnxruntime does not run Swish, the others have own tests."""


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=st.integers(0, 999))
def test_random_operators(data: st.DataObject, seed: int) -> None:
    case = grow(lambda low, high: data.draw(st.integers(low, high)), seed)
    outcome = judge(case)
    assert outcome.verdict != "failed", f"{outcome.reason} in {case.op_types}"


@pytest.mark.slow
def test_two_thousand_random_graphs() -> None:
    command = [sys.executable, "-m", "benchmarks.random_graphs", "--cases", "2000"]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_operator_is_drawn() -> None:
    drawn = {row.op_type for row in rows()}
    assert set(supported_ops()) - drawn == _ELSEWHERE


def test_every_family_is_written() -> None:
    assert {row.family for row in rows()} == set(FAMILIES)
