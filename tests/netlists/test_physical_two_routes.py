"""The same processor through Verilog, through a flat protobuf and through DEF: what must agree does, exactly.

ariane133 was synthesised to ASAP7 (Verilog) and to NanGate45 (flat protobuf) from one source, and by others to a third
library (DEF). Libraries and buffering differ, so numbers of cells and nets do. What the source alone decides cannot:
names of macros and ports, how many registers the clock reaches, and which macros share which signals once cells with
one input and one output (buffers, inverters) are seen through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from netlists.formats import read_design
from netlists.netlist import HARD_MACRO, PORT, STDCELL, Netlist
from netlists.physical import read_physical

pytestmark = [pytest.mark.open_data, pytest.mark.slow]


def signals(n: Netlist) -> NDArray[np.int64]:
    """``[M]`` signal of each net: nets on the two sides of a cell with two connections are one."""
    degree = np.bincount(n.conn_node, minlength=n.num_nodes)
    through = np.flatnonzero(((n.node_kind == STDCELL) & (degree == 2))[n.conn_node])
    through = through[np.argsort(n.conn_node[through], kind="stable")]
    a, b = n.conn_net[through[0::2]], n.conn_net[through[1::2]]
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(n.num_nets, n.num_nets))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def macros_of_signals(n: Netlist) -> list[tuple[str, ...]]:
    """Sorted names of the macros on each signal that reaches any."""
    signal, hard = signals(n), n.node_kind == HARD_MACRO
    members: dict[int, set[str]] = {}
    for c in np.flatnonzero(hard[n.conn_node]).tolist():
        members.setdefault(int(signal[n.conn_net[c]]), set()).add(n.node_names[n.conn_node[c]])
    return sorted(tuple(sorted(names)) for names in members.values())


def registers(n: Netlist) -> int:
    """Cells with more than two connections on the clock."""
    signal = signals(n)
    clock = signal[n.conn_net[np.flatnonzero(n.conn_node == n.node_index["clk_i"])[0]]]
    cells = np.unique(n.conn_node[signal[n.conn_net] == clock])
    degree = np.bincount(n.conn_node, minlength=n.num_nodes)
    return int(((n.node_kind == STDCELL) & (degree > 2))[cells].sum())


@pytest.fixture(scope="module")
def verilog(open_data: Callable[[str], Path]) -> Netlist:
    lef = sorted(open_data("lefdef/tech/ASAP7").glob("*.lef*"), key=lambda path: "tech" not in path.name)
    return read_physical(
        verilog=open_data("lefdef/ariane133_asap7/ariane.v.gz"), lef=lef,
        def_file=open_data("lefdef/ariane133_asap7/ariane_fp.def.gz"),
    ).netlist  # fmt: skip


def test_verilog_and_flat_protobuf_agree_on_all_the_source_decides(
    verilog: Netlist, open_data: Callable[[str], Path]
) -> None:
    flat = read_design(open_data("ct_flat/ariane133_ng45/flat.pb.txt.gz")).netlist
    for kind in (HARD_MACRO, PORT):
        assert {verilog.node_names[i] for i in verilog.ids(kind)} == {flat.node_names[i] for i in flat.ids(kind)}
    assert macros_of_signals(verilog) == macros_of_signals(flat)
    assert registers(verilog) == registers(flat) == 19_807
    # Different libraries: complex gates split differently, and each flow buffers to its own timing.
    assert (verilog.describe()["stdcells"], flat.describe()["stdcells"]) == (100_702, 88_411)


def test_verilog_and_a_def_of_another_flow_agree_on_what_memories_share(
    verilog: Netlist, open_data: Callable[[str], Path]
) -> None:
    other = read_physical(
        lef=open_data("lefdef/ct_ariane/ariane.lef.gz"), def_file=open_data("lefdef/ct_ariane/ariane.def.gz")
    ).netlist
    # That flow flattened names its own way, so signals are compared by how many macros they reach.
    mine, theirs = (Counter(len(names) for names in macros_of_signals(n)) for n in (verilog, other))
    assert mine[1] == theirs[1] == 2087  # outputs of memories, and pins with a signal of their own
    assert mine[133] == theirs[133] == 1  # the clock
    assert mine[44] == theirs[44] == 9
    assert mine[89] == theirs[89] == 9
    # Four write-data bits of the tags reach 3 and 8 macros by gates of their own in one flow, by one in the other.
    assert mine - theirs == Counter({3: 4, 8: 4})
    assert theirs - mine == Counter({11: 4})
