"""A foreign model as a source: its export, its reference, and how either can fail."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.sources import SourceModel, SourceSettings
from edgeml_converters.sources.foreign.framework import Framework
from edgeml_converters.sources.foreign.source import load_foreign
from edgeml_runtime.errors import (
    EdgemlError,
    GateError,
    InputError,
    InternalError,
    MissingToolError,
)
from edgeml_runtime.tensors import TensorSpec


def _load(framework: Framework, spec: str) -> SourceModel:
    return load_foreign(framework, spec, {}, SourceSettings())


def test_the_export_and_where_it_is_from(framework: Framework) -> None:
    source = _load(framework, "package.module:plain")
    assert source.name == "plain"
    assert source.path == Path("package.module:plain")
    assert source.inputs == (TensorSpec("x", (None, 3), "float32"),)
    assert source.outputs == (TensorSpec("y", (None, 2), "float32"),)
    assert source.notes == ("The batch is free.",)
    assert source.provenance["framework"] == f"numpy {np.__version__}"
    assert source.provenance["exporter"] == "by hand"


def test_the_reference_is_the_framework(framework: Framework) -> None:
    source = _load(framework, "module:plain")
    for _ in range(2):  # the one that is open already, and one that is started anew
        with closing(source.reference()) as engine:
            assert (engine.name, engine.version) == ("numpy", np.__version__)
            x = np.eye(3, dtype=np.float32)
            np.testing.assert_array_equal(
                engine.run({"x": x})["y"], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
            )
            with pytest.raises(InputError, match="float64"):
                engine.run({"x": x.astype(np.float64)})
        with pytest.raises(InputError, match="closed"):
            engine.run({"x": x})


def test_options_reach_the_worker(framework: Framework) -> None:
    source = load_foreign(framework, "module:plain", {"x": (1, 3)}, SourceSettings())
    assert source.inputs[0].shape == (1, 3)


@pytest.mark.parametrize(
    ("behaviour", "kind", "words"),
    [
        ("exportsegfault", MissingToolError, r"killed by signal 11 \(SIGSEGV\) while exporting"),
        ("exportkilled", MissingToolError, r"killed by signal 9 \(SIGKILL\)"),
        ("exportrefuse", InputError, "is refused"),
        ("exportmissing", MissingToolError, "lacks a package"),
        ("exportraise", InternalError, "ended with code 1 while exporting .*: second line"),
        ("exportleave", InternalError, "no sound record"),
        ("wrong", GateError, "is not the model"),
        ("loadsegfault", MissingToolError, r"SIGSEGV\) while loading"),
        ("loadrefuse", InputError, "is refused"),
        ("loadleave", InternalError, "ended with code 0 while loading"),
        ("runsegfault", MissingToolError, r"SIGSEGV\) while running"),
        ("runleave", InternalError, "ended with code 0 while running"),
    ],
)
def test_failures_are_one_sentence(
    framework: Framework, behaviour: str, kind: type[EdgemlError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        _load(framework, f"module:{behaviour}")
    assert type(caught.value) is kind
    assert "\n" not in caught.value.problem
    assert caught.value.remedy


def test_what_the_worker_said_is_kept_for_debugging(framework: Framework) -> None:
    with pytest.raises(InternalError) as caught:
        _load(framework, "module:exportraise")
    (note,) = caught.value.__notes__
    assert "Traceback" in note
    assert "chatter of C code" in note


def test_a_model_that_refuses_seeded_inputs_is_told(framework: Framework) -> None:
    source = _load(framework, "module:runraise")
    assert "could not be checked" in source.notes[-1]
    assert "RuntimeError: no such luck" in source.notes[-1]


def test_a_pickle_is_refused_before_anything_is_started(
    framework: Framework, tmp_path: Path
) -> None:
    path = tmp_path / "net.npickle"
    path.write_bytes(b"x")
    with pytest.raises(InputError, match="pickle") as caught:
        _load(framework, str(path))
    assert caught.value.remedy == "Save it otherwise."
    trusting = SourceSettings(trust_pickle=True)
    assert load_foreign(framework, str(path), {}, trusting).name == "net"


def test_nothing_is_left_behind(
    framework: Framework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with closing(_load(framework, "module:plain").reference()):
        assert list(tmp_path.iterdir()) == []
