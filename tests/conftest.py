"""Options and skips that every test shares."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--slow``."""
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, and so list, the slow tests unless they are asked for."""
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes minutes; `make test-all` runs it")
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def imagenet_folder() -> str:
    """The labelled photos that cannot be shipped, named by ``EDGEML_IMAGENET``."""
    return _folder_from("EDGEML_IMAGENET")


@pytest.fixture(scope="session")
def latency_models_folder() -> str:
    """The published latencies and their models, named by ``EDGEML_LATENCY_MODELS``."""
    return _folder_from("EDGEML_LATENCY_MODELS")


def _folder_from(variable: str) -> str:
    folder = os.environ.get(variable, "")
    if not folder:
        pytest.skip(f"{variable} is not set")
    return folder
