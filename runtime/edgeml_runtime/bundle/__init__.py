"""The bundle ``NAME.edgeml``: a zip of the manifest, the models and the golden vectors."""

from typing import TYPE_CHECKING, Any

from edgeml_runtime.bundle.reader import Bundle, open_bundle

if TYPE_CHECKING:
    from edgeml_runtime.bundle.golden import pack_golden, unpack_golden
    from edgeml_runtime.bundle.writer import write_bundle

__all__ = ["Bundle", "open_bundle", "pack_golden", "unpack_golden", "write_bundle"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names differ in type
    """Load what a program that only reads a bundle does not need."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from edgeml_runtime.bundle import golden, writer  # noqa: PLC0415 - as said

    return getattr(writer if name == "write_bundle" else golden, name)
