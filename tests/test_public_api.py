"""The public names: all there, documented, and loaded only when they are used."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

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
def test_public_functions_and_classes_are_documented_and_typed(module: ModuleType) -> None:
    for name in module.__all__:
        thing = getattr(module, name)
        if name.startswith("__"):
            continue
        assert inspect.getdoc(thing), name
        assert inspect.isfunction(thing) or inspect.isclass(thing), name
        for function in _functions(thing):
            signature = inspect.signature(function)
            assert signature.return_annotation is not inspect.Signature.empty, function
            for parameter in signature.parameters.values():
                known = parameter.annotation is not inspect.Parameter.empty
                assert known or parameter.name in {"self", "cls"}, f"{function}: {parameter}"


def _functions(thing: object) -> Iterator[Callable[..., object]]:
    if inspect.isfunction(thing):
        yield thing
        return
    for name, member in vars(thing).items():
        function = member.__func__ if isinstance(member, classmethod) else member
        if inspect.isfunction(function) and not name.startswith("_"):
            assert function.__doc__, function.__qualname__
            yield function


@pytest.mark.parametrize("module", [edgeml, edgeml_runtime])
def test_every_public_name_has_a_home_and_is_listed(module: ModuleType) -> None:
    public = {name for name in module.__all__ if not name.startswith("__")}
    assert set(module._HOMES) == public
    assert public <= set(dir(module))
    for name, home in module._HOMES.items():
        assert getattr(module, name) is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("module", [edgeml, edgeml_runtime])
def test_an_unknown_name_is_an_attribute_error(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match="colour"):
        module.colour  # noqa: B018 - that it is not there is the test


@pytest.mark.parametrize("name", ["edgeml", "edgeml.cli", "edgeml_runtime"])
def test_importing_a_package_loads_nothing_heavy(name: str) -> None:
    program = f"import sys, {name}; print(*{{m.split('.')[0] for m in sys.modules}})"
    left = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(left.stdout.split()) & HEAVY
