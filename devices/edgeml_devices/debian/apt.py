"""The host's ``apt-get``, working for a release and an architecture of our choice, without root.

It has lists, keys and configuration of its own, below one folder. apt checks the archive's
signature and every file's digest. Must not know what the packages are for.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeml_devices.cache import COPY_A_CACHE, make_folder
from edgeml_devices.debian.mirror import find_keyring, mirror_uris
from edgeml_devices.process import Job
from edgeml_runtime.errors import MissingToolError
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

_WITHOUT_RELEASE = "does not have a Release file"  # what apt says of an archive, in English


@dataclass(frozen=True)
class Apt:
    """An apt of our own.

    Args:
        folder: Where its lists and settings are.
        suite: The release, such as ``bookworm``.
        arch: Debian's name of the architecture.
        subject: What is fetched, for messages: ``The emulator``.
        mirrors: Addresses of archives; the first that has the release is used.
    """

    folder: Path
    suite: str
    arch: str
    subject: str
    mirrors: tuple[str, ...] = field(default_factory=mirror_uris)

    @property
    def source(self) -> str:
        """The archive that is used; call `update` first."""
        return self._list.read_text().split()[1]

    def update(self, progress: Progress = silent) -> None:
        """Fetch the package lists.

        Raises:
            MissingToolError: apt or the archive is missing, or its signature is wrong.
        """
        for tool in ("apt-get", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise MissingToolError(
                    f"{self.subject} cannot be fetched: {tool} is not installed.",
                    f"Use a Debian or Ubuntu machine, or {COPY_A_CACHE}",
                )
        for name in ("state/lists/partial", "cache/archives/partial", "etc/trusted.gpg.d"):
            make_folder(self.folder / name)
        (self.folder / "status").touch()
        shutil.copyfile(find_keyring(), self.folder / "etc" / "trusted.gpg.d" / "archive.asc")
        configuration = _CONFIGURATION.format(arch=self.arch, folder=self.folder)
        self._settings.write_text(configuration)
        progress("fetching the package lists", 0, 0)
        reason = ""
        for uri in self.mirrors:
            self._list.write_text(f"deb {uri} {self.suite} main\n")
            reason = self._run(["update"], self.folder, "", 0, silent)
            if _WITHOUT_RELEASE not in reason:
                break
        self._check(reason)

    def download(
        self, names: Sequence[str], target: Path, task: str, progress: Progress = silent
    ) -> tuple[Path, ...]:
        """Fetch the packages *names*, and not what they depend on, into the folder *target*.

        Call `update` first.

        Args:
            names: The packages.
            target: An empty folder.
            task: What progress is told that we do.
            progress: Told of each file.

        Returns:
            The ``.deb`` files, by name.

        Raises:
            MissingToolError: The archive does not have them, or cannot be reached.
        """
        self._check(self._run(["download", *names], target, task, len(names), progress))
        return tuple(sorted(target.glob("*.deb")))

    def download_all(
        self, names: Sequence[str], task: str, progress: Progress = silent
    ) -> tuple[Path, ...]:
        """Fetch the packages *names* and all that they depend on; otherwise as `download`."""
        archives = self.folder / "cache" / "archives"
        for old in archives.glob("*.deb"):
            old.unlink()
        install = ["install", "--yes", "--download-only", *names]
        self._check(self._run(install, self.folder, task, 0, progress))
        return tuple(sorted(archives.glob("*.deb")))

    @property
    def _settings(self) -> Path:
        return self.folder / "apt.conf"

    @property
    def _list(self) -> Path:
        return self.folder / "etc" / "sources.list"

    def _run(
        self, arguments: Sequence[str], folder: Path, task: str, total: int, progress: Progress
    ) -> str:
        """Return why apt failed; nothing when it did not."""
        command = ["apt-get", "--config-file", str(self._settings), *arguments]
        done = 0
        errors = []
        environment = {**os.environ, "LC_ALL": "C"}  # we read what it says
        with Job(command, environment, folder=folder, merge_errors=True) as job:
            for line in job.output:
                if " newly installed" in line:
                    total = int(line.split(" newly installed")[0].split()[-1])
                elif line.startswith("Get:"):
                    done += 1
                    progress(task, done, max(done, total))
                elif line.startswith("E:"):
                    errors.append(" ".join(line.removeprefix("E:").split()).rstrip("."))
            left = job.wait()
        if left.returncode == 0:
            return ""
        return errors[0] if errors else f"apt-get ended with {left.returncode}"

    def _check(self, reason: str) -> None:
        if reason:
            raise MissingToolError(
                f"{self.subject} could not be fetched from {self.source}: {reason}.",
                f"Connect to the archive, name another in EDGEML_DEBIAN_MIRROR, or {COPY_A_CACHE}",
            )
