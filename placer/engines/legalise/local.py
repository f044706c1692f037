"""Local improvement of a legal arrangement: re-insert, eject and re-insert, and trade places among equals."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from netlists.compiled import njit
from placer.engines.legalise.arrays import ascending, copy_rows
from placer.engines.legalise.nearest import nearest_free
from placer.engines.legalise.problem import Ints, Problem

#: Classes of equal rectangles up to this size trade places optimally (the assignment is cubic).
_MAX_CLASS = 1500
#: Most rectangles one insertion may push out of the way.
_MAX_EJECTED = 5
#: Most rectangles taken out at a time by the large-neighbourhood search.
_MAX_GROUP = 8


@njit(cache=True)
def reinsert(
    w: Ints, h: Ints, tx: Ints, ty: Ints, bounds: Ints, boxes: Ints, active: np.ndarray, rounds: int, effort: int
) -> int:
    """Move single rectangles to the nearest free position to their target, until nobody gains.

    Args:
        w: ``[n]`` widths.
        h: ``[n]`` heights.
        tx: ``[n]`` targets.
        ty: ``[n]`` targets.
        bounds: ``[4]`` ground.
        boxes: ``[n + K, 4]`` legal boxes, then walls; updated.
        active: ``[n + K]`` all True.
        rounds: most passes over all rectangles.
        effort: work after which to stop, see :func:`nearest_free`.

    Returns:
        Moves made.
    """
    n = len(w)
    moves, work = 0, 0
    for _ in range(rounds):
        nearness = np.empty(n)
        for i in range(n):
            nearness[i] = -(abs(boxes[i, 0] - tx[i]) + abs(boxes[i, 1] - ty[i]))
        changed = False
        for i in ascending(nearness):
            now = abs(boxes[i, 0] - tx[i]) + abs(boxes[i, 1] - ty[i])
            if now == 0:
                continue
            active[i] = False
            x, y, best, spent = nearest_free(w[i], h[i], tx[i], ty[i], bounds, boxes, active, now)
            active[i] = True
            work += spent
            if work > effort:
                return moves
            if best < now:
                boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3] = x, y, x + w[i], y + h[i]
                changed = True
                moves += 1
        if not changed:
            break
    return moves


@njit(cache=True)
def eject(
    w: Ints, h: Ints, tx: Ints, ty: Ints, ax: Ints, ay: Ints, weight: np.ndarray, bounds: Ints, boxes: Ints,
    active: np.ndarray, effort: int,
) -> int:  # fmt: skip
    """Put each displaced rectangle on its target, re-insert those it pushes out, and keep what pays.

    Arguments as for :func:`reinsert`; ``ax``, ``ay`` are the positions nearest to the targets that are clear of walls,
    ``weight`` is the ``[n]`` float64 cost of a step.

    Returns:
        Improvements made.
    """
    n = len(w)
    gains, work = 0, 0
    nearness = np.empty(n)
    for i in range(n):
        nearness[i] = -(abs(boxes[i, 0] - tx[i]) + abs(boxes[i, 1] - ty[i]))
    out = np.empty(_MAX_EJECTED, np.int64)
    saved = np.empty((_MAX_EJECTED + 1, 4), np.int64)
    for i in ascending(nearness):
        now = abs(boxes[i, 0] - tx[i]) + abs(boxes[i, 1] - ty[i])
        if now == 0 or work > effort:
            break
        x, y = ax[i], ay[i]
        best = abs(x - tx[i]) + abs(y - ty[i])
        if best >= now:
            continue
        ejected = 0
        before = weight[i] * now
        for j in range(n):
            if j == i or boxes[j, 0] >= x + w[i] or boxes[j, 2] <= x or boxes[j, 1] >= y + h[i] or boxes[j, 3] <= y:
                continue
            if ejected == _MAX_EJECTED:
                ejected += 1
                break
            out[ejected] = j
            ejected += 1
            before += weight[j] * (abs(boxes[j, 0] - tx[j]) + abs(boxes[j, 1] - ty[j]))
        if ejected > _MAX_EJECTED:
            continue
        copy_rows(saved, _MAX_EJECTED, boxes, i, 1)
        smallness = np.empty(ejected)
        for k in range(ejected):
            copy_rows(saved, k, boxes, out[k], 1)
            active[out[k]] = False
            smallness[k] = -float(w[out[k]]) * float(h[out[k]])
        boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3] = x, y, x + w[i], y + h[i]
        after = weight[i] * best
        for k in ascending(smallness):
            j = out[k]
            room = int((before - after) / max(weight[j], 1e-12)) + 1
            px, py, moved, spent = nearest_free(w[j], h[j], tx[j], ty[j], bounds, boxes, active, room)
            work += spent
            after += weight[j] * moved
            if moved >= room:
                after = np.inf
                break
            boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3] = px, py, px + w[j], py + h[j]
            active[j] = True
        if after < before * (1.0 - 1e-12):
            gains += 1
        else:
            copy_rows(boxes, i, saved, _MAX_EJECTED, 1)
            for k in range(ejected):
                copy_rows(boxes, out[k], saved, k, 1)
                active[out[k]] = True
    return gains


def trade_places(problem: Problem, x: Ints, y: Ints) -> tuple[Ints, Ints]:
    """Give the positions of equal rectangles to those who want them most: an optimal assignment in each class."""
    x, y = x.copy(), y.copy()
    sizes = np.stack([problem.width, problem.height], axis=1)
    _, label = np.unique(sizes, axis=0, return_inverse=True)
    order = np.argsort(label.ravel(), kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(label.ravel()[order])) + 1):
        if not 2 <= len(members) <= _MAX_CLASS:
            continue
        cost = np.abs(problem.target_x[members, None] - x[None, members]).astype(np.float64)
        cost += np.abs(problem.target_y[members, None] - y[None, members])
        cost *= problem.weight[members, None]
        _, place = linear_sum_assignment(cost)
        # Equal costs must not shuffle macros about.
        if cost[np.arange(len(members)), place].sum() < np.trace(cost) * (1 - 1e-12):
            x[members], y[members] = x[members[place]], y[members[place]]
    return x, y


@njit(cache=True)
def regroup(
    w: Ints, h: Ints, tx: Ints, ty: Ints, ax: Ints, ay: Ints, weight: np.ndarray, bounds: Ints, boxes: Ints,
    active: np.ndarray, rounds: int, heat: float, cooled: float, seed: int,
) -> int:  # fmt: skip
    """Take out a displaced rectangle and some that lie in its way, put them back in another order; keep what pays.

    Large-neighbourhood search with threshold acceptance: early rounds may lose a little, late ones may not, and the
    best arrangement met is what remains.

    Args:
        w: ``[n]`` widths; likewise the following as for :func:`eject`.
        h: see there.
        tx: see there.
        ty: see there.
        ax: see there.
        ay: see there.
        weight: see there.
        bounds: see there.
        boxes: see there.
        active: see there.
        rounds: groups to try.
        heat: loss accepted in the first round, as a share of the mean cost of a rectangle.
        cooled: the same for the last round.
        seed: of the choice of groups.

    Returns:
        Work done, see :func:`nearest_free`.
    """
    np.random.seed(seed)  # noqa: NPY002 - inside Numba this seeds Numba's own generator of this thread
    n = len(w)
    cost = np.empty(n)
    total = 0.0
    for i in range(n):
        cost[i] = weight[i] * (abs(boxes[i, 0] - tx[i]) + abs(boxes[i, 1] - ty[i]))
        total += cost[i]
    best, best_boxes = total, np.empty((n, 4), np.int64)
    copy_rows(best_boxes, 0, boxes, 0, n)
    stale = False
    group = np.empty(_MAX_GROUP, np.int64)
    saved = np.empty((_MAX_GROUP, 4), np.int64)
    saved_cost = np.empty(_MAX_GROUP)
    near = np.empty(n, np.int64)
    work = 0
    for t in range(rounds):
        if best <= 0.0:
            break
        i = np.random.randint(n)  # noqa: NPY002
        for _ in range(2):
            j = np.random.randint(n)  # noqa: NPY002
            if cost[j] > cost[i]:
                i = j
        if cost[i] == 0.0:
            continue
        # Where it wants to be, or where it is; with some ground around.
        wide = int(np.random.random() * max(w[i], h[i]))  # noqa: NPY002
        x, y = (ax[i], ay[i]) if np.random.random() < 0.7 else (boxes[i, 0], boxes[i, 1])  # noqa: NPY002
        x0, y0, x1, y1 = x - wide, y - wide, x + w[i] + wide, y + h[i] + wide
        count = 0
        work += n
        for j in range(n):
            if j != i and boxes[j, 0] < x1 and boxes[j, 2] > x0 and boxes[j, 1] < y1 and boxes[j, 3] > y0:
                near[count] = j
                count += 1
        size = min(count, 1 + np.random.randint(_MAX_GROUP - 1))  # noqa: NPY002
        group[0] = i
        for k in range(size):
            other = k + np.random.randint(count - k)  # noqa: NPY002
            near[k], near[other] = near[other], near[k]
            group[k + 1] = near[k]
        size += 1
        if np.random.random() < 0.5:  # noqa: NPY002
            other = np.random.randint(size)  # noqa: NPY002
            group[0], group[other] = group[other], group[0]
        before = 0.0
        for k in range(size):
            j = group[k]
            copy_rows(saved, k, boxes, j, 1)
            saved_cost[k] = cost[j]
            before += cost[j]
            active[j] = False
        # The limit that lets the arrangement lose no more than the threshold.
        allowed = before + (heat + (cooled - heat) * t / rounds) * best / n * np.random.random()  # noqa: NPY002
        after = 0.0
        placed = 0
        for k in range(size):
            j = group[k]
            room = int((allowed - after) / max(weight[j], 1e-12)) + 1
            px, py, moved, effort = nearest_free(w[j], h[j], tx[j], ty[j], bounds, boxes, active, room)
            work += effort
            if moved >= room:
                break
            boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3] = px, py, px + w[j], py + h[j]
            active[j] = True
            cost[j] = weight[j] * moved
            after += cost[j]
            placed += 1
        if placed == size and after <= allowed:
            total += after - before
            if total < best * (1.0 - 1e-12):
                best = total
                stale = True
            elif stale and total > best:
                # Left the best one behind: this was its last copy but for the group just moved.
                copy_rows(best_boxes, 0, boxes, 0, n)
                for k in range(size):
                    copy_rows(best_boxes, group[k], saved, k, 1)
                stale = False
        else:
            for k in range(size):
                j = group[k]
                copy_rows(boxes, j, saved, k, 1)
                cost[j] = saved_cost[k]
                active[j] = True
    if not stale:
        copy_rows(boxes, 0, best_boxes, 0, n)
    return work
