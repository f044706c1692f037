"""Circuit Training input that cannot be right names its file, its line and what was found."""

import gzip

import pytest

from netlists.errors import NetlistError, PlacementError
from netlists.formats import circuit_training as ct

from .ct_cases import TINY, cell, macro, node, pin, plc, port, read, write

M = macro("M")  # 21 lines


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        # the text itself
        (M[:-2], 20, "truncated"),
        (M[: M.index("f: 10")], 12, "truncated"),
        (M[: M.index('CRO"') + 1], 6, "string is not closed"),
        (M + "}\n", 22, "closing brace"),
        (M.replace("attr {", "attr", 1), 4, "block is missing"),
        (M.replace('"type"', "type"), 4, "quoted string is missing"),
        (M.replace('name: "M"', 'name "M"'), 2, "quoted string is missing"),
        (M.replace('  name: "M"\n', ""), 1, "no name"),
        (M.replace('name: "M"', 'name: "M" name: "N"'), 2, "two names"),
        (M.replace('name: "M"', 'name: ""'), 1, "empty name"),
        (M.replace('key: "width"', ""), 14, "no key or no value"),
        (M.replace('key: "width"', 'key: "width" key: "w"'), 10, "two keys"),
        (M.replace("value {", "value { f: 1 } value {", 1), 5, "two keys or two values"),
        (M.replace("f: 10", "f: ten"), 12, "cannot be read"),
        (M.replace("f: 10", 'f: "10"'), 12, "value is missing"),
        (M.replace("f: 10", "f: 10 @"), 12, "does not belong"),
        (M + "junk { " * 200, 22, "nested too deeply"),
        ("# nothing but a comment\n", None, "no node"),
        ("", None, "no node"),
        (node("__metadata__", x=1), None, "no port, macro or cell"),
        (M.encode().replace(b'"M"', b'"M\xff"'), 2, "not UTF-8"),
        (b"node {\0}", 1, "binary"),
        # what it means
        (M + M, 22, "'M' appears twice, first in line 1"),
        (node("n", x=1), 1, "has no type"),
        (node("n", type="SRAM"), 4, "type of 'n' is unknown"),
        (node("M", type="MACRO", height=1), 1, "has no width"),
        (node("M", type="stdcell", width=1), 1, "has no height"),
        (macro("M", width=-1), 10, "not above 0"),
        (macro("M", height=0), 16, "not above 0"),
        (macro("M", width="nan").replace('placeholder: "nan"', "f: nan"), 12, "not a finite number"),
        (macro("M", width="inf").replace('placeholder: "inf"', "f: -inf"), 12, "not a finite number"),
        (macro("M", width=1).replace("f: 1\n", "f: 1e999\n"), 12, "not a finite number"),
        (port("p", x="left"), 12, "not a finite number"),
        (M.replace("height", "width"), 10, "appears twice"),
        (port("p", "q"), 3, "does not exist"),
        (M + port("a", "M") + port("p", "a", "q"), 35, "does not exist"),
        (node("__metadata__") + port("p", "__metadata__"), 6, "does not exist"),
        (node("__metadata__", "p") + port("p"), 3, "cannot drive"),
        (M + pin("M/a", "N"), 31, "macro that does not exist"),
        (M + pin("M/a", "M") + pin("M/b", "M/a"), 58, "macro that does not exist"),
        (M + node("M/a", type="MACRO_PIN"), 22, "does not name its macro"),
        (M + pin("M/a", "M", dx=12), 37, "outside its macro"),
        (M + pin("M/a", "M", dy=-7), 43, "outside its macro"),
        (port("p", "p", weight=-1), 11, "negative"),
        (macro("M", orientation="UP"), 22, "orientation of 'M' is unknown"),
        (node("M", type=1, width=1, height=1), 4, "not a string"),
    ],
)  # fmt: skip
def test_a_bad_netlist_is_refused(tmp_path, text, line, words):
    with pytest.raises(NetlistError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.file == str(tmp_path / "netlist.pb.txt")
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["0 1 2 - 1", "7 1 2 N 0"], 4, "index 7 does not exist, the netlist has 0..3"),
        (["-1 1 2 N 0"], 3, "does not exist"),
        (["2 1 2 N 0"], 3, "is a pin"),
        (["1 1 2 N 0", "", "1 1 2 N 0"], 5, "placed twice, first in line 3"),
        (["1 1 2 N"], 3, "five columns"),
        (["1 1 2 N 0 0"], 3, "five columns"),
        (["1 nan 2 N 0"], 3, "x is not a finite number"),
        (["1 1 -inf N 0"], 3, "y is not a finite number"),
        (["1 1 2 UP 0"], 3, "unknown orientation 'UP'"),
        (["1 1 2 N 2"], 3, "fixed flag"),
        (["one 1 2 N 0"], 3, "index is not a number"),
    ],
)
def test_a_bad_placement_is_refused(tmp_path, lines, line, words):
    path = write(tmp_path, TINY, plc(*lines))
    with pytest.raises(PlacementError, match=words) as caught:
        ct.read_design(path)
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "initial.plc"), line)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("# Columns : 0  Rows : 4", "whole numbers from 1"),
        ("# Columns : 2.5  Rows : 4", "whole numbers from 1"),
        ("# Width : -1  Height : 4", "above 0"),
        ("# Width : nan  Height : 4", "above 0"),
        ("# Routes per micron, hor : x  ver : 1", "finite numbers"),
        ("# Smoothing factor : -1", "whole number"),
    ],
)
def test_a_bad_placement_header_is_refused(tmp_path, header, words):
    with pytest.raises(NetlistError, match=words) as caught:
        read(tmp_path, TINY, "# first line\n" + header + "\n")
    assert caught.value.line == 2


def test_a_named_placement_of_another_design_is_refused(tmp_path):
    path = write(tmp_path, TINY)
    (tmp_path / "other.plc").write_text(plc("0 1 1 - 1", extra=("# HARD_MACROs : 9",)))
    design = ct.read_design(path, None)
    for attempt in (lambda p: ct.read_design(path, p), lambda p: ct.read_placement(p, design)):
        with pytest.raises(PlacementError, match="another design: its header counts 9 HARD_MACROs"):
            attempt(tmp_path / "other.plc")


def test_a_damaged_gzip_is_refused(tmp_path):
    packed = gzip.compress(TINY.encode())
    with pytest.raises(NetlistError, match="damaged or truncated"):
        read(tmp_path, packed[: len(packed) // 2])


def test_a_missing_placement_is_refused(tmp_path):
    with pytest.raises(NetlistError, match="no such file"):
        ct.read_design(write(tmp_path, TINY), tmp_path / "none.plc")


def test_an_unwritable_target_leaves_the_old_file(tmp_path):
    design = read(tmp_path, M + cell("C"))
    (tmp_path / "taken").write_text("old")
    with pytest.raises(NetlistError, match="cannot write"):
        ct.write_design(design, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "old"
