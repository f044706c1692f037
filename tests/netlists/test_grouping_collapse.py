"""Flat to clustered, by hand and against the published clustering of ariane133."""

import gzip
from collections import Counter

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, STDCELL, Canvas, Design, Netlist, NetlistError, Placement
from netlists.formats.circuit_training import read_design
from netlists.formats.circuit_training.build import REC_METADATA, REC_NODE
from netlists.grouping.collapse import collapse


def flat_design():
    """Ports p, q; macro m with pins i, o; cells a, b in group 7 and c, d in group 3.

    p -> a; a -> b (internal), c; b -> c, d (one group: single, merges with a's); c -> m.i, q (multi); m.o -> c, d;
    d -> a, b (single); q drives nothing.
    """
    names = ["p", "q", "m", "a", "b", "c", "d"]
    # pins: p q m.i m.o a b c d
    nets = [[0, 4], [4, 5, 6], [5, 6, 7], [6, 2, 1], [3, 6, 7], [7, 4, 5]]
    netlist = Netlist(
        name="hand",
        node_names=names,
        node_kind=np.array([PORT, PORT, HARD_MACRO, STDCELL, STDCELL, STDCELL, STDCELL]),
        node_width=np.array([0, 0, 10, 1, 2, 3, 4]),
        node_height=np.array([0, 0, 5, 1, 1, 1, 1]),
        pin_node=np.array([0, 1, 2, 2, 3, 4, 5, 6]),
        pin_dx=np.array([0, 0, -5, 5, 0, 0, 0, 0]),
        pin_dy=np.array([0, 0, 1, -1, 0, 0, 0, 0]),
        net_ptr=np.concatenate([[0], np.cumsum([len(n) for n in nets])]),
        net_pins=np.concatenate(nets),
        net_source=np.concatenate([[0], np.cumsum([len(n) for n in nets])[:-1]]),
        net_weight=np.ones(len(nets)),
        pin_names=["p", "q", "m/i", "m/o", "a", "b", "c", "d"],
    )
    flags = np.ones(7, bool)
    x = np.array([0, 100, 50, 10, 20, 0, 1])
    placement = Placement(x, np.full(7, 50.0), np.zeros(7), np.array([1, 1, 0, 0, 0, 0, 0]), flags)
    return Design(netlist, Canvas(0, 0, 100, 100, 20, 20), placement)


GROUPS = np.array([-1, -1, -1, 7, 7, 3, 3])


def nets_of(netlist):
    """(driver pin, sorted sink pins, weight) of every net, in order."""
    pins = [netlist.pin_names[p] for p in netlist.net_pins]
    return [
        (pins[netlist.net_source[i]], sorted(pins[netlist.net_ptr[i] + 1 : netlist.net_ptr[i + 1]]), float(w))
        for i, w in enumerate(netlist.net_weight)
    ]


def test_every_rule_on_a_hand_made_design():
    n = collapse(flat_design(), GROUPS).netlist
    assert n.node_names == ("p", "q", "m", "Grp_3", "Grp_7")
    assert nets_of(n) == [
        ("p", ["Grp_7/Pinput"], 1.0),
        ("m/o", ["Grp_3/Pinput"], 1.0),  # two sinks in one group are one
        ("Grp_3/Poutput_multi_0", ["m/i", "q"], 1.0),
        ("Grp_3/Poutput_single_0", ["Grp_7/Pinput"], 1.0),
        ("Grp_7/Poutput_single_0", ["Grp_3/Pinput"], 2.0),  # a's and b's nets merged
    ]
    assert n.pin_names == (
        "p", "q", "m/i", "m/o", "Grp_3/Poutput_multi_0", "Grp_3/Poutput_single_0", "Grp_3/Pinput",
        "Grp_7/Poutput_single_0", "Grp_7/Pinput",
    )  # fmt: skip


def test_soft_macros_have_bloated_area_one_column_wide_and_lie_inside():
    c = collapse(flat_design(), GROUPS, bloat=2.0)
    assert c.netlist.node_width[3:].tolist() == [5.0, 5.0]
    assert (c.netlist.node_width * c.netlist.node_height)[3:].tolist() == pytest.approx([14.0, 6.0])
    assert c.placement.x.tolist() == [0, 100, 50, 2.5, 15]  # Grp_3's cells average 0.5: moved inside
    assert c.placement.fixed.tolist() == [True, True, False, False, False]


def test_wide_nets_are_dropped_and_idle_ports_lose_their_pin():
    n = collapse(flat_design(), GROUPS, max_fanout=2).netlist
    assert [driver for driver, _, _ in nets_of(n)] == ["p"]
    assert "q" not in n.pin_names
    assert n.node_names[1] == "q"


def test_every_cell_needs_a_group_and_no_soft_macro_is_clustered_again():
    design = flat_design()
    with pytest.raises(NetlistError, match="needs a group"):
        collapse(design, np.full(7, -1))
    with pytest.raises(NetlistError, match="needs a group"):
        collapse(design, GROUPS[:-1])
    with pytest.raises(NetlistError, match="clustered already"):
        collapse(collapse(design, GROUPS), np.zeros(5, int))


@pytest.mark.open_data
def test_published_clustering_of_ariane133_is_reproduced(open_data):
    flat = read_design(open_data("ct_flat/ariane133_ng45") / "flat.pb.txt.gz")
    want = read_design(open_data("ct/ariane133_ng45") / "netlist.pb.txt.gz")
    # One group a record of the flat file, pins included.
    text = gzip.decompress(open_data("ct_flat/ariane133_ng45/groups.final.gz").read_bytes())
    groups = np.array(text.split(), int)
    kind = np.asarray(flat.netlist.extras["circuit-training.record_kind"])
    group = groups[kind[kind != REC_METADATA] == REC_NODE]
    assert len(group) == flat.netlist.num_nodes
    got = collapse(Design(flat.netlist, want.canvas, flat.placement), group).netlist

    def nets(n):
        names = [n.node_names[i] for i in n.conn_node]
        ptr = n.net_ptr.tolist()
        return Counter(
            (names[a], *sorted(names[a + 1 : b]), w)
            for a, b, w in zip(ptr[:-1], ptr[1:], n.net_weight.tolist(), strict=True)
        )

    assert nets(got) == nets(want.netlist)
    height = dict(zip(want.netlist.node_names, want.netlist.node_height, strict=True))
    assert got.node_height == pytest.approx([height[name] for name in got.node_names], rel=1e-6)
