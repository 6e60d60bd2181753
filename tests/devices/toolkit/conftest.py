"""A small tool in packages of our own, so that nothing is fetched."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from edgeml_devices.toolkit import Recipe

BuildPackage = Callable[[str, dict[str, Path]], Path]


@pytest.fixture(scope="session")
def build_package(tmp_path_factory: pytest.TempPathFactory) -> BuildPackage:
    """Return a call that builds a package of a name from files: path inside to file here."""

    def build(name: str, contents: dict[str, Path]) -> Path:
        tree = tmp_path_factory.mktemp(name)
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN" / "control").write_text(
            f"Package: {name}\nVersion: 1.0\nArchitecture: amd64\n"
            "Maintainer: Nobody <nobody@example.org>\nDescription: For a test\n"
        )
        for path, source in contents.items():
            target = tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(0o755)
        deb = tmp_path_factory.mktemp("debs") / f"{name}_1.0_amd64.deb"
        command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(deb)]
        subprocess.run(command, check=True, capture_output=True)
        return deb

    return build


@pytest.fixture(scope="session")
def bash_package(build_package: BuildPackage) -> Path:
    """A package of this machine's bash, with its libraries and one that it does not need."""
    bash = Path("/bin/bash").resolve()
    listed = subprocess.run(["ldd", bash], check=True, capture_output=True, text=True).stdout
    libraries = [Path(word) for word in re.findall(r"/\S+", listed)]
    library = "usr/lib/x86_64-linux-gnu"
    contents = {f"{library}/{path.name}": path.resolve() for path in libraries}
    unneeded = {f"{library}/libunneeded.so.1": bash, "usr/share/doc/bash/README": bash}
    return build_package("bash", {**contents, **unneeded, "usr/bin/bash": bash})


@pytest.fixture
def bash_recipe(bash_package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recipe:
    """The recipe of that bash, with its package in a folder and an empty cache."""
    monkeypatch.setenv("EDGEML_DEBIAN_MIRROR", str(bash_package.parent))
    monkeypatch.setenv("EDGEML_CACHE", str(tmp_path / "my cache"))
    version = subprocess.run(["/bin/bash", "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"version (\d+\.\d+)", version.stdout)
    assert found is not None
    return Recipe(
        name="bash",
        title="The shell",
        task="fetching the shell",
        version=found.group(1),
        suite="bookworm",
        arch="amd64",
        download_mib=1,
        programs=(PurePosixPath("usr/bin/bash"),),
        packages=("bash",),
    )
