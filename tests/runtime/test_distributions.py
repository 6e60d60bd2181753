"""Versions by the names of folders, held against the standard library's answer."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml_runtime.engines import distribution_versions


def test_every_installed_distribution_has_the_version_that_python_tells() -> None:
    told: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        told.setdefault(distribution.metadata["Name"], distribution.version)
    assert "numpy" in told
    for name, version in told.items():
        assert distribution_versions([name, "none"]) == {name: version}


@pytest.mark.parametrize(
    ("folder", "version"),
    [
        ("ai_edge_litert-2.3.0.dist-info", "2.3.0"),
        ("Ai.Edge_LiteRT-2.3.0+local.1.dist-info", "2.3.0+local.1"),
        ("ai_edge_litert-1.0-py3.11.egg-info", "1.0"),
        ("ai_edge_litert_extra-1.0.dist-info", None),
        ("ai_edge_litert-1.0.egg-link", None),
    ],
)
def test_names_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, version: str
) -> None:
    (tmp_path / folder).mkdir()
    missing, archive = tmp_path / "missing", tmp_path / "library.zip"
    archive.write_bytes(b"")
    monkeypatch.setattr(sys, "path", [str(missing), str(archive), str(tmp_path)])
    assert distribution_versions(["ai-edge-litert"]).get("ai-edge-litert") == version


def test_a_program_that_starts_reads_no_mail_parsers() -> None:
    code = "import sys, edgeml_runtime.engines; print('importlib.metadata' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
