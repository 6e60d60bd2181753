"""The fuzzing of readers: what it begins with, what it tries, what it notices."""

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import edgeml_runtime.bundle
from benchmarks.fuzzing.bundle_changes import changed_bundle
from benchmarks.fuzzing.json_trees import changed
from benchmarks.fuzzing.seeds import write_seeds
from benchmarks.fuzzing.targets import TARGETS, read_bundle, read_preprocess
from edgeml_runtime.bundle import open_bundle
from edgeml_runtime.document import parse_json
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import TASKS, Manifest
from edgeml_runtime.preprocess import Pipeline

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The first inputs of `bundle`."""
    folder = tmp_path_factory.mktemp("bundles")
    write_seeds("bundle", folder)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The first inputs of `preprocess`."""
    folder = tmp_path_factory.mktemp("documents")
    write_seeds("preprocess", folder)
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def _damaged(data: bytes) -> bytes:
    return data[1:] + b"?"


def test_begins_with_bundles_of_every_task(bundles: list[bytes], tmp_path: Path) -> None:
    tasks = set()
    for data in bundles:
        path = tmp_path / "seed.edgeml"
        path.write_bytes(data)
        tasks.add(open_bundle(path).manifest.task)
    assert tasks == set(TASKS)


def test_begins_with_every_step(documents: list[bytes]) -> None:
    steps = {
        step["op"]
        for data in documents
        for step in Pipeline.from_json(_parsed(data)).to_json()["step"]
    }
    window = {"op": "window", "size": 4, "rate_hz": 1}
    for before in ([], [window]):
        chain = [*before, {"op": "none"}]
        with pytest.raises(InputError) as caught:
            Pipeline.from_json({"schema": "edgeml.preprocess/1", "step": chain})
        known = caught.value.problem.partition("one of ")[2].rstrip(".").split(", ")
        assert set(known) <= steps


def _parsed(data: bytes) -> dict[str, Any]:
    document = parse_json(data, "seed", "none")
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("name", list(TARGETS))
def test_finds_no_fault_in_what_it_tries_first(
    name: str, bundles: list[bytes], documents: list[bytes], tmp_path: Path
) -> None:
    target, change = TARGETS[name]
    seeds = bundles if name == "bundle" else documents
    choose = random.Random(5)  # noqa: S311 - no secret
    (tmp_path / "cache").mkdir(mode=0o700)
    for _ in range(300):
        target(change(choose.choice(seeds), choose, _damaged), tmp_path)


def test_reaches_behind_the_checks(bundles: list[bytes], tmp_path: Path) -> None:
    choose = random.Random(1)  # noqa: S311
    path = tmp_path / "changed.edgeml"
    opened = 0
    for _ in range(300):
        path.write_bytes(changed_bundle(choose.choice(bundles), choose, _damaged))
        try:
            open_bundle(path)
            opened += 1
        except InputError:
            pass
    assert 30 < opened < 270


def test_changes_of_documents_end_however_often_they_are_made(documents: list[bytes]) -> None:
    choose = random.Random(2)  # noqa: S311
    for seed in documents:
        data = seed
        for _ in range(100):
            data = changed(data, choose, _damaged)[:20_000]


def test_notices_a_digest_that_is_not_checked(
    bundles: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(descriptor: int, offset: int, size: int, digest: str, step: int) -> list[bytes]:
        del descriptor, offset, digest, step
        return [os.urandom(size)]

    monkeypatch.setattr(edgeml_runtime.bundle, "_checked", careless)
    with pytest.raises(AssertionError):
        read_bundle(bundles[0], tmp_path)


def test_notices_errors_of_other_kinds(
    bundles: list[bytes],
    documents: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> Manifest:
        raise KeyError("name")

    monkeypatch.setattr(Manifest, "from_json", broken)
    with pytest.raises(KeyError):
        read_bundle(bundles[0], tmp_path)
    monkeypatch.setattr(Pipeline, "__call__", broken)
    with pytest.raises(KeyError):
        read_preprocess(documents[0], tmp_path)


GUARDED: Mapping[str, bool] = {
    "open('{box}/a', 'w').close()": True,
    "open('{box}/../a', 'w').close()": False,
    "open('/etc/hostname').read()": False,
    "os.mkdir('{box}/b')": True,
    "os.mkdir('{box}-b')": False,
    "os.symlink('/etc', '{box}/link'); open('{box}/link/a', 'w')": False,
    "os.remove('/nowhere')": False,
    "__import__('subprocess').run(['true'])": False,
    "__import__('pickle').loads(b'cos\\nsystem\\n.')": False,
    "__import__('colorsys')": True,
}


@pytest.mark.parametrize(("program", "allowed"), GUARDED.items())
def test_the_guard_lets_nothing_be_touched_outside(
    program: str, allowed: bool, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    lines = (
        "import os, sys",
        "from pathlib import Path",
        "from benchmarks.fuzzing.guard import Breach, Guard",
        f"with Guard(Path({str(box)!r})).watching():",
        f"    {program.format(box=box)}",
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", "\n".join(lines)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == allowed, done.stderr
    assert allowed or "Breach" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"box"}
