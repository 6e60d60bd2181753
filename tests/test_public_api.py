"""The public names: all there, documented, and loaded only when they are used."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import edgeml
import edgeml_converters
import edgeml_devices
import edgeml_runtime

PACKAGES = (edgeml, edgeml_converters, edgeml_devices, edgeml_runtime)
HEAVY = {"numpy", "onnx", "onnx_ir", "onnxruntime", "ai_edge_litert", "cv2", "rich", "jinja2"}


def _modules_with_public_names() -> list[str]:
    return [package.__name__ for package in PACKAGES] + [
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if module.ispkg
    ]


@pytest.mark.parametrize("name", _modules_with_public_names())
def test_a_package_holds_what_it_promises(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for public in getattr(module, "__all__", ()):
        assert hasattr(module, public), f"{name}.{public}"


@pytest.mark.parametrize("module", [edgeml, edgeml_runtime])
def test_public_functions_and_classes_are_documented_and_typed(module: object) -> None:
    for name in module.__all__:  # type: ignore[attr-defined]  # both have it
        thing = getattr(module, name)
        if name.startswith("__"):
            continue
        assert inspect.getdoc(thing), name
        if inspect.isfunction(thing):
            signature = inspect.signature(thing)
            assert signature.return_annotation is not inspect.Signature.empty, name
            for parameter in signature.parameters.values():
                assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter})"


@pytest.mark.parametrize("module", [edgeml, edgeml_runtime])
def test_an_unknown_name_is_an_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="colour"):
        module.colour  # type: ignore[attr-defined]  # noqa: B018 - that it is not there is the test


@pytest.mark.parametrize("name", ["edgeml", "edgeml.cli", "edgeml_runtime"])
def test_importing_a_package_loads_nothing_heavy(name: str) -> None:
    program = f"import sys, {name}; print(*{{m.split('.')[0] for m in sys.modules}})"
    left = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(left.stdout.split()) & HEAVY
