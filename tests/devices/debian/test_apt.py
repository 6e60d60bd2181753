"""apt with settings of our own, on mirrors that cannot be believed."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgeml_devices.debian.apt import Apt
from edgeml_runtime.errors import MissingToolError

_UNSIGNED = """\
Origin: Debian
Suite: oldstable
Codename: bookworm
Architectures: amd64
Components: main
Date: Sat, 10 May 2025 09:00:00 UTC
"""


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    """An apt in a folder of its own, whose path apt has to be told with care."""
    return Apt(tmp_path / "our apt", "bookworm", "amd64", "The emulator")


def test_a_mirror_that_is_not_signed_is_refused(apt: Apt, tmp_path: Path) -> None:
    release = tmp_path / "mirror" / "dists" / "bookworm" / "Release"
    release.parent.mkdir(parents=True)
    release.write_text(_UNSIGNED)
    mirrors = ((tmp_path / "mirror").as_uri(),)
    with pytest.raises(MissingToolError, match=r"The emulator could not be fetched.*not signed"):
        replace(apt, mirrors=mirrors).update()


def test_a_mirror_that_is_away_leaves_the_ways_out(apt: Apt) -> None:
    mirrors = ("file:///nonexistent/debian",)
    with pytest.raises(MissingToolError, match=r"EDGEML_DEBIAN_MIRROR.*EDGEML_CACHE") as caught:
        replace(apt, mirrors=mirrors).update()
    assert caught.value.exit_code == 3


def test_an_archive_without_the_release_is_passed_over(apt: Apt, tmp_path: Path) -> None:
    older, newer = tmp_path / "older", tmp_path / "newer"
    (older / "dists" / "bullseye").mkdir(parents=True)
    release = newer / "dists" / "bookworm" / "Release"
    release.parent.mkdir(parents=True)
    release.write_text(_UNSIGNED)
    both = replace(apt, mirrors=(older.as_uri(), newer.as_uri()))
    with pytest.raises(MissingToolError, match=rf"from {newer.as_uri()}: .*not signed"):
        both.update()
    assert both.source == newer.as_uri()
    with pytest.raises(MissingToolError, match=rf"from {older.as_uri()}: .*have a Release file"):
        replace(apt, mirrors=(older.as_uri(),)).update()


def test_an_archive_that_cannot_be_believed_is_not_passed_over(apt: Apt, tmp_path: Path) -> None:
    release = tmp_path / "dists" / "bookworm" / "Release"
    release.parent.mkdir(parents=True)
    release.write_text(_UNSIGNED)
    mirrors = (tmp_path.as_uri(), "file:///nonexistent/debian")
    with pytest.raises(MissingToolError, match=rf"from {tmp_path.as_uri()}: .*not signed"):
        replace(apt, mirrors=mirrors).update()


def test_without_apt_a_cache_can_be_copied(
    apt: Apt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"apt-get is not installed.*copy the cache"):
        apt.update()
