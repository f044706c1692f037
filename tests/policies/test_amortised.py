"""Starts in one pass: what the network may and may not do, how it trains, and its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from netlists.design import Design
from netlists.errors import NetlistError
from placer import flow
from placer.budget import Budget
from placer.cost.legality import check
from placer.engines.starts import EXACT, Surrogate, gradient_starts
from policies.amortised import (
    AmortisedConfig,
    AmortisedPlacer,
    _cosines,
    _coverage,
    _crowds,
    amortised_starts,
    build_board,
    draw,
    load_starts,
    save_starts,
    smooth_cost,
)
from policies.amortised_training import LAST, StartsConfig, train_starts
from policies.errors import DivergedError
from policies.files import Checkpoint
from tests.env.designs import small_design, walled_design

TINY = AmortisedConfig(width=8, layers=1, rounds=2, heads=2)


def stirred(seed: int = 0) -> AmortisedPlacer:
    """A network whose every part says something."""
    torch.manual_seed(seed)
    model = AmortisedPlacer(TINY)
    with torch.no_grad():
        model.move.weight.normal_()
    return model.eval()


@pytest.mark.parametrize(
    "design", [small_design(fixed=[0], origin=(30.0, -7.0)), walled_design()], ids=["fixed", "walls"]
)
def test_layouts_lie_on_the_canvas_and_leave_alone_what_is_fixed(design: Design) -> None:
    x, y = draw(design, stirred(), 3)
    n, c, p = design.netlist, design.canvas, design.placement
    move = design.movable
    np.testing.assert_array_equal(x[:, ~move], np.tile(p.x[~move], (3, 1)))
    assert (x[:, move] - n.node_width[move] / 2 >= c.x0 - 1e-4).all()
    assert (y[:, move] + n.node_height[move] / 2 <= c.y1 + 1e-4).all()
    assert np.abs(x[0] - x[1]).max() > 0.01 * c.width


def test_a_layout_depends_on_its_own_code_alone() -> None:
    design, model = small_design(), stirred()
    board = build_board(design)
    codes = torch.rand(3, len(board.objects), 2)
    with torch.inference_mode():
        torch.testing.assert_close(model(board, codes)[1], model(board, codes[1:2])[0], atol=1e-5, rtol=1e-5)


def test_nets_pull_to_the_mean_of_their_pins() -> None:
    """Two objects on one net of two pins each hear the other's place, offsets of pins included."""
    design = small_design()
    board = build_board(design)
    constant = torch.full((design.netlist.num_nodes, 2), 0.3)
    torch.testing.assert_close(board.over_nets(constant), board.tied * constant, atol=1e-6, rtol=1e-6)
    sums = torch.zeros(design.netlist.num_nodes).index_add(0, board.node, board.tie)
    torch.testing.assert_close(sums, board.tied[:, 0], atol=1e-6, rtol=1e-6)


def test_the_field_points_out_of_a_crowd() -> None:
    at = torch.tensor([[[0.45, 0.5], [0.5, 0.5], [0.55, 0.5], [0.9, 0.5]]])
    half = torch.full((4, 2), 0.08)
    density, field = _crowds(_coverage(at, half), torch.zeros(24, 24))
    assert field[0, 0, 0] < 0 < field[0, 2, 0]
    assert density[0, 1] > density[0, 3] > 0.5
    identity = _cosines(torch.device("cpu")) @ _cosines(torch.device("cpu")).t()
    torch.testing.assert_close(identity, torch.eye(24), atol=1e-5, rtol=1e-5)


def test_starts_are_the_best_draws_and_end_legal_in_the_search() -> None:
    design = small_design()
    starts = amortised_starts(stirred(), count=2, refine=0, draws=6)(design, Budget(), 3)
    x, y = draw(design, stirred(), 6, 3)
    best = np.sort(smooth_cost(design, x, y))[:2]
    found = smooth_cost(design, np.stack([one.x for one in starts]), np.stack([one.y for one in starts]))
    np.testing.assert_allclose(found, best)
    result = flow.place(
        design, iterations=1000, jobs=1, effort="fast", starter=amortised_starts(stirred(), count=2, refine=3)
    )
    assert result.stats["learned"]["count"] == 2
    assert check(design, result.placement, reference=design.placement).legal


def test_a_design_with_too_many_objects_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policies.amortised.MOST_OBJECTS", 5)
    assert amortised_starts(stirred())(small_design(), Budget(), 0) == []


def test_descents_begin_from_layouts_that_are_given() -> None:
    design = small_design()
    x, y = draw(design, stirred(), 2)
    found = gradient_starts(design, count=2, iterations=0, at=(x, y))
    order = np.argsort(smooth_cost(design, x, y), kind="stable")
    np.testing.assert_allclose(found.x, x[order], atol=1e-9)
    assert found.kinds == ("given", "given")
    terms = Surrogate(design).terms(torch.from_numpy(found.x), torch.from_numpy(found.y), EXACT)
    np.testing.assert_allclose(found.proxy, terms["wirelength"] + 0.5 * (terms["density"] + terms["congestion"]))
    with pytest.raises(ValueError, match="layouts"):
        gradient_starts(design, count=3, iterations=0, at=(x, y))


def small_run(steps: int) -> StartsConfig:
    return StartsConfig(steps=steps, largest=7, codes=2, report_every=2, held_out=1, network=TINY)


def test_training_changes_every_part_and_goes_on_to_the_bit(tmp_path: Path) -> None:
    straight = load_starts(train_starts(small_run(4), tmp_path / "straight"))
    train_starts(small_run(2), tmp_path / "cut")
    cut = load_starts(train_starts(small_run(4), tmp_path / "cut", resume=True))
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, cut.model.state_dict()[name]), name
    lines = [json.loads(line) for line in (tmp_path / "straight" / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["iteration"] == 4
    assert {"held_out/mean", "held_out/best"} <= lines[-1].keys()
    assert straight.card["steps"] == 4
    moved = [not torch.equal(a, b) for a, b in zip(stirred().parameters(), straight.model.parameters(), strict=True)]
    assert all(moved)


def test_a_run_that_diverges_keeps_the_last_good_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_starts(small_run(2), tmp_path)
    before = load_starts(tmp_path / LAST)

    def broken(*_: object) -> torch.Tensor:
        return torch.full((2,), float("nan"), requires_grad=True)

    monkeypatch.setattr("policies.amortised_training.total", broken)
    with pytest.raises(DivergedError, match="step 2"):
        train_starts(small_run(4), tmp_path, resume=True)
    after = load_starts(tmp_path / LAST)
    assert all(torch.equal(a, b) for a, b in zip(before.model.parameters(), after.model.parameters(), strict=True))


def test_what_was_saved_comes_back_and_what_is_damaged_is_refused(tmp_path: Path) -> None:
    file = save_starts(tmp_path / "one.safetensors", Checkpoint(stirred(), {"a": 1}, {}, {}))
    back = load_starts(file)
    assert back.card == {"a": 1}
    x, _ = draw(small_design(), back.model, 2)
    np.testing.assert_array_equal(x, draw(small_design(), stirred(), 2)[0])
    with pytest.raises(NetlistError, match="not the state of a training run"):
        train_starts(small_run(1), _moved(file, tmp_path / "run" / LAST), resume=True)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(NetlistError, match="no complete safetensors file"):
        load_starts(file)


def _moved(file: Path, to: Path) -> Path:
    to.parent.mkdir()
    to.write_bytes(file.read_bytes())
    return to.parent


@pytest.mark.parametrize("bad", [{"width": 9, "heads": 2}, {"rounds": 0}, {"width": 2.0}])
def test_sizes_that_cannot_be_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        replace(AmortisedConfig(), **bad)  # type: ignore[arg-type]
