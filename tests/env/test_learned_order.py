"""Learned placing orders: features, scores, files."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from env.batched import BatchedMacroPlacement
from env.learned_order import FEATURES, LearnedOrder, MacroScorer, macro_features
from env.macro_placement import MacroPlacementEnv
from env.orders import by_area
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from tests.env.designs import small_design, walled_design


class Column(nn.Module):
    """Scores that are one of the features, times a factor."""

    def __init__(self, column: int, factor: float = 1.0, *, wide: bool = False) -> None:
        super().__init__()
        self.column, self.factor, self.wide = column, factor, wide

    def forward(self, features: Tensor) -> Tensor:
        values = features[:, self.column] * self.factor
        return values[:, None] if self.wide else values


def order_of(order: Any, design: Any = None) -> list[int]:
    return MacroPlacementEnv(design or small_design(), order=order, maps=False).problem.macros.tolist()


def test_the_highest_score_comes_first_and_ties_go_to_the_larger_macro() -> None:
    design = small_design()
    largest_first = by_area(design, design.netlist.ids(HARD_MACRO)).tolist()
    area = FEATURES.index("area / area of the largest macro")
    assert order_of(LearnedOrder(Column(area))) == largest_first
    assert order_of(LearnedOrder(Column(area, wide=True))) == largest_first
    assert order_of(LearnedOrder(Column(area, -1.0))) == largest_first[::-1]
    assert order_of(LearnedOrder(Column(area, 0.0))) == largest_first


def test_both_forms_of_the_environment_follow_it() -> None:
    torch.manual_seed(3)
    order, design = LearnedOrder(), small_design()
    expected = order_of(order)
    assert expected != order_of("area")
    assert BatchedMacroPlacement(1, design, order=order).problems[0].macros.tolist() == expected


def test_features_say_what_they_are_called() -> None:
    """Each once more, written as plainly as possible."""
    design = walled_design()
    n, canvas = design.netlist, design.canvas
    macros = np.flatnonzero(design.movable & (n.node_kind == HARD_MACRO))
    nets = {m: {int(n.conn_net[c]) for c in np.flatnonzero(n.conn_node == m)} for m in macros.tolist()}
    area = {m: n.node_width[m] * n.node_height[m] for m in nets}
    weight = {m: sum(n.net_weight[net] for net in of) for m, of in nets.items()}
    held = set(np.flatnonzero(~design.movable & design.placement.placed).tolist())
    placed = {net for net in range(n.num_nets) if held & set(n.conn_node[n.conn_net == net].tolist())}
    expected = [
        [
            n.node_width[m] / canvas.width,
            n.node_height[m] / canvas.height,
            area[m] / max(area.values()),
            len(of) / max(map(len, nets.values())),
            weight[m] / max(weight.values()),
            sum(n.net_weight[net] for net in of & placed) / weight[m],
            sum(n.net_weight[net] for net in of if any(net in nets[k] for k in nets if k != m)) / weight[m],
        ]
        for m, of in nets.items()
    ]
    np.testing.assert_allclose(macro_features(design, macros), expected, rtol=1e-6)
    assert len(FEATURES) == len(expected[0])


def test_a_macro_without_nets_has_features() -> None:
    design = small_design()
    bare = replace(design, netlist=replace(design.netlist, net_weight=np.zeros(design.netlist.num_nets)))
    found = macro_features(bare, design.netlist.ids(HARD_MACRO))
    assert np.isfinite(found).all()
    assert (found[:, 4:] == 0).all()


def test_a_saved_order_is_the_same_order(tmp_path: Path) -> None:
    torch.manual_seed(1)
    order = LearnedOrder(MacroScorer(5))
    path = order.save(tmp_path / "order.safetensors")
    for read in (LearnedOrder.load(path), LearnedOrder.load(path, MacroScorer(5))):
        for name, value in order.scorer.state_dict().items():
            assert torch.equal(read.scorer.state_dict()[name], value)
        assert order_of(read) == order_of(order)


class Bomb:
    """Raises when unpickled."""

    def __reduce__(self) -> Any:
        return (exec, ("raise AssertionError('unpickled')",))


def test_files_that_hold_no_macro_order_are_refused_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    good, features = {"hidden.weight": torch.ones(4, len(FEATURES))}, {}
    LearnedOrder().save(tmp_path / "good")
    LearnedOrder(nn.Linear(len(FEATURES), 1)).save(tmp_path / "linear")
    nan = LearnedOrder()
    with torch.no_grad():
        nan.scorer.score.weight[0, 2] = float("nan")  # type: ignore[union-attr, index]
    nan.save(tmp_path / "nan")
    (tmp_path / "pickle").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "cut").write_bytes((tmp_path / "good").read_bytes()[:-8])
    save_file(good, tmp_path / "other", features)
    save_file(good, tmp_path / "old", {"kind": "placer macro order 1", "features": '["width"]'})
    for name, message in (
        ("missing", "cannot read"),
        ("pickle", "cannot read"),
        ("empty", "cannot read"),
        ("cut", "cannot read"),
        ("other", "not a macro order"),
        ("old", "other features"),
        ("nan", "NaN or infinite"),
        ("linear", "do not fit MacroScorer"),
    ):
        with pytest.raises(NetlistError, match=message) as caught:
            LearnedOrder.load(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(NetlistError, match="do not fit MacroScorer"):
        LearnedOrder.load(tmp_path / "good", MacroScorer(3))
    assert LearnedOrder.load(tmp_path / "linear", nn.Linear(len(FEATURES), 1))


@pytest.mark.parametrize(
    "scorer", [Column(0, float("nan")), Column(0, float("inf")), nn.Linear(len(FEATURES), 2), nn.Flatten(0)]
)
def test_scores_that_order_nothing_are_refused(scorer: nn.Module) -> None:
    with pytest.raises(ValueError, match="one finite number for each of the 6 macros"):
        order_of(LearnedOrder(scorer))


def test_scoring_draws_no_dice_and_leaves_the_module_as_it_was() -> None:
    module = nn.Sequential(nn.Dropout(0.5), MacroScorer())
    order = LearnedOrder(module)
    assert order_of(order) == order_of(order)
    assert module.training
    assert all(parameter.grad is None for parameter in module.parameters())
