"""Damaged Circuit Training files end in an error with a file and a line, never in anything else."""

import os
import random

import pytest

from netlists.errors import NetlistError, PlacementError
from netlists.formats import circuit_training as ct

NETLIST = b"""# FP bbox: {0 0} {500 400}
node { name: "__metadata__" attr { key: "soft_macro_area_bloating_ratio" value { f: 2.0 } } }
node {
  name: "P[0]"
  input: "M0/A"
  input: "C1"
  attr { key: "side" value { placeholder: "LEFT" } }
  attr { key: "type" value { placeholder: "PORT" } }
  attr { key: "x" value { f: 0 } } attr { key: "y" value { f: 100.5e0 } }
}
# a macro
node {
  name: "M0"
  attr { key: "type" value { placeholder: "MACRO" } }
  attr { key: "width" value { f: 120 } } attr { key: "height" value { f: 80.25 } }
  attr { key: "x" value { f: 100 } } attr { key: "y" value { f: 1e2 } }
  attr { key: "orientation" value { placeholder: "FS" } }
  attr { key: "unknown" value { list { i: 1 i: 2 } } }
}
node {
  name: "M0/A"
  input: "P[0]"
  attr { key: "macro_name" value { placeholder: "M0" } }
  attr { key: "type" value { placeholder: "MACRO_PIN" } }
  attr { key: "x_offset" value { f: -60 } } attr { key: "y_offset" value { f: .125 } }
  attr { key: "weight" value { f: 3 } }
}
node {
  name: "C1" op: "nop"
  input: "M0/A"
  attr { value { placeholder: "stdcell" } key: "type" }
  attr { key: "width" value { f: 2.5 } } attr { key: "height" value { f: 1.4 } }
  attr { key: "x" value { f: 10 } } attr { key: "y" value { f: 20 } }
}
versions { producer: 1 }
"""
PLC = b"""# Placement file for Circuit Training
# Columns : 5  Rows : 4
# Width : 500.000  Height : 400.000
# Block : fuzzed
# Routes per micron, hor : 70.330  ver : 74.510
# Routes used by macros, hor : 51.790  ver : 51.790
# Smoothing factor : 2
# Overlap threshold : 0.004
# HARD_MACROs     :         1
# PORTs           :         1
# STDCELLs        :         1
# node_index x y orientation fixed
0 0 100.5 - 1
1 100 101.25 FS 0
3 10 20 N 1
"""
TOKENS = [
    b"{", b"}", b"<", b">", b'"', b"'", b"\\", b"#", b":", b"[", b"]", b"\n", b" ", b"node", b"attr", b"key",
    b"value",
    b"f: nan", b"-1", b"1e999", b"inf", b"0", b"99999999999999999999", b"\xff\xfe", b"\\xzz", b"i: 7",
    b"name", b"input",
    b"- 1", b"Columns", b"HARD_MACROs : 7", b".", b"-", b"1e", b"0x10", b'""', b"M0", b"\r\n", b"\t",
]  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """``data`` with one to four random edits."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        end = min(len(out), at + rng.choice([0, 0, 1, 1, 2, 5, 20, 200]))
        kind = rng.randrange(5)
        if kind == 0:
            del out[at:end]
        elif kind == 1:
            out[at:end] = rng.choice(TOKENS)
        elif kind == 2:
            out[at:at] = out[at:end]
        elif kind == 3:
            out[at:end] = bytes(rng.randrange(1, 256) for _ in range(end - at))
        else:
            del out[at:]
    return bytes(out)


def survive(tmp_path, count, seed):
    """Read and rewrite ``count`` damaged designs; returns how many were refused."""
    rng = random.Random(seed)
    netlist, plc = tmp_path / "netlist.pb.txt", tmp_path / "initial.plc"
    blamed = []
    for _ in range(count):
        which = rng.randrange(3)
        netlist.write_bytes(NETLIST if which == 1 else mutated(NETLIST, rng))
        plc.write_bytes(PLC if which == 0 else mutated(PLC, rng))
        try:
            design = ct.read_design(netlist)
        except (NetlistError, PlacementError) as error:
            blamed.append(error.file)
            continue
        first = ct.write_design(design, tmp_path / "a")
        again = ct.write_design(ct.read_design(first[0]), tmp_path / "b")
        assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]
    assert None not in blamed
    return len(blamed)


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Thousands of tiny files need not reach the platter."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def test_the_undamaged_files_are_read(tmp_path):
    (tmp_path / "netlist.pb.txt").write_bytes(NETLIST)
    (tmp_path / "initial.plc").write_bytes(PLC)
    design = ct.read_design(tmp_path / "netlist.pb.txt")
    assert design.netlist.num_nets == 3
    assert design.notes == ()


def test_a_few_damaged_files(tmp_path):
    assert 20 < survive(tmp_path, 150, seed=1) < 150


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_many_damaged_files(tmp_path, seed):
    survive(tmp_path, 1500, seed=100 + seed)
