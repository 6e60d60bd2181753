"""The cache simulator against a slow and plain one in Python."""

import ctypes
import subprocess
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

_PAGE_LINES = 64


class CacheSim:
    """The C cache simulator."""

    def __init__(
        self, library: ctypes.CDLL, shapes: list[tuple[int, int]], line_bytes: int
    ) -> None:
        self._library = library
        pairs = (ctypes.c_uint64 * (2 * len(shapes)))(*(number for s in shapes for number in s))
        self._sim = library.cache_sim_new(len(shapes), pairs, line_bytes)
        self.valid = bool(self._sim)

    def access(self, address: int, size: int, store: bool) -> None:
        self._library.cache_sim_access(self._sim, address, size, store)

    def counts(self, level: int) -> tuple[int, int, int]:
        """Return accesses, misses, write-backs."""
        found = self._library.cache_sim_counts(self._sim, level)
        return (found.accesses, found.misses, found.write_backs)

    def close(self) -> None:
        self._library.cache_sim_free(self._sim)


class _CacheCounts(ctypes.Structure):
    _fields_ = (
        ("accesses", ctypes.c_uint64),
        ("misses", ctypes.c_uint64),
        ("write_backs", ctypes.c_uint64),
    )


MakeSim = Callable[[list[tuple[int, int]], int], CacheSim]


@pytest.fixture(scope="session")
def make_sim(tmp_path_factory: pytest.TempPathFactory) -> MakeSim:
    """Return a call ``(shapes as (bytes, ways), line_bytes) -> CacheSim``."""
    folder = files("edgeml_devices.emulation.plugin")
    sources = [str(folder / name) for name in ("cache_sim.c", "frames.c")]
    library_file = tmp_path_factory.mktemp("sim") / "cache_sim.so"
    command = ["cc", "-std=c11", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, "-o", str(library_file), *sources], check=True)
    library = ctypes.CDLL(str(library_file))
    library.cache_sim_new.restype = ctypes.c_void_p
    library.cache_sim_new.argtypes = (ctypes.c_uint, ctypes.c_void_p, ctypes.c_uint)
    library.cache_sim_free.argtypes = (ctypes.c_void_p,)
    library.cache_sim_access.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint64,
        ctypes.c_uint,
        ctypes.c_bool,
    )
    library.cache_sim_counts.argtypes = (ctypes.c_void_p, ctypes.c_uint)
    library.cache_sim_counts.restype = _CacheCounts
    return lambda shapes, line_bytes: CacheSim(library, shapes, line_bytes)


class Frames:
    """Physical frames, the next one for each page that is touched first."""

    def __init__(self) -> None:
        self._given: dict[int, int] = {}

    def physical_line(self, line: int) -> int:
        frame = self._given.setdefault(line // _PAGE_LINES, len(self._given))
        return frame * _PAGE_LINES + line % _PAGE_LINES


@dataclass
class Level:
    """One cache: a set is a dictionary from line to whether it is modified, the oldest first."""

    sets: int
    ways: int
    below: "Level | None"
    accesses: int = 0
    misses: int = 0
    write_backs: int = 0
    rows: dict[int, OrderedDict[int, bool]] = field(default_factory=dict)

    def access(self, line: int, store: bool) -> None:
        self.accesses += 1
        row = self.rows.setdefault(line % self.sets, OrderedDict())
        if line in row:
            row[line] = row[line] or store
            row.move_to_end(line)
            return
        self.misses += 1
        self._insert(row, line, store)
        if self.below is not None:
            self.below.access(line, False)

    def write(self, line: int) -> None:
        """Take a modified line from above."""
        row = self.rows.setdefault(line % self.sets, OrderedDict())
        if line in row:
            row[line] = True
            row.move_to_end(line)
        else:
            self._insert(row, line, True)

    def _insert(self, row: OrderedDict[int, bool], line: int, modified: bool) -> None:
        victim = row.popitem(last=False) if len(row) == self.ways else None
        row[line] = modified
        if victim is not None and victim[1]:
            self.write_backs += 1
            if self.below is not None:
                self.below.write(victim[0])


Access = tuple[int, int, bool]
# Few enough lines that sets overflow, and accesses that straddle lines.
ACCESSES = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 1 << 13), st.integers(0, 1 << 20), st.integers(0, 1 << 47)),
        st.sampled_from([1, 4, 8, 16]),
        st.booleans(),
    ),
    max_size=600,
)


@pytest.mark.parametrize(
    "shapes",
    [
        [(1024, 2)],
        [(1024, 2), (4096, 4)],
        [(1024, 1), (2048, 16), (64 * 3 * 12, 12)],  # the last has 3 sets, not a power of two
    ],
)
@given(accesses=ACCESSES)
def test_agrees_with_the_plain_simulator(
    make_sim: MakeSim, shapes: list[tuple[int, int]], accesses: list[Access]
) -> None:
    sim = make_sim(shapes, 64)
    below = None
    levels: list[Level] = []
    for size, ways in reversed(shapes):
        below = Level(size // 64 // ways, ways, below)
        levels.insert(0, below)
    frames = Frames()
    for address, size, store in accesses:
        sim.access(address, size, store)
        for line in range(address // 64, (address + size - 1) // 64 + 1):
            levels[0].access(frames.physical_line(line), store)
    found = [sim.counts(index) for index in range(len(levels))]
    sim.close()
    assert found == [(level.accesses, level.misses, level.write_backs) for level in levels]


@pytest.mark.parametrize(
    ("shapes", "line_bytes"),
    [([], 64), ([(1000, 2)], 64), ([(0, 2)], 64), ([(1024, 0)], 64), ([(1024, 2)], 48)],
)
def test_refuses_impossible_shapes(
    make_sim: MakeSim, shapes: list[tuple[int, int]], line_bytes: int
) -> None:
    assert not make_sim(shapes, line_bytes).valid
