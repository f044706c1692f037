"""The kernels of improvement steps: which swaps and turns are legal, and what moving an object does to HPWL."""

from __future__ import annotations

from numpy.typing import NDArray

from netlists.compiled import njit


@njit(cache=True)
def _overlap(a: NDArray, x0: int, y0: int, x1: int, y1: int) -> bool:
    """Whether box ``a`` shares area with the other one."""
    return a[0] < x1 and x0 < a[2] and a[1] < y1 and y0 < a[3]


@njit(cache=True)
def _apart(a: NDArray, halo_a: NDArray, b: NDArray, halo_b: NDArray, channel: NDArray) -> bool:
    """Whether two macros keep clear of each other's halos and of the channel."""
    if _overlap(a, b[0] - halo_b[0], b[1] - halo_b[1], b[2] + halo_b[2], b[3] + halo_b[3]):
        return False
    if _overlap(b, a[0] - halo_a[0], a[1] - halo_a[1], a[2] + halo_a[2], a[3] + halo_a[3]):
        return False
    if channel[0] and _overlap(a, b[0] - channel[0], b[1], b[2] + channel[0], b[3]):
        return False
    return not (channel[1] and _overlap(a, b[0], b[1] - channel[1], b[2], b[3] + channel[1]))


@njit(cache=True)
def is_clear(
    body: NDArray,
    halo: NDArray,
    walls: NDArray,
    boxes: NDArray,
    halos: NDArray,
    channel: NDArray,
    reach: int,
    skip: int,
    also: int,
) -> bool:
    """Whether a macro may lie at ``body``.

    Args:
        body: ``[4]`` int64 x0, y0, x1, y1, lattice steps.
        halo: ``[4]`` int64 left, bottom, right, top.
        walls: ``[W, 4]`` boxes the body may not overlap.
        boxes: ``[K, 4]`` bodies of other macros.
        halos: ``[K, 4]`` their halos.
        channel: ``[2]`` least gaps.
        reach: no halo and no channel is wider.
        skip: index into ``boxes`` that does not count.
        also: another one.
    """
    x0, y0, x1, y1 = body[0], body[1], body[2], body[3]
    for k in range(len(walls)):
        if x0 < walls[k, 2] and walls[k, 0] < x1 and y0 < walls[k, 3] and walls[k, 1] < y1:
            return False
    for k in range(len(boxes)):
        # Most macros are far away: one test with the widest margin spares the exact ones.
        if boxes[k, 0] - reach >= x1 or boxes[k, 2] + reach <= x0 or boxes[k, 1] - reach >= y1:
            continue
        if boxes[k, 3] + reach <= y0 or k in (skip, also):
            continue
        if not _apart(body, halo, boxes[k], halos[k], channel):
            return False
    return True


@njit(cache=True)
def snapped(twice_centre: int, size: int, low: int, high: int, pitch: int, offset: int) -> int:
    """Corner of an object of ``size`` nearest to a centre, on its pitch and on the canvas; ``low - 1`` if none is.

    Args:
        twice_centre: two times the wanted centre, lattice steps.
        size: lattice steps.
        low: smallest coordinate of the canvas.
        high: largest one.
        pitch: corners lie at ``offset + k * pitch``.
        offset: see ``pitch``.
    """
    first, last = -((offset - low) // pitch), (high - size - offset) // pitch
    if last < first:
        return low - 1
    nearest = ((twice_centre - size) // 2 - offset + pitch // 2) // pitch
    return offset + min(max(nearest, first), last) * pitch


@njit(cache=True)
def body_at(
    twice_x: int, twice_y: int, size: NDArray, bounds: NDArray, pitch: NDArray, offset: NDArray, out: NDArray
) -> bool:
    """Box of an object of ``size`` nearest to a centre, into ``out``; False when its pitch leaves it no place."""
    out[0] = snapped(twice_x, size[0], bounds[0], bounds[2], pitch[0], offset[0])
    out[1] = snapped(twice_y, size[1], bounds[1], bounds[3], pitch[1], offset[1])
    out[2], out[3] = out[0] + size[0], out[1] + size[1]
    return out[0] >= bounds[0] and out[1] >= bounds[1]


@njit(cache=True)
def swap_mask(
    a: int,
    size: NDArray,
    pitch: NDArray,
    offset: NDArray,
    bounds: NDArray,
    first: int,
    walls: NDArray,
    wall_ptr: NDArray,
    boxes: NDArray,
    halos: NDArray,
    channel: NDArray,
    reach: int,
    room: NDArray,
    out: NDArray,
) -> None:
    """Macros that may exchange centres with macro ``a``, as all lie.

    Args:
        a: the macro.
        size: ``[T, 2]`` int64 sizes as they lie, lattice steps.
        pitch: ``[T, 2]`` their snapping pitches.
        offset: ``[T, 2]`` and offsets.
        bounds: ``[4]`` the canvas.
        first: macro ``t`` is ``boxes[first + t]``; before them come fixed ones.
        walls: ``[W, 4]`` walls of all macros, one macro after the other.
        wall_ptr: ``[T, 2]`` first and last of each macro's.
        boxes: ``[first + T, 4]``.
        halos: ``[first + T, 4]``.
        channel: ``[2]``.
        reach: no halo and no channel is wider.
        room: ``[2, 4]`` int64 scratch.
        out: ``[T]`` int8, overwritten.
    """
    own, other = room[0], room[1]
    box_a = boxes[first + a]
    for b in range(len(out)):
        out[b] = 0
        box_b = boxes[first + b]
        if b == a:
            continue
        if not body_at(box_b[0] + box_b[2], box_b[1] + box_b[3], size[a], bounds, pitch[a], offset[a], own):
            continue
        if not body_at(box_a[0] + box_a[2], box_a[1] + box_a[3], size[b], bounds, pitch[b], offset[b], other):
            continue
        if not _apart(own, halos[first + a], other, halos[first + b], channel):
            continue
        own_walls, other_walls = walls[wall_ptr[a, 0] : wall_ptr[a, 1]], walls[wall_ptr[b, 0] : wall_ptr[b, 1]]
        if is_clear(own, halos[first + a], own_walls, boxes, halos, channel, reach, first + a, first + b) and is_clear(
            other, halos[first + b], other_walls, boxes, halos, channel, reach, first + a, first + b
        ):
            out[b] = 1


@njit(cache=True)
def wire_changes(
    node: int,
    nets: NDArray,
    net_ptr: NDArray,
    conn_node: NDArray,
    conn_dx: NDArray,
    conn_dy: NDArray,
    weight: NDArray,
    x: NDArray,
    y: NDArray,
    orient: NDArray,
    matrix: NDArray,
    to_x: NDArray,
    to_y: NDArray,
    along_x: NDArray,
    along_y: NDArray,
) -> None:
    """Change of the weighted HPWL along each axis when an object's centre moves.

    Args:
        node: the object.
        nets: ``[E]`` its nets, each once.
        net_ptr: ``[M + 1]`` connections of each net.
        conn_node: ``[C]``.
        conn_dx: ``[C]`` um, N frame.
        conn_dy: ``[C]``.
        weight: ``[M]``.
        x: ``[N]`` centres, um.
        y: ``[N]``.
        orient: ``[N]``.
        matrix: :data:`netlists.orientation.MATRIX`.
        to_x: ``[columns]`` centres to try, um.
        to_y: ``[rows]``.
        along_x: ``[columns]``, overwritten, um.
        along_y: ``[rows]``, overwritten.
    """
    along_x[:] = 0.0
    along_y[:] = 0.0
    far = 1e300
    for net in nets:
        ox0 = oy0 = px0 = py0 = far
        ox1 = oy1 = px1 = py1 = -far
        for c in range(net_ptr[net], net_ptr[net + 1]):
            i = conn_node[c]
            m = matrix[orient[i]]
            dx, dy = m[0] * conn_dx[c] + m[1] * conn_dy[c], m[2] * conn_dx[c] + m[3] * conn_dy[c]
            if i == node:
                ox0, ox1, oy0, oy1 = min(ox0, dx), max(ox1, dx), min(oy0, dy), max(oy1, dy)
            else:
                px, py = x[i] + dx, y[i] + dy
                px0, px1, py0, py1 = min(px0, px), max(px1, px), min(py0, py), max(py1, py)
        if px0 > px1:
            continue  # the net is the object's own and moves with it
        now_x = max(px1, x[node] + ox1) - min(px0, x[node] + ox0)
        now_y = max(py1, y[node] + oy1) - min(py0, y[node] + oy0)
        for k in range(len(to_x)):
            along_x[k] += weight[net] * (max(px1, to_x[k] + ox1) - min(px0, to_x[k] + ox0) - now_x)
        for k in range(len(to_y)):
            along_y[k] += weight[net] * (max(py1, to_y[k] + oy1) - min(py0, to_y[k] + oy0) - now_y)
