"""The manifest of a bundle: what the model is, its variants, and the proof that comes with it.

It knows the ``edgeml.bundle/1`` document and checks it in full. It must not read files or run
anything.
"""

import re
from collections.abc import Mapping
from typing import Any, Optional

from edgeml_runtime.document import Fields
from edgeml_runtime.errors import InputError
from edgeml_runtime.frozen import dataclass, field
from edgeml_runtime.tensors import Quantization, TensorSpec

SCHEMA = "edgeml.bundle/1"
MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "signature.json"
MAX_MANIFEST_BYTES = 4 * 1024 * 1024  # parsed it takes 20 times as much at most

_REMEDY = "Make the bundle again with 'edgeml convert', or update edgeml-runtime if it is newer."
TASKS = (
    *("classification", "detection", "segmentation", "keypoints", "embedding", "ocr"),
    *("audio_events", "tabular", "raw"),
)
FORMATS = ("onnx", "tflite", "numpy")

_LAYOUTS = ("", "NCHW", "NHWC")
_DTYPES = (
    *("bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Windows drops dots and spaces at the end, and ".." leads out of the folder.
_PATH_PART = re.compile(r"[^\x00-\x1f\x7f-\x9f/\\:]+(?<![. ])")


@dataclass(frozen=True)
class Variant:
    """One form of the model.

    Args:
        id: A unique name such as ``int8.tflite``.
        path: The entry of the bundle that holds the file.
        format: One of ``FORMATS``.
        precision: ``float32``, ``float16``, ``dynamic``, ``int8`` ...
        sha256: The digest of the file, hexadecimal.
        size_bytes: The size of the file.
        engines: Engine name to the oldest version that runs it; empty text where any does.
        inputs: As the file has them, with the source's names and the file's layout.
        outputs: As *inputs*.
        accuracy: What was measured, with the keys of ``convert --json``; None if nothing was.
        latency: Records with the keys of a ``profile --json`` result.
    """

    id: str
    path: str
    format: str
    precision: str
    sha256: str
    size_bytes: int
    engines: Mapping[str, str]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    accuracy: Optional[Mapping[str, Any]] = None
    latency: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the entry of ``variants`` in the manifest."""
        return {
            "id": self.id,
            "path": self.path,
            "format": self.format,
            "precision": self.precision,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "engines": dict(self.engines),
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "accuracy": None if self.accuracy is None else dict(self.accuracy),
            "latency": [dict(record) for record in self.latency],
        }

    @classmethod
    def from_json(cls, value: object, where: str = "variant") -> "Variant":
        """Return the variant that ``to_json`` described.

        Raises:
            InputError: Names *where*, the key and what is allowed.
        """
        fields = Fields(value, where, _REMEDY)
        return cls(
            id=fields.text("id"),
            path=_path(fields),
            format=fields.choice("format", FORMATS),
            precision=fields.text("precision"),
            sha256=_digest(fields),
            size_bytes=fields.whole("size_bytes", 1),
            engines=fields.text_table("engines"),
            inputs=_tensors(fields, "inputs"),
            outputs=_tensors(fields, "outputs"),
            accuracy=fields.table("accuracy") if fields.has("accuracy") else None,
            latency=fields.tables("latency"),
        )


@dataclass(frozen=True)
class GoldenRecord:
    """The golden vectors: inputs with the outputs that the source model gave.

    Args:
        path: The entry of the bundle that holds them.
        sha256: Its digest.
        samples: How many there are.
        tolerances: Variant id to the largest absolute difference that passes.
    """

    path: str
    sha256: str
    samples: int
    tolerances: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the entry ``golden`` of the manifest."""
        return {
            "path": self.path,
            "sha256": self.sha256,
            "samples": self.samples,
            "tolerances": dict(self.tolerances),
        }

    @classmethod
    def from_json(cls, value: object, where: str = "golden") -> "GoldenRecord":
        """Return the record that ``to_json`` described; InputError as ``Variant.from_json``."""
        fields = Fields(value, where, _REMEDY)
        return cls(
            path=_path(fields),
            sha256=_digest(fields),
            samples=fields.whole("samples", 1),
            tolerances=fields.number_table("tolerances"),
        )


@dataclass(frozen=True)
class Manifest:
    """Everything that a bundle says about itself.

    Args:
        name: The model's name.
        version: Free text such as ``1.2.0``.
        serial: Grows with every release; a board refuses to go back.
        task: One of ``TASKS``.
        inputs: Of the source model; samples and golden vectors are in these layouts.
        outputs: As *inputs*.
        variants: The forms of the model, at least one.
        preprocess: The ``edgeml.preprocess/1`` document, or None.
        labels: Class names by index; may be empty.
        golden: The golden vectors, or None.
        provenance: Where the model came from and what made the bundle.
        task_options: How the task reads the outputs; each task has its own keys.
        statistics: What inputs and predictions looked like at conversion, or None.
    """

    name: str
    version: str
    serial: int
    task: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    variants: tuple[Variant, ...]
    preprocess: Optional[Mapping[str, Any]] = None
    labels: tuple[str, ...] = ()
    golden: Optional[GoldenRecord] = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    task_options: Mapping[str, Any] = field(default_factory=dict)
    statistics: Optional[Mapping[str, Any]] = None

    @property
    def digests(self) -> dict[str, str]:
        """The entries of the bundle that the manifest vouches for, path to SHA-256."""
        golden = () if self.golden is None else (self.golden,)
        return {record.path: record.sha256 for record in (*self.variants, *golden)}

    def variant(self, variant_id: str) -> Variant:
        """Return the variant with that id, or raise InputError naming those that exist."""
        for variant in self.variants:
            if variant.id == variant_id:
                return variant
        known = ", ".join(variant.id for variant in self.variants)
        raise InputError(f"'{self.name}' has no variant '{variant_id}'.", f"Use one of: {known}.")

    def to_json(self) -> dict[str, Any]:
        """Return the ``edgeml.bundle/1`` document."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "version": self.version,
            "serial": self.serial,
            "task": self.task,
            "task_options": dict(self.task_options),
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "preprocess": None if self.preprocess is None else dict(self.preprocess),
            "labels": list(self.labels),
            "variants": [variant.to_json() for variant in self.variants],
            "golden": None if self.golden is None else self.golden.to_json(),
            "statistics": None if self.statistics is None else dict(self.statistics),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, document: object, where: str = MANIFEST_NAME) -> "Manifest":
        """Return the manifest that ``to_json`` described.

        Raises:
            InputError: An unknown schema, or a field that is missing, of the wrong kind or at odds
                with another; names *where*, the key and what is allowed.
        """
        fields = Fields(document, where, _REMEDY)
        fields.choice("schema", (SCHEMA,))
        manifest = cls(
            name=fields.text("name"),
            version=fields.text("version"),
            serial=fields.whole("serial", 1),
            task=fields.choice("task", TASKS),
            inputs=_tensors(fields, "inputs"),
            outputs=_tensors(fields, "outputs"),
            variants=tuple(
                Variant.from_json(item, f"{where}, variant {index}")
                for index, item in enumerate(fields.items("variants"))
            ),
            preprocess=fields.table("preprocess") if fields.has("preprocess") else None,
            labels=fields.texts("labels"),
            golden=(
                GoldenRecord.from_json(fields.table("golden"), f"{where}, golden")
                if fields.has("golden")
                else None
            ),
            provenance=fields.table("provenance"),
            task_options=fields.table("task_options") if fields.has("task_options") else {},
            statistics=fields.table("statistics") if fields.has("statistics") else None,
        )
        _check_whole(manifest, fields)
        return manifest


def is_entry_name(name: str) -> bool:
    """Return whether *name* is a plain relative path that is safe to unpack anywhere."""
    if len(name) > 200 or any("\ud800" <= letter <= "\udfff" for letter in name):
        return False  # a pattern of such a range would take its time at every start
    return all(_PATH_PART.fullmatch(part) is not None for part in name.split("/"))


def _check_whole(manifest: Manifest, fields: Fields) -> None:
    """Check what no single field shows."""
    if not manifest.variants:
        raise fields.fault("'variants' is empty")
    golden = manifest.golden
    paths = [variant.path for variant in manifest.variants]
    paths += [golden.path] if golden is not None else []
    _no_repeats(fields, "path", [*paths, MANIFEST_NAME, SIGNATURE_NAME])
    _no_repeats(fields, "variant", [variant.id for variant in manifest.variants])
    for variant in manifest.variants:
        for ours, theirs in (
            (manifest.inputs, variant.inputs),
            (manifest.outputs, variant.outputs),
        ):
            if sorted(_ranks(ours)) != sorted(_ranks(theirs)):
                raise fields.fault(f"variant '{variant.id}' has other tensors than the model")
        if golden is not None and golden.tolerances.get(variant.id, -1.0) < 0.0:
            raise fields.fault(f"variant '{variant.id}' has no tolerance in 'golden'")


def _ranks(specs: tuple[TensorSpec, ...]) -> list[tuple[str, int]]:
    return [(spec.name, len(spec.shape)) for spec in specs]


def _no_repeats(fields: Fields, what: str, names: list[str]) -> None:
    folded: set[str] = set()
    for name in names:
        key = name.casefold()
        if not key.isascii():
            import unicodedata  # noqa: PLC0415 - hardly any bundle needs its megabyte

            key = unicodedata.normalize("NFC", key)
        if key in folded:
            raise fields.fault(f"the {what} '{name}' stands twice")
        folded.add(key)


def _path(fields: Fields) -> str:
    path = fields.text("path")
    if not is_entry_name(path):
        raise fields.fault(f"'path' is {path!r}, and must be a plain relative path")
    return path


def _digest(fields: Fields) -> str:
    digest = fields.text("sha256")
    if _SHA256.fullmatch(digest) is None:
        raise fields.fault("'sha256' must be 64 lower-case hexadecimal digits")
    return digest


def _tensors(fields: Fields, key: str) -> tuple[TensorSpec, ...]:
    specs = tuple(
        _tensor(item, f"{fields.where}, {key} {index}")
        for index, item in enumerate(fields.items(key))
    )
    if not specs:
        raise fields.fault(f"'{key}' is empty")
    if len({spec.name for spec in specs}) != len(specs):
        raise fields.fault(f"'{key}' names a tensor twice")
    return specs


def _tensor(value: object, where: str) -> TensorSpec:
    fields = Fields(value, where, _REMEDY)
    spec = TensorSpec(
        name=fields.text("name"),
        shape=fields.sizes("shape"),
        dtype=fields.choice("dtype", _DTYPES),
        layout=fields.choice("layout", _LAYOUTS, ""),
        quantization=_quantization(fields) if fields.has("quantization") else None,
    )
    if spec.layout and len(spec.shape) != 4:
        raise fields.fault(f"'layout' is '{spec.layout}' and 'shape' has not 4 sizes")
    return spec


def _quantization(fields: Fields) -> Quantization:
    entry = Fields(fields.table("quantization"), f"{fields.where}, quantization", _REMEDY)
    scale, *others = entry.numbers("scale")
    if scale <= 0.0 or others:
        raise entry.fault(f"'scale' is {scale}, and must be one number above 0")
    return Quantization(scale=scale, zero_point=entry.whole("zero_point", -(2**31)))
