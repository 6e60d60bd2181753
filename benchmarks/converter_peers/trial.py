"""One converter's attempt at one model; kept, so that a run that was interrupted goes on.

Knows how to run and judge a command; must not know what is made of the figures.
"""

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.converter_peers.converters import Converter
from benchmarks.converter_peers.subject import Subject
from benchmarks.process_cost import CommandRun, run_measured
from benchmarks.tflite_answers import Answers, ask

_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Trial:
    """What came of it.

    Args:
        subject: The model.
        converter: The converter.
        version: Its version.
        digest: Of the model.
        converts: Whether the command said that it succeeded, and left a file.
        answers: What LiteRT makes of the file.
        cpu_s: Of the command.
        peak_mib: Of the command.
        size_bytes: Of the file.
        source_kept: Whether the model's file is what it was.
        reason: Why there is no file, or it is not right.
    """

    subject: str
    converter: str
    version: str
    digest: str
    converts: bool
    answers: Answers
    cpu_s: float
    peak_mib: float
    size_bytes: int = 0
    source_kept: bool = True
    reason: str = ""

    @property
    def right(self) -> bool:
        """Whether the file answers as the source does."""
        return self.answers.right


def kept_file(folder: Path, converter: str) -> Path:
    """Return where the TFLite file of *converter* is kept, in the folder of a model."""
    return folder / f"{converter}.tflite"


def kept_trial(folder: Path, converter: str) -> Trial | None:
    """Return the trial that is kept in the folder of a model, if any."""
    record = folder / f"{converter}.json"
    if not record.exists():
        return None
    content = json.loads(record.read_bytes())
    return Trial(**{**content, "answers": Answers(**content["answers"])})


def attempt(converter: Converter, python: Path, subject: Subject, folder: Path) -> Trial:
    """Return the trial, from *folder* where it is of the same versions.

    Args:
        converter: What converts.
        python: An interpreter that has it.
        subject: What to convert.
        folder: Where the record and the file are kept.
    """
    kept = kept_trial(folder, converter.name)
    if kept is not None and (kept.version, kept.digest) == (converter.version, subject.digest):
        return kept
    target = kept_file(folder, converter.name)
    target.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgeml-peer-", dir=folder) as scratch:
        trial = _convert(converter, python, subject, Path(scratch), target)
    record = folder / f"{converter.name}.json"
    unfinished = record.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(asdict(trial), indent=1), encoding="utf-8")
    unfinished.replace(record)
    return trial


def _convert(
    converter: Converter, python: Path, subject: Subject, scratch: Path, target: Path
) -> Trial:
    source: Path | str = subject.source
    before = ""
    if isinstance(source, Path):
        source = Path(shutil.copy(source, scratch / "model.onnx"))
        before = _sha256(source)
    out = scratch / "out"
    run = run_measured(
        converter.command(subject, source, out, python),
        environment=_environment(None if converter.peer is None else python),
        folder=scratch,
    )
    file = converter.file(out) if out.is_dir() else None
    converts = run.exit_code == 0 and file is not None
    answers, size_bytes, reason = Answers(), 0, _complaint(run)
    if converts and file is not None:
        size_bytes = file.stat().st_size
        shutil.move(file, target)
        answers = ask(target, subject.golden)
        reason = answers.reason
    return Trial(
        subject=subject.name,
        converter=converter.name,
        version=converter.version,
        digest=subject.digest,
        converts=converts,
        answers=answers,
        cpu_s=run.cpu_s,
        peak_mib=run.peak_mib,
        size_bytes=size_bytes,
        source_kept=not isinstance(source, Path) or _sha256(source) == before,
        reason=reason,
    )


def _environment(python: Path | None) -> dict[str, str]:
    """Return what a converter runs with: these networks, and first of all a peer's programs."""
    if python is None:
        return {"PYTHONPATH": str(_REPOSITORY)}
    path = f"{python.parent}:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, "PYTHONPATH": str(_REPOSITORY)}


def _complaint(run: CommandRun) -> str:
    """Return the line of a log that says why a command failed."""
    lines = [" ".join(line.split()) for line in run.log.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()]
    return f"exit code {run.exit_code}: {(telling or lines or [''])[-1][:200]}"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
