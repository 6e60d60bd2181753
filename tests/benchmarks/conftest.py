"""One folder of network files for all tests of a run."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def networks_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where network files are written, once each."""
    return tmp_path_factory.mktemp("networks")
