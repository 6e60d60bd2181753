"""Verdicts beside peers, reading any converter's tensors, and what a command costs."""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from benchmarks.conversion_cost import Cost, Limit
from benchmarks.conversion_latency import Pair
from benchmarks.converter_peers.converters import converters, peers
from benchmarks.converter_peers.subject import Subject
from benchmarks.converter_peers.trial import Trial, attempt, kept_trial
from benchmarks.converter_peers.verdict import judge, total, verdicts
from benchmarks.process_cost import run_measured
from benchmarks.real_models import REAL_MODELS, fetch
from benchmarks.tflite_answers import Answers, axis_orders, error_share
from benchmarks.torch_networks.catalog import TORCH_NETWORKS, samples
from edgeml_runtime.bundle import pack_golden
from edgeml_runtime.tensors import TensorSpec

RIGHT = Answers(ops=10, transposes=0, error_share=1e-6)
OURS = Trial("net", "edgeml", "1", "d", True, RIGHT, cpu_s=2.0, peak_mib=100.0)
THEIRS = replace(OURS, converter="peer", cpu_s=4.0, peak_mib=101.0, source_kept=False)


def test_a_verdict_names_each_column() -> None:
    theirs = replace(THEIRS, answers=replace(RIGHT, ops=9, transposes=1))
    verdict = judge(OURS, theirs)
    assert verdict.standings == {
        "right": "ties",
        "ops": "trails",
        "transposes": "leads",
        "cpu_s": "leads",
        "peak_mib": "ties",
        "source kept": "leads",
    }
    assert verdict.trails_in == ("ops",)
    assert verdict.sentence == (
        "net beside peer: leads in transposes, cpu_s, source kept; ties in right, peak_mib; "
        "trails in ops"
    )


@pytest.mark.parametrize(
    "answers", [Answers(reason="does not load"), replace(RIGHT, ops=1, error_share=1.0)]
)
def test_a_wrong_file_is_not_praised_for_being_short(answers: Answers) -> None:
    verdict = judge(OURS, replace(THEIRS, answers=answers, cpu_s=0.1))
    assert verdict.standings == {"right": "leads", "source kept": "leads"}
    assert judge(replace(THEIRS, answers=answers), OURS).trails_in == ("right", "source kept")


def test_totals_count_how_far_trials_came() -> None:
    dead = replace(THEIRS, answers=Answers(), converts=False)
    assert total([THEIRS, dead]) == {"models": 2, "convert": 1, "load": 1, "right": 1, "kept": 0}
    assert [v.peer for v in verdicts([OURS, THEIRS, replace(dead, subject="other")])] == ["peer"]


def test_axis_orders_are_those_that_fit() -> None:
    assert list(axis_orders((1, 3, 8, 9), (1, 8, 9, 3))) == [(0, 2, 3, 1)]
    assert next(axis_orders((1, 8, 8, 8), (1, 8, 8, 8))) == (0, 1, 2, 3)
    assert len(list(axis_orders((1, 8, 8, 8), (1, 8, 8, 8)))) == 3
    assert list(axis_orders((2, 3), (None, 3))) == [(0, 1)]
    assert not list(axis_orders((2, 3), (3, 2)))
    assert not list(axis_orders((2, 3), (2, 3, 1)))


class ChannelsLastEngine:
    """An engine as another converter's file makes one: names lost, axes in another order."""

    name, version, threads = "numpy", "1", 1
    inputs = (TensorSpec("b", (1, 2, 2, 3), "float32"), TensorSpec("a", (1, 4), "float32"))
    outputs = (TensorSpec("o", (1, 2, 2, 3), "float32"),)

    def __init__(self, error: float) -> None:
        self._error = error

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"o": inputs["b"] * 2 + self._error + 0 * inputs["a"].sum()}

    def close(self) -> None:
        pass


class ScalarEngine(ChannelsLastEngine):
    """One that gives a number as a vector of one."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"o": inputs["a"].sum(keepdims=True)[0]}


@pytest.mark.parametrize("error", [0.0, 0.5, float("nan")])
def test_tensors_are_matched_without_names(error: float) -> None:
    random = np.random.default_rng(0)
    given = [
        {"x": random.random((1, 4), np.float32), "y": random.random((1, 3, 2, 2), np.float32)}
        for _ in range(2)
    ]
    expected = [{"z": sample["y"] * 2} for sample in given]
    spread = np.ptp([sample["z"] for sample in expected])
    share = error_share(ChannelsLastEngine(error), list(zip(given, expected, strict=True)))
    assert share == pytest.approx(float("inf") if np.isnan(error) else error / spread, abs=1e-6)


def test_a_scalar_may_have_an_axis() -> None:
    inputs = {"a": np.ones((1, 4), np.float32), "b": np.ones((1, 2, 2, 3), np.float32)}
    samples = [(inputs, {"s": np.asarray(4.0)})] * 2
    assert error_share(ScalarEngine(0.0), samples) == 0.0


def test_the_cost_of_a_command_is_that_of_all_its_processes() -> None:
    child = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    parent = (
        "import subprocess, sys; held = b'1' * 90_000_000; "
        f"subprocess.run([sys.executable, '-c', {child!r}]); print('done'); sys.exit(3)"
    )
    run = run_measured([sys.executable, "-c", parent])
    assert run.exit_code == 3
    assert run.log.strip() == "done"
    assert run.cpu_s >= 0.3
    assert 86 < run.peak_mib < 150


def test_a_command_that_is_not_there_ends_with_127() -> None:
    run = run_measured(["no-such-program-anywhere"])
    assert (run.exit_code, "No such file" in run.log) == (127, True)


def test_a_command_that_hangs_is_ended() -> None:
    run = run_measured([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.2)
    assert run.exit_code == -9


def test_a_trial_is_kept_until_the_model_changes(tmp_path: Path) -> None:
    file = fetch(REAL_MODELS["fashion"])
    golden = tmp_path / "golden.npz"
    engine_input = {"image": np.zeros((1, 1, 28, 28), np.float32)}
    golden.write_bytes(pack_golden([engine_input], [{"logits": np.ones((1, 10), np.float32)}]))
    subject = Subject("fashion", file, REAL_MODELS["fashion"].shapes, golden)
    ours = converters()[0]
    trial = attempt(ours, Path(sys.executable), subject, tmp_path)
    assert trial.converts
    assert trial.source_kept
    assert not trial.right  # the answers above are not its answers
    assert trial.answers.ops > 5
    assert kept_trial(tmp_path, ours.name) == trial
    assert attempt(ours, Path("/nowhere"), subject, tmp_path) == trial
    other = replace(subject, shapes={"image": (2, 1, 28, 28)})
    assert other.digest != subject.digest


def test_converters_take_what_they_read(tmp_path: Path) -> None:
    file = Subject("m", tmp_path / "m.onnx", {"x": (1, 2)}, tmp_path / "golden.npz")
    network = replace(file, source="bert", shapes={}, network=TORCH_NETWORKS["bert"])
    taken = {c.name: (c.takes(file), c.takes(network)) for c in converters()}
    assert taken == {
        "edgeml": (True, True),
        "onnx2tf": (True, False),
        "litert-torch": (False, True),
    }
    command = converters()[1].command(file, "m.onnx", Path("out"), Path("/env/bin/python"))
    assert command == ["/env/bin/onnx2tf", "-i", "m.onnx", "-o", "out", "-ois", "x:1,2"]
    ours = converters()[0].command(network, "bert", Path("out"), Path("python"))
    assert ours[-2:] == ["--input-shape", "x:1x16:int64"]
    assert all(framework.requirements for framework in peers().values())


def test_sixteen_networks_have_samples_of_their_inputs() -> None:
    assert len(TORCH_NETWORKS) == 16
    for network in TORCH_NETWORKS.values():
        arrays = samples(network)
        assert {(a.shape, a.dtype.name) for a in arrays} == {(network.shape, network.dtype)}
        assert not np.array_equal(arrays[0], arrays[1])


@pytest.mark.parametrize("model", [m for m in REAL_MODELS.values() if "==" not in m.package])
def test_models_that_need_no_network_are_there(model: object) -> None:
    file = fetch(model)  # type: ignore[arg-type]  # parametrize knows no types
    onnx.checker.check_model(onnx.load(file))


def test_a_cost_is_held_to_both_limits() -> None:
    limit = Limit("net", 2.0, 100.0)
    assert Cost(limit, 1.0, 99.0).met
    assert not Cost(limit, 1.0, 101.0).met
    assert not Cost(limit, 2.0, 99.0).met
    assert Cost(replace(limit, peak_mib=None), 1.0).met
    assert Cost(limit, 1.0, 101.0).sentence.endswith("101 MiB (limit 100 MiB)  MISSED")


@pytest.mark.parametrize(
    ("own_ms", "standing"), [(0.9, "leads"), (1.005, "ties"), (1.02, "trails")]
)
def test_a_percent_is_a_tie(own_ms: float, standing: str) -> None:
    assert Pair("net", "peer", own_ms, 1.0).standing == standing


def test_a_command_does_not_outlive_its_user(tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = (
        f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    user = (
        "import sys; from benchmarks.process_cost import run_measured; "
        f"run_measured([sys.executable, '-c', {command!r}])"
    )
    process = subprocess.Popen([sys.executable, "-c", user])
    while not (started.exists() and started.read_text()):
        time.sleep(0.01)
    process.kill()
    process.wait()
    while Path(f"/proc/{started.read_text()}").exists():  # until the test's time is up
        time.sleep(0.01)
