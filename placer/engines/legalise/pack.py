"""Packing from scratch, for grounds so full that nothing can stay where it was.

The free ground is kept as its maximal empty rectangles (Jylanki, "A Thousand Ways to Pack the Bin", 2010): every
free position of a rectangle lies in one of them, with walls and notches of the outline cut out like any other
rectangle. Rectangles are put into corners of empty ones in a given order by a given rule of fit; what finds no place
is the cost of the order, and a seeded local search over orders and rules drives it to zero.
"""

from __future__ import annotations

import numpy as np

from netlists.compiled import njit
from placer.budget import Budget
from placer.engines.legalise.arrays import copy_rows, put_box
from placer.engines.legalise.problem import Ints, Problem

#: Rules of fit: least left-over short side, least left-over long side, least left-over area, lowest, most contact.
_SHORT, _LONG, _AREA, _LOW, _TOUCH = range(5)
_RULES = 5


@njit(cache=True)
def _cut(free: Ints, count: int, x0: int, y0: int, x1: int, y1: int) -> int:
    """Take a box out of the maximal empty rectangles ``free[:count]``; returns their new number."""
    kept, fresh = 0, 0
    new = np.empty((4 * count, 4), np.int64)
    for k in range(count):
        a, b, c, d = free[k, 0], free[k, 1], free[k, 2], free[k, 3]
        if x0 >= c or x1 <= a or y0 >= d or y1 <= b:
            copy_rows(free, kept, free, k, 1)
            kept += 1
            continue
        if x0 > a:
            put_box(new, fresh, a, b, x0, d)
            fresh += 1
        if x1 < c:
            put_box(new, fresh, x1, b, c, d)
            fresh += 1
        if y0 > b:
            put_box(new, fresh, a, b, c, y0)
            fresh += 1
        if y1 < d:
            put_box(new, fresh, a, y1, c, d)
            fresh += 1
    old = kept
    for k in range(fresh):
        inside = False
        for m in range(old):
            if (
                free[m, 0] <= new[k, 0]
                and free[m, 1] <= new[k, 1]
                and free[m, 2] >= new[k, 2]
                and free[m, 3] >= new[k, 3]
            ):
                inside = True
                break
        if inside:
            continue
        for m in range(fresh):
            if m == k:
                continue
            if new[m, 0] <= new[k, 0] and new[m, 1] <= new[k, 1] and new[m, 2] >= new[k, 2] and new[m, 3] >= new[k, 3]:
                # Of two equal ones the first stays.
                equal = (
                    new[m, 0] == new[k, 0]
                    and new[m, 1] == new[k, 1]
                    and new[m, 2] == new[k, 2]
                    and new[m, 3] == new[k, 3]
                )
                if not equal or m < k:
                    inside = True
                    break
        if inside or kept >= len(free):
            continue
        copy_rows(free, kept, new, k, 1)
        kept += 1
    return kept


@njit(cache=True)
def _contact(x: int, y: int, w: int, h: int, bounds: Ints, placed: Ints, count: int) -> int:
    """Length of the sides of a box that touch the ground's edge or a placed box."""
    total = 0
    if x == bounds[0]:
        total += h
    if x + w == bounds[2]:
        total += h
    if y == bounds[1]:
        total += w
    if y + h == bounds[3]:
        total += w
    for k in range(count):
        if placed[k, 2] == x or placed[k, 0] == x + w:
            total += max(0, min(placed[k, 3], y + h) - max(placed[k, 1], y))
        elif placed[k, 3] == y or placed[k, 1] == y + h:
            total += max(0, min(placed[k, 2], x + w) - max(placed[k, 0], x))
    return total


@njit(cache=True)
def _construct(
    order: Ints, w: Ints, h: Ints, rule: int, look: int, bounds: Ints, start: Ints, starts: int, walls: Ints,
    free: Ints, x: Ints, y: Ints, placed: np.ndarray,
) -> tuple[float, float]:  # fmt: skip
    """One packing: of the next ``look`` rectangles in ``order`` the best-fitting one is placed, again and again.

    Returns:
        Area left over, work done.
    """
    n = len(order)
    queue = order.copy()
    copy_rows(free, 0, start, 0, starts)
    count = starts
    done = np.empty((len(walls) + n, 4), np.int64)
    copy_rows(done, 0, walls, 0, len(walls))
    num_done = len(walls)
    for i in range(n):
        placed[i] = False
    waiting, unplaced, work = n, 0.0, 0.0
    while waiting > 0:
        best_q, best_x, best_y = -1, 0, 0
        best_1, best_2 = np.int64(1) << np.int64(62), np.int64(1) << np.int64(62)
        q = 0
        while q < min(look, waiting):
            i = queue[q]
            fits = False
            for k in range(count):
                room_x, room_y = free[k, 2] - free[k, 0] - w[i], free[k, 3] - free[k, 1] - h[i]
                if room_x < 0 or room_y < 0:
                    continue
                fits = True
                for corner in range(4 if rule == _TOUCH else 1):
                    px = free[k, 0] if corner % 2 == 0 else free[k, 2] - w[i]
                    py = free[k, 1] if corner < 2 else free[k, 3] - h[i]
                    if rule == _SHORT:
                        one, two = min(room_x, room_y), max(room_x, room_y)
                    elif rule == _LONG:
                        one, two = max(room_x, room_y), min(room_x, room_y)
                    elif rule == _AREA:
                        one = (room_x + w[i]) * (room_y + h[i]) - w[i] * h[i]
                        two = min(room_x, room_y)
                    elif rule == _LOW:
                        one, two = py + h[i], px
                    else:
                        touch = _contact(px, py, w[i], h[i], bounds, done, num_done)
                        one = -np.int64(1_000_000.0 * touch / (2.0 * (w[i] + h[i])))
                        two = py + px
                        work += num_done
                    if one < best_1 or (one == best_1 and two < best_2):
                        best_q, best_x, best_y, best_1, best_2 = q, px, py, one, two
            work += count
            if not fits:
                unplaced += float(w[i]) * float(h[i])
                waiting -= 1
                for m in range(q, waiting):
                    queue[m] = queue[m + 1]
            else:
                q += 1
        if best_q < 0:
            continue
        i = queue[best_q]
        waiting -= 1
        for m in range(best_q, waiting):
            queue[m] = queue[m + 1]
        x[i], y[i], placed[i] = best_x, best_y, True
        put_box(done, num_done, best_x, best_y, best_x + w[i], best_y + h[i])
        num_done += 1
        count = _cut(free, count, best_x, best_y, best_x + w[i], best_y + h[i])
        work += 4 * count
    return unplaced, work


@njit(cache=True)
def _copy(target: Ints, source: Ints) -> None:
    for k in range(len(source)):
        target[k] = source[k]


@njit(cache=True)
def _anneal(
    order: Ints, w: Ints, h: Ints, rule: int, look: int, bounds: Ints, start: Ints, starts: int, walls: Ints,
    free: Ints, x: Ints, y: Ints, placed: np.ndarray, seed: int, rounds: int, cost: float,
) -> tuple[float, float]:  # fmt: skip
    """Improve an order by moving rectangles in it; late acceptance (Burke and Bykov, 2017). Stops at cost 0."""
    np.random.seed(seed)  # noqa: NPY002 - inside Numba this seeds Numba's own generator, and only that
    n = len(order)
    history = np.empty(20)
    for k in range(len(history)):
        history[k] = cost
    best, best_order = cost, order.copy()
    total = 0.0
    trial = order.copy()
    for t in range(rounds):
        _copy(trial, order)
        a = np.random.randint(n)  # noqa: NPY002
        # Half of the moves bring something that found no place to the front part of the order.
        if np.random.random() < 0.5:  # noqa: NPY002
            for _ in range(n):
                if not placed[trial[a]]:
                    break
                a = (a + 1) % n
        b = np.random.randint(n)  # noqa: NPY002
        if np.random.random() < 0.5:  # noqa: NPY002
            trial[a], trial[b] = trial[b], trial[a]
        else:
            moved = trial[a]
            if a < b:
                for k in range(a, b):
                    trial[k] = trial[k + 1]
            else:
                for k in range(a, b, -1):
                    trial[k] = trial[k - 1]
            trial[b] = moved
        now, work = _construct(trial, w, h, rule, look, bounds, start, starts, walls, free, x, y, placed)
        total += work
        if now == 0.0:
            _copy(order, trial)
            return 0.0, total
        slot = t % len(history)
        if now <= cost or now <= history[slot]:
            _copy(order, trial)
            cost = now
            if cost < best:
                best = cost
                _copy(best_order, trial)
        history[slot] = cost
    _copy(order, best_order)
    return best, total


def pack(problem: Problem, budget: Budget, seed: int, effort: float = 4e8) -> tuple[Ints, Ints] | None:
    """Legal corners by packing from scratch, wherever the rectangles wanted to be.

    Args:
        problem: what to pack.
        budget: ends the search.
        seed: of the search over orders; the same seed gives the same packing unless the budget ends it.
        effort: rectangles to try against empty rectangles; the default takes a few seconds.

    Returns:
        Corners, or None when none were found.
    """
    n = problem.size
    w, h, walls = problem.width, problem.height, problem.walls
    bounds = np.array(problem.bounds, np.int64)
    free = np.empty((64 * (n + len(walls)) + 256, 4), np.int64)
    free[0] = bounds
    count = 1
    for wall in walls:
        count = _cut(free, count, wall[0], wall[1], wall[2], wall[3])
    start = free.copy()
    x, y, placed = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, bool)
    ranked: list[tuple[float, int, int, int, Ints]] = []
    area = w * h
    work = 0.0
    for number, key in enumerate((-area, -np.maximum(w, h), -h, -w, -(w + h), -np.minimum(w, h))):
        order = np.lexsort((-area, key)).astype(np.int64)
        for rule in range(_RULES):
            for look in (1, n) if number == 0 else (1,):
                if budget.over:
                    return None
                left, done = _construct(order, w, h, rule, look, bounds, start, count, walls, free, x, y, placed)
                work += done
                if left == 0:
                    return x, y
                ranked.append((left, len(ranked), rule, look, order))
    # Successive halving over the starts: the most promising orders and rules get more and more rounds.
    ranked.sort(key=lambda entry: entry[:2])
    per_round = max(work / len(ranked), 1.0)
    alive, rounds, spin = ranked[:12], 50, 0
    while work < effort and not budget.over:
        again = []
        for left, number, rule, look, order in alive:
            order = order.copy()
            _construct(order, w, h, rule, look, bounds, start, count, walls, free, x, y, placed)
            # In slices, so that a budget is noticed.
            slices = max(1, int(rounds * per_round / 2e7))
            for _ in range(slices):
                spin += 1
                left, done = _anneal(
                    order, w, h, rule, look, bounds, start, count, walls, free, x, y, placed,
                    seed * 1_000_003 + spin, max(1, rounds // slices), left,
                )  # fmt: skip
                work += done
                if left == 0:
                    return x, y
                if budget.over or work > effort:
                    return None
            again.append((left, number, rule, look, order))
        again.sort(key=lambda entry: entry[:2])
        alive = again[: max(2, len(again) // 2)]
        rounds *= 2
    return None
