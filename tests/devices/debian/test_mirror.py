"""Finding the archive that packages come from."""

from pathlib import Path

import pytest

from edgeml_devices.debian.mirror import (
    DEFAULT_URI,
    Source,
    mirror_uris,
    package_folder,
    read_sources,
)
from edgeml_runtime.errors import InputError

_DEB822 = """\
# made by the installer
Types: deb deb-src
# a comment between fields
URIs: http://mirror.example/debian https://other.example/debian/
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main
"""

_ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://line.example/debian bookworm main  # nearest
deb [ arch=amd64 ] http://spaced.example/debian bookworm main
deb https://tools.example/apt stable tools
deb broken
"""


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a Debian machine without sources."""
    monkeypatch.delenv("EDGEML_DEBIAN_MIRROR", raising=False)
    (tmp_path / "os-release").write_text('NAME="Debian GNU/Linux"\nID=debian\n')
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    return tmp_path


def test_both_forms_of_lists_are_read(etc: Path) -> None:
    (etc / "apt" / "sources.list").write_text(_ONE_LINE)
    (etc / "apt" / "sources.list.d" / "debian.sources").write_text(_DEB822)
    (etc / "apt" / "sources.list.d" / "notes.txt").write_text("deb http://x.example/debian a main")
    suites = ("bookworm", "bookworm-updates")
    assert list(read_sources(etc / "apt")) == [
        Source("http://line.example/debian", ("bookworm",), ("main",)),
        Source("http://spaced.example/debian", ("bookworm",), ("main",)),
        Source("http://mirror.example/debian", suites, ("main", "contrib")),
        Source("https://other.example/debian/", suites, ("main", "contrib")),
    ]


def test_the_machines_own_archive_is_used(etc: Path) -> None:
    (etc / "apt" / "sources.list.d" / "debian.sources").write_text(_DEB822)
    assert mirror_uris(etc) == ("http://mirror.example/debian", DEFAULT_URI)


@pytest.mark.parametrize(
    "line",
    [
        "deb http://security.example/debian-security bookworm-security main",
        "deb https://tools.example/apt bookworm main",
        "deb cdrom:[Debian 12]/debian bookworm main",
        "deb file:/srv/debian bookworm main",
        "",
    ],
)
def test_other_archives_are_not_taken_for_it(etc: Path, line: str) -> None:
    (etc / "apt" / "sources.list").write_text(line + "\n")
    assert mirror_uris(etc) == (DEFAULT_URI,)


def test_another_distribution_uses_the_projects_own_archive(etc: Path) -> None:
    (etc / "os-release").write_text("ID=ubuntu\nID_LIKE=debian\n")
    (etc / "apt" / "sources.list").write_text(_ONE_LINE)
    assert mirror_uris(etc) == (DEFAULT_URI,)


def test_the_variable_comes_first(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", "http://chosen.example/debian")
    assert mirror_uris(etc) == ("http://chosen.example/debian",)


def test_a_folder_may_be_the_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my mirror"
    (folder / "dists").mkdir(parents=True)
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", str(folder))
    assert mirror_uris() == (f"file://{tmp_path}/my%20mirror",)
    assert package_folder() is None


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_folder_may_hold_loose_packages(
    prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", f"{prefix}{tmp_path}")
    assert package_folder() == tmp_path


def test_a_folder_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", str(tmp_path / "absent"))
    with pytest.raises(InputError, match=r"EDGEML_DEBIAN_MIRROR is '.*absent'"):
        mirror_uris()
