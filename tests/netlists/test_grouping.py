"""Groups of cells: modules and nets keep cells together, fences keep them apart, sizes are bounded, seeds repeat."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import box

from netlists import STDCELL, NetlistError
from netlists.constraints import Constraints, Region
from netlists.grouping import cells as cells_module
from netlists.grouping import cluster, group_cells, measure_groups, usual_groups
from netlists.grouping.hypergraph import build_hypergraph
from netlists.grouping.modules import modules_of_names
from netlists.grouping.partition import partition
from netlists.synthesis import SynthesisSpec, synthesize
from tests.netlists.grouping_cases import flat_design, two_modules


@pytest.fixture(scope="module")
def flat():
    return synthesize(SynthesisSpec(num_macros=4, num_cells=1200, clustered=False), seed=3)


def parents(names):
    """The chain of modules above each name, innermost first, as sets of names that share them."""
    tree = modules_of_names(names)
    return tree, [int(tree.scope[i]) for i in range(len(names))]


def test_names_tell_modules_by_slash_dot_and_escape():
    names = ["top_cell", "a/b/x", "a/y", "a.b.z", r"\a\/b\/w", "a/gen[3].u/q", "/odd", "."]
    tree, scope = parents(names)
    assert scope[0] == scope[6] == scope[7] == 0
    assert scope[1] == scope[3] == scope[4]
    assert tree.parent[scope[1]] == scope[2]
    assert tree.depth[scope[5]] == 3
    assert tree.levels == 3


def test_levels_and_sizes_of_modules():
    tree = modules_of_names(["a/b/x", "a/b/y", "a/z", "c/w", "top"])
    a, b, c = int(tree.scope[2]), int(tree.scope[0]), int(tree.scope[3])
    sizes = tree.sizes(np.arange(5))
    assert (sizes[0], sizes[a], sizes[b], sizes[c]) == (5, 3, 2, 1)
    assert tree.at_level(1)[[0, a, b, c]].tolist() == [-1, a, a, c]
    assert tree.at_level(2)[[a, b]].tolist() == [-1, b]


def test_hypergraph_drops_wide_and_lonely_nets_and_keeps_macros():
    # ports 0; macro 1; cells 2-5. Nets: port-cell (lonely), macro-cells, wide, weightless, ordinary.
    design = flat_design(
        ["p", "m", "c0", "c1", "c2", "c3"], [3, 0, 2, 2, 2, 2],
        [[0, 2], [1, 2, 3], [2, 3, 4, 5], [4, 5], [4, 5]], weights=[1, 1, 1, 0, 1],
    )  # fmt: skip
    graph, nodes = build_hypergraph(design.netlist, np.array([2, 3, 4, 5]), max_fanout=3, groups=2)
    assert nodes.tolist() == [2, 3, 4, 5, 1]
    edges = [graph.pins[a:b].tolist() for a, b in zip(graph.ptr[:-1], graph.ptr[1:], strict=True)]
    assert edges == [[0, 1, 4], [2, 3]]
    assert graph.weight[4] == 1
    assert graph.weight[:4].min() > 1000


def test_nets_inside_a_module_weigh_more_and_modules_become_hyperedges():
    design = flat_design(["a/x", "a/y", "b/z", "b/w"], [STDCELL] * 4, [[0, 1], [0, 2]])
    cells = np.arange(4)
    plain, _ = build_hypergraph(design.netlist, cells, max_fanout=9, groups=2)
    named, _ = build_hypergraph(
        design.netlist, cells, max_fanout=9, groups=2, modules=modules_of_names(design.netlist.node_names)
    )
    assert plain.num_edges == 2
    assert named.num_edges == 4
    assert named.pins[named.ptr[2] :].tolist() == [0, 1, 2, 3]
    assert named.edge_weight[0] > named.edge_weight[1] == plain.edge_weight[0]


def test_parts_of_a_hypergraph_keep_the_nets_among_them():
    design = flat_design(["c0", "c1", "c2", "c3"], [STDCELL] * 4, [[0, 1, 2], [2, 3], [0, 3]])
    graph, _ = build_hypergraph(design.netlist, np.arange(4), max_fanout=9, groups=1)
    part = graph.part(np.array([2, 1, 0]))
    assert part.ptr.tolist() == [0, 3]
    assert sorted(part.pins.tolist()) == [0, 1, 2]
    assert part.weight.tolist() == graph.weight[[2, 1, 0]].tolist()


def test_partition_cuts_where_few_nets_join():
    design = two_modules()
    graph, _ = build_hypergraph(design.netlist, np.arange(40), max_fanout=500, groups=2)
    label = partition(graph, 2, seed=0, balance=0.1, threads=1)
    assert len(set(label[:20])) == len(set(label[20:40])) == 1
    assert label[0] != label[20]


def test_groups_are_the_modules_where_nets_agree():
    group = group_cells(two_modules(), groups=2)
    assert group.dtype == np.int32
    assert group.tolist() == [0] * 20 + [1] * 20 + [-1, -1]


def test_hierarchy_decides_where_connectivity_does_not():
    # A ring can be cut anywhere; the names say where.
    names = [f"{'a' if 3 <= i < 11 else 'b'}/c{i}" for i in range(16)]
    ring = flat_design(names, [STDCELL] * 16, [[i, (i + 1) % 16] for i in range(16)])
    group = group_cells(ring, groups=2)
    assert len(set(group[3:11])) == 1
    assert len(set(np.delete(group, np.arange(3, 11)))) == 1
    assert measure_groups(ring, group).hierarchy_agreement == 1.0


def test_groups_are_bounded_in_area_and_cover_every_cell(flat):
    n = flat.netlist
    group = group_cells(flat, groups=30, balance=0.3)
    cells = (n.node_kind == STDCELL) & np.isin(np.arange(n.num_nodes), n.conn_node)
    assert ((group >= 0) == cells).all()
    area = np.bincount(group[cells], (n.node_width * n.node_height)[cells])
    assert 25 <= len(area) <= 30
    assert area.max() <= 1.3 * area.sum() / 30 * 1.02
    first = [int(np.flatnonzero(group == g)[0]) for g in range(len(area))]
    assert first == sorted(first)


def test_seeds_repeat_and_differ(flat):
    one = group_cells(flat, groups=8, seed=1)
    assert (group_cells(flat, groups=8, seed=1) == one).all()
    assert (group_cells(flat, groups=8, seed=2) != one).any()


def test_grouping_cuts_fewer_nets_than_file_order(flat):
    group = group_cells(flat, groups=20)
    cells = np.flatnonzero(group >= 0)
    contiguous = np.full(len(group), -1)
    contiguous[cells] = np.arange(len(cells)) * 20 // len(cells)
    assert measure_groups(flat, group).cut_nets < measure_groups(flat, contiguous).cut_nets


def test_cells_on_no_net_are_in_no_group():
    design = flat_design(["a", "b", "filler"], [STDCELL] * 3, [[0, 1]])
    assert group_cells(design, groups=1).tolist() == [0, 0, -1]


def test_fences_keep_cells_apart():
    design = two_modules()
    n = design.netlist.num_nodes
    region = np.full(n, -1, np.int32)
    region[[0, 1, 2, 25, 26]] = 0
    rules = replace(Constraints.none(n), region=region, regions=(Region("east", box(0, 0, 50, 100)),))
    fenced = replace(design, constraints=rules)
    group = group_cells(fenced, groups=4)
    inside, outside = set(group[region == 0]), set(group[:40][region[:40] < 0])
    assert not inside & outside
    soft = cluster(fenced, group).design
    assert soft.constraints is not None
    grp = {name: int(soft.constraints.region[i]) for i, name in enumerate(soft.netlist.node_names)}
    assert {grp[f"Grp_{g}"] for g in inside} == {0}
    assert {grp[f"Grp_{g}"] for g in outside} == {-1}
    with pytest.raises(NetlistError, match="fewer groups than fences and guides"):
        group_cells(fenced, groups=1)


def test_the_usual_number_of_groups():
    assert [usual_groups(k) for k in (10, 12_000, 10**6)] == [50, 100, 1000]
    few = flat_design([f"c{i}" for i in range(5)], [STDCELL] * 5, [[0, 1, 2, 3, 4]])
    assert sorted(group_cells(few)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"groups": 41}, "more groups than cells"),
        ({"groups": 0}, "must be positive"),
        ({"balance": 0.0}, "balance is out of range"),
        ({"balance": float("nan")}, "balance is out of range"),
        ({"seed": -1}, "seed is out of range"),
        ({"max_fanout": 1}, "fan-out limit"),
    ],
)
def test_options_that_make_no_sense(options, told):
    with pytest.raises(NetlistError, match=told):
        group_cells(two_modules(), **options)


def test_a_design_without_cells_is_told():
    macros = flat_design(["m", "p"], [0, 3], [[0, 1]])
    with pytest.raises(NetlistError, match="no standard cells to group"):
        group_cells(macros)
    with pytest.raises(NetlistError, match="soft macros already"):
        group_cells(cluster(two_modules(), [0] * 42).design)


def test_a_missing_partitioner_is_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mtkahypar", None)
    with pytest.raises(NetlistError, match="needs the package mtkahypar") as error:
        group_cells(two_modules(), groups=2)
    assert "\n" not in str(error.value)


def test_figures_by_hand():
    # a b | c d; nets a->b (inside), a->c (cut), c->d,m (leaves to the macro), wide one out of count.
    design = flat_design(
        ["x/a", "x/b", "y/c", "x/d", "m"], [2, 2, 2, 2, 0], [[0, 1], [0, 2], [2, 3, 4], [0, 1, 2, 3]],
        sizes=[1, 1, 1, 3, 5],
    )  # fmt: skip
    f = measure_groups(design, [5, 5, 9, 9, -1], max_fanout=3)
    assert (f.cells, f.left_out, f.groups, f.nets, f.cut_nets, f.connectivity) == (4, 0, 2, 3, 1, 1)
    assert f.largest == pytest.approx(4 / 3)
    assert f.terminals == 1.5
    assert f.rent_exponent == pytest.approx((np.log(2) / 2 - np.log(6 / 4)) / np.log(2))
    assert f.hierarchy_agreement == 0.75


def test_contracted_hypergraphs_keep_weights_and_the_nets_between_clumps():
    design = flat_design(["c0", "c1", "c2", "c3"], [STDCELL] * 4, [[0, 1, 2], [2, 3], [0, 3]])
    graph, _ = build_hypergraph(design.netlist, np.arange(4), max_fanout=9, groups=1)
    small = graph.contracted(np.array([0, 0, 1, 1]))
    assert small.weight.tolist() == [graph.weight[:2].sum(), graph.weight[2:].sum()]
    assert small.ptr.tolist() == [0, 2, 4]
    assert small.pins.tolist() == [0, 1, 0, 1]
    assert small.edge_weight.tolist() == graph.edge_weight[[0, 2]].tolist()


def test_large_designs_are_grouped_by_clumps_as_well(flat, monkeypatch):
    n = flat.netlist
    monkeypatch.setattr(cells_module, "CLUMPS", 12)
    group = group_cells(flat, groups=10)
    on = cells_module.cells_to_group(n)
    assert (group[on] >= 0).all()
    area = np.bincount(group[on], (n.node_width * n.node_height)[on])
    assert len(area) == 10
    assert area.max() <= 1.25 * area.mean()
    monkeypatch.setattr(cells_module, "CLUMPS", 10**6)
    assert (
        measure_groups(flat, group).connectivity < 1.5 * measure_groups(flat, group_cells(flat, groups=10)).connectivity
    )


def groups_digest(threads: int) -> str:
    """Digest of a grouping, for processes of their own: the partitioner keeps its first pool of threads."""
    design = synthesize(SynthesisSpec(num_macros=4, num_cells=3000, clustered=False), seed=3)
    return hashlib.sha256(group_cells(design, groups=16, seed=2, threads=threads).tobytes()).hexdigest()


def test_the_number_of_threads_does_not_change_the_groups():
    script = (
        "import sys; from tests.netlists.test_grouping import groups_digest; print(groups_digest(int(sys.argv[1])))"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", script, threads], check=True, capture_output=True, text=True,
            cwd=Path(__file__).resolve().parents[2],
        ).stdout.strip()
        for threads in ("1", "3")
    ]  # fmt: skip
    assert len(set(found)) == 1
    assert len(found[0]) == 64
