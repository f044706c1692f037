"""Legal positions for a problem: seeds, refinement, and packing from scratch where seeds cannot work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netlists.errors import PlacementError
from placer.budget import Budget
from placer.engines.legalise.compact import compact
from placer.engines.legalise.exact import search_all
from placer.engines.legalise.local import eject, regroup, reinsert, trade_places
from placer.engines.legalise.nearest import insert_greedily, nearest_free
from placer.engines.legalise.pack import pack
from placer.engines.legalise.problem import Ints, Problem
from placer.engines.legalise.relations import by_relations, spread

#: Seeds that go through the full refinement; the others are only compared.
_REFINED = 2
#: Groups the large-neighbourhood search tries a rectangle, and the loss it accepts at first (see ``regroup``).
_GROUPS, _HEAT = 30, 2.0
#: Groups tried between two looks at the budget, and the most work a rectangle (see ``nearest_free``) in one search.
_SLICE, _WORK = 200, 100_000
#: Most rounds of exact refinement; the gain dies out earlier.
_ROUNDS = 6


def solve(problems: list[Problem], budget: Budget, seed: int, *, exact: bool = True) -> tuple[int, Ints, Ints]:
    """The first problem, in order of preference, that can be solved, and legal corners of its rectangles.

    Args:
        problems: the same task with less and less spacing.
        budget: ends the search for better arrangements, and for any at all.
        seed: of the large-neighbourhood search and of the packing from scratch.
        exact: the last problem asks for nothing more than the rules do, so its impossibility is a proof.

    Raises:
        PlacementError: none has a solution, or none was found.
    """
    for k, problem in enumerate(problems):
        if problem.is_legal(problem.target_x, problem.target_y):
            return k, problem.target_x, problem.target_y
    # Cheap ways first at every gap, then packing from scratch at every gap: a tight design should not spend its
    # time on packing with a gap when it is nearly legal without.
    for k, problem in enumerate(problems):
        if problem.fullness <= 1.0:
            found = _refine_best(problem, budget, seed)
            if found is not None:
                return k, *found
    last = problems[-1]
    proved = False
    tries = [*((k, 300_000, 4e7) for k in range(len(problems))), (len(problems) - 1, 3_000_000, 8e8)]
    for k, branches, effort in tries:
        problem = problems[k]
        if problem.fullness > 1.0 or proved:
            continue
        corners = pack(problem, budget, seed, effort)
        if corners is None:
            corners, proof = search_all(problem, branches)
            # What cannot be with a gap may be without.
            proved = exact and proof and problem is last
        if corners is not None:
            return k, *_refine_mirrors(problem, *corners, budget, seed)
    full = f"{last.size} hard macros fill {100 * last.fullness:.1f} % of the free canvas area"
    if proved:
        raise PlacementError(f"no legal placement exists: {full} and every arrangement was tried", rule="overlap")
    how = "greedy insertion, constraint graphs and packing from scratch"
    ended = "the time ran out" if budget.over else "the search was exhausted"
    raise PlacementError(f"no legal placement was found: {full}; tried {how} until {ended}", rule="overlap")


def _seeds(problem: Problem) -> Iterator[tuple[Ints, Ints]]:
    """Legal arrangements, the promising ones first."""
    spread_x, spread_y = spread(problem, rounds=300)
    found = by_relations(problem, spread_x, spread_y)
    if found is not None and problem.is_legal(*found):
        yield found
    near = np.rint(spread_x).astype(np.int64), np.rint(spread_y).astype(np.int64)
    area = problem.width * problem.height
    middle_x = (problem.bounds[0] + problem.bounds[2]) / 2
    middle_y = (problem.bounds[1] + problem.bounds[3]) / 2
    from_middle = np.maximum(
        np.abs(problem.target_x + problem.width / 2 - middle_x) / max(problem.bounds[2] - problem.bounds[0], 1),
        np.abs(problem.target_y + problem.height / 2 - middle_y) / max(problem.bounds[3] - problem.bounds[1], 1),
    )
    targets = problem.target_x, problem.target_y
    for want, key in (
        (targets, -area),
        (near, -area),
        (targets, -np.maximum(problem.width, problem.height)),
        (near, problem.target_x),
        (near, problem.target_y),
        (near, from_middle),
        (near, -from_middle),
    ):
        placed = _greedy(problem, want, np.argsort(key, kind="stable"))
        if placed is not None:
            yield placed


def _greedy(problem: Problem, want: tuple[Ints, Ints], order: Ints) -> tuple[Ints, Ints] | None:
    n = problem.size
    boxes = np.concatenate([np.zeros((n, 4), np.int64), problem.walls])
    active = np.concatenate([np.zeros(n, bool), np.ones(len(problem.walls), bool)])
    bounds = np.array(problem.bounds, np.int64)
    left = insert_greedily(order, problem.width, problem.height, *want, bounds, boxes, active)
    return None if left else (boxes[:n, 0].copy(), boxes[:n, 1].copy())


def _refine_best(problem: Problem, budget: Budget, seed: int) -> tuple[Ints, Ints] | None:
    """The best of the seeds, refined; None when no seed is legal."""
    ranked: list[tuple[float, int, Ints, Ints]] = []
    for k, (x, y) in enumerate(_seeds(problem)):
        x, y = _reinsert(problem, x, y, passes=1)
        ranked.append((problem.cost(x, y), k, x, y))
        if budget.over:
            break
    ranked.sort(key=lambda entry: entry[:2])
    refined = [_refine(problem, x, y, budget, seed) for _, _, x, y in ranked[:_REFINED]]
    return min(refined, key=lambda corners: problem.cost(*corners), default=None)


def _refine_mirrors(problem: Problem, x: Ints, y: Ints, budget: Budget, seed: int) -> tuple[Ints, Ints]:
    """A packing knows nothing of the targets: refine the best of its four mirror images that are legal."""
    x0, y0, x1, y1 = problem.bounds
    flipped_x, flipped_y = x0 + x1 - x - problem.width, y0 + y1 - y - problem.height
    images = [(x, y), (flipped_x, y), (x, flipped_y), (flipped_x, flipped_y)]
    legal = [trade_places(problem, *image) for image in images if problem.is_legal(*image)]
    return _refine(problem, *min(legal, key=lambda image: problem.cost(*image)), budget, seed)


def _refine(problem: Problem, x: Ints, y: Ints, budget: Budget, seed: int) -> tuple[Ints, Ints]:
    """Large-neighbourhood search, then exact steps until they no longer pay, then both once more, cooler."""
    # Time a group grows with the number of rectangles, so large problems get fewer groups each.
    groups = int(_GROUPS * min(problem.size, (500 * problem.size) ** 0.5))
    for heat, share in ((_HEAT, 2), (_HEAT / 8, 1)):
        x, y = _regroup(problem, x, y, heat, share * groups // 3, budget, seed)
        for _ in range(_ROUNDS):
            cost = problem.cost(x, y)
            if budget.over or cost == 0:
                return x, y
            x, y = compact(problem, x, y)
            x, y = trade_places(problem, x, y)
            x, y = _reinsert(problem, x, y)
            if problem.cost(x, y) > cost * (1 - 1e-2):
                break
    return compact(problem, x, y)


def _regroup(
    problem: Problem, x: Ints, y: Ints, heat: float, rounds: int, budget: Budget, seed: int
) -> tuple[Ints, Ints]:
    """Large-neighbourhood search in slices short enough for the budget to be noticed."""
    boxes = np.concatenate([np.stack([x, y, x + problem.width, y + problem.height], axis=1), problem.walls])
    active = np.ones(len(boxes), bool)
    bounds = np.array(problem.bounds, np.int64)
    targets = problem.target_x, problem.target_y, *_alone(problem)
    spent, done = 0, 0
    while done < rounds and spent < _WORK * problem.size and not budget.over:
        # The temperature follows whichever runs out first, the groups or the work.
        gone = max(done / rounds, spent / (_WORK * problem.size))
        count = min(_SLICE, rounds - done)
        spent += regroup(
            problem.width, problem.height, *targets, problem.weight, bounds, boxes, active,
            count, heat * (1 - gone), heat * (1 - gone) * (1 - count / rounds), seed + done,
        )  # fmt: skip
        done += count
    return boxes[: problem.size, 0].copy(), boxes[: problem.size, 1].copy()


def _reinsert(problem: Problem, x: Ints, y: Ints, passes: int = 3) -> tuple[Ints, Ints]:
    boxes = np.concatenate([np.stack([x, y, x + problem.width, y + problem.height], axis=1), problem.walls])
    active = np.ones(len(boxes), bool)
    bounds = np.array(problem.bounds, np.int64)
    arguments = problem.width, problem.height, problem.target_x, problem.target_y
    effort = _WORK * problem.size // 10
    reinsert(*arguments, bounds, boxes, active, passes, effort)
    if passes > 1 and eject(*arguments, *_alone(problem), problem.weight, bounds, boxes, active, effort):
        reinsert(*arguments, bounds, boxes, active, passes, effort)
    return boxes[: problem.size, 0].copy(), boxes[: problem.size, 1].copy()


def _alone(problem: Problem) -> tuple[Ints, Ints]:
    """Where every rectangle would go if there were only walls."""
    if not len(problem.walls):
        return problem.target_x, problem.target_y
    bounds, active = np.array(problem.bounds, np.int64), np.ones(len(problem.walls), bool)
    x, y = problem.target_x.copy(), problem.target_y.copy()
    for i in range(problem.size):
        w, h = problem.width[i], problem.height[i]
        x[i], y[i] = nearest_free(w, h, x[i], y[i], bounds, problem.walls, active, 1 << 60)[:2]
    return x, y
