"""PyTorch, where there is one: beside edgeml, in its cache, or named by EDGEML_TORCH_PYTHON."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml_converters.sources import SourceModel, SourceSettings, load_source
from edgeml_converters.sources.foreign.environment import find_python
from edgeml_converters.sources.foreign.framework import load_frameworks

HERE = Path(__file__).parent
Load = Callable[..., SourceModel]


@pytest.fixture(scope="session")
def torch_python() -> Path:
    """The interpreter that has torch."""
    python = find_python(load_frameworks()["torch"])
    if python is None:
        pytest.skip("there is no PyTorch here; EDGEML_TORCH_PYTHON can name one")
    return python


@pytest.fixture
def load(torch_python: Path, monkeypatch: pytest.MonkeyPatch) -> Load:  # noqa: ARG001 - it skips
    """Return what loads ``networks:NAME`` or a file, with shapes, types and trust."""
    monkeypatch.chdir(HERE)

    def _load(
        spec: str,
        shapes: dict[str, tuple[int, ...]] | None = None,
        dtypes: dict[str, str] | None = None,
        *,
        trust: bool = False,
    ) -> SourceModel:
        settings = SourceSettings(input_dtypes=dtypes or {}, trust_pickle=trust)
        return load_source(spec, shapes, settings)

    return _load


@pytest.fixture(scope="session")
def files(torch_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files that torch wrote."""
    folder = tmp_path_factory.mktemp("torch")
    subprocess.run(
        [torch_python, HERE / "write_files.py", folder], check=True, capture_output=True, cwd=HERE
    )
    return folder
