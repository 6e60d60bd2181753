"""Naming an engine and its version on the command line."""

import pytest

from edgeml_devices.emulation.engine_choice import EngineChoice, chosen_versions, parse_engines
from edgeml_devices.profile import load_device
from edgeml_runtime.errors import InputError


def test_a_name_alone_and_a_name_with_a_version() -> None:
    assert parse_engines(["litert", "onnxruntime==1.22.1", "tflite-runtime == 2.14.0"]) == (
        EngineChoice("litert", ""),
        EngineChoice("onnxruntime", "1.22.1"),
        EngineChoice("tflite-runtime", "2.14.0"),
    )


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["onnx"], "--engine 'onnx' is not known.*onnxruntime, litert"),
        ([""], "--engine '' is not known"),
        (["litert=2.3.0"], "'litert=2.3.0' is not known"),
        (["litert=="], "does not have the form NAME==VERSION"),
        (["litert==newest"], "does not have the form NAME==VERSION.*--engine litert=="),
        (["litert==2.3.0 --index-url x"], "does not have the form"),
        (["litert>=2"], "is not known"),
        (["litert", "litert==2.3.0"], "names litert a second time"),
    ],
)
def test_another_form_is_refused(texts: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_engines(texts)


def test_a_board_brings_its_usual_versions() -> None:
    rpi4 = load_device("rpi4")
    assert chosen_versions(rpi4, ()) == rpi4.engines
    asked = parse_engines(["onnxruntime==1.22.1", "litert"])
    assert chosen_versions(rpi4, asked) == {"onnxruntime": "1.22.1", "litert": "2.3.0"}


def test_an_engine_that_a_board_lacks_needs_a_version() -> None:
    rpi2 = load_device("rpi2-armv7")
    with pytest.raises(InputError, match=r"Python 3\.11, armv7\) has no wheel of litert.*tflite"):
        chosen_versions(rpi2, parse_engines(["litert"]))
    assert chosen_versions(rpi2, parse_engines(["litert==9.9"])) == {"litert": "9.9"}
