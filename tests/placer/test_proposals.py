"""Advice: drawn as weighted, harmless where there is none, repeatable; and the log of moves."""

import pickle

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from netlists.errors import NetlistError
from netlists.load import load
from placer.budget import Budget
from placer.cost.incremental import build_problem
from placer.cost.incremental.state import PROXY
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.search import MoveLog, MoveRecorder, Proposals, SearchOptions, search
from placer.engines.search.chain import anneal, build_chain
from placer.engines.search.moves.advice import EVEN, alias_tables, build_advice
from placer.engines.search.moves.learned import learned
from placer.engines.search.moves.sample import CHANGE, TAKEN, build_sample
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.soft import soft_shift
from placer.engines.search.moves.table import NAMES, SOFT_SHIFT
from tests.placer.advisers import Fixed, Random

ONES = np.ones(1)


@pytest.fixture(scope="module")
def design():
    return load("synth20")


@pytest.fixture(scope="module")
def start(design):
    return legalise(design)


def run(design, start, jobs=1, iterations=6_000, **options):
    settings = SearchOptions(device="cpu", **options)
    return search(design, [start], budget=Budget(), seed=3, jobs=jobs, iterations=iterations, options=settings)


def places(found):
    return found.placement.x.tobytes() + found.placement.y.tobytes() + found.placement.orient.tobytes()


def test_alias_tables_hold_exactly_the_weights():
    rng = np.random.default_rng(0)
    weights = rng.exponential(size=(5, 37))
    weights[2, :30] = 0.0
    keep, alias = alias_tables(weights)
    for row in range(5):
        mass = keep[row].copy()
        np.add.at(mass, alias[row], 1.0 - keep[row])
        assert mass / 37 == pytest.approx(weights[row] / weights[row].sum(), abs=1e-12)
    assert alias_tables(np.zeros((1, 0)))[0].shape == (1, 0)


def test_a_proposer_that_says_nothing_changes_no_byte(design, start):
    plain = run(design, start, without={"learned"})
    asked = run(design, start, without={"learned"}, proposer=Fixed(Proposals()))
    assert places(plain) == places(run(design, start)) == places(asked)
    assert plain.advice == {}
    assert asked.advice["looks"] > 1


def test_a_recorder_changes_no_byte(design, start):
    recorder = MoveRecorder(every=3)
    assert places(run(design, start, recorder=recorder)) == places(run(design, start))
    assert len(recorder.logs) == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_same_seed_and_same_proposer_give_the_same_bytes(design, start, jobs):
    runs = [run(design, start, jobs, proposer=Random()) for _ in range(2)]
    assert places(runs[0]) == places(runs[1]) != places(run(design, start, jobs))
    assert check(design, runs[0].placement).legal
    assert runs[0].kinds["learned"]["kept"] > 0


def test_the_kind_is_never_drawn_without_a_proposer(design, start):
    assert run(design, start).kinds["learned"]["tried"] == 0


def test_looks_come_every_so_many_rounds_and_before_the_quench(design, start):
    proposer = Fixed(Proposals())
    run(design, start, proposer=proposer, refresh=3)
    progress = [seen[0] for seen in proposer.seen]
    assert progress == sorted(progress)
    assert progress[0] == 0.0
    assert progress[-1] == 1.0
    assert all(temperature > 0 for _, temperature, _, _ in proposer.seen)
    assert len({seed for _, _, seed, _ in proposer.seen}) == len(progress)
    run(design, start, proposer=(often := Fixed(Proposals())), refresh=1)
    assert len(often.seen) > 2 * len(progress)
    assert (proposer.seen[0][3] != proposer.seen[-1][3]).any()


def test_a_slow_proposer_is_asked_less_often(design, start):
    proposer = Fixed(Proposals())
    proposer.delay = 0.1
    search(design, [start], budget=Budget(1.5), jobs=1, options=SearchOptions(device="cpu", proposer=proposer))
    assert 1 <= len(proposer.seen) <= 2  # at the beginning and before the quench


def chain_of(design, start, sample=None):
    return build_chain(design, build_problem(design), build_crowd(design, start), start, 0, 0, sample=sample)


def advised(chain, pairs=None, importance=None):
    none = np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0)
    crowd = chain.scene.crowd
    advice = build_advice(
        crowd.soft, crowd.hard, none if pairs is None else pairs, np.zeros((0, 0)) if importance is None else importance
    )
    return chain._replace(scene=chain.scene._replace(advice=advice))


def drafted(v, draft, count):
    for _ in range(count):
        v.draft.size[0] = 0
        if draft(v, 10.0):
            yield int(v.draft.objects[0]), float(v.draft.x[0]), float(v.draft.y[0])


def test_pairs_are_drawn_by_weight_and_land_within_a_gcell(design, start):
    chain = chain_of(design, start)
    p, (a, b, c) = chain.problem, chain.scene.crowd.soft[:3]
    x, y = p.x0 + 0.5 * p.columns * p.gcell_width, p.y0 + 0.5 * p.rows * p.gcell_height
    pairs = np.array([a, b, c]), np.full(3, x), np.full(3, y), np.array([1.0, 3.0, 0.0])
    found = list(drafted(advised(chain, pairs).scene, learned, 4000))
    assert {i for i, _, _ in found} == {a, b}
    assert np.mean([i == b for i, _, _ in found]) == pytest.approx(0.75, abs=0.04)
    assert max(abs(at - x) for _, at, _ in found) <= p.gcell_width * 1.01
    assert max(abs(at - y) for _, _, at in found) <= p.gcell_height * 1.01


def test_no_pairs_draft_nothing(design, start):
    assert list(drafted(chain_of(design, start).scene, learned, 10)) == []


def test_important_objects_are_drawn_more_and_others_still(design, start):
    chain = chain_of(design, start)
    soft = chain.scene.crowd.soft
    importance = np.zeros((len(NAMES), design.netlist.num_nodes))
    importance[SOFT_SHIFT, soft[0]] = 7.0
    v = advised(chain, importance=importance).scene
    v.advice.kind[0] = SOFT_SHIFT
    drawn = np.bincount([i for i, _, _ in drafted(v, soft_shift, 20_000)], minlength=design.netlist.num_nodes)[soft]
    even = EVEN / len(soft)
    assert drawn[0] / drawn.sum() == pytest.approx(even + 1.0 - EVEN, abs=0.03)
    assert drawn[1:].mean() / drawn.sum() == pytest.approx(even, rel=0.2)


def test_what_does_not_move_is_refused(design, start):
    still = int(np.flatnonzero(~design.movable)[0])
    answer = Proposals(np.array([still]), ONES, ONES, ONES)
    with pytest.raises(ValueError, match="does not move"):
        run(design, start, proposer=Fixed(answer))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"objects": np.zeros(1, np.int64)}, "length"),
        ({"importance": np.ones((2, 5))}, "row for each"),
        ({"importance": -np.ones((len(NAMES), 5))}, "negative"),
        ({"objects": np.zeros(1, np.int64), "x": ONES, "y": ONES, "weight": ONES * np.nan}, "finite"),
        ({"objects": np.zeros(1, np.int64), "x": ONES * np.inf, "y": ONES, "weight": ONES}, "target"),
    ],
)
def test_answers_that_cannot_be_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        Proposals(**wrong)


def test_sampled_changes_are_exact(design, start):
    """Every priced move in the sample: the changes of those kept add up to the change of the cost."""
    chain = chain_of(design, start, build_sample(5000, 1))
    before = chain.state.total[PROXY]
    anneal(chain, np.linspace(1 / len(NAMES), 1, len(NAMES)), 800, 0.01, 0.01, 100.0)
    rows = chain.sample.rows[: chain.sample.counter[0]]
    assert 0 < len(rows) < 5000
    kept = rows[:, TAKEN] > 0
    assert kept.any()
    assert not kept.all()
    assert np.isfinite(rows).all()
    assert rows[kept, CHANGE].sum() == pytest.approx(chain.state.total[PROXY] - before, rel=1e-9)
    assert chain.tally[:, 0].sum() == len(rows)
    assert chain.tally[:, 1].sum() == kept.sum()
    assert chain.tally[:, 2].sum() == pytest.approx(-np.minimum(rows[kept, CHANGE], 0.0).sum(), rel=1e-9)


def test_a_sample_has_every_so_many_th_move_and_never_overflows(design, start):
    every, few = (chain_of(design, start, build_sample(*size)) for size in ((5000, 1), (5000, 7)))
    full = chain_of(design, start, build_sample(20, 1))
    for chain in (every, few, full):
        anneal(chain, np.linspace(1 / len(NAMES), 1, len(NAMES)), 500, 0.01, 0.01, 100.0)
    assert few.sample.counter[0] == every.sample.counter[0] // 7
    assert full.sample.counter[0] == 20
    assert (every.state.x == few.state.x).all()


@pytest.fixture(scope="module")
def log(design, start):
    recorder = MoveRecorder(every=2)
    run(design, start, recorder=recorder, refresh=2)
    return recorder.logs[0]


def test_a_log_says_what_happened_between_looks(design, log):
    assert log.design == design.netlist.name
    assert log.kinds == NAMES
    assert len(log.kind) > 1000
    assert (np.diff(log.look) >= 0).all()
    assert log.look_x.shape == (len(log.look_progress), design.netlist.num_nodes)
    first = int(np.flatnonzero(log.look == 3)[0])  # nothing has moved since that look, or next to nothing
    moved = log.object[first]
    assert log.look_x[3, moved] == pytest.approx(log.old[first, 0])
    free = log.change <= 0  # what does not cost is kept at any temperature, but for what the screen thinks it does
    assert log.kept[free].mean() > 0.95
    assert set(np.unique(log.object)) <= set(np.flatnonzero(design.movable))


def test_a_log_comes_back_from_its_file(log, tmp_path):
    back = MoveLog.load(log.save(tmp_path / "moves.safetensors"))
    for name, value in vars(log).items():
        assert np.array_equal(getattr(back, name), value), name
    assert back.weights == log.weights


def test_damaged_logs_are_refused(log, tmp_path):
    file = log.save(tmp_path / "moves.safetensors")
    whole = file.read_bytes()
    with safe_open(str(file), "np") as opened:
        header, arrays = opened.metadata(), {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    for change, why in (
        ({"version": "0"}, "another version"), ({"format": "else"}, "no log"), ({"weights": "[]"}, "damaged"),
    ):  # fmt: skip
        save_file(arrays, str(file), metadata=header | change)
        with pytest.raises(NetlistError, match=why):
            MoveLog.load(file)
    save_file(arrays | {"kind": arrays["kind"][:-1]}, str(file), metadata=header)
    with pytest.raises(NetlistError, match="fit together"):
        MoveLog.load(file)
    save_file(arrays | {"look": arrays["look"] + 999}, str(file), metadata=header)
    with pytest.raises(NetlistError, match="not there"):
        MoveLog.load(file)
    file.write_bytes(whole[:-100])
    with pytest.raises(NetlistError, match="no complete"):
        MoveLog.load(file)
    file.write_bytes(pickle.dumps(1))
    with pytest.raises(NetlistError, match="no complete"):
        MoveLog.load(file)
    with pytest.raises(NetlistError, match="no such"):
        MoveLog.load(tmp_path / "none")
