"""`--quantize auto` on networks that are easy, broken, and broken beyond what numbers can mend."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

import edgeml
from edgeml import Conversion
from edgeml.cli import main
from edgeml.search import SearchOutcome
from edgeml.search.outcome import cost
from edgeml.search.search import DEFAULT_MAX_DROP, EQUALIZED, LADDER
from edgeml_converters.quantize import Recipe

if TYPE_CHECKING:
    from tests.search.conftest import Case

RAW = {"task": "raw", "metrics": ["top1"]}


@dataclass(frozen=True)
class Found:
    """What a search found and wrote."""

    case: "Case"
    conversion: Conversion
    folder: Path

    @property
    def outcome(self) -> SearchOutcome:
        """The search."""
        assert self.conversion.search is not None
        return self.conversion.search

    @property
    def files(self) -> Mapping[str, bytes]:
        """The models that were written, by name."""
        written = sorted(p for s in ("onnx", "tflite") for p in self.folder.glob(f"*.{s}"))
        return {path.name: path.read_bytes() for path in written}


@pytest.fixture(scope="module")
def easy(example: "Case", tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The example network, which is good in any precision."""
    folder = tmp_path_factory.mktemp("easy")
    return Found(example, example.search(folder), folder)


@pytest.fixture(scope="module")
def mended(broken: "Case", tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The broken network, which equalization mends; not a single answer may be lost."""
    folder = tmp_path_factory.mktemp("mended")
    return Found(broken, broken.search(folder, max_drop=0.0), folder)


@pytest.fixture(scope="module")
def mixed(stubborn: "Case", tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The network of which some layers must stay float."""
    folder = tmp_path_factory.mktemp("mixed")
    return Found(stubborn, stubborn.search(folder, max_drop=1.0, **RAW), folder)


@pytest.fixture(params=["easy", "mended", "mixed"])
def found(request: pytest.FixtureRequest) -> Found:
    """Each of them."""
    result: Found = request.getfixturevalue(request.param)
    return result


def test_the_chosen_one_obeys_the_limit_and_no_cheaper_one_does(found: Found) -> None:
    outcome = found.outcome
    assert outcome.met
    assert outcome.chosen in outcome.trials[1:]
    assert outcome.chosen.drop <= outcome.max_drop
    rivals = [trial for trial in outcome.trials[1:] if trial.drop <= outcome.max_drop]
    cheapest = min(cost(trial) for trial in rivals)
    assert cost(outcome.chosen) <= 1.01 * cheapest
    near = [trial for trial in rivals if cost(trial) <= 1.01 * cheapest]
    assert outcome.chosen.sqnr_db == max(trial.sqnr_db for trial in near)
    for artifact in found.conversion.artifacts:
        assert not artifact.rejected
        assert artifact.accuracy is not None
        assert artifact.accuracy.drop <= outcome.max_drop
        assert artifact.precision == outcome.recipe.scheme


def test_what_was_measured_is_what_is_written(found: Found) -> None:
    files = {file.format: file for file in found.outcome.chosen.files}
    assert len(found.conversion.artifacts) == len(files) == 2
    for artifact in found.conversion.artifacts:
        assert artifact.accuracy is not None
        assert files[artifact.format].size_bytes == artifact.size_bytes
        assert files[artifact.format].score == artifact.accuracy.value
    assert found.outcome.chosen.reference == found.conversion.artifacts[0].accuracy.reference  # type: ignore[union-attr]  # asserted above


def test_the_ladder_is_tried_from_the_cheapest_on(found: Found) -> None:
    names = [trial.name for trial in found.outcome.trials]
    rungs = [name for name, _ in LADDER if name in names or name != EQUALIZED]
    assert names[: len(rungs) + 1] == ["float32", *rungs]
    assert len(set(names)) == len(names)


def test_the_recipe_gives_the_same_bytes(found: Found, tmp_path: Path) -> None:
    (recipe,) = found.folder.glob("*.recipe.toml")
    assert Recipe.from_toml(recipe.read_text()) == found.outcome.recipe
    output = tmp_path / "again"
    options = ("--task", "raw", "--metric", "top1") if found.case.preprocess is None else ()
    code = main([*found.case.arguments, *options, "-o", str(output), "--recipe", str(recipe)])
    assert code == 0
    again = {p.name: p.read_bytes() for s in ("onnx", "tflite") for p in output.glob(f"*.{s}")}
    assert again == found.files
    assert len(again) == 2
    assert not list(output.glob("*.recipe.toml"))


def test_the_record_holds_the_search(found: Found) -> None:
    record = json.loads((found.folder / "conversion.json").read_text())
    search = record["search"]
    assert search == json.loads(json.dumps(found.outcome.to_json()))
    assert search["chosen"] == found.outcome.chosen.name
    assert all(reason.endswith(".") for reason in search["reasons"])


def test_the_recipe_says_what_it_is_of(found: Found) -> None:
    (recipe,) = found.folder.glob("*.recipe.toml")
    comments = [line for line in recipe.read_text().splitlines() if line.startswith("#")]
    assert found.case.source.name in comments[0]
    assert found.conversion.source.sha256 in comments[0]
    assert found.outcome.chosen.name in comments[1]


def test_the_default_limit_is_half_a_point(easy: Found) -> None:
    assert easy.outcome.max_drop == DEFAULT_MAX_DROP == 0.5


def test_an_easy_network_needs_no_float_layers(easy: Found) -> None:
    assert all(not trial.recipe.float_nodes for trial in easy.outcome.trials)
    assert "float16" not in [trial.name for trial in easy.outcome.trials]


def test_a_broken_network_is_mended_by_equalization(mended: Found) -> None:
    drops = {trial.name: trial.drop for trial in mended.outcome.trials}
    assert drops["int8"] > 20
    assert mended.outcome.recipe.equalize
    assert mended.outcome.recipe.scheme == "int8"
    assert mended.outcome.max_drop == 0.0
    assert mended.outcome.chosen.drop <= 0.0


def test_as_few_layers_stay_float_as_will_do(mixed: Found) -> None:
    outcome = mixed.outcome
    tried = [trial for trial in outcome.trials if trial.recipe.scheme == "int8"]
    assert min(trial.drop for trial in tried if not trial.recipe.float_nodes) > 20
    kept = outcome.recipe.float_nodes
    assert {"uneven", "evened"} <= set(kept)
    fewer = [trial for trial in tried if len(trial.recipe.float_nodes) < len(kept)]
    assert all(trial.drop > outcome.max_drop for trial in fewer)
    nearest = max(fewer, key=lambda trial: len(trial.recipe.float_nodes))
    assert nearest.recipe.float_nodes == kept[: len(nearest.recipe.float_nodes)]
    assert any("The layers that int8 damages most are" in reason for reason in outcome.reasons)


def test_layers_kept_float_are_so_in_the_written_files(mixed: Found) -> None:
    model = onnx.load(mixed.folder / "stubborn.int8.onnx")
    rounded = {node.input[0] for node in model.graph.node if node.op_type == "QuantizeLinear"}
    kept = {node.name: node for node in model.graph.node if node.op_type == "MatMul"}
    producers = {output: node for node in model.graph.node for output in node.output}
    for name in mixed.outcome.recipe.float_nodes:
        assert kept[name].input[1] not in producers
    assert kept["uneven"].output[0] not in rounded


def test_two_searches_find_the_same(stubborn: "Case", mixed: Found, tmp_path: Path) -> None:
    again = Found(stubborn, stubborn.search(tmp_path, max_drop=1.0, **RAW), tmp_path)
    assert again.outcome == mixed.outcome
    assert again.files == mixed.files


def test_float_beside_auto_is_written_and_a_later_conversion_takes_the_recipe_away(
    stubborn: "Case", tmp_path: Path
) -> None:
    conversion = stubborn.search(tmp_path, precisions=["float32", "auto"], max_drop=1.0, **RAW)
    precisions = [artifact.precision for artifact in conversion.artifacts]
    assert sorted(precisions) == ["float32", "float32", "int8", "int8"]
    assert list(tmp_path.glob("*.recipe.toml"))
    stubborn.search(tmp_path, precisions=["float32"], **RAW)
    assert not list(tmp_path.glob("*.recipe.toml"))


EXACT = """
import numpy as np

ANSWERS = np.load({path!r})


def exact(outputs, label):
    return max(0.0, 1.0 - float(np.abs(outputs["logits"][0] - ANSWERS[label]).max()))
"""


@pytest.fixture
def unforgiving(stubborn: "Case", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Case":
    """A network with a metric, `unforgiving:exact`, for which any other number is a loss."""
    with np.load(stubborn.evaluate) as stored:
        rows = stored["inputs"][:50]
    session = ort.InferenceSession(stubborn.source, providers=["CPUExecutionProvider"])
    np.save(tmp_path / "answers.npy", np.asarray(session.run(["logits"], {"x": rows})[0]))
    np.savez(tmp_path / "numbered.npz", inputs=rows, labels=np.arange(50))
    text = EXACT.format(path=str(tmp_path / "answers.npy"))
    (tmp_path / "unforgiving.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return type(stubborn)(stubborn.source, stubborn.calibrate, tmp_path / "numbered.npz")


def test_what_is_nearest_is_rejected_where_nothing_is_good_enough(
    unforgiving: "Case", tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    options = ("--metric", "unforgiving:exact", "--task", "raw", "--max-drop", "0")
    code = main([*unforgiving.arguments, *options, "--quantize", "auto", "-o", str(output)])
    assert code == 1
    names = sorted(path.name for path in output.iterdir())
    (kind,) = {name.split(".")[1] for name in names if name.endswith(".rejected")}
    assert names == sorted(
        [
            "conversion.json",
            "stubborn.recipe.toml",
            f"stubborn.{kind}.onnx.rejected",
            f"stubborn.{kind}.tflite.rejected",
        ]
    )
    search = json.loads((output / "conversion.json").read_text())["search"]
    assert not search["met"]
    nearest = min(search["trials"][1:], key=lambda trial: trial["drop"])
    assert search["chosen"] == nearest["name"]
    told = capfd.readouterr()
    assert "Nothing that was tried loses at most 0 points" in told.out
    assert "REJECTED" in told.out
    assert "100.00 % to " in told.err.splitlines()[-2]


def test_what_cannot_be_made_of_a_model_is_told(tmp_path: Path) -> None:
    node = helper.make_node("Erf", ["x"], ["y"], name="erf")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "xy"]
    graph = helper.make_graph([node], "erf", values[:1], values[1:])
    opsets = [helper.make_opsetid("", 17)]
    source = tmp_path / "erf.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), source)
    data = tmp_path / "rows.npz"
    np.savez(data, inputs=np.eye(4, dtype=np.float32), labels=np.arange(4))
    outcome = edgeml.convert(
        source, tmp_path, precisions=["auto"], calibrate=str(data), evaluate=str(data)
    ).search
    assert outcome is not None
    assert outcome.chosen.name == "float16"
    assert [trial.name for trial in outcome.trials] == ["float32", "float16"]
    told = [reason for reason in outcome.reasons if "cannot be made" in reason]
    assert [reason.split()[0] for reason in told] == ["'int8'", "'dynamic'"]


@pytest.mark.emulated
def test_a_board_gives_latencies_and_decides(stubborn: "Case", tmp_path: Path) -> None:
    given = {"targets": ["rpi4"], "formats": ["tflite"], "max_drop": 1.0, **RAW}
    outcome = stubborn.search(tmp_path, **given).search
    assert outcome is not None
    assert outcome.targets == ("rpi4",)
    timed = [trial for trial in outcome.trials if trial.latency_ms]
    assert outcome.trials[0] in timed
    assert outcome.chosen in timed
    good = [trial for trial in timed if trial.drop <= outcome.max_drop]
    assert good
    assert cost(outcome.chosen) <= 1.01 * min(cost(trial) for trial in good)
    for trial in timed:
        assert set(trial.latency_ms) == {"rpi4"}
        for file in trial.files:
            assert file.latency_ms["rpi4"] > 0
    assert any("rpi4" in reason for reason in outcome.reasons)
