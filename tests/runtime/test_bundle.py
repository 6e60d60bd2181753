"""Bundles: reproducible, atomic, and refused with words whatever is done to them."""

import hashlib
import io
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_runtime.bundle import Bundle, open_bundle, write_bundle
from edgeml_runtime.document import json_bytes
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest

SPECIFICATION = Path(__file__).parents[2] / "docs" / "bundle.md"

BundleMaker = Callable[..., Path]


def _contents(bundle: Bundle) -> dict[str, bytes]:
    manifest = bundle.manifest
    names = [variant.path for variant in manifest.variants]
    if manifest.golden is not None:
        names.append(manifest.golden.path)
    return {name: bundle.read(name) for name in names}


def _rezip(
    path: Path,
    files: Mapping[str, bytes],
    compression: int = zipfile.ZIP_STORED,
    extra: tuple[zipfile.ZipInfo, ...] = (),
) -> None:
    """Zip *files* as a bundle is, but for what is asked for."""
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in [
            *((_info(name), files[name]) for name in sorted(files)),
            *((info, b"x") for info in extra),
        ]:
            archive.writestr(info, content, compression)


def _info(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.fixture
def entries(pool: tuple[Manifest, dict[str, bytes]]) -> dict[str, bytes]:
    """Return the entries of a valid bundle, to be zipped in other ways."""
    return {"manifest.json": json_bytes(pool[0].to_json()), **pool[1]}


def test_comes_back_as_it_was(
    make_bundle: BundleMaker, pool: tuple[Manifest, dict[str, bytes]]
) -> None:
    bundle = open_bundle(make_bundle("pool"))
    assert bundle.manifest == pool[0]
    assert _contents(bundle) == pool[1]


def test_the_same_input_gives_the_same_bytes(
    tmp_path: Path, pool: tuple[Manifest, dict[str, bytes]]
) -> None:
    manifest, files = pool
    write_bundle(tmp_path / "a.edgeml", manifest, files)
    write_bundle(tmp_path / "b.edgeml", manifest, dict(reversed(list(files.items()))))
    assert (tmp_path / "a.edgeml").read_bytes() == (tmp_path / "b.edgeml").read_bytes()


def test_any_unzip_can_read_it(make_bundle: BundleMaker) -> None:
    with zipfile.ZipFile(make_bundle("pool")) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(archive.namelist())
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_replaces_what_is_there_and_leaves_nothing_else(
    tmp_path: Path, pool: tuple[Manifest, dict[str, bytes]]
) -> None:
    path = tmp_path / "pool.edgeml"
    path.write_bytes(b"older")
    write_bundle(path, *pool)
    open_bundle(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_refused_write_leaves_the_old_file(
    tmp_path: Path, pool: tuple[Manifest, dict[str, bytes]]
) -> None:
    manifest, files = pool
    path = tmp_path / "pool.edgeml"
    path.write_bytes(b"older")
    for spoilt in ({}, {**files, "more": b""}, {**files, "golden.npz": b"other"}):
        with pytest.raises(InputError):
            write_bundle(path, manifest, spoilt)
    with pytest.raises(InputError, match="'serial'"):
        write_bundle(path, replace(manifest, serial=0), files)
    with pytest.raises(InputError, match="cannot be written"):
        write_bundle(tmp_path / "no folder" / "pool.edgeml", manifest, files)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_bundle(tmp_path / "gone.edgeml")
    with pytest.raises(InputError, match="is a folder"):
        open_bundle(tmp_path)
    for content in (b"", b"some text", b"PK\x05\x06" + bytes(18)):
        path = tmp_path / "bad.edgeml"
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.edgeml"):
            open_bundle(path)


def test_missing_and_unknown_files_are_named(tmp_path: Path, entries: dict[str, bytes]) -> None:
    path = tmp_path / "bad.edgeml"
    _rezip(path, {name: data for name, data in entries.items() if name != "golden.npz"})
    with pytest.raises(InputError, match=r"'golden.npz' is named by the manifest and missing"):
        open_bundle(path)
    _rezip(path, {**entries, "hidden.so": b"x"})
    with pytest.raises(InputError, match=r"'hidden.so' is not named by the manifest"):
        open_bundle(path)
    _rezip(path, {name: data for name, data in entries.items() if name != "manifest.json"})
    with pytest.raises(InputError, match=r"has no manifest.json"):
        open_bundle(path)


def test_a_signature_is_allowed(tmp_path: Path, entries: dict[str, bytes]) -> None:
    path = tmp_path / "signed.edgeml"
    _rezip(path, {**entries, "signature.json": b"{}"})
    assert open_bundle(path).manifest.name == "pool"


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a\\b", "models/", "GOLDEN.npz"])
def test_entries_that_could_do_harm_are_refused(
    tmp_path: Path, entries: dict[str, bytes], name: str
) -> None:
    path = tmp_path / "bad.edgeml"
    _rezip(path, {**entries, name: b""})
    with pytest.raises(InputError):
        open_bundle(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_repeated_entries_are_refused(tmp_path: Path, entries: dict[str, bytes]) -> None:
    path = tmp_path / "bad.edgeml"
    _rezip(path, entries, extra=(_info("models/int8.tflite"),))
    with pytest.raises(InputError, match=r"stands twice"):
        open_bundle(path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_are_refused(
    tmp_path: Path, entries: dict[str, bytes], kind: int
) -> None:
    path = tmp_path / "bad.edgeml"
    _rezip(path, entries, extra=(_info("signature.json", kind | 0o777),))
    with pytest.raises(InputError, match=r"'signature.json' is .*no plain file"):
        open_bundle(path)


def test_compressed_entries_are_refused(tmp_path: Path, entries: dict[str, bytes]) -> None:
    path = tmp_path / "bomb.edgeml"
    for files in (entries, {**entries, "bomb": bytes(1_000_000)}):
        _rezip(path, files, zipfile.ZIP_DEFLATED)
        with pytest.raises(InputError, match="is encrypted, compressed"):
            open_bundle(path)


def test_more_entries_than_any_bundle_has_are_refused(
    tmp_path: Path, entries: dict[str, bytes]
) -> None:
    path = tmp_path / "bad.edgeml"
    _rezip(path, {**entries, **{f"extra/{index}": b"" for index in range(10_001)}})
    with pytest.raises(InputError, match="which are too many"):
        open_bundle(path)


def test_a_manifest_of_the_future_is_refused(
    tmp_path: Path, entries: dict[str, bytes], pool: tuple[Manifest, dict[str, bytes]]
) -> None:
    path = tmp_path / "future.edgeml"
    future = {**pool[0].to_json(), "schema": "edgeml.bundle/2"}
    _rezip(path, {**entries, "manifest.json": json_bytes(future)})
    with pytest.raises(InputError, match=r"edgeml.bundle/2.*update edgeml-runtime"):
        open_bundle(path)


def test_another_file_under_the_same_name_is_refused_on_reading(
    tmp_path: Path, entries: dict[str, bytes]
) -> None:
    path = tmp_path / "swapped.edgeml"
    model = entries["models/int8.tflite"]
    _rezip(path, {**entries, "models/int8.tflite": model[:-1] + b"?"})
    bundle = open_bundle(path)
    with pytest.raises(InputError, match=r"'models/int8.tflite' is not the file"):
        bundle.read("models/int8.tflite")
    assert bundle.read("golden.npz") == entries["golden.npz"]
    _rezip(path, {**entries, "models/int8.tflite": model + b"?"})
    with pytest.raises(InputError, match=r"has 465 bytes, and the manifest says 464"):
        open_bundle(path)


def test_a_file_that_the_manifest_does_not_name_cannot_be_read(make_bundle: BundleMaker) -> None:
    with pytest.raises(InputError, match=r"holds no file 'manifest.json'"):
        open_bundle(make_bundle("pool")).read("manifest.json")


def test_every_truncation_is_refused(tmp_path: Path, make_bundle: BundleMaker) -> None:
    whole = make_bundle("pool").read_bytes()
    path = tmp_path / "cut.edgeml"
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(InputError):
            open_bundle(path)


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_any_flipped_byte_gives_words_or_the_same_bundle(
    tmp_path: Path,
    make_bundle: BundleMaker,
    pool: tuple[Manifest, dict[str, bytes]],
    mask: int,
) -> None:
    whole = make_bundle("pool").read_bytes()
    path = tmp_path / "flipped.edgeml"
    refused = 0
    for index in range(len(whole)):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ mask]) + whole[index + 1 :])
        try:
            bundle = open_bundle(path)
            assert bundle.manifest == pool[0]
            assert _contents(bundle) == pool[1]
        except InputError:
            refused += 1
    assert refused > len(whole) * 0.8  # all but dates, versions and the like


def test_reads_are_independent_of_the_working_folder(
    make_bundle: BundleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_bundle("pool")
    monkeypatch.chdir(path.parent)
    assert io.BytesIO(open_bundle(path.name).read("golden.npz")).read(2) == b"PK"


def test_the_bytes_are_the_same_on_every_python(
    tmp_path: Path, pool: tuple[Manifest, dict[str, bytes]]
) -> None:
    manifest, files = pool
    manifest = replace(
        manifest,
        labels=("caf\u00e9", "\U0001f41d", "\u2028", '"'),
        statistics={"mean": [0.1, 1e-7, 1e22, 3.0, -0.0], "n": 2**62},
        golden=None,
        variants=(replace(manifest.variants[0], engines={"onnxruntime": "1.16"}),),
    )
    path = tmp_path / "bundle.edgeml"
    write_bundle(path, manifest, {manifest.variants[0].path: files["models/float32.onnx"]})
    assert hashlib.sha256(path.read_bytes()).hexdigest() == (
        "3f9a282d6b0f8e5953e08f44a7b82a2f8a051eb25210494f2027ff58a5db0479"
    )


def test_the_program_of_the_specification_reads_it(
    make_bundle: BundleMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SPECIFICATION.read_text(encoding="utf-8")
    _, _, rest = text.partition("```python\n")
    program = rest.partition("```")[0].replace("fashion.edgeml", str(make_bundle("pool")))
    exec(compile(program, str(SPECIFICATION), "exec"), {})  # noqa: S102 - our own text
    assert "(1, 3, 4, 6)" in capsys.readouterr().out
