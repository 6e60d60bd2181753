"""What is taken out of packages."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from edgeml_devices.toolkit.package_files import choose_packages, unpack_needed
from edgeml_runtime.errors import InputError

BuildPackage = Callable[[str, dict[str, Path]], Path]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    file = tmp_path / "content"
    file.write_bytes(b"content" * 500_000)
    return file


def test_programs_and_libraries_are_taken_and_nothing_else(
    build_package: BuildPackage, content: Path, tmp_path: Path
) -> None:
    paths = (
        "lib/x86_64-linux-gnu/liba.so.1",
        "usr/lib/x86_64-linux-gnu/libb.so",
        "usr/lib/x86_64-linux-gnu/gconv/libc.so",
        "usr/lib/x86_64-linux-gnu/notes.txt",
        "usr/bin/wanted",
        "usr/bin/unwanted",
        "etc/wanted",
    )
    deb = build_package("demo", dict.fromkeys(paths, content))
    unpack_needed(deb, tmp_path / "out", (PurePosixPath("usr/bin/wanted"),))
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert found == ["lib/liba.so.1", "lib/libb.so"]
    assert (tmp_path / "out" / "libexec" / "wanted").read_bytes() == content.read_bytes()
    assert not (tmp_path / "out" / "libexec" / "unwanted").exists()


@pytest.mark.parametrize("damage", [slice(0, 100_000), slice(9, None)])
def test_a_damaged_package_is_refused(
    damage: slice, build_package: BuildPackage, content: Path, tmp_path: Path
) -> None:
    deb = build_package("demo", {"usr/bin/wanted": content})
    broken = tmp_path / "broken.deb"
    broken.write_bytes(deb.read_bytes()[damage])
    with pytest.raises(InputError, match=r"broken\.deb is not a Debian package"):
        unpack_needed(broken, tmp_path / "out", (PurePosixPath("usr/bin/wanted"),))


def test_packages_are_found_anywhere_in_a_folder(tmp_path: Path) -> None:
    wanted = (tmp_path / "b" / "b_1%3a2-3_amd64.deb", tmp_path / "a_1_amd64.deb")
    for file in (*wanted, tmp_path / "a-doc_1_amd64.deb", tmp_path / "a_1_arm64.deb"):
        file.parent.mkdir(exist_ok=True)
        file.touch()
    assert choose_packages(tmp_path, ("b", "a"), "amd64") == wanted


def test_a_missing_package_is_named_with_the_line_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"libz3-4.*apt-get download libz3-4"):
        choose_packages(tmp_path, ("libz3-4",), "amd64")


def test_two_versions_of_a_package_are_refused(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / f"a_{version}_amd64.deb").touch()
    with pytest.raises(InputError, match="2 versions"):
        choose_packages(tmp_path, ("a",), "amd64")
