"""The bundle ``NAME.edgeml``: a zip of the manifest, the models and the golden vectors."""

from edgeml_runtime.bundle.golden import pack_golden, unpack_golden
from edgeml_runtime.bundle.reader import Bundle, open_bundle
from edgeml_runtime.bundle.writer import write_bundle

__all__ = ["Bundle", "open_bundle", "pack_golden", "unpack_golden", "write_bundle"]
