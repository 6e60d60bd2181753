"""Programs that run with the libraries and the C library they were built with, on any host.

Each is started by the dynamic loader that came with it, which looks for libraries beside it first.
Must not know which programs these are.
"""

from pathlib import Path, PurePosixPath

from edgeml_devices.process import run
from edgeml_runtime.errors import InternalError

LOADER = "ld-linux-x86-64.so.2"

# `ld.so --list` shows what a program needs; these it may need besides: a plugin that was built
# against a C library older than 2.34 asks for them by name.
_ALWAYS_KEPT = {LOADER, "libc.so.6", "libdl.so.2", "libpthread.so.0"}

# A shell adds variables to the environment, which an emulated program would see on its stack, so
# they are taken out again. LD_LIBRARY_PATH stays, as it is the emulated program's: the loader goes
# by its option instead.
_WRAPPER = """\
#!/bin/sh
# Made by edgeml: runs {name} with the libraries beside it and none of this machine's.
here=${{0%/*}}/..
exec /usr/bin/env -u PWD -u OLDPWD -u SHLVL -u _ \\
    "$here/lib/{loader}" --inhibit-cache --library-path "$here/lib" "$here/libexec/{name}" "$@"
"""


def write_wrapper(folder: Path, name: str) -> None:
    """Write ``bin/NAME`` below *folder*, which runs ``libexec/NAME`` with ``lib/``."""
    wrapper = folder / "bin" / name
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(_WRAPPER.format(name=name, loader=LOADER))
    wrapper.chmod(0o755)


def needed_libraries(folder: Path, name: str) -> set[str]:
    """Return the names below ``lib/`` of the libraries that ``libexec/NAME`` is linked with.

    Raises:
        InternalError: One of them is missing there, be it on the host or not.
    """
    library = folder / "lib"
    options = ["--inhibit-cache", "--library-path", str(library), "--list"]
    listed = run([library / LOADER, *options, folder / "libexec" / name], {})
    needed = set(_ALWAYS_KEPT)
    for line in listed.stdout.splitlines():
        soname, arrow, target = line.strip().partition(" => ")
        path = PurePosixPath(target.partition(" (")[0])
        if not arrow or soname.endswith(LOADER):
            continue
        if path.parent != PurePosixPath(library):
            raise _incomplete(name, f"{soname} is not among them")
        needed.add(path.name)
    if listed.returncode != 0:
        raise _incomplete(name, (listed.stderr.strip().splitlines() or ["it does not load"])[-1])
    return needed


def drop_others(library: Path, needed: set[str]) -> None:
    """Remove from the folder *library* what is neither in *needed* nor a link's target there."""
    targets = {(library / name).resolve().name for name in needed if (library / name).exists()}
    for file in library.iterdir():
        if file.name not in needed | targets:
            file.unlink()


def _incomplete(name: str, fact: str) -> InternalError:
    return InternalError(
        f"The packages of {name} lack one of its libraries: {fact}.",
        "Report it with this message and the address of the Debian mirror.",
    )
