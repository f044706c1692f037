"""Learned proposals: features, learning to rank, files, and what a search does with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from netlists.errors import NetlistError
from netlists.load import load
from placer import flow
from placer.budget import Budget
from placer.cost.incremental import IncrementalCost, build_problem
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.search import MoveLog, MoveRecorder, SearchOptions, Standing, search
from placer.engines.search.chain import anneal, build_chain
from placer.engines.search.moves.hot import feel
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.table import NAMES
from policies.files import read_tensors, write_tensors
from policies.proposals import (
    SHIPPED,
    LearnedProposer,
    ProposalConfig,
    ProposalModel,
    learn,
    load_proposals,
    save_proposals,
)
from policies.proposals import features as f
from policies.proposals.files import FORMAT, VERSION
from policies.proposals.learn import learn_lessons, look_loss, standardise
from policies.proposals.lessons import all_lessons, lessons
from policies.proposals.model import jump_limit, see
from policies.proposals.ranking import rank_moves, rank_pairs, ranking
from policies.splits import HELD_OUT_SEED


@pytest.fixture(scope="module")
def design():
    return load("synth20")


@pytest.fixture(scope="module")
def log(design) -> MoveLog:
    recorder = MoveRecorder(every=2)
    options = SearchOptions(device="cpu", recorder=recorder, refresh=4)
    search(design, [legalise(design)], budget=Budget(), seed=1, iterations=10_000, options=options)
    return recorder.logs[0]


@pytest.fixture(scope="module")
def looks(design, log):
    return lessons(log, design, pairs=300)


def standing_of(design, seed=0):
    start = legalise(design)
    crowd = build_crowd(design, start)
    chain = build_chain(design, build_problem(design), crowd, start, 0, 0)
    anneal(chain, np.linspace(1 / len(NAMES), 1, len(NAMES)), 2000, 1e-3, 1e-3, 100.0)
    v = chain.scene
    feel(chain.problem, chain.state, v.ground, v.heat)
    return chain, crowd, Standing(chain.state, v.ground, v.heat, chain.tally, 1e-4, 1e-2, 0.5, seed)


def test_every_movable_object_and_only_legal_targets_are_seen(design):
    chain, crowd, standing = standing_of(design)
    seen = see(chain.problem, standing, crowd, jump_limit(design, 0.5))
    assert sorted(seen.movers) == sorted([*crowd.soft, *crowd.hard])
    assert seen.objects.shape == (len(seen.movers), len(f.OBJECT_FEATURES))
    assert seen.targets.shape == (len(seen.pair_of), len(f.TARGET_FEATURES))
    assert np.isfinite(seen.objects).all()
    assert np.isfinite(seen.targets).all()
    assert (seen.targets[:, f.T_SOURCE :].sum(axis=1) == 1).all()
    now = design.placement.moved(x=chain.state.x, y=chain.state.y, orient=chain.state.orient)
    rng = np.random.default_rng(0)
    for k in rng.choice(len(seen.pair_of), 40, replace=False):
        x, y = now.x.copy(), now.y.copy()
        x[seen.movers[seen.pair_of[k]]], y[seen.movers[seen.pair_of[k]]] = seen.x[k], seen.y[k]
        assert check(design, now.moved(x=x, y=y), reference=design.placement).legal


def test_the_length_feature_is_the_exact_change_of_the_wirelength(design):
    chain, crowd, standing = standing_of(design)
    seen = see(chain.problem, standing, crowd, jump_limit(design, 0.5))
    s = standing.state
    cost = IncrementalCost(design, design.placement.moved(x=s.x, y=s.y, orient=s.orient))
    p, before = chain.problem, cost.terms()["wirelength"]
    exact = 0
    for k in range(0, len(seen.pair_of), 7):
        i = int(seen.movers[seen.pair_of[k]])
        nets = p.conn_net[p.obj_conn[p.obj_ptr[i] : p.obj_ptr[i + 1]]]
        if len(nets) > 48 or len(set(nets.tolist())) < len(nets):  # only a part is looked at; pins that move together
            continue
        cost.propose([i], [seen.x[k]], [seen.y[k]])
        change = float(cost.state.trial[0] * p.wirelength_scale) - before
        cost.revert()
        assert np.sinh(seen.targets[k, f.T_LENGTH]) * 1e-4 == pytest.approx(change, rel=1e-3, abs=1e-8)
        exact += 1
    assert exact > 20


def test_same_seed_gives_the_same_candidates(design):
    chain, crowd, standing = standing_of(design, seed=5)
    one, two = (see(chain.problem, standing, crowd, 50.0) for _ in range(2))
    assert np.array_equal(one.x, two.x)
    other = see(chain.problem, standing_of(design, seed=6)[2], crowd, 50.0)
    assert len(other.x) != len(one.x) or (other.x != one.x).any()


def test_lessons_hold_the_gains_of_the_log(design, log, looks):
    assert len(looks) == len(log.look_progress)
    assert sum(len(lesson.gain) for lesson in looks) == len(log.change)
    for number, lesson in enumerate(looks):
        own = log.look == number
        assert np.array_equal(lesson.seen.movers[lesson.mover], log.object[own])
        assert lesson.gain * log.look_temperature[number] == pytest.approx(np.maximum(-log.change[own], 0.0))
    fewer = lessons(log, design, pairs=10, looks=2)
    assert len(fewer) == 2
    assert all(len(lesson.pair) == 10 for lesson in fewer)


def test_logs_of_other_designs_are_refused(log):
    with pytest.raises(NetlistError, match="another design"):
        lessons(log, load("synth130"))
    with pytest.raises(NetlistError, match="missing"):
        all_lessons([log], {})


def test_learning_ranks_what_gains_first(looks):
    """On its own lessons the model must beat chance clearly; a new one cannot tell anything from anything."""
    model = learn_lessons(looks, epochs=12, seed=0)
    fresh = ProposalModel()
    standardise(fresh, looks)
    with torch.no_grad():
        before = np.mean([float(look_loss(fresh, lesson)) for lesson in looks])
        after = np.mean([float(look_loss(model, lesson)) for lesson in looks])
    assert after < before
    pairs = rank_pairs(looks, LearnedProposer.of(model))
    assert pairs["model"].auc > 0.6
    assert pairs["model"].share > 1.5 * pairs["chance"].share
    moves = rank_moves(looks, LearnedProposer.of(model))
    assert moves["model"].auc > moves["chance"].auc


def test_numpy_and_torch_say_the_same(looks):
    torch.manual_seed(3)
    model = ProposalModel(ProposalConfig(width=8))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    standardise(model, looks)
    seen, proposer = looks[0].seen, LearnedProposer.of(model)
    with torch.no_grad():
        objects = torch.from_numpy(seen.objects)
        kinds = model.kinds(objects).numpy()
        pairs = model.pairs(objects, torch.from_numpy(seen.pair_of), torch.from_numpy(seen.targets)).numpy()
    assert proposer.kind_scores(seen) == pytest.approx(kinds, abs=1e-4)
    assert proposer.pair_scores(seen) == pytest.approx(pairs, abs=1e-4)


def test_learning_twice_gives_the_same_model(looks):
    one, two = (learn_lessons(looks[:3], epochs=2, seed=4) for _ in range(2))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_learn_goes_on_from_a_model_and_stops_with_its_budget(design, log):
    over = Budget(None)
    over.stop.set()
    model = learn([log], {design.netlist.name: design}, looks=2, epochs=1)
    same = {name: value.clone() for name, value in model.state_dict().items()}
    assert learn([log], {design.netlist.name: design}, model, looks=2, epochs=1, budget=over) is model
    assert all(torch.equal(value, same[name]) for name, value in model.state_dict().items())
    with pytest.raises(ValueError, match="no lessons"):
        learn([], {})


def test_perfect_and_useless_rankings():
    gain = np.array([0.0] * 15 + [1.0] * 4 + [6.0])
    perfect, useless = ranking([(gain, gain)]), ranking([(np.zeros(20), gain)])
    assert (perfect.auc, perfect.hits) == (1.0, 1.0)
    assert perfect.share == pytest.approx(0.7)
    assert perfect.spearman == pytest.approx(1.0)
    assert (useless.auc, useless.spearman) == (0.5, 0.0)
    assert ranking([(gain[:5], gain[:5])]).lists == 0


def test_shuffling_keeps_the_weights_and_takes_the_knowledge(looks):
    torch.manual_seed(0)
    model = ProposalModel()
    torch.nn.init.normal_(model.pair_out.weight)
    torch.nn.init.normal_(model.kind_out.weight)
    seen = looks[0].seen
    nodes = int(seen.movers.max()) + 1
    known = LearnedProposer.of(model).proposals(seen, nodes)
    mixed = LearnedProposer.of(model, shuffled=True).proposals(seen, nodes)
    assert np.sort(known.weight) == pytest.approx(np.sort(mixed.weight))
    assert (known.weight != mixed.weight).any()
    assert np.sort(known.importance, axis=1) == pytest.approx(np.sort(mixed.importance, axis=1))


def test_a_search_with_a_model_is_legal_and_repeatable(design):
    torch.manual_seed(0)
    model = ProposalModel()
    torch.nn.init.normal_(model.pair_out.weight)
    torch.nn.init.normal_(model.kind_out.weight, std=0.3)
    options = SearchOptions(device="cpu", starts=0, proposer=LearnedProposer.of(model), refresh=2)
    runs = [flow.place(design, iterations=5_000, jobs=1, options=options) for _ in range(2)]
    assert runs[0].placement.x.tobytes() == runs[1].placement.x.tobytes()
    assert check(design, runs[0].placement, reference=design.placement).legal
    assert runs[0].stats["advice"]["looks"] > 2
    assert runs[0].stats["moves"]["learned"]["kept"] > 0


def test_models_come_back_from_their_files(tmp_path: Path):
    torch.manual_seed(1)
    model = ProposalModel(ProposalConfig(width=8, kinds=("soft-shift", "learned")))
    back, card = load_proposals(save_proposals(tmp_path / "one.safetensors", model, {"looks": 3}))
    assert card == {"looks": 3}
    assert back.config == model.config
    for name, value in model.state_dict().items():
        assert torch.equal(value, back.state_dict()[name])


def test_damaged_models_are_refused(tmp_path: Path):
    file = save_proposals(tmp_path / "one.safetensors", ProposalModel())
    header, tensors = read_tensors(file, FORMAT, VERSION)
    whole = file.read_bytes()
    config = header["config"]
    cases = [
        ({"width": 16}, "does not fit"), ({"width": 1e9}, "damaged"), ({"width": "8"}, "damaged"),
        ({"kinds": "soft"}, "damaged"), ({"features": ["heat"]}, "other features"),
    ]  # fmt: skip
    for change, why in cases:
        write_tensors(file, FORMAT, VERSION, header | {"config": config | change}, tensors)
        with pytest.raises(NetlistError, match=why):
            load_proposals(file)
    write_tensors(file, FORMAT, VERSION + 1, header, tensors)
    with pytest.raises(NetlistError, match="another version"):
        load_proposals(file)
    write_tensors(file, "placer-policy", VERSION, header, tensors)
    with pytest.raises(NetlistError, match="no checkpoint of"):
        load_proposals(file)
    file.write_bytes(whole[:-40])
    with pytest.raises(NetlistError, match="no complete"):
        load_proposals(file)
    with pytest.raises(NetlistError, match="no such"):
        load_proposals(tmp_path / "none")


def test_the_shipped_model_is_small_and_learned_from_training_designs_only():
    model, card = load_proposals()
    assert SHIPPED.stat().st_size < 1e6
    assert model.config.kinds == NAMES
    assert all(name.startswith("made") and int(name[4:]) < HELD_OUT_SEED for name in card["trained_on"])
