"""How methods are named, found and added."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eval.methods import Answer, Choice, NotApplicableError, Task, find, methods, parse_choices
from eval.methods.around import MACRO_SHARE, around_macros
from eval.methods.registry import number
from eval.suites import Member, open_member
from netlists.errors import NetlistError
from netlists.load import load
from netlists.netlist import HARD_MACRO, SOFT_MACRO
from netlists.placement import Placement
from netlists.synthesis import SynthesisSpec, synthesize
from placer.budget import Budget, Event, silent
from placer.cost.flat_rules import check_flat
from placer.cost.legality import check
from placer.engines.legalise import legalise
from tests.placer.flat_designs import flat_design

NAMES = {
    "random", "greedy-wire-mask", "simulated-annealing", "search", "analytic", "hybrid", "policy", "policy+search",
    "coloquinte", "dreamplace", "openroad-gpl", "openroad-mpl", "replace",
}  # fmt: skip


def task(folder: Path, **changes: object) -> Task:
    values = {
        "design": load("synth20"), "seed": 1, "budget": Budget(), "time_limit": None, "iterations": 2, "cores": 1,
        "folder": folder, "progress": silent,
    }  # fmt: skip
    return Task(**{**values, **changes})


def test_every_method_is_there_and_says_what_it_is() -> None:
    found = methods()
    assert set(found) >= NAMES
    for method in found.values():
        assert method.about.endswith((".", ";")), method.name
        why = method.missing({})
        assert why is None or len(why) > 10


def test_choices_are_read_as_they_are_written() -> None:
    text = "search,policy+search, search[effort=fast, jobs=2] ,dir/my.py:mine[a=b]"
    assert parse_choices(text) == [
        Choice("search"), Choice("policy+search"), Choice("search", (("effort", "fast"), ("jobs", "2"))),
        Choice("dir/my.py:mine", (("a", "b"),)),
    ]  # fmt: skip
    assert [str(c) for c in parse_choices(text)][2] == "search[effort=fast,jobs=2]"
    assert parse_choices(text)[3].label == "mine[a=b]"


@pytest.mark.parametrize("text", ["", "a,,b", "a[b", "a[b]", "a[=b]", "a,a", "a]b["])
def test_what_is_no_list_of_methods_is_refused(text: str) -> None:
    with pytest.raises(NetlistError):
        parse_choices(text)


def test_a_function_of_a_file_is_a_method(tmp_path: Path) -> None:
    file = tmp_path / "my.py"
    file.write_text(
        "from eval.methods import method\n\n\ndef plain(task):\n    '''A plain one.'''\n"
        "    return task.design.placement\n\n\n"
        "@method('search', deterministic=True)\ndef mine(task):\n    '''Mine.'''\n    return task.design.placement\n"
    )
    plain, mine = find(f"{file}:plain"), find(f"{file}:mine")
    assert (plain.about, plain.deterministic) == ("A plain one.", False)
    assert (mine.about, mine.deterministic) == ("Mine.", True)
    assert find("search").about != "Mine.", "a user's file replaces no method of the package"
    assert find(f"{file}:mine").deterministic, "also when it is asked for again"
    first = mine.identity({})
    assert "my.py" in first
    assert str(tmp_path) not in first
    file.write_text(file.read_text() + "\n# another version\n")
    assert find(f"{file}:mine").identity({}) != first


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("x = 1\n", "x", "no function of this name"),
        ("x = 1\n", "y", "no function of this name"),
        ("raise ValueError('broken')\n", "x", "ValueError: broken"),
        (None, "x", "cannot read"),
    ],
)
def test_a_file_that_is_no_good_is_refused_with_the_reason(
    tmp_path: Path, content: str | None, name: str, message: str
) -> None:
    file = tmp_path / "my.py"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NetlistError, match=message):
        find(f"{file}:{name}")


def test_an_option_that_is_no_number_is_refused(tmp_path: Path) -> None:
    asked = task(tmp_path, options={"density": "x"})
    with pytest.raises(NetlistError, match="must be a number"):
        number(asked, "density", 1.0)


@pytest.mark.parametrize("name", ["random", "greedy-wire-mask", "simulated-annealing", "search"])
def test_methods_answer_with_legal_placements(tmp_path: Path, name: str) -> None:
    steps = {"random": 2, "greedy-wire-mask": 1, "simulated-annealing": 300, "search": 500}[name]
    asked = task(tmp_path, iterations=steps)
    answer = find(name).run(asked)
    report = check(asked.design, answer.placement, reference=asked.design.placement)
    assert report.legal, report.summary()


def test_the_same_seed_and_steps_give_the_same_placement(tmp_path: Path) -> None:
    one, two, other = (find("random").run(task(tmp_path, seed=seed)).placement for seed in (1, 1, 2))
    assert (one.x == two.x).all()
    assert not (one.x == other.x).all()


@pytest.mark.parametrize("name", ["analytic", "hybrid", "coloquinte", "search", "simulated-annealing"])
def test_flat_designs_end_with_every_cell_in_a_row(name: str, tmp_path: Path) -> None:
    method, flat = find(name), flat_design()
    if (why := method.missing({})) is not None:
        pytest.skip(why)
    steps = None if name in ("analytic", "coloquinte") else 1000
    told: list[Event] = []
    answer = method.run(task(tmp_path, design=flat, iterations=steps, progress=told.append))
    report = check_flat(flat, answer.placement, reference=flat.placement)
    assert report.legal, report.summary()
    assert all(event.cost is None for event in told)  # no proxy cost of clusters passes for a wirelength
    assert answer.curve is None
    assert (answer.raw is None) == (name != "coloquinte")


def test_methods_for_macros_leave_the_macros_of_flat_designs_where_they_put_them(tmp_path: Path) -> None:
    flat = flat_design()
    hard = np.flatnonzero(flat.movable & (flat.netlist.node_kind == HARD_MACRO))
    assert len(hard)
    seen: list[tuple[Task, Placement]] = []

    def corner(part: Task) -> Answer:
        found = legalise(part.design, part.design.placement, seed=part.seed)
        seen.append((part, found))
        return Answer(found, facts={"told": 7})

    for limit in (None, 30.0):
        answer = around_macros(task(tmp_path, design=flat, budget=Budget(limit), time_limit=limit), corner)
        part, placed = seen[-1]
        kept = np.flatnonzero(part.design.netlist.node_kind == HARD_MACRO)
        assert (part.design.netlist.node_kind == SOFT_MACRO).any()
        assert (part.budget.time_limit is None) == (limit is None)
        assert limit is None or part.budget.time_limit == pytest.approx(MACRO_SHARE * limit, rel=0.2)
        for axis in ("x", "y", "orient"):
            assert (getattr(answer.placement, axis)[hard] == getattr(placed, axis)[kept]).all()
        assert (answer.placement.fixed == flat.placement.fixed).all()
        assert answer.facts["macros"] == {"told": 7}
        assert check_flat(flat, answer.placement, reference=flat.placement).legal


@pytest.mark.parametrize("name", ["analytic", "hybrid", "coloquinte"])
def test_flat_methods_leave_designs_without_cells_alone(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError):
        find(name).run(task(tmp_path))


@pytest.mark.parametrize("name", ["policy", "policy+search"])
def test_a_network_is_named_by_its_file(name: str, tmp_path: Path) -> None:
    from policies.actor_critic import ActorCritic, PolicyConfig
    from policies.checkpoint import Checkpoint, save_checkpoint

    method = find(name)
    assert "no such checkpoint" in method.missing({"checkpoint": str(tmp_path / "none")})
    file = save_checkpoint(tmp_path / "net.safetensors", Checkpoint(ActorCritic(PolicyConfig())))
    options = {"checkpoint": str(file)}
    assert method.missing(options) is None
    assert method.identity(options).split()[0] == hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    assert method.identity(options) != method.identity({})
    small = synthesize(SynthesisSpec(num_macros=3, num_cells=150, name="small"), seed=2)
    asked = task(tmp_path, design=small, iterations=1 if name == "policy" else 500, options=options)
    assert check(small, method.run(asked).placement, reference=small.placement).legal


@pytest.mark.open_data
def test_block_designs_are_floorplanned_in_their_outline(open_data: Callable[[str], Path], tmp_path: Path) -> None:
    design = open_member(Member("n10", str(open_data("floorplan/gsrc/n10/n10.blocks")), whitespace=0.15))
    answer = find("floorplan").run(task(tmp_path, design=design, iterations=5000))
    report = check(design, answer.placement, reference=design.placement)
    assert report.legal, report.summary()
    with pytest.raises(NotApplicableError):
        find("floorplan").run(task(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("search[efort=best]", "did you mean 'effort'"),
        ("greedy-wire-mask[a=b]", "expected soft"),
        ("simulated-anealing", "did you mean 'simulated-annealing'"),
    ],
)
def test_a_misspelt_method_or_option_is_refused_before_anything_runs(text: str, message: str) -> None:
    (choice,) = parse_choices(text)
    with pytest.raises(NetlistError, match=message):
        find(choice)


def test_every_option_that_a_method_speaks_of_is_one_it_takes() -> None:
    for method in methods().values():
        assert method.options is not None, method.name
        told = set(re.findall(r"``(\w+)``", (method.run.__doc__ or "").partition("Option")[2]))
        assert set(method.options) - {"effort", "jobs"} <= told | {"density"}, method.name
