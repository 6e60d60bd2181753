"""apt with settings of our own, on mirrors that cannot be believed."""

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


def test_a_mirror_that_is_not_signed_is_refused(
    apt: Apt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tmp_path / "mirror" / "dists" / "bookworm" / "Release"
    release.parent.mkdir(parents=True)
    release.write_text(_UNSIGNED)
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", str(tmp_path / "mirror"))
    with pytest.raises(MissingToolError, match=r"The emulator could not be fetched.*not signed"):
        apt.update()


def test_a_mirror_that_is_away_leaves_the_ways_out(
    apt: Apt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", "file:///nonexistent/debian")
    with pytest.raises(MissingToolError, match=r"EDGEML_DEBIAN_MIRROR.*EDGEML_CACHE") as caught:
        apt.update()
    assert caught.value.exit_code == 3


def test_without_apt_a_cache_can_be_copied(
    apt: Apt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"apt-get is not installed.*copy the cache"):
        apt.update()
