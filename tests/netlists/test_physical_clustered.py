"""Cells in groups: what belongs together stays together, sizes are bounded, and results find their way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import box

import placer
from netlists.constraints import REGION_FENCE, REGION_GUIDE, Region
from netlists.design import Design
from netlists.netlist import HARD_MACRO, SOFT_MACRO, STDCELL, Netlist
from netlists.physical import Hierarchy, read_physical
from netlists.physical.clustered import carry_back, clustered, clusters_of, needs_clusters
from netlists.physical.grouping import SLACK, group_cells
from netlists.physical.write import placed_def
from netlists.synthesis import SynthesisSpec, synthesize
from tests.netlists import physical_cases as case
from tests.placer.rules_judge import judge_rules


def chains(lengths: list[int], bridges: list[tuple[int, int]] = ()) -> Netlist:  # type: ignore[assignment]
    """Chains of unit cells joined by two-pin nets; bridges are further two-pin nets between cells."""
    total = sum(lengths)
    ends = np.cumsum(lengths).tolist()
    pairs = [(i, i + 1) for i in range(total - 1) if i + 1 not in ends] + list(bridges)
    nodes = np.array(pairs, np.int32).ravel()
    zeros = np.zeros(len(nodes))
    return Netlist(
        "chains", [f"c{i}" for i in range(total)], np.full(total, STDCELL, np.int8), np.ones(total), np.ones(total),
        nodes, zeros, zeros, np.arange(0, len(nodes) + 1, 2), np.arange(len(nodes)), np.arange(0, len(nodes), 2),
        np.ones(len(pairs)),
    )  # fmt: skip


def test_chains_that_no_net_joins_fall_into_groups_of_their_own() -> None:
    group = group_cells(chains([8, 8, 8, 8]), groups=4)
    assert group.tolist() == np.repeat(np.arange(4), 8).tolist()


def test_hierarchy_decides_where_connectivity_does_not() -> None:
    # A ring of 8 cells can be cut anywhere; the modules say between 1|2 and 5|6.
    ring = chains([8], [(0, 7)])
    scope = np.array([2, 2, 1, 1, 1, 1, 2, 2], np.int32)
    tree = Hierarchy(("", "a", "b"), np.array([-1, 0, 0], np.int32))
    group = group_cells(ring, scope, tree, groups=2)
    assert group.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_groups_are_bounded_in_area_and_cover_every_cell() -> None:
    flat = synthesize(SynthesisSpec(num_macros=4, num_cells=3000, clustered=False), seed=3).netlist
    group = group_cells(flat, groups=60)
    cells = (flat.node_kind == STDCELL) & np.isin(np.arange(flat.num_nodes), flat.conn_node)
    assert ((group >= 0) == cells).all()
    area = np.bincount(group[cells], (flat.node_width * flat.node_height)[cells])
    assert 30 <= len(area) <= 150
    assert area.max() <= SLACK * area.sum() / 60 + 1e-9
    assert (group_cells(flat, groups=60) == group).all()


def test_cells_on_no_net_belong_to_no_group() -> None:
    assert group_cells(chains([1, 2, 1]), groups=1).tolist() == [-1, 0, 0, -1]


@pytest.fixture
def design(tmp_path: Path) -> Design:
    return read_physical(**case.write(tmp_path))


def test_a_clustered_design_keeps_macros_ports_and_their_rules(design: Design) -> None:
    assert needs_clusters(design)
    soft = clustered(design)
    assert not needs_clusters(soft)
    counts = soft.netlist.describe()
    assert (counts["ports"], counts["hard_macros"], counts["stdcells"]) == (5, 2, 0)
    assert "tap1" not in soft.netlist.node_index
    ram, flat_ram = soft.netlist.node_index["left/mem[0]"], design.netlist.node_index["left/mem[0]"]
    assert soft.constraints is not None
    assert soft.constraints.halo[ram].tolist() == [1, 2, 3, 4]
    assert soft.constraints.region[soft.netlist.node_index["right/mem[0]"]] == 0
    assert soft.physical is not None
    assert design.physical is not None
    assert soft.physical.component[ram] == design.physical.component[flat_ram]
    assert (soft.physical.component[soft.netlist.ids(SOFT_MACRO)] == -1).all()
    cells = design.netlist.ids(STDCELL)[:-1]  # all but the tap
    area = (soft.netlist.node_width * soft.netlist.node_height)[soft.netlist.ids(SOFT_MACRO)].sum()
    assert area == pytest.approx(2 * (design.netlist.node_width * design.netlist.node_height)[cells].sum())


def test_a_clustered_placement_is_written_to_the_def_of_the_flat_design(design: Design) -> None:
    soft = clustered(design)
    n = soft.netlist
    p = soft.placement
    x, y = p.x.copy(), p.y.copy()
    ram = n.node_index["right/mem[0]"]
    x[ram], y[ram] = 30.0, 12.0
    placed = p.moved(x=x, y=y, placed=np.ones(n.num_nodes, bool))
    out = placed_def(soft, placed)
    assert out.components.names == design.physical.def_file.components.names  # type: ignore[union-attr]
    assert (out.components.x[1], out.components.y[1]) == (25000, 8000)


def test_results_are_carried_back_to_the_flat_design(design: Design) -> None:
    group = clusters_of(design)
    soft = clustered(design, group)
    rng = np.random.default_rng(0)
    n = soft.netlist
    p = soft.placement.moved(
        x=rng.uniform(5, 30, n.num_nodes), y=rng.uniform(5, 30, n.num_nodes), placed=np.ones(n.num_nodes, bool)
    )
    back = carry_back(design, soft, p, group)
    for name in ("left/mem[0]", "right/mem[0]"):
        i, k = design.netlist.node_index[name], n.node_index[name]
        assert (back.x[i], back.y[i], back.placed[i]) == (p.x[k], p.y[k], True)
    cell = design.netlist.node_index["left/b0"]
    owner = n.node_index[f"Grp_{group[cell]}"]
    assert (back.x[cell], back.y[cell], back.placed[cell]) == (p.x[owner], p.y[owner], False)
    tap = design.netlist.node_index["tap1"]
    assert back.x[tap] == design.placement.x[tap]


@pytest.mark.open_data
def test_ariane_falls_into_even_groups_that_cut_few_nets(open_data: Callable[[str], Path]) -> None:
    d = read_physical(
        lef=open_data("lefdef/ct_ariane/ariane.lef.gz"), def_file=open_data("lefdef/ct_ariane/ariane.def.gz")
    )
    group = clusters_of(d)
    n = d.netlist
    area = np.bincount(group[group >= 0], (n.node_width * n.node_height)[group >= 0])
    assert 400 <= len(area) <= 1000
    assert area.max() <= 3 * area.mean()
    of = group[n.conn_node]
    high, low = np.maximum.reduceat(of, n.net_ptr[:-1]), np.minimum.reduceat(of, n.net_ptr[:-1])
    assert (high != low).mean() < 0.4
    soft = clustered(d, group)
    assert (soft.netlist.node_kind == HARD_MACRO).sum() == 133
    assert soft.placement.placed.all()  # a DEF file with all cells placed places the clusters too


@pytest.mark.parametrize("wanted", [0.2, 0.4])
def test_clusters_fill_the_core_to_the_target_utilisation(design: Design, wanted: float) -> None:
    assert design.constraints is not None
    asked = replace(design, constraints=design.constraints.changed(utilization=wanted))
    n = clustered(asked).netlist
    area = (n.node_width * n.node_height)[n.ids(HARD_MACRO, SOFT_MACRO)].sum()
    assert area == pytest.approx(wanted * design.canvas.area)


def test_a_target_utilisation_below_what_there_is_packs_cells_tight_and_is_told(design: Design) -> None:
    assert design.constraints is not None
    soft = clustered(replace(design, constraints=design.constraints.changed(utilization=0.05)))
    n = soft.netlist
    assert (n.node_width * n.node_height)[n.ids(SOFT_MACRO)].sum() == pytest.approx(4 * 0.8)
    assert any("more than the target utilization of 5.0%" in note for note in soft.notes)


def fenced(
    design: Design, cells: list[str], place: tuple[float, float, float, float], kind: int = REGION_FENCE
) -> Design:
    """The design with a further region that some cells belong to."""
    assert design.constraints is not None
    c, shape = design.constraints, box(*place)
    region = c.region.copy()
    region[[design.netlist.node_index[name] for name in cells]] = len(c.regions)
    return replace(design, constraints=c.changed(region=region, regions=(*c.regions, Region("room", shape, kind))))


def test_cells_of_two_fences_are_never_in_one_group() -> None:
    ring = chains([40], [(0, 39)])
    apart = np.arange(40) // 3 % 2
    group = group_cells(ring, groups=2, apart=apart)
    assert all(len(set(apart[group == g].tolist())) == 1 for g in np.unique(group).tolist())


@pytest.mark.parametrize("kind", [REGION_FENCE, REGION_GUIDE])
def test_clusters_of_members_are_members(design: Design, kind: int) -> None:
    d = fenced(design, ["left/b0", "left/b1"], (3, 25, 8, 29), kind=kind)
    group = clusters_of(d)
    soft = clustered(d, group)
    assert soft.constraints is not None
    index = soft.netlist.node_index
    mine = {index[f"Grp_{group[d.netlist.node_index[name]]}"] for name in ("left/b0", "left/b1")}
    others = set(soft.netlist.ids(SOFT_MACRO).tolist()) - mine
    assert (soft.constraints.region[sorted(mine)] == 1).all()
    assert (soft.constraints.region[sorted(others)] == -1).all()
    result = placer.place(d, iterations=2000, jobs=1, effort="fast")
    x, y = result.placement.x[sorted(mine)], result.placement.y[sorted(mine)]
    assert ((x > 3) & (x < 8) & (y > 25) & (y < 29)).all()
    assert result.legality.legal


def test_clusters_are_cut_to_their_fence(design: Design) -> None:
    # Each cell has 0.8 um2; doubled, two of them would fill 3.2 of 2.04 um2.
    d = fenced(design, ["left/b0", "left/b1"], (3, 25, 4.2, 26.7))
    soft = clustered(d)
    assert soft.constraints is not None
    mine = np.flatnonzero(soft.constraints.region == 1)
    mine = mine[soft.netlist.node_kind[mine] == SOFT_MACRO]
    assert len(mine)
    area = (soft.netlist.node_width * soft.netlist.node_height)[mine].sum()
    assert area == pytest.approx(0.95 * 1.2 * 1.7)
    assert placer.place(d, iterations=1000, jobs=1, effort="fast").legality.legal


def test_a_fence_without_room_for_its_clusters_is_told(design: Design) -> None:
    soft = clustered(fenced(design, ["left/b0"], (3, 25, 3.4, 25.4)))
    assert any("fence 'room' is too narrow for 1 clusters" in note for note in soft.notes)
    assert soft.constraints is not None
    assert not (soft.constraints.region[soft.netlist.ids(SOFT_MACRO)] == 1).any()


def test_a_region_of_several_pieces_is_one_fence(tmp_path: Path) -> None:
    text = case.DEF.replace(
        "- east ( 20000 2000 ) ( 38000 38000 )", "- east ( 3000 22000 ) ( 15000 38000 ) ( 24000 3000 ) ( 36000 15000 )"
    )
    d = read_physical(**case.write(tmp_path, def_file=text))
    assert d.constraints is not None
    assert d.constraints.regions[0].polygon.area == pytest.approx(12 * 16 + 12 * 12)
    for seed in range(2):
        result = placer.place(d, iterations=500, jobs=1, effort="fast", seed=seed)
        assert result.legality.legal
        assert judge_rules(result.design, result.placement) == set()
        i = result.design.netlist.node_index["right/mem[0]"]
        x, y = result.placement.x[i], result.placement.y[i]
        assert (8 <= x <= 10 and 26 <= y <= 34) or (29 <= x <= 31 and 7 <= y <= 11)
