"""The page from its documents: which sections there are and what stands in them.

Reads only ``edgeml.convert/1``, ``edgeml.profile/1`` and ``edgeml.run/1`` documents, so that a page
can be made anywhere, at any time, and the same documents give the same bytes.
"""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from edgeml import __version__
from edgeml.report import artifact_section, board_section, latency_section
from edgeml.report.overview import overview
from edgeml.whole_file import write_whole
from edgeml_runtime.errors import InputError

Document = Mapping[str, Any]


def write_report(
    path: Path | str,
    *,
    conversion: Document | None = None,
    profile: Document | None = None,
    board: Document | None = None,
) -> Path:
    """Write the page of the documents that are given, replacing what is at *path* in one step.

    Args:
        path: The HTML file.
        conversion: The document of ``edgeml convert``.
        profile: The document of ``edgeml profile``.
        board: The document of ``edgeml run``, best on an emulated board.

    Raises:
        InputError: No document was given, one is incomplete, or *path* cannot be written.
    """
    target = Path(path)
    if conversion is None and profile is None and board is None:
        raise InputError(
            "There is nothing to report on.",
            "Give a document: --conversion, --profile or --board.",
        )
    try:
        text = render(conversion, profile, board)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"A document of the report lacks what the page needs ({error}).",
            "Make it again with the same version of edgeml.",
        ) from error
    write_whole(target, text)
    return target


def render(conversion: Document | None, profile: Document | None, board: Document | None) -> str:
    """Return the page as HTML text."""
    folder = resources.files("edgeml.report")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    documents = [document for document in (conversion, profile, board) if document is not None]
    return template.render(
        version=__version__,
        style=Markup((folder / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our file
        failures=[failure for document in documents for failure in document["failures"]],
        passed=all(document["passed"] for document in documents),
        provenance=_provenance(conversion, profile, board),
        **overview(conversion, profile, board),
        **artifact_section.content(conversion),
        **latency_section.content(profile),
        **board_section.content(board),
    )


def _provenance(
    conversion: Document | None, profile: Document | None, board: Document | None
) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if conversion is not None:
        source = conversion["source"]
        rows.append(("Original model", f"{source['name']}, SHA-256 {source['sha256']}"))
        rows.append(("Verified on", conversion["verified_on"]))
        engines = {
            f"{item['verified_with']['name']} {item['verified_with']['version']}": None
            for item in conversion["artifacts"]
        }
        rows.append(("Verified with", ", ".join(engines)))
        rows.extend(
            ("Quantization", artifact_section.quantization(entry))
            for entry in artifact_section.quantizations(conversion)
        )
    if profile is not None:
        model = profile["model"]
        rows.append(("Profiled file", f"{model['name']}, SHA-256 {model['sha256']}"))
        rows.extend(latency_section.provenance(profile))
    if board is not None:
        rows.append(("Board run", f"{board['place']} ({board['method']})"))
    return rows
