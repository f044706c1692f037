"""Map files: read back as written, and wrong ones refused with their line."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists import STDCELL, NetlistError
from netlists.grouping import cluster, read_groups, render_map
from tests.netlists.grouping_cases import circuits, flat_design, two_modules

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\r\\#"), min_size=1, max_size=9)


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES, min_size=2, max_size=6, unique=True), st.integers(0, 9))
def test_any_name_is_read_back(tmp_path_factory, names, group):
    design = flat_design(names, [STDCELL] * len(names), [[0, 1]])
    groups = np.array([group, group + 1, *[-1] * (len(names) - 2)])
    file = tmp_path_factory.mktemp("map") / "groups.txt"
    file.write_bytes(render_map(cluster(design, groups)).encode())
    assert read_groups(file, design).tolist() == groups.tolist()


@settings(max_examples=60, deadline=None)
@given(circuits())
def test_any_grouping_is_read_back(tmp_path_factory, case):
    design, groups = case
    file = tmp_path_factory.mktemp("map") / "groups.txt.gz"
    file.write_bytes(gzip.compress(render_map(cluster(design, groups)).encode()))
    assert read_groups(file, design).tolist() == groups.tolist()


@pytest.fixture
def told(tmp_path):
    """``told(text)``: the error of reading this text as the groups of ``two_modules(2)``: a/c0 a/c1 b/c0 b/c1."""

    def go(text):
        file = tmp_path / "g.txt"
        file.write_text(text)
        with pytest.raises(NetlistError) as error:
            read_groups(file, small())
        assert "\n" not in str(error.value)
        assert error.value.file == str(file)
        return str(error.value)

    return go


def small():
    return flat_design(["a/c0", "a/c1", "b/c0", "m"], [2, 2, 2, 0], [[0, 1, 2], [3, 0]])


def test_maps_by_hand_may_use_blanks_and_bare_numbers(tmp_path):
    file = tmp_path / "g.txt"
    file.write_text("# by hand\n\na/c0 Grp_3\n  a/c1   4 \nb/c0\t-\r\n")
    assert read_groups(file, small()).tolist() == [3, 4, -1, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a/c0\tGrp_1\na/c9\tGrp_1\n", "g.txt:2: no object of the design has this name (found 'a/c9')"),
        ("a/c0\tGrp_1\nm\tGrp_1\n", "g.txt:2: this is no standard cell (found 'm')"),
        ("a/c0\tGrp_1\na/c0\tGrp_1\n", "g.txt:2: this cell has a line already"),
        ("a/c0\tGrp_x\n", "g.txt:1: this line is not a cell and its cluster"),
        ("a/c0\n", "g.txt:1: this line is not a cell and its cluster"),
        ("a\\c0\tGrp_1\n", "g.txt:1: this backslash stands for nothing"),
        ("a/c0\tGrp_1\na/c1\tGrp_1\n", "1 standard cells have no line (found 'b/c0')"),
        ("", "3 standard cells have no line"),
        ("1 2 3\n", "for another netlist (found '3 numbers')"),
        ("1 2 -1 4", "standard cell 'b/c0' is in no group"),
        ("1 2 3-4 5", "not a list of integers"),
        ("1 2 99999999999999999999 5", "not a list of integers"),
    ],
)
def test_wrong_files_are_refused(told, text, message):
    assert message in told(text)


def test_binary_files_are_refused(tmp_path):
    file = tmp_path / "g.txt"
    file.write_bytes(b"a/c0\tGrp_1\n\xff\xfe\n")
    with pytest.raises(NetlistError, match=r"g\.txt:2: this is not UTF-8"):
        read_groups(file, small())


def test_a_number_a_node_is_read_in_file_order(tmp_path):
    file = tmp_path / "groups.final"
    file.write_text("\n".join(str(k) for k in range(10, 14)))
    assert read_groups(file, small()).tolist() == [10, 11, 12, -1]
    count = two_modules(4).netlist.num_nodes
    file.write_text(" ".join(["7"] * count))
    assert read_groups(file, two_modules(4)).tolist() == [7] * 8 + [-1, -1]
