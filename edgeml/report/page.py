"""The page from its documents: which sections there are and what stands in them.

Reads only ``edgeml.convert/1``, ``edgeml.profile/1``, ``edgeml.run/1`` and ``edgeml.compare/1``
documents, so that a page can be made anywhere, at any time, and the same documents give the same
bytes.
"""

from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from edgeml import __version__
from edgeml.report import (
    artifact_section,
    board_section,
    latency_section,
    layers_section,
    search_section,
)
from edgeml.report.documents import Document, Documents
from edgeml.report.overview import overview
from edgeml.whole_file import write_whole
from edgeml_runtime.errors import InputError


def write_report(
    path: Path | str,
    *,
    conversion: Document | None = None,
    profile: Document | None = None,
    board: Document | None = None,
    comparison: Document | None = None,
) -> Path:
    """Write the page of the documents that are given, replacing what is at *path* in one step.

    Args:
        path: The HTML file.
        conversion: The document of ``edgeml convert``.
        profile: The document of ``edgeml profile``.
        board: The document of ``edgeml run``, best on an emulated board.
        comparison: The document of ``edgeml compare``, best with ``--layers``.

    Raises:
        InputError: No document was given, one is incomplete, or *path* cannot be written.
    """
    target = Path(path)
    documents = Documents(conversion, profile, board, comparison)
    if not documents.given:
        raise InputError(
            "There is nothing to report on.",
            "Give a document: --conversion, --profile, --board or --comparison.",
        )
    try:
        text = render(documents)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"A document of the report lacks what the page needs ({error}).",
            "Make it again with the same version of edgeml.",
        ) from error
    write_whole(target, text)
    return target


def render(documents: Documents) -> str:
    """Return the page as HTML text."""
    folder = resources.files("edgeml.report")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        version=__version__,
        style=Markup((folder / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our file
        failures=[failure for document in documents.given for failure in document["failures"]],
        passed=all(document["passed"] for document in documents.given),
        provenance=_provenance(documents),
        **overview(documents),
        **artifact_section.content(documents.conversion),
        **search_section.content(documents.conversion),
        **layers_section.content(documents.comparison),
        **latency_section.content(documents.profile),
        **board_section.content(documents.board),
    )


def _provenance(documents: Documents) -> list[tuple[str, str]]:
    conversion, profile = documents.conversion, documents.profile
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
    if documents.comparison is not None:
        comparison = documents.comparison
        rows.append(("Compared", f"{comparison['candidate']} with {comparison['reference']}"))
        rows.append(("Compared on", comparison["inputs"]))
    if documents.board is not None:
        board = documents.board
        rows.append(("Board run", f"{board['place']} ({board['method']})"))
    return rows
