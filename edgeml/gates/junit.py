"""A profile as JUnit XML, the form in which CI servers take test results.

One test case for each gate of an entry, and one for an entry without gates. There is no formal
standard; the elements and attributes are those that Jenkins' and GitLab's readers share.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.etree import ElementTree as ET

from edgeml.gates.verdict import EntryKey

# XML 1.0, section 2.2: what is no Char may not be written, not even as a reference.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_text(document: Mapping[str, Any]) -> str:
    """Return the JUnit XML of an ``edgeml.profile/1`` document."""
    cases = list(_cases(document))
    failed = sum(case.find("failure") is not None for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", {"name": "edgeml profile", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": _xml(document["model"]["name"]), **counts})
    suite.extend(cases)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _cases(document: Mapping[str, Any]) -> Iterator[ET.Element]:
    gates: dict[EntryKey, list[Mapping[str, Any]]] = {}
    for gate in document["gates"]:
        gates.setdefault(_key(gate), []).append(gate)
    for entry in document["results"]:
        key = EntryKey.of(entry)
        for gate in gates.pop(key, [None]):
            yield _case(key, entry, gate)
    for key, left in gates.items():  # the engines that died, which have no entry
        for gate in left:
            yield _case(key, None, gate)


def _case(
    key: EntryKey, entry: Mapping[str, Any] | None, gate: Mapping[str, Any] | None
) -> ET.Element:
    name = "estimate" if gate is None else f"{gate['gate']} {gate['measure']}"
    threads = f"{key.threads} thread{'s' if key.threads > 1 else ''}"
    case = ET.Element(
        "testcase",
        {
            "classname": _xml(f"{key.target}.{key.engine}.{key.variant}"),
            "name": f"{name}, {threads}",
        },
    )
    figures = {} if entry is None else _figures(entry)
    if gate is not None:
        figures |= {key: gate[key] for key in ("value", "limit", "reference")}
    properties = {name: value for name, value in figures.items() if value is not None}
    if properties:
        parent = ET.SubElement(case, "properties")
        for property_name, value in properties.items():
            ET.SubElement(parent, "property", {"name": property_name, "value": str(value)})
    if gate is not None and not gate["passed"]:
        problem = _xml(gate["problem"])
        failure = ET.SubElement(case, "failure", {"message": problem, "type": gate["gate"]})
        failure.text = problem
    return case


def _figures(entry: Mapping[str, Any]) -> dict[str, Any]:
    latency_ms = entry["latency_ms"]
    return {
        "estimate_ms": latency_ms["estimate"],
        "low_ms": latency_ms["low"],
        "high_ms": latency_ms["high"],
        "instructions": entry["instructions"],
        "engine_version": _xml(entry["engine"]["version"]),
    }


def _key(gate: Mapping[str, Any]) -> EntryKey:
    return EntryKey(gate["target"], gate["engine"], gate["variant"], gate["threads"])


def _xml(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
