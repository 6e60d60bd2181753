"""Runs in the environment of atheris: ``python -m benchmarks.fuzzing.fuzz TARGET FOLDER FLAG...``.

The flags are libFuzzer's. FOLDER is the only place where the target may write.
"""

import importlib
import os
import pkgutil
import random
import resource
import sys
from pathlib import Path

_MEMORY_BYTES = 3 * 1024**3


def main() -> None:
    """Fuzz until a flag says stop; libFuzzer ends the process itself."""
    name, folder, *flags = sys.argv[1:]
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["edgeml_runtime"]):
        from benchmarks.fuzzing.targets import TARGETS  # noqa: PLC0415 - instrumented as it is read

        _import_all("bundle", "preprocess", "tasks")
        bundle = importlib.import_module("edgeml_runtime.bundle")
    from benchmarks.fuzzing.guard import Guard  # noqa: PLC0415 - with the rest of ours

    vars(bundle).update(_KEPT_BYTES=8192)  # so that the oldest models are removed
    sandbox = Path(folder)
    os.environ["EDGEML_RUNTIME_CACHE"] = str(sandbox / "cache")
    target, change = TARGETS[name]
    guard = Guard(sandbox)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))

    def test_one_input(data: bytes) -> None:
        with guard.watching():
            target(data, sandbox)

    def mutate(data: bytes, max_bytes: int, seed: int) -> bytes:
        def plain(text: bytes) -> bytes:
            return bytes(atheris.Mutate(text, len(text) + 64))

        return change(data, random.Random(seed), plain)[:max_bytes]  # noqa: S311 - no secret

    atheris.Setup([sys.argv[0], *flags], test_one_input, custom_mutator=mutate)
    atheris.Fuzz()


def _import_all(*packages: str) -> None:
    """Import what the runtime imports when an input needs it, so that it is instrumented too."""
    for name in packages:
        package = importlib.import_module(f"edgeml_runtime.{name}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


if __name__ == "__main__":
    main()
