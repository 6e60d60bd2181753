"""The distribution's packages of a board, fetched and unpacked without root.

Knows how to make the host's ``apt-get`` work for another architecture from folders of its own, so
that apt resolves what depends on what and checks the archive's signature. Must not know which
board it is for.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeml_devices.cache import COPY_A_CACHE, make_folder
from edgeml_devices.debian.mirror import find_keyring, mirror_uri
from edgeml_devices.process import Job, run
from edgeml_runtime.errors import InternalError, MissingToolError
from edgeml_runtime.progress import Progress, silent

# Our lists, keys and cache instead of the host's; none of the host's hooks, which act on the host.
_CONFIGURATION = """\
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::GzipIndexes "true";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::AllowInsecureRepositories "false";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc "{folder}/etc";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


@dataclass(frozen=True)
class PackageSet:
    """Packages of one release: *suite* (``bookworm``), Debian architecture and names."""

    suite: str
    arch: str
    names: tuple[str, ...]

    @property
    def key(self) -> str:
        """A name that differs when anything differs."""
        digest = hashlib.sha256(" ".join(self.names).encode()).hexdigest()
        return f"{self.suite}-{self.arch}-{digest[:8]}"


def fetch_packages(
    wanted: PackageSet, folder: Path, progress: Progress = silent
) -> tuple[Path, ...]:
    """Fetch *wanted* and all that they depend on.

    Args:
        wanted: What is wanted.
        folder: apt's lists and the files are kept here.
        progress: Told of each file.

    Returns:
        The ``.deb`` files, by name.

    Raises:
        MissingToolError: apt, the keys of the archive or the network are missing.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise MissingToolError(
                f"{tool} is not installed, which fetches the board's packages.",
                f"Use a Debian or Ubuntu machine, or {COPY_A_CACHE}",
            )
    apt = _configure(wanted, folder)
    archives = folder / "cache" / "archives"
    for old in archives.glob("*.deb"):
        old.unlink()
    progress("fetching the package lists", 0, 0)
    _run_apt([*apt, "update"], "", silent)
    install = ["install", "--yes", "--download-only", *wanted.names]
    _run_apt([*apt, *install], "fetching packages", progress)
    return tuple(sorted(archives.glob("*.deb")))


def unpack_packages(debs: Sequence[Path], root: Path, progress: Progress = silent) -> None:
    """Unpack *debs* below *root*.

    Raises:
        InternalError: dpkg-deb refused a file, although apt had checked it.
    """
    for done, deb in enumerate(debs):
        progress("unpacking packages", done, len(debs))
        left = run(["dpkg-deb", "--extract", deb, root])
        if left.returncode != 0:
            raise InternalError(
                f"dpkg-deb could not unpack {deb.name}: {left.stderr.strip()}",
                "Make room on the disk and repeat the command.",
            )
    for name in ("bin", "lib", "sbin"):  # links that newer releases make at installation only
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")


def _configure(wanted: PackageSet, folder: Path) -> list[str]:
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        make_folder(folder / name)
    (folder / "status").touch()
    source = f"deb [signed-by={find_keyring()}] {mirror_uri()} {wanted.suite} main\n"
    (folder / "etc" / "sources.list").write_text(source)
    configuration = folder / "apt.conf"
    configuration.write_text(_CONFIGURATION.format(arch=wanted.arch, folder=folder))
    return ["apt-get", "--config-file", str(configuration)]


def _run_apt(command: Sequence[str], task: str, progress: Progress) -> None:
    total = done = 0
    errors = []
    with Job(command, merge_errors=True) as job:
        for line in job.output:
            if " newly installed" in line:
                total = int(line.split(" newly installed")[0].split()[-1])
            elif line.startswith("Get:"):
                done += 1
                progress(task, done, total)
            elif line.startswith("E:"):
                errors.append(" ".join(line.removeprefix("E:").split()))
        left = job.wait()
    if left.returncode != 0:
        reason = errors[0] if errors else f"apt-get ended with {left.returncode}"
        raise MissingToolError(
            f"The board's packages could not be fetched from {mirror_uri()}: {reason}.",
            f"Connect to the archive, name another in EDGEML_DEBIAN_MIRROR, or {COPY_A_CACHE}",
        )
