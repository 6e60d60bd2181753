"""Bundles for every task: converted with their options, refused where these do not fit, and run."""

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.report.board_section import content

if TYPE_CHECKING:
    from tests.cli.conftest import RunCommand

STEPS = """
schema = "edgeml.preprocess/1"
step = [
    {op = "letterbox", size = [16, 16], fill = 0},
    {op = "normalize", mean = 0, std = 255},
    {op = "layout", to = "NCHW"},
]
"""


def _save(name: str, nodes: list[onnx.NodeProto], outputs: list[int], **inputs: list[int]) -> None:
    """Write NAME.onnx, whose output is ``result``; the constants of *nodes* stand in them."""
    kinds = {"mask": TensorProto.INT64}
    given = [
        helper.make_tensor_value_info(
            key, kinds.get(key.rpartition("_")[2], TensorProto.FLOAT), size
        )
        for key, size in inputs.items()
    ]
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, outputs)
    graph = helper.make_graph(nodes, name, given, [result])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), f"{name}.onnx")


def _constant(name: str, values: Any) -> onnx.NodeProto:  # noqa: ANN401 - what numpy takes
    tensor = numpy_helper.from_array(np.array(values, np.float32))
    return helper.make_node("Constant", [], [name], value=tensor)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder, with networks of few numbers whose answers are plain.

    ``maps``: two maps, 1 less the first channel and the first channel. ``line``: 5 steps of 4
    scores each, as they are given. ``words``: three tokens, of two numbers each.
    """
    monkeypatch.chdir(tmp_path)
    Path("steps.toml").write_text(STEPS)
    weights = np.zeros((2, 3, 1, 1))
    weights[0, 0], weights[1, 0] = -1.0, 1.0
    convolution = helper.make_node("Conv", ["image", "weights", "bias"], ["result"])
    nodes = [_constant("weights", weights), _constant("bias", [1.0, 0.0]), convolution]
    _save("maps", nodes, [1, 2, 16, 16], image=[1, 3, 16, 16])
    softmax = helper.make_node("Softmax", ["steps"], ["result"], axis=-1)
    _save("line", [softmax], [1, 5, 4], steps=[1, 5, 4])
    double = helper.make_node("Add", ["tokens", "tokens"], ["doubled"])
    cast = helper.make_node("Cast", ["attention_mask"], ["counted"], to=TensorProto.FLOAT)
    none = helper.make_node("Mul", ["counted", "zero"], ["nothing"])
    nodes = [double, cast, _constant("zero", [[0.0]]), none]
    nodes += [
        helper.make_node("ReduceSum", ["nothing"], ["added"], keepdims=0),
        helper.make_node("Add", ["doubled", "added"], ["result"]),
    ]
    _save("words", nodes, [1, 3, 2], tokens=[1, 3, 2], attention_mask=[1, 3])


def _manifest(path: str) -> dict[str, Any]:
    with zipfile.ZipFile(path) as bundle:
        manifest: dict[str, Any] = json.loads(bundle.read("manifest.json"))
    return manifest


def _picture(name: str) -> np.ndarray:
    """Write and return a picture of 40 x 20 pixels, red on the right."""
    cv2 = pytest.importorskip("cv2")
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 20:, 0] = 255
    cv2.imwrite(name, picture[..., ::-1])
    return picture


def _convert(edgeml: "RunCommand", model: str, *options: str) -> None:
    outcome = edgeml("convert", f"{model}.onnx", "-o", "out", "--to", "onnx", *options)
    assert outcome.code == 0, outcome.err


def test_masks_of_a_folder_of_pictures_and_drawings(edgeml: "RunCommand") -> None:
    Path("labels.txt").write_text("left\nright\n")
    options = ("--labels", "labels.txt", "--preprocess", "steps.toml")
    _convert(edgeml, "maps", "--task", "segmentation", *options)
    Path("pictures").mkdir()
    _picture("pictures/b.png")
    _picture("pictures/a.png")
    Path("pictures/notes.txt").write_text("not a picture")
    outcome = edgeml("run", "out/maps.edgeml", "pictures", "--draw", "seen", "--json")
    assert outcome.code == 0, outcome.err
    document = outcome.document
    assert document["inputs"] == ["a.png", "b.png"]
    (run,) = document["runs"]
    assert run["summaries"] == ["left 50.0%, right 50.0%"] * 2
    assert run["predictions"][0]["runs"] == [0, 20, 1, 20] * 20
    assert document["drawings"] == ["seen/a.png", "seen/b.png"]
    assert sorted(path.name for path in Path("seen").iterdir()) == ["a.png", "b.png"]
    text = edgeml("run", "out/maps.edgeml", "pictures", "--draw", "seen", "--limit", "1").out
    assert text.splitlines()[1:] == ["  a.png: left 50.0%, right 50.0%", "drawing seen/a.png"]


def test_options_of_a_file_and_of_the_command_line(edgeml: "RunCommand") -> None:
    Path("pose.toml").write_text('format = "heatmaps"\ncell = 0\nrefine = "soft"\n')
    options = ("--task-option", "pose.toml", "--task-option", "refine=none")
    skeleton = ("--task-option", "skeleton=[[0, 1]]")
    _convert(edgeml, "maps", "--task", "keypoints", *options, *skeleton)
    expected = {"format": "heatmaps", "cell": 0, "refine": "none", "skeleton": [[0, 1]]}
    assert _manifest("out/maps.edgeml")["task_options"] == expected
    record = json.loads(Path("out/conversion.json").read_text())
    assert (record["task"], record["task_options"]) == ("keypoints", expected)
    image = np.zeros((3, 16, 16), np.float32)
    image[0, 5, 7] = 2.0
    np.save("image.npy", image)
    (run,) = edgeml("run", "out/maps.edgeml", "image.npy", "--json").document["runs"]
    (pose,) = run["predictions"][0]["poses"]
    assert (pose["points"][1]["x"], pose["points"][1]["y"]) == (7.0, 5.0)


def test_text_whose_characters_are_spaces_too(edgeml: "RunCommand") -> None:
    Path("characters.txt").write_text("a\n \nb\n")
    _convert(edgeml, "line", "--task", "ocr", "--labels", "characters.txt")
    steps = np.eye(4, dtype=np.float32)[[1, 2, 3, 3, 0]] * 20
    np.savez("lines.npz", inputs=steps[np.newaxis])
    outcome = edgeml("run", "out/line.edgeml", "lines.npz")
    assert outcome.out.splitlines()[1] == "  lines.npz[0]: 'a b' 1.0000"


def test_characters_of_the_metadata(edgeml: "RunCommand") -> None:
    model = onnx.load("line.onnx")
    model.metadata_props.add(key="character", value="x\ny\n")
    onnx.save(model, "line.onnx")
    _convert(edgeml, "line", "--task", "ocr")
    assert _manifest("out/line.edgeml")["labels"] == ["x", "y"]


def test_vectors_of_a_model_with_several_inputs(edgeml: "RunCommand") -> None:
    options = ("pooling=mean", "norm=none")
    _convert(edgeml, "words", "--task", "embedding", *(f"--task-option={o}" for o in options))
    tokens = np.array([[[1, 2], [3, 4], [9, 9]], [[1, 1], [0, 0], [0, 0]]], np.float32)
    np.savez("words.npz", tokens=tokens, attention_mask=np.array([[1, 1, 0], [1, 0, 0]]))
    outcome = edgeml("run", "out/words.edgeml", "words.npz", "--json")
    (run,) = outcome.document["runs"]
    assert [answer["vector"] for answer in run["predictions"]] == [[4.0, 6.0], [2.0, 2.0]]
    np.savez("words.npz", tokens=tokens)
    outcome = edgeml("run", "out/words.edgeml", "words.npz")
    assert outcome.problem == "words.npz holds tokens, and no array `inputs` of samples."


@pytest.mark.parametrize(
    ("model", "options", "problem"),
    [
        ("line", "--task segmentation --task-option upscale=cubic", "'upscale' is 'cubic'"),
        ("line", "--task ocr --task-option blnk=last", "there is no key 'blnk' here"),
        ("line", "--task ocr", "not steps x 0 labels"),
        ("line", "--task embedding", "see the task option 'pooling'"),
        ("line", "--task tabular --task-option kind=regression", "not a row of numbers"),
        ("line", "--task keypoints --task-option fields=xyz", "not rows of 'xyz'"),
        ("maps", "--task ocr --labels three.txt", "not steps x 3 labels"),
        ("maps", "--task segmentation --labels three.txt", "maps of 3 classes"),
        ("maps", "--task keypoints --labels three.txt", "3 points as there are labels"),
        ("maps", "--task detection", "'head' is missing"),
        ("maps", "--task ranking", "--task 'ranking' is not known"),
        ("maps", "--task raw --task-option head", "neither KEY=VALUE nor a .toml file"),
        ("maps", "--task raw --task-option none.toml", "none.toml cannot be read"),
        ("maps", "--task raw --task-option steps.txt.toml", "is not TOML"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(
    edgeml: "RunCommand", model: str, options: str, problem: str
) -> None:
    Path("three.txt").write_text("a\nb\nc\n")
    Path("steps.txt.toml").write_text("head =\n")
    outcome = edgeml("convert", f"{model}.onnx", "-o", "out", *options.split())
    assert outcome.code == 2
    assert problem in outcome.problem
    assert outcome.problem.startswith("--task")
    assert not Path("out").exists()


def test_the_option_that_does_not_fit_is_named(edgeml: "RunCommand") -> None:
    outcome = edgeml(
        *("convert", "line.onnx", "-o", "out", "--task", "embedding"),
        *("--task-option", "norm=none"),
    )
    assert outcome.problem.startswith("--task embedding --task-option norm does not fit line.onnx")


def test_drawings_need_pictures_and_this_machine(edgeml: "RunCommand") -> None:
    _convert(edgeml, "maps", "--task", "segmentation")
    np.save("image.npy", np.zeros((3, 16, 16), np.float32))
    outcome = edgeml("run", "out/maps.edgeml", "image.npy", "--draw", "seen")
    assert (outcome.code, outcome.problem.partition(" of ")[0]) == (
        2,
        "--draw: image.npy is no image",
    )
    assert not Path("seen").exists()
    outcome = edgeml("run", "out/maps.edgeml", "image.npy", "--draw", "seen", "-t", "rpi4")
    assert outcome.problem == "--draw shows what this machine answers, and --target asks a board."
    Path("empty").mkdir()
    outcome = edgeml("run", "out/maps.edgeml", "empty")
    assert outcome.problem == "The folder empty has no input in it."


def test_the_report_has_answers_of_tasks_without_a_label() -> None:
    def run(variant: str, prediction: dict[str, Any], summary: str) -> dict[str, Any]:
        test = {"samples": 1, "worst_error": 0.0, "tolerance": 1.0, "passed": True}
        engine = {"name": "litert", "version": "2"}
        answers = {"predictions": [prediction], "summaries": [summary]}
        return {"variant": variant, "engine": engine, "self_test": test, **answers}

    board = {"place": "a board", "method": "emulated", "inputs": ["a.png"]}
    text = [
        run("float32.onnx", {"text": "stop", "score": 0.5}, "'stop' 0.5000"),
        run("int8.onnx", {"text": "stop", "score": 0.75}, "'stop' 0.7500"),
    ]
    (row,) = content({**board, "runs": text})["predictions"]
    assert (row["answer"], row["certainty"], row["given_by"]) == ("stop", "50.0 to 75.0 %", "all")
    masks = [run("a.onnx", {"shares": []}, "road 51.0%"), run("b.onnx", {}, "road 50.0%")]
    rows = content({**board, "runs": masks})["predictions"]
    assert [row["answer"] for row in rows] == ["road 51.0%", "road 50.0%"]
    assert rows[0]["given_by"] == "a.onnx in litert"
    for old in masks:
        del old["summaries"]
    assert content({**board, "runs": masks})["predictions"] == []
