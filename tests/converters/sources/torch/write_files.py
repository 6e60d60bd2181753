"""Writes files of PyTorch into a folder, some with code that leaves a mark; runs where torch is."""

import io
import os
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import networks  # type: ignore[import-not-found]  # lies beside this file
import torch
from torch.export import Dim, export, save

FOLDER = Path(sys.argv[1])
MARK = f"touch {FOLDER / 'ran'}"


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (MARK,)


def _changed(name: str, change: Callable[[str, bytes], bytes], *more: str) -> None:
    source = zipfile.ZipFile(FOLDER / "free.pt2")
    with source, zipfile.ZipFile(FOLDER / name, "w") as target:
        for entry in source.namelist():
            target.writestr(entry, change(entry, source.read(entry)))
        for entry in more:
            target.writestr(entry, b"\x7fELF")


def _with_size(entry: str, data: bytes) -> bytes:
    size = f"\"expr_str\": \"__import__('os').system('{MARK}')\"".encode()
    return re.sub(rb'"expr_str": "[^"]*"', size, data) if entry.endswith("/model.json") else data


def _with_pickle(entry: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    torch.save(((_Evil(),), {}), stream)
    return stream.getvalue() if "/sample_inputs/" in entry else data


torch.manual_seed(0)
network = networks.mobile().eval()
images = torch.randn(2, 3, 16, 16)
save(export(network, (images,), dynamic_shapes={"x": {0: Dim("n")}}), FOLDER / "free.pt2")
save(export(network, (images[:1],)), FOLDER / "fixed.pt2")
torch.save(network, FOLDER / "whole.pt")
torch.save(network.state_dict(), FOLDER / "weights.pth")
_changed("size.pt2", _with_size)
_changed("pickle.pt2", _with_pickle)
_changed("library.pt2", lambda _, data: data, "free/data/aotinductor/model/net.so")
(FOLDER / "cut.pt2").write_bytes((FOLDER / "free.pt2").read_bytes()[:2000])
