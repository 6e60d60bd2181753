"""Verifies a bundle on this board: the self-test of every variant in every engine that is here."""

import os
from typing import Any, Optional, Union

from edgeml_runtime.bundle import Bundle, open_bundle, unpack_golden
from edgeml_runtime.choice import Choice, fits, runnable
from edgeml_runtime.engines import installed_engines, open_engine
from edgeml_runtime.errors import GateError, InputError, MissingToolError
from edgeml_runtime.frozen import dataclass
from edgeml_runtime.manifest import Manifest
from edgeml_runtime.selftest import SelfTest
from edgeml_runtime.session import Model


@dataclass(frozen=True)
class Check:
    """One variant that was run in one engine.

    Args:
        variant: The variant's id.
        engine: The engine's name.
        engine_version: The engine's version.
        outcome: Of the self-test; None when the engine refused the model.
        error: Why the engine refused it; empty when it ran.
    """

    variant: str
    engine: str
    engine_version: str
    outcome: Optional[SelfTest]
    error: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answers were right."""
        return self.outcome is not None and self.outcome.passed

    @property
    def detail(self) -> str:
        """One sentence of what came out."""
        if self.outcome is None:
            return self.error
        return (
            f"worst error {self.outcome.worst_error:.3g} of {self.outcome.tolerance:.3g} "
            f"in {self.outcome.samples} samples"
        )

    def to_json(self) -> dict[str, Any]:
        """Return an entry of ``results``."""
        return {
            "variant": self.variant,
            "engine": {"name": self.engine, "version": self.engine_version},
            "passed": self.passed,
            "self_test": None if self.outcome is None else self.outcome.to_json(),
            "error": self.error or None,
        }


@dataclass(frozen=True)
class Skip:
    """One variant that could not be run in one engine, as it is not on this board."""

    variant: str
    engine: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return an entry of ``skipped``."""
        return {"variant": self.variant, "engine": self.engine, "reason": self.reason}


@dataclass(frozen=True)
class Verification:
    """All checks of one bundle; at least one was run."""

    manifest: Manifest
    checks: tuple[Check, ...]
    skipped: tuple[Skip, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return 0 if self.passed else GateError.exit_code

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.verify/1`` document."""
        return {
            "schema": "edgeml.verify/1",
            "bundle": {"name": self.manifest.name, "version": self.manifest.version},
            "passed": self.passed,
            "results": [check.to_json() for check in self.checks],
            "skipped": [skip.to_json() for skip in self.skipped],
        }


def verify_bundle(path: Union[str, "os.PathLike[str]"], *, threads: int = 1) -> Verification:
    """Read every file of a bundle and run every self-test that this board can.

    Raises:
        InputError: The bundle is damaged.
        MissingToolError: No engine for any variant is installed.
    """
    bundle = open_bundle(path)
    if bundle.manifest.golden is not None:
        unpack_golden(bundle.read(bundle.manifest.golden.path))  # damage is no finding of an engine
    installed = installed_engines()
    checks: list[Check] = []
    skipped: list[Skip] = []
    for choice in runnable(bundle.manifest.variants, None):
        if fits(choice, installed):
            checks.append(_check(bundle, choice, installed[choice.engine], threads))
        else:
            minimum = choice.variant.engines[choice.engine]
            reason = f"{choice.engine} {minimum}".strip() + " is not installed"
            skipped.append(Skip(choice.variant.id, choice.engine, reason))
    if not checks:
        raise MissingToolError(
            f"{bundle.path}: no engine for any variant is installed.",
            "Install one of: " + ", ".join(sorted({skip.engine for skip in skipped})) + ".",
        )
    return Verification(bundle.manifest, tuple(checks), tuple(skipped))


def _check(bundle: Bundle, choice: Choice, version: str, threads: int) -> Check:
    content = bundle.file(choice.variant.path)
    try:
        engine = open_engine(choice.engine, content, threads)
        model = Model(bundle, choice.variant, engine)
        outcome = model.self_test()
    except (
        InputError,
        MissingToolError,
    ) as error:  # the finding of this check, and the others still run
        return Check(choice.variant.id, choice.engine, version, None, str(error))
    model.close()
    return Check(choice.variant.id, choice.engine, version, outcome)
