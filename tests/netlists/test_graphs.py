"""Graph views agree with the hypergraph, and features mean what they say."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Canvas, Design, Netlist, NetlistError, Placement
from netlists.graphs import EDGE_FEATURES, NET_FEATURES, NODE_FEATURES, to_networkx, to_pyg
from netlists.synthesis import SynthesisSpec, synthesize


@pytest.fixture
def tiny():
    """Port p drives a; a drives b, c twice and a cell (weight 4); b drives a (weight 2). d is on no net."""
    netlist = Netlist(
        name="tiny",
        node_names=["p", "a", "b", "c", "d"],
        node_kind=np.array([PORT, HARD_MACRO, HARD_MACRO, SOFT_MACRO, STDCELL]),
        node_width=np.array([0, 20, 10, 4, 1]),
        node_height=np.array([0, 10, 10, 5, 1]),
        pin_node=np.array([0, 1, 1, 2, 2, 3, 3]),
        pin_dx=np.array([0, -10, 10, -5, 5, 0, 1]),
        pin_dy=np.array([0, 5, -5, 2.5, 0, 0, 1]),
        net_ptr=np.array([0, 2, 6, 8]),
        net_pins=np.array([0, 1, 3, 2, 5, 6, 4, 1]),
        net_source=np.array([0, 3, 6]),
        net_weight=np.array([1.0, 4.0, 2.0]),
    )
    canvas = Canvas(10, 20, 110, 70, 10, 5)
    placement = Placement(
        np.array([10, 60, 35, 85, 10]), np.array([20, 45, 45, 57.5, 70]), np.array([0, 1, 0, 4, 0]),
        np.array([1, 0, 1, 0, 0], bool), np.array([1, 1, 1, 1, 0], bool),
    )  # fmt: skip
    return Design(netlist, canvas, placement)


def test_bipartite_has_a_node_for_each_net_and_an_edge_for_each_connection(tiny):
    g = to_networkx(tiny.netlist)
    assert g.number_of_nodes() == 5 + 3
    assert g.number_of_edges() == 8
    assert g.nodes["a"] == {
        "index": 1, "kind": "hard_macro", "width": 20.0, "height": 10.0, "area": 200.0, "bipartite": 0,
    }  # fmt: skip
    assert g.nodes["net", 1]["weight"] == 4.0
    assert g.nodes["net", 1]["degree"] == 4
    assert g.number_of_edges("c", ("net", 1)) == 2
    assert g.degree("d") == 0
    (edge,) = g.get_edge_data("a", ("net", 1)).values()
    assert edge == {"dx": 10.0, "dy": -5.0, "is_source": True, "weight": 4.0}
    assert not next(iter(g.get_edge_data("b", ("net", 1)).values()))["is_source"]


def test_clique_weights_are_w_over_d_minus_one_and_add_up(tiny):
    g = to_networkx(tiny.netlist, "clique")
    weights = {frozenset(e): g.edges[e]["weight"] for e in g.edges}
    # Net 1 has three distinct nodes a, b, c: 4 / 2 each pair; a-b also shares net 2 of weight 2.
    assert weights == {frozenset("pa"): 1.0, frozenset("ab"): 4.0, frozenset("ac"): 2.0, frozenset("bc"): 2.0}
    assert g.edges["a", "b"]["nets"] == 2
    assert set(g) == set("pabcd")


def test_star_joins_the_driver_with_every_sink(tiny):
    g = to_networkx(tiny.netlist, "star")
    weights = {frozenset(e): g.edges[e]["weight"] for e in g.edges}
    assert weights == {frozenset("pa"): 1.0, frozenset("ab"): 6.0, frozenset("ac"): 4.0}


def test_unweighted_counts_every_net_as_one(tiny):
    assert to_networkx(tiny.netlist, "star", weighted=False).edges["a", "b"]["weight"] == 2.0
    assert to_networkx(tiny.netlist, "clique", weighted=False).edges["a", "b"]["weight"] == 1.5
    assert to_networkx(tiny.netlist, weighted=False).nodes["net", 1]["weight"] == 1.0


@pytest.mark.parametrize(("form", "edges"), [("bipartite", 4), ("clique", 2), ("star", 2)])
def test_nets_above_the_degree_limit_are_left_out(tiny, form, edges):
    assert to_networkx(tiny.netlist, form, max_degree=2).number_of_edges() == edges


def test_unknown_forms_and_limits_are_refused(tiny):
    with pytest.raises(NetlistError, match="form"):
        to_networkx(tiny.netlist, "hyper")
    with pytest.raises(NetlistError, match="max_degree"):
        to_networkx(tiny.netlist, max_degree=1)


def test_counts_against_the_hypergraph_of_a_whole_design():
    n = synthesize(SynthesisSpec(num_macros=6, num_cells=1_500), 0).netlist
    sets = [set(n.conn_node[n.net_ptr[m] : n.net_ptr[m + 1]].tolist()) for m in range(n.num_nets)]
    driver = n.conn_node[n.net_source].tolist()
    clique, star = Counter(), Counter()
    for m, nodes in enumerate(sets):
        for a in nodes:
            for b in nodes:
                if a < b:
                    clique[a, b] += n.net_weight[m] / (len(nodes) - 1)
        for b in nodes - {driver[m]}:
            star[min(driver[m], b), max(driver[m], b)] += n.net_weight[m]
    for form, want in (("clique", clique), ("star", star)):
        g = to_networkx(n, form, max_degree=n.num_nodes)
        got = {tuple(sorted((g.nodes[a]["index"], g.nodes[b]["index"]))): w for a, b, w in g.edges(data="weight")}
        assert got == pytest.approx(dict(want))
    widest = max(map(len, sets))
    assert widest > 64  # a reset, which the clique view leaves out unless asked for
    assert to_networkx(n, "clique").number_of_edges() < len(clique)
    g = to_networkx(n)
    assert g.number_of_nodes() == n.num_nodes + n.num_nets
    assert g.number_of_edges() == n.num_connections


def test_pyg_counts_and_validity():
    design = synthesize(SynthesisSpec(num_macros=6, num_cells=1_500), 0)
    n, data = design.netlist, to_pyg(design)
    data.validate(raise_on_error=True)
    assert data["node"].x.shape == (n.num_nodes, len(NODE_FEATURES))
    assert data["net"].x.shape == (n.num_nets, len(NET_FEATURES))
    edges = data["node", "pin", "net"]
    assert edges.edge_index.shape == (2, n.num_connections)
    assert edges.edge_attr.shape == (n.num_connections, len(EDGE_FEATURES))
    assert (edges.edge_index[0].numpy() == n.conn_node).all()
    assert (edges.edge_index[1].numpy() == n.conn_net).all()
    assert (data["net", "rev_pin", "node"].edge_index == edges.edge_index.flip(0)).all()
    assert edges.edge_attr[:, EDGE_FEATURES.index("is_source")].sum() == n.num_nets
    assert data["node"].x.isfinite().all()
    assert data["net"].x.isfinite().all()


def test_pyg_feature_values(tiny):
    data = to_pyg(tiny)
    a = dict(zip(NODE_FEATURES, data["node"].x[1].tolist(), strict=True))
    assert a == pytest.approx(
        {
            "is_hard_macro": 1, "is_soft_macro": 0, "is_stdcell": 0, "is_port": 0, "width": 0.2, "height": 0.2,
            "log_area": np.log1p(200 / 100), "log_pins": np.log1p(2), "log_nets": np.log1p(3), "movable": 1,
        }
    )  # fmt: skip
    kinds = data["node"].x[:, :4].argmax(1).tolist()
    assert kinds == tiny.netlist.node_kind.tolist()
    assert data["node"].movable.tolist() == [False, True, False, True, True]
    assert data["node"].pos.tolist() == [[0, 0], [0.5, 0.5], [0.25, 0.5], [0.75, 0.75], [0, 1]]
    assert data["node"].orient.tolist() == [0, 1, 0, 4, 0]
    assert data["node"].placed.tolist() == [True, True, True, True, False]
    mean = 7 / 3
    assert data["net"].x[1].tolist() == pytest.approx([np.log(4), 4 / mean, np.log(5)])
    source = data["node", "pin", "net"].edge_attr[3].tolist()
    assert source == pytest.approx([10 / 100, -5 / 50, 1, 4 / mean])


def test_a_net_view_can_be_learned_from(tiny):
    torch = pytest.importorskip("torch")
    from torch_geometric.nn import HeteroConv, SAGEConv

    data = to_pyg(tiny)
    conv = HeteroConv(
        {("node", "pin", "net"): SAGEConv((-1, -1), 8), ("net", "rev_pin", "node"): SAGEConv((-1, -1), 8)}
    )
    out = conv(data.x_dict, data.edge_index_dict)
    assert out["node"].shape == (5, 8)
    assert out["net"].shape == (3, 8)
    assert all(torch.isfinite(v).all() for v in out.values())


def test_importing_the_views_loads_neither_torch_nor_networkx():
    code = "import sys, netlists.graphs; print(sorted({'torch', 'networkx', 'torch_geometric'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
