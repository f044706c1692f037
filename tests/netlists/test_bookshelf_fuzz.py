"""Random designs survive a round trip through Bookshelf and GSRC files; random damage gives errors with a file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Canvas, Design, Netlist, NetlistError, Placement
from netlists import PlacementError as PlError
from netlists.formats import bookshelf, gsrc
from netlists.formats.bookshelf.lines import is_keyword
from tests.netlists import bookshelf_cases as cases
from tests.netlists.bookshelf_cases import assert_same

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters=" "), min_size=1, max_size=6
).filter(lambda name: name[0] not in "#:" and not is_keyword(name.encode().split(b":")[0]) and name == name.strip())
SIZES = st.one_of(st.integers(4, 400).map(float), st.floats(4, 500).map(lambda v: float(f"{v:.4g}")))
COORDINATES = st.one_of(
    st.integers(-50, 2000).map(float), st.floats(-50, 2000, allow_nan=False).map(lambda v: round(v, 5))
)


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """A small design as any format might give it: all kinds, pins on several nets, weights, orientations."""
    names = draw(st.lists(NAMES, min_size=1, max_size=8, unique=True))
    n = len(names)
    kind = draw(st.lists(st.sampled_from([HARD_MACRO, SOFT_MACRO, STDCELL, PORT]), min_size=n, max_size=n))
    width, height = (np.array(draw(st.lists(SIZES, min_size=n, max_size=n))) for _ in range(2))
    port = np.array(kind) == PORT
    width[port], height[port] = 0, 0
    pins = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=12))
    share = st.one_of(st.sampled_from([0.0, 0.5, -0.5]), st.floats(-0.5, 0.5, allow_nan=False))
    dx = np.array([draw(share) for _ in pins]) * width[pins]
    dy = np.array([draw(share) for _ in pins]) * height[pins]
    nets = draw(st.lists(st.lists(st.integers(0, len(pins) - 1), min_size=1, max_size=5), min_size=1, max_size=6))
    ptr = np.cumsum([0, *map(len, nets)])
    net_names = draw(st.one_of(st.just([]), st.lists(NAMES, min_size=len(nets), max_size=len(nets), unique=True)))
    weight = draw(st.lists(st.sampled_from([1.0, 0.0, 2.5, 17.0]), min_size=len(nets), max_size=len(nets)))
    directions = draw(st.one_of(st.just([]), st.lists(st.integers(0, 3), min_size=len(pins), max_size=len(pins))))
    netlist = Netlist(
        "fuzz", names, np.array(kind), width, height, np.array(pins), dx, dy, ptr,
        np.array([pin for net in nets for pin in net]),
        np.array([int(ptr[k]) + draw(st.integers(0, len(net) - 1)) for k, net in enumerate(nets)]),
        np.array(weight), net_names, (), np.array(directions, np.int8),
    )  # fmt: skip
    x, y = (np.array(draw(st.lists(COORDINATES, min_size=n, max_size=n))) for _ in range(2))
    orient = np.array(draw(st.lists(st.integers(0, 7), min_size=n, max_size=n)), np.int8)
    fixed = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n))) | port
    turned = np.isin(orient, [2, 3, 6, 7])
    w, h = np.where(turned, height, width), np.where(turned, width, height)
    placement = Placement(x + w / 2, y + h / 2, orient, fixed, np.ones(n, bool))
    return Design(netlist, Canvas(0, 0, draw(SIZES) + 500, draw(SIZES) + 500, 10, 10), placement)


def _check_round_trip(design: Design, module: ModuleType) -> None:
    with tempfile.TemporaryDirectory() as folder:
        again = module.read_design(module.write_design(design, Path(folder))[0])
        a, b = design.netlist, again.netlist
        assert a.node_names == b.node_names
        for key in ("node_width", "node_height", "net_weight", "net_degree"):
            np.testing.assert_array_equal(getattr(a, key), getattr(b, key), err_msg=key)
        for key in ("x", "y", "orient"):
            np.testing.assert_array_equal(getattr(design.placement, key), getattr(again.placement, key), err_msg=key)
        for net in range(a.num_nets):
            assert _members(a, net) == _members(b, net)
            assert _member(a, int(a.net_source[net])) == _member(b, int(b.net_source[net]))
        if len(a.net_names):
            assert a.net_names == b.net_names
        # What has been through the format once comes back with every detail.
        second = module.read_design(module.write_design(again, Path(folder) / "again")[0])
        assert_same(again, second)


def _member(netlist: Netlist, connection: int) -> tuple[int, float, float]:
    pin = int(netlist.net_pins[connection])
    return int(netlist.pin_node[pin]), float(netlist.pin_dx[pin]), float(netlist.pin_dy[pin])


def _members(netlist: Netlist, net: int) -> list[tuple[int, float, float]]:
    return sorted(_member(netlist, c) for c in range(int(netlist.net_ptr[net]), int(netlist.net_ptr[net + 1])))


@QUICK
@given(designs())
def test_random_designs_survive_bookshelf(design: Design):
    _check_round_trip(design, bookshelf)


@QUICK
@given(designs())
def test_random_designs_survive_gsrc(design: Design):
    _check_round_trip(design, gsrc)


EDITS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 4000),
        st.integers(0, 40),
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from([b"\n", b" ", b":", b"#", b"-1", b"nan", b"1e999", b"%", b"(", b"/FIXED", b"9" * 5000]),
        ),
    ),
    min_size=1,
    max_size=4,
)


def _damage(folder: Path, edits: list[tuple[int, int, int, bytes]]) -> None:
    files = sorted(folder.iterdir())
    for which, at, length, patch in edits:
        path = files[which % len(files)]
        data = path.read_bytes()
        at %= len(data) + 1
        path.write_bytes(data[:at] + patch + data[at + length :])


def _check_damage(edits: list[tuple[int, int, int, bytes]]) -> None:
    for make, module in ((cases.bookshelf, bookshelf), (cases.gsrc, gsrc)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            path = make(folder)
            _damage(folder, edits)
            design = None
            try:
                design = module.read_design(path)
            except (NetlistError, PlError) as error:
                message = str(error)
            if design is None:
                assert message.startswith(str(folder))
                continue
            # Whatever still reads as a design is one: it can be written and read again.
            again = module.read_design(module.write_design(design, folder / "out")[0])
            # Files that were not there before say how they spell things.
            assert_same(design, again, skip=() if design.placement_path else ("extras",))


@QUICK
@given(EDITS)
def test_damaged_files_give_errors_that_name_a_file_or_a_design_that_round_trips(edits: list):
    _check_damage(edits)


@pytest.mark.slow
@LONG
@given(EDITS)
def test_damaged_files_long(edits: list):
    _check_damage(edits)


@pytest.mark.slow
@LONG
@given(designs())
def test_random_designs_long(design: Design):
    _check_round_trip(design, bookshelf)
    _check_round_trip(design, gsrc)
