"""The cache of parsed designs: never wrong, never in the way."""

import os
from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import Polygon

from netlists import Blockage, Rows, cache, formats
from netlists.cache import cached_read, clear

from .ct_cases import NETLIST_ARRAYS, PLACEMENT_ARRAYS, TINY, plc, write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache that keeps everything."""
    monkeypatch.setenv("PLACER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("PLACER_CACHE", raising=False)
    monkeypatch.setattr(cache, "MIN_SECONDS", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def parses(monkeypatch):
    """How many times a file was really parsed."""
    calls = []
    real = formats.read_design
    monkeypatch.setattr(formats, "read_design", lambda *args, **kw: calls.append(args) or real(*args, **kw))
    return calls


def assert_equal(a, b):
    for key in ("node_names", "pin_names", "net_names", "name"):
        assert getattr(a.netlist, key) == getattr(b.netlist, key)
    for key in (*NETLIST_ARRAYS, "min_aspect", "max_aspect"):
        x, y = getattr(a.netlist, key), getattr(b.netlist, key)
        assert x.dtype == y.dtype
        assert np.array_equal(x, y, equal_nan=x.dtype.kind == "f"), key
    for key in PLACEMENT_ARRAYS:
        assert np.array_equal(getattr(a.placement, key), getattr(b.placement, key)), key
    assert a.netlist.extras.keys() == b.netlist.extras.keys()
    for key, value in a.netlist.extras.items():
        other = b.netlist.extras[key]
        assert type(value) is type(other)
        if isinstance(value, np.ndarray):
            assert value.dtype == other.dtype
            assert np.array_equal(value, other)
        else:
            assert value == other
    for key in ("format", "path", "placement_path", "notes"):
        assert getattr(a, key) == getattr(b, key), key
    plain = {"rows": None, "blockages": ()}
    assert replace(a.canvas, **plain) == replace(b.canvas, **plain)
    assert a.canvas.blockages == b.canvas.blockages
    assert (a.canvas.rows is None) == (b.canvas.rows is None)
    if a.canvas.rows is not None:
        for key in ("y", "height", "x0", "num_sites", "site_width", "site_spacing", "orient", "symmetry"):
            assert np.array_equal(getattr(a.canvas.rows, key), getattr(b.canvas.rows, key)), key


def test_the_second_load_is_the_same_and_parses_nothing(tmp_path, folder, parses):
    path = write(tmp_path / "d", TINY, plc("1 50 60 FS 1"))
    first, second = cached_read(path), cached_read(path)
    assert len(parses) == 1
    assert len(list(folder.iterdir())) == 1
    assert_equal(first, second)
    assert second.netlist.node_index["M"] == 1
    assert not second.netlist.node_width.flags.writeable


def test_every_field_of_a_design_is_kept(tmp_path, monkeypatch):
    path = write(tmp_path / "d", TINY)
    plain = formats.read_design(path)
    rows = Rows(
        y=np.array([0.0, 1.1]), height=np.array([1.1, 1.1]), x0=np.zeros(2), num_sites=np.array([5, 6]),
        site_width=np.ones(2), site_spacing=np.ones(2), orient=np.array([0, 5], np.int8), symmetry=("Y", "1"),
    )  # fmt: skip
    canvas = replace(
        plain.canvas, outline=Polygon([(0, 0), (20, 0), (20, 10), (10, 10), (10, 30), (0, 30)]), rows=rows,
        blockages=(Blockage(Polygon([(0, 0), (1, 0), (0, 1 / 3)]), 2, 0.4, "b"),), manufacturing_grid=0.005,
    )  # fmt: skip
    netlist = replace(
        plain.netlist, net_names=("a\nb", "ö"), min_aspect=[np.nan, 0.5, 1], max_aspect=[np.nan, 2, 1],
        extras={"x.text": "t\udc80", "x.words": np.array(["a", "bcd"]), "x.number": 3, "x.none": None, "x.flag": True,
                "x.real": 0.1, "x.empty": np.zeros((0, 2), np.int16)},
    )  # fmt: skip
    full = replace(plain, netlist=netlist, canvas=canvas, notes=("one", "two"))
    monkeypatch.setattr(formats, "read_design", lambda *args: full)
    cached_read(path)
    monkeypatch.setattr(formats, "read_design", lambda *args: pytest.fail("not taken from the cache"))
    assert_equal(full, cached_read(path))


def test_a_changed_file_is_parsed_again(tmp_path, folder, parses):
    path = write(tmp_path / "d", TINY, plc("1 50 60 N 0"))
    cached_read(path)
    status = path.stat()
    path.write_text(TINY.replace("f: 20", "f: 25"))  # same size
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # and same time
    assert cached_read(path).netlist.num_nets == 2
    assert len(parses) == 2
    (tmp_path / "d" / "initial.plc").write_text(plc("1 51 60 N 0"))
    assert cached_read(path).placement.x[1] == 51
    assert len(list(folder.iterdir())) == 1


def test_a_placement_that_appears_is_seen(tmp_path):
    path = write(tmp_path / "d", TINY)
    assert cached_read(path).placement_path is None
    (tmp_path / "d" / "initial.plc").write_text(plc("1 51 60 N 0"))
    assert cached_read(path).placement.x[1] == 51
    (tmp_path / "d" / "initial.plc").unlink()
    assert cached_read(path).placement.x[1] == 20


def test_named_placements_have_their_own_entries(tmp_path, parses):
    path = write(tmp_path / "d", TINY)
    other = tmp_path / "other.plc"
    other.write_text(plc("1 51 60 N 0"))
    for _ in range(2):
        assert cached_read(path).placement.x[1] == 20
        design = cached_read(path, other)
        assert (design.placement.x[1], design.placement_path) == (51, other)
    assert len(parses) == 2


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"PK" + b[2:][::-1],
                                    lambda b: b[:3000] + bytes(64) + b[3064:]])  # fmt: skip
def test_a_damaged_entry_is_replaced(tmp_path, folder, parses, damage):
    path = write(tmp_path / "d", TINY)
    good = cached_read(path)
    (entry,) = folder.iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(damage(whole))
    assert_equal(good, cached_read(path))
    assert len(parses) == 2
    assert_equal(good, cached_read(path))
    assert len(parses) == 2


def test_an_entry_of_other_readers_is_not_used(tmp_path, parses, monkeypatch):
    path = write(tmp_path / "d", TINY)
    cached_read(path)
    monkeypatch.setattr(cache, "_readers", lambda: "another version")
    cached_read(path)
    assert len(parses) == 2


def test_an_unwritable_folder_is_no_trouble(tmp_path, monkeypatch, parses):
    path = write(tmp_path / "d", TINY)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PLACER_CACHE_DIR", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        assert cached_read(path).netlist.num_nets == 2
    assert len(parses) == 2


def test_zero_turns_it_off(tmp_path, monkeypatch, folder):
    monkeypatch.setenv("PLACER_CACHE", "0")
    cached_read(write(tmp_path / "d", TINY))
    assert not folder.exists()


def test_quick_designs_are_not_kept(tmp_path, monkeypatch, folder):
    monkeypatch.setattr(cache, "MIN_SECONDS", 100.0)
    cached_read(write(tmp_path / "d", TINY))
    assert not folder.exists()


def test_the_oldest_use_goes_first(tmp_path, folder, monkeypatch):
    paths = [write(tmp_path / f"d{i}", TINY) for i in range(3)]
    cached_read(paths[0])
    (first,) = folder.iterdir()
    size = first.stat().st_size
    cached_read(paths[1])
    (second,) = set(folder.iterdir()) - {first}
    os.utime(first, (2, 2))
    os.utime(second, (1, 1))
    monkeypatch.setattr(cache, "MAX_BYTES", int(2.5 * size))
    cached_read(paths[2])
    assert first.exists()
    assert not second.exists()
    assert clear() == 2
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"PLACER_CACHE_DIR": "/a/b"}, "/a/b"),
        ({"PLACER_CACHE_DIR": "", "XDG_CACHE_HOME": "/x"}, "/x/chip-placer"),
        ({"PLACER_CACHE_DIR": "", "XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache/chip-placer"),
    ],
)
def test_the_folder_follows_the_environment(monkeypatch, variables, expected):
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    assert str(cache.cache_dir()) == expected
