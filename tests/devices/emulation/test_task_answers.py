"""The answers of tasks on the emulated board, beside those of this machine."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeml_runtime
from edgeml_devices.device import Device
from edgeml_devices.emulation import Sysroot, run_bundle
from edgeml_devices.emulation.board_run import save_samples
from edgeml_runtime.bundle import open_bundle, write_bundle

pytestmark = pytest.mark.emulated

TASKS: Mapping[str, dict[str, Any]] = {
    "keypoints": {"labels": ("tip",), "task_options": {"fields": "xyzs-", "units": "pixels"}},
    "ocr": {"labels": ("", "a", "é", "語", " "), "task_options": {"repeats": "keep"}},
    "tabular": {"labels": ()},
}


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON values with numbers of 4 digits: float kernels add up in other orders."""
    if isinstance(value, Mapping):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return round(value, 4) if isinstance(value, float) else value


@pytest.mark.parametrize("task", TASKS)
def test_a_board_answers_as_this_machine(
    rpi4: Device, rpi4_sysroot: Sysroot, classifier_bundle: Path, tmp_path: Path, task: str
) -> None:
    bundle = open_bundle(classifier_bundle)
    manifest = replace(bundle.manifest, task=task, **TASKS[task])
    paths = ["golden.npz", *(variant.path for variant in manifest.variants)]
    path = tmp_path / f"{task}.edgeml"
    write_bundle(path, manifest, {name: bundle.read(name) for name in paths})
    image = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)
    samples = [image, {"image": -image}, image[0]]
    save_samples(tmp_path / "samples.npz", samples)
    one_engine = replace(rpi4_sysroot, engines={"onnxruntime": rpi4_sysroot.engines["onnxruntime"]})
    (run,) = run_bundle(rpi4, one_engine, path, tmp_path / "samples.npz").runs
    here = edgeml_runtime.load(path, variant=run.variant, engine=run.engine, self_test=False)
    answers = [here(sample) for sample in samples]
    assert _rounded(run.predictions) == [_rounded(answer.to_json()) for answer in answers]
    assert len(run.summaries) == 3
    assert run.summaries[0].partition(" ")[0] == answers[0].summary().partition(" ")[0]
