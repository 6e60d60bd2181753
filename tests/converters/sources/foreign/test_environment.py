"""Finding and making the interpreter of a framework."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_converters.sources.foreign.environment import (
    described_python,
    find_python,
    framework_python,
)
from edgeml_converters.sources.foreign.framework import Framework, load_frameworks
from edgeml_converters.sources.settings import refuse
from edgeml_runtime.errors import InputError, MissingToolError

MakeFramework = Callable[..., Framework]
ABSENT = ("edgeml_has_no_such_module",)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EDGEML_NUMPYNET_PYTHON", raising=False)
    return tmp_path / "cache"


def _agree(_question: str) -> bool:
    return True


def test_our_own_interpreter_is_taken_when_it_has_the_framework(framework: Framework) -> None:
    assert framework_python(framework, refuse) == Path(sys.executable)
    assert described_python(framework) == "beside edgeml"


def test_without_consent_nothing_is_made(make_framework: MakeFramework, cache: Path) -> None:
    framework = make_framework(modules=ABSENT, requirements=("numpy==2.0",))
    questions = []

    def ask(question: str) -> bool:
        questions.append(question)
        return False

    with pytest.raises(MissingToolError, match="NumpyNet") as caught:
        framework_python(framework, ask)
    assert "--yes" in caught.value.remedy
    assert "pip install numpy==2.0" in caught.value.remedy
    assert "7 MiB" in questions[0]
    assert not cache.exists()
    assert "not set up" in described_python(framework)


def test_an_environment_is_made_once_and_runs(make_framework: MakeFramework, cache: Path) -> None:
    framework = make_framework(modules=ABSENT)
    told = []
    python = framework_python(framework, _agree, lambda task, *_: told.append(task))
    assert python.is_relative_to(cache / "environments")
    prefix = subprocess.run(
        [python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    )
    assert Path(prefix.stdout.strip()) == python.parent.parent
    assert told[0].startswith("setting up NumpyNet")
    assert framework_python(framework, refuse) == python == find_python(framework)
    others = make_framework(modules=ABSENT, requirements=("numpy==2.1",))
    assert find_python(others) is None


def test_two_that_make_the_same_environment_take_turns(
    make_framework: MakeFramework, cache: Path
) -> None:
    framework = make_framework(modules=ABSENT)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(framework_python(framework, _agree)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert sorted(p.name for p in (cache / "environments").iterdir()) == [
        ".lock",
        framework.key(f"{sys.version_info.major}.{sys.version_info.minor}"),
    ]


def test_an_environment_whose_python_has_gone_is_made_again(
    make_framework: MakeFramework,
) -> None:
    framework = make_framework(modules=ABSENT)
    python = framework_python(framework, _agree)
    python.unlink()
    assert framework_python(framework, _agree) == python
    assert python.is_file()


def test_a_failed_installation_leaves_nothing(
    make_framework: MakeFramework, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    framework = make_framework(modules=ABSENT, requirements=("edgeml-has-no-such-package==1",))
    with pytest.raises(MissingToolError, match="edgeml-has-no-such-package") as caught:
        framework_python(framework, _agree)
    assert "\n" not in caught.value.problem
    assert [path.name for path in (cache / "environments").iterdir()] == [".lock"]


def test_no_python_with_wheels(make_framework: MakeFramework) -> None:
    framework = make_framework(modules=ABSENT, pythons=("2.1",))
    with pytest.raises(MissingToolError, match="no wheels for Python"):
        framework_python(framework, _agree)


def test_the_variable_names_an_interpreter(
    make_framework: MakeFramework, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "EDGEML_NUMPYNET_PYTHON"
    monkeypatch.setenv(variable, sys.executable)
    assert framework_python(make_framework(modules=("json",)), refuse) == Path(sys.executable)
    with pytest.raises(MissingToolError, match=f"has no {ABSENT[0]}"):
        framework_python(make_framework(modules=ABSENT), refuse)
    monkeypatch.setenv(variable, "/no/such/python")
    with pytest.raises(InputError, match="no program"):
        framework_python(make_framework(), refuse)
    monkeypatch.setenv(variable, "false")
    with pytest.raises(InputError, match="no Python interpreter"):
        framework_python(make_framework(), refuse)


@pytest.mark.parametrize("framework", load_frameworks().values(), ids=load_frameworks())
def test_the_table_is_sound(framework: Framework) -> None:
    assert framework.worker.is_file()
    assert framework.requirements
    assert all("==" in requirement for requirement in framework.requirements)
    assert framework.download_mib > 0
    assert framework.suffixes or framework.folder_marker
    assert bool(framework.pickle_suffixes) == bool(framework.pickle_remedy)
