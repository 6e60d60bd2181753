"""Bundles and golden vectors under random content and random damage."""

import io
import random
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeml_runtime.bundle import open_bundle, pack_golden, unpack_golden, write_bundle
from edgeml_runtime.bundle.stored_zip import write_entries
from edgeml_runtime.errors import InputError
from edgeml_runtime.manifest import Manifest

pytest.importorskip("hypothesis")
import hypothesis
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SAMPLES = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4)
DTYPES = st.sampled_from(["float32", "float16", "int8", "uint8", "int64", "bool"])
SHAPES = st.lists(st.integers(1, 4), max_size=4)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@hypothesis.given(TEXT, st.integers(1, 2**63 - 1), st.lists(TEXT))
@hypothesis.settings(max_examples=30, deadline=None)
def test_a_bundle_comes_back_as_it_was(
    pool: tuple[Manifest, dict[str, bytes]], name: str, serial: int, labels: list[str]
) -> None:
    manifest, files = pool
    manifest = replace(manifest, name=name, serial=serial, labels=tuple(labels))
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.edgeml"), Path(folder, "b.edgeml")
        write_bundle(first, manifest, files)
        bundle = open_bundle(first)
        assert bundle.manifest == manifest
        write_bundle(second, bundle.manifest, {name: bundle.read(name) for name in files})
        assert first.read_bytes() == second.read_bytes()


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=60, deadline=None)
def test_random_damage_gives_words_or_the_same_bundle(
    pool: tuple[Manifest, dict[str, bytes]], data: st.DataObject
) -> None:
    manifest, files = pool
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pool.edgeml")
        write_bundle(path, manifest, files)
        damaged = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(damaged) - 1))
            length = data.draw(st.integers(0, 8))
            damaged[start : start + length] = data.draw(st.binary(max_size=8))
        path.write_bytes(damaged)
        try:
            bundle = open_bundle(path)
            assert bundle.manifest == manifest
            assert {name: bundle.read(name) for name in files} == files
        except InputError:
            return  # in words, as its class asks for


@hypothesis.given(st.dictionaries(NAMES, st.tuples(DTYPES, SHAPES), min_size=1), SAMPLES)
@hypothesis.settings(max_examples=30, deadline=None)
def test_golden_vectors_come_back_as_they_were(
    tensors: dict[str, tuple[str, list[int]]], seeds: list[int]
) -> None:
    hypothesis.assume(len({name.casefold() for name in tensors}) == len(tensors))
    samples = [
        {
            name: np.random.default_rng(seed).integers(0, 2, shape).astype(dtype)
            for name, (dtype, shape) in tensors.items()
        }
        for seed in seeds
    ]
    data = pack_golden(samples, samples[::-1])
    assert data == pack_golden(samples, samples[::-1])
    found = unpack_golden(data)
    assert len(found) == len(samples)
    for (inputs, outputs), sample, mirrored in zip(found, samples, samples[::-1]):
        for left, right in ((inputs, sample), (outputs, mirrored)):
            assert left.keys() == right.keys()
            for name, array in right.items():
                assert left[name].dtype == array.dtype
                assert left[name].shape == array.shape
                np.testing.assert_array_equal(left[name], array)


@hypothesis.given(st.data())
@hypothesis.settings(max_examples=60, deadline=None)
def test_a_damaged_array_header_gives_words(data: st.DataObject) -> None:
    zeros = np.zeros((2, 3), np.float32)
    whole = bytearray(pack_golden([{"x": zeros}], [{"y": zeros}]))
    start = whole.index(b"NUMPY") + data.draw(st.integers(0, 120))
    replacement = data.draw(st.binary(min_size=1, max_size=6))
    whole[start : start + len(replacement)] = replacement
    try:
        ((inputs, _),) = unpack_golden(bytes(whole))
    except InputError:
        return
    assert sum(array.nbytes for array in inputs.values()) <= len(whole)


@hypothesis.given(st.dictionaries(NAMES, st.binary(max_size=40), max_size=6), st.randoms())
@hypothesis.settings(max_examples=60, deadline=None)
def test_the_bytes_are_those_of_the_standard_library(
    entries: dict[str, bytes], random: random.Random
) -> None:
    theirs = io.BytesIO()
    with zipfile.ZipFile(theirs, "w") as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16
            archive.writestr(info, entries[name])
    shuffled = list(entries.items())
    random.shuffle(shuffled)
    ours = io.BytesIO()
    write_entries(ours, dict(shuffled))
    assert ours.getvalue() == theirs.getvalue()
