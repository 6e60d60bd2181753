"""What a board keeps between starts: only where nobody else can write."""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import edgeml_runtime
from edgeml_runtime.bundle import Bundle, open_bundle
from edgeml_runtime.engines import ENGINE_FORMATS
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.memory import keep, private_folder, recall, remember

BundleMaker = Callable[..., Path]
Files = tuple[Manifest, dict[str, bytes]]

NAME = "models/float32.tflite"


@pytest.fixture
def large(make_bundle: BundleMaker, classifier: Files) -> Path:
    """Return a bundle whose TFLite model is over a megabyte; what follows the model is not read."""
    manifest, files = classifier
    content = files[NAME] + bytes(1024 * 1024)
    digest = hashlib.sha256(content).hexdigest()
    variants = tuple(
        replace(variant, sha256=digest, size_bytes=len(content))
        if variant.path == NAME
        else variant
        for variant in manifest.variants
    )
    return make_bundle("classifier", files={**files, NAME: content}, variants=variants)


def _path(bundle: Bundle) -> Path:
    file = bundle.file(NAME)
    assert not isinstance(file, bytes)
    return Path(file)


def _content(bundle: Bundle) -> bytes:
    file = bundle.file(NAME)
    return file if isinstance(file, bytes) else Path(file).read_bytes()


def test_a_model_is_a_file(large: Path, runtime_cache: Path) -> None:
    bundle = open_bundle(large)
    path = _path(bundle)
    assert path.parent == runtime_cache / "models"
    assert path.read_bytes() == bundle.read(NAME)
    assert path.name == bundle.manifest.digests[NAME]
    with pytest.raises(InputError, match=r"holds no file 'manifest.json'"):
        bundle.file("manifest.json")


def test_a_kept_file_is_used_again_and_not_written_to(large: Path) -> None:
    first = _path(open_bundle(large))
    before = first.stat()
    again = _path(open_bundle(large)).stat()
    assert (again.st_ino, again.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert stat.S_IMODE(before.st_mode) & 0o077 == 0


def test_damage_is_seen_even_where_the_time_is_put_back(large: Path) -> None:
    bundle = open_bundle(large)
    path = _path(bundle)
    before = path.stat()
    for wrong in (b"", path.read_bytes()[:-1]):
        path.write_bytes(wrong)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert _content(bundle) == bundle.read(NAME)


@pytest.mark.parametrize("damage", ["cut", "longer", "changed", "empty", "link", "folder"])
def test_a_kept_file_that_is_another_is_replaced(large: Path, tmp_path: Path, damage: str) -> None:
    bundle = open_bundle(large)
    path = _path(bundle)
    right = path.read_bytes()
    other = tmp_path / "other"
    other.write_bytes(b"other")
    if damage in ("link", "folder"):
        path.unlink()
        path.symlink_to(other) if damage == "link" else path.mkdir()
    else:
        wrong = {
            "cut": right[:-1],
            "longer": right + b"x",
            "changed": b"x" + right[1:],
            "empty": b"",
        }
        path.write_bytes(wrong[damage])
    assert _content(bundle) == right
    assert other.read_bytes() == b"other"


def test_models_run_from_their_file(
    large: Path, installed_tflite: str, runtime_cache: Path
) -> None:
    model = edgeml_runtime.load(large, variant="float32.tflite", engine=installed_tflite)
    (kept,) = (runtime_cache / "models").iterdir()
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert str(kept) in maps.read_text()  # mapped, not copied
    assert model.self_test().passed
    kept.unlink()  # as another process may do at any time
    assert model.self_test().passed
    model.close()


@pytest.fixture
def installed_tflite(engine_name: str) -> str:
    """Return each installed engine of TFLite in turn."""
    if ENGINE_FORMATS[engine_name] != "tflite":
        pytest.skip("not of TFLite")
    return engine_name


def test_a_damaged_model_leaves_nothing_behind(large: Path, runtime_cache: Path) -> None:
    bundle = open_bundle(large)
    with large.open("r+b") as stream:
        stream.seek(large.stat().st_size - 5000)
        stream.write(b"?")
    with pytest.raises(InputError, match="not the file that the manifest describes"):
        bundle.file(NAME)
    assert list((runtime_cache / "models").iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(
    large: Path, runtime_cache: Path, mode: int
) -> None:
    for name in ("models", "self-tests"):
        for folder in (runtime_cache, runtime_cache / name):
            (runtime_cache / name).mkdir(parents=True, exist_ok=True)
            folder.chmod(mode)
            assert isinstance(open_bundle(large).file(NAME), bytes) or name != "models"
            remember("a board")
            assert recall("a board") is None or name != "self-tests"
            folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_of_another_user_is_not_used(runtime_cache: Path) -> None:
    remember("a board")
    assert recall("a board")
    os.chown(runtime_cache / "self-tests", 12345, -1)
    assert recall("a board") is None


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    runtime_cache: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    runtime_cache.symlink_to(elsewhere)
    remember("a board")
    assert recall("a board") is None
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("place", ["/dev/null", "/proc/none", "~nobody-here/x"])
def test_a_place_that_cannot_be_a_folder_is_no_cache(
    large: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("EDGEML_RUNTIME_CACHE", place)
    monkeypatch.chdir(large.parent)
    remember("a board")
    assert recall("a board") is None
    assert isinstance(open_bundle(large).file(NAME), bytes)
    assert list(large.parent.iterdir()) == [large]


def test_a_disk_that_is_nearly_full_means_bytes(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = list(os.statvfs("/"))
    found[4] = 1  # f_bavail
    with monkeypatch.context() as patched:
        patched.setattr(os, "statvfs", lambda _: os.statvfs_result(found))
        assert isinstance(open_bundle(large).file(NAME), bytes)
    assert not isinstance(open_bundle(large).file(NAME), bytes)


def test_a_write_that_the_disk_refuses_means_bytes(large: Path, runtime_cache: Path) -> None:
    resource = pytest.importorskip("resource")
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        assert isinstance(open_bundle(large).file(NAME), bytes)
        assert list((runtime_cache / "models").iterdir()) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_oldest_are_removed_and_the_newest_stays() -> None:
    folder = Path(private_folder("models"))
    for index in range(6):
        keep(str(folder / str(index)), (bytes(100),), 350)
        os.utime(folder / str(index), (index, index))
    assert sorted(path.name for path in folder.iterdir()) == ["3", "4", "5"]
    keep(str(folder / "larger"), (bytes(1000),), 350)
    assert [path.name for path in folder.iterdir()] == ["larger"]


def test_a_write_that_fails_leaves_nothing() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    folder = Path(private_folder("models"))
    with pytest.raises(KeyboardInterrupt):
        keep(str(folder / "a"), chunks(), 1000)
    assert list(folder.iterdir()) == []


def test_several_threads_may_open_one_bundle(large: Path, runtime_cache: Path) -> None:
    right = open_bundle(large).read(NAME)
    wrong: list[object] = []

    def open_it() -> None:
        content = _content(open_bundle(large))
        wrong.extend([] if content == right else [content])

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(list((runtime_cache / "models").iterdir())) == 1


def test_the_memory_does_not_grow_for_ever(runtime_cache: Path) -> None:
    for index in range(150):
        remember(f"{index}", found="x" * 10_000)
    kept = list((runtime_cache / "self-tests").iterdir())
    assert 50 < len(kept) < 150
    assert sum(path.stat().st_size for path in kept) <= 1024 * 1024
    assert recall("149")


@pytest.mark.parametrize(
    "spoilt", [b"", b"{}", b"[1]", b"\xff", b'{"key": "another"}', b"[" * 10**5]
)
def test_a_spoilt_memory_counts_as_none(runtime_cache: Path, spoilt: bytes) -> None:
    remember("a board", passed=True)
    (memory,) = (runtime_cache / "self-tests").iterdir()
    memory.write_bytes(spoilt)
    assert recall("a board") is None
    memory.unlink()
    memory.mkdir()
    remember("a board", passed=True)
    assert recall("a board") is None
