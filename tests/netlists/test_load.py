"""What a DESIGN may be, and what is said when it is not one."""

import gzip
import shutil
import sys
import types

import pytest

from netlists import formats
from netlists.errors import NetlistError, PlacementError
from netlists.load import load, resolve

from .ct_cases import TINY, plc, write

JITTERED = plc("1 50 60 N 0")


def test_a_file_a_folder_and_a_string_are_the_same_design(tmp_path):
    path = write(tmp_path, TINY, JITTERED)
    for source in (path, tmp_path, str(tmp_path), str(path)):
        design = load(source)
        assert (design.format, design.path, design.placement.x[1]) == ("circuit-training", path, 50)
        assert design.placement_path == tmp_path / "initial.plc"


def test_a_placement_file_stands_for_the_design_beside_it(tmp_path):
    write(tmp_path, TINY, JITTERED)
    (tmp_path / "mine.plc").write_text(plc("1 51 60 N 0"))
    assert load(tmp_path / "mine.plc").placement.x[1] == 51
    assert load(tmp_path / "initial.plc").placement.x[1] == 50


def test_another_placement_may_be_named(tmp_path):
    write(tmp_path / "d", TINY, JITTERED)
    (tmp_path / "mine.plc").write_text(plc("1 51 60 N 0"))
    assert load(tmp_path / "d", tmp_path / "mine.plc").placement.x[1] == 51
    design = load(tmp_path / "d")
    moved = load(design, str(tmp_path / "mine.plc"))
    assert (moved.placement.x[1], moved.placement_path) == (51, tmp_path / "mine.plc")
    assert moved.netlist is design.netlist
    assert load(design) is design


def test_names_of_files_do_not_matter(tmp_path):
    (tmp_path / "a.dat").write_bytes(gzip.compress(TINY.encode()))
    (tmp_path / "README.md").write_text("# a design\n")
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    (tmp_path / ".hidden").write_text(TINY)
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8b\x08broken")
    (tmp_path / "golden").mkdir()
    assert load(tmp_path).path == tmp_path / "a.dat"


def test_a_folder_with_two_netlists_is_refused_by_name(tmp_path):
    write(tmp_path, TINY)
    (tmp_path / "second.pb.txt").write_text(TINY)
    with pytest.raises(NetlistError, match="several netlists") as caught:
        load(tmp_path)
    assert caught.value.found == "netlist.pb.txt, second.pb.txt"


def test_a_folder_without_a_netlist_says_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing\n")
    with pytest.raises(NetlistError, match=r"no netlist in this folder .*netlist\.pb\.txt.*\.aux.*\.blocks"):
        load(tmp_path)


@pytest.mark.parametrize(("content", "words"), [(b"", "empty"), (b"what is this\n", "unknown"), (b"\0\1\2", "unknown")])
def test_a_file_of_no_format_is_refused(tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(NetlistError, match=words) as caught:
        load(tmp_path / "x")
    assert caught.value.file == str(tmp_path / "x")


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A catalogue that has one design here and knows of another."""
    write(tmp_path / "store" / "tiny20", TINY, JITTERED)
    fake = types.ModuleType("netlists.catalogue")
    fake.names = lambda: ["tiny20", "tiny130", "ariane133"]
    fake.local_path = lambda name: tmp_path / "store" / name if name == "tiny20" else None
    monkeypatch.setitem(sys.modules, "netlists.catalogue", fake)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("catalogue")
def test_a_name_is_looked_up_and_a_path_wins(tmp_path):
    assert load("tiny20").placement.x[1] == 50
    shutil.copytree(tmp_path / "store" / "tiny20", tmp_path / "tiny20")
    (tmp_path / "tiny20" / "initial.plc").write_text(plc("1 51 60 N 0"))
    assert load("tiny20").placement.x[1] == 51


@pytest.mark.usefixtures("catalogue")
def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(NetlistError, match=r"no file, folder or design is called 'arianne133'.*one of ariane133"):
        load("arianne133")
    with pytest.raises(NetlistError, match=r"not on this machine.*placer fetch ariane133"):
        load("ariane133")


def test_parts_lead_to_their_design(tmp_path):
    path = write(tmp_path, TINY)
    (tmp_path / "groups.final").write_text("1\n1\n2\n")
    assert resolve(tmp_path / "groups.final") == (path, None)


def test_the_registry_dispatches_by_format(tmp_path):
    design = load(write(tmp_path, TINY))
    paths = formats.write_design(design, tmp_path / "out")
    formats.write_placement(design, design.placement, tmp_path / "p.plc")
    assert formats.read_placement(tmp_path / "p.plc", design).x.tolist() == design.placement.x.tolist()
    assert formats.read_design(paths[0], format="circuit-training").netlist.num_nets == 2
    assert formats.detect(paths[1])[1] == "placement"
    with pytest.raises(NetlistError, match="not its netlist"):
        formats.read_design(paths[1])
    with pytest.raises(NetlistError, match="unknown format"):
        formats.write_design(design, tmp_path / "out", format="gds")


def test_an_unreadable_folder_is_an_input_error(tmp_path):
    with pytest.raises(NetlistError):
        load(tmp_path / ("x" * 5000))
    with pytest.raises((NetlistError, PlacementError)):
        load(write(tmp_path, TINY), tmp_path / "missing.plc")
