"""Several threads, several models, and processes that are forked."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import edgeml_runtime
from edgeml_runtime.errors import InputError

BundleMaker = Callable[..., Path]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Make Python change threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def images() -> list[np.ndarray]:
    """Return images for the classifier, in batches of one, two and three."""
    random = np.random.default_rng(4)
    return [random.random((1 + i % 3, 3, 8, 8)).astype(np.float32) for i in range(12)]


@pytest.mark.usefixtures("hasty_threads")
def test_one_model_serves_several_threads(
    make_bundle: BundleMaker, engine_name: str, images: list[np.ndarray]
) -> None:
    model = edgeml_runtime.load(make_bundle("classifier"), engine=engine_name)
    expected = [model.run({"image": image})["scores"] for image in images]

    def serve(start: int) -> None:
        for step in range(40):
            index = (start + 5 * step) % len(images)
            found = model.run({"image": images[index]})["scores"]
            np.testing.assert_array_equal(found, expected[index])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(serve, range(8)))


@pytest.mark.usefixtures("hasty_threads")
def test_several_models_serve_a_thread_each(
    make_bundle: BundleMaker, engine_name: str, images: list[np.ndarray]
) -> None:
    path = make_bundle("classifier")
    models = [edgeml_runtime.load(path, engine=engine_name) for _ in range(4)]
    expected = [models[0].run({"image": image})["scores"] for image in images]

    def serve(model: edgeml_runtime.Model) -> None:
        for _ in range(10):
            for image, scores in zip(images, expected):
                np.testing.assert_array_equal(model.run({"image": image})["scores"], scores)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(serve, models))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # that it has threads
@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_process_may_use_a_model_of_one_thread(
    make_bundle: BundleMaker, engine_name: str, images: list[np.ndarray], threads: int
) -> None:
    model = edgeml_runtime.load(make_bundle("classifier"), engine=engine_name, threads=threads)
    expected = model.run({"image": images[0]})["scores"]
    child = os.fork()
    if child == 0:
        try:
            found = model.run({"image": images[0]})["scores"]
            os._exit(0 if np.array_equal(found, expected) else 1)
        except InputError as error:
            os._exit(2 if "forked" in error.problem else 3)
        finally:
            os._exit(4)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == (0 if threads == 1 else 2)
