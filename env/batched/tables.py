"""What the batched environment knows about its designs: arrays of one shape for all of them, ready for a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from env.masks import legality_masks, total_hpwl
from env.observation import Observer
from env.problem import MacroProblem
from netlists.errors import NetlistError
from placer.cost.lattice import canvas_box

#: Lattice coordinates are added and compared in 32 bits on the device; this leaves room for sums of two.
_MOST_STEPS = 2**30
#: ``NDArray`` while the tables are made, ``jax.Array`` on the device.
Array = Any


class StepTables(NamedTuple):
    """What belongs to one macro of one design; every array begins ``[D, T]``.

    ``E`` is the most nets of a macro; missing nets have weight 0.
    """

    corner_x: Array  # [O, C] int32 lattice corners by column
    corner_y: Array  # [O, R] by row
    left: Array  # [O, C] edges of the macro by column, from the canvas origin, um
    right: Array
    bottom: Array  # [O, R] by row
    top: Array
    size: Array  # [O, 2] int32 lattice steps
    halo: Array  # [O, 4] int32 left, bottom, right, top
    kind: Array  # [O] int32, row of the class tables
    features: Array  # [5] float32, the unchanging part of the observation's "macro"
    node: Array  # int32 node id
    count: Array  # int32 nets of the macro
    first: Array  # int32, where its boxes begin in the state's list of boxes
    weight: Array  # [E]
    pins: Array  # [O, 4, E] x0, x1, y0, y1 of the macro's own pins on each net, from its corner, lattice steps
    start: Array  # [4, E] box of what each net has placed before the first step; +inf, -inf when nothing
    earlier: Array  # [E] int32, box left by the last earlier macro on the same net; -1 without one


class DesignTables(NamedTuple):
    """What belongs to one design; every array begins ``[D]``.

    Macros and orientations of the same size on the same corners under the same rules are of one of ``S`` classes: they
    share legality masks.
    """

    num_macros: Array  # int32
    num_nodes: Array  # int32
    rows: Array  # int32
    columns: Array  # int32
    class_x: Array  # [S, C] int32 corners
    class_y: Array  # [S, R]
    class_size: Array  # [S, 2] int32
    class_halo: Array  # [S, 4] int32
    channel: Array  # [2] int32
    free: Array  # [S, R, C] int8 legality before the first step
    fixed_area: Array  # [R, C]
    blockage: Array  # [R, C] float32
    grid_x: Array  # [C + 1] gcell edges from the canvas origin, um
    grid_y: Array  # [R + 1]
    pitch: Array  # [2] um
    shift: Array  # [2] int32 lattice steps taken off all corners before they become real numbers
    origin: Array  # [2] canvas corner after that, lattice steps, possibly broken ones
    extent: Array  # [2] canvas width and height, lattice steps
    lattice: Array  # um
    placed_area: Array  # [T + 1] share of the macro area that is placed after each step
    hpwl: Array  # weighted HPWL before the first step, lattice steps
    hpwl_scale: Array  # um to wirelength_cost


class Tables(NamedTuple):
    """Everything about ``D`` designs that the compiled step reads."""

    step: StepTables
    design: DesignTables
    zero: Array  # integer 0 as wide as a real number, see env.batched.step


class Sizes(NamedTuple):
    """What shapes the compiled program: the largest of all designs. Hashable."""

    designs: int
    macros: int
    orients: int
    rows: int
    columns: int
    nets: int  # of one macro
    boxes: int  # of one copy's list
    classes: int
    halos: bool  # whether any macro has one
    channels: bool


def make_tables(
    problems: Sequence[MacroProblem], frame: tuple[int, int], dtype: np.dtype[Any], *, turned: bool
) -> tuple[Tables, Sizes]:
    """Pad the problems to common shapes.

    In float32 all positions are counted from the canvas corner, which keeps their digits; in float64 they are those
    of the problem, bit by bit.

    Args:
        problems: the designs, ``D`` of them, with the same number of orientations.
        frame: rows and columns of all arrays.
        dtype: of real numbers.
        turned: whether actions choose an orientation too.

    Raises:
        NetlistError: a design lies too many lattice steps from zero for 32-bit integers.
    """
    for problem in problems:
        _check_range(problem)
    classes = [_classes(problem) for problem in problems]
    nets = max(1, *(int(np.diff(p.nets.ptr).max()) for p in problems))
    sizes = Sizes(
        designs=len(problems),
        macros=max(p.num_macros for p in problems),
        orients=problems[0].num_orients,
        rows=frame[0],
        columns=frame[1],
        nets=nets,
        # Boxes are written E at a time, so the last macro's reach beyond their own.
        boxes=max(int(p.nets.ptr[-1]) for p in problems) + nets,
        classes=max(len(first) for first, _ in classes),
        halos=any(p.rules.halo.any() for p in problems),
        channels=any(p.rules.channel.any() for p in problems),
    )
    steps, designs = [], []
    for problem, (first, kind) in zip(problems, classes, strict=True):
        shift = np.array(canvas_box(problem.design.canvas)[:2]) * (dtype != np.float64)
        steps.append(_step_tables(problem, kind, sizes, shift, turned))
        designs.append(_design_tables(problem, first, sizes, shift))
    step = StepTables(*(_stack(arrays, dtype) for arrays in zip(*steps, strict=True)))
    design = DesignTables(*(_stack(arrays, dtype) for arrays in zip(*designs, strict=True)))
    return Tables(step, design, np.zeros((), f"int{8 * dtype.itemsize}")), sizes


def _check_range(problem: MacroProblem) -> None:
    """Whether every lattice coordinate the device works out has room."""
    corners = (*canvas_box(problem.design.canvas), problem.x0, problem.y0)
    reach = max(int(np.abs(values).max()) for values in corners)
    reach += int(problem.size.max()) + int(problem.rules.halo.max(initial=0)) + int(problem.rules.channel.max())
    if reach > _MOST_STEPS:
        raise NetlistError(
            f"design {problem.design.name!r} lies too far from the origin for the batched environment",
            found=f"{reach:,} lattice steps of {problem.design.canvas.lattice:g} um",
            expected=f"at most {_MOST_STEPS:,}; move its origin to 0 or take the single environment",
        )


def _stack(arrays: Sequence[NDArray[Any]], dtype: np.dtype[Any]) -> NDArray[Any]:
    stacked = np.stack(arrays)
    if stacked.dtype == np.float64:
        return stacked.astype(dtype)
    return stacked.astype(np.int32) if stacked.dtype == np.int64 else stacked


def _classes(problem: MacroProblem) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat index (macro, orientation) of the first of each class, and class ``[T, O]`` of each."""
    parts = (
        problem.size, problem.x0, problem.y0, problem.rules.halo, problem.allowed[..., None],
        np.broadcast_to(problem.rules.fence[:, None, None], (*problem.allowed.shape, 1)),
    )  # fmt: skip
    key = np.concatenate(parts, axis=2).reshape(problem.allowed.size, -1)
    _, first, kind = np.unique(key, axis=0, return_index=True, return_inverse=True)
    return first, kind.reshape(problem.allowed.shape)


def _pad(array: NDArray[Any], *shape: int | None, fill: float = 0) -> NDArray[Any]:
    """``array`` with its first axes filled up to ``shape``; None leaves an axis as it is."""
    grown = [(0, (size or had) - had) for size, had in zip(shape, array.shape, strict=False)]
    return np.pad(array, grown + [(0, 0)] * (array.ndim - len(grown)), constant_values=fill)


def _step_tables(
    problem: MacroProblem, kind: NDArray[np.int64], sizes: Sizes, shift: NDArray[np.int64], turned: bool
) -> StepTables:
    t, e, nets, canvas = sizes.macros, sizes.nets, problem.nets, problem.design.canvas
    count = np.diff(nets.ptr)
    slot = np.arange(e)
    there = slot < count[:, None]
    entry = np.where(there, nets.ptr[:-1, None] + slot, 0)

    def by_net(values: NDArray[Any], fill: float) -> NDArray[Any]:
        if not len(values):
            return np.full((t, e), fill, values.dtype)
        return _pad(np.where(there, values[entry], fill), t, fill=fill)

    x, y = problem.x - canvas.x0, problem.y - canvas.y0
    half_x, half_y = problem.half[..., :1], problem.half[..., 1:]
    box = problem.net_box[nets.net] - np.repeat(shift, 2)
    pins = [[by_net(side, 0.0) for side in sides] for sides in zip(nets.x0, nets.x1, nets.y0, nets.y1, strict=True)]
    return StepTables(
        corner_x=_pad(problem.x0, t, None, sizes.columns),
        corner_y=_pad(problem.y0, t, None, sizes.rows),
        left=_pad(x - half_x, t, None, sizes.columns),
        right=_pad(x + half_x, t, None, sizes.columns),
        bottom=_pad(y - half_y, t, None, sizes.rows),
        top=_pad(y + half_y, t, None, sizes.rows),
        size=_pad(problem.size, t),
        halo=_pad(problem.rules.halo, t),
        kind=_pad(kind, t),
        features=_pad(Observer(problem, turned=turned).static.astype(np.float32), t),
        node=_pad(problem.macros, t),
        count=_pad(count, t),
        first=_pad(nets.ptr[:-1], t),
        weight=by_net(nets.weight, 0.0),
        pins=np.stack([np.stack(sides, axis=1) for sides in pins], axis=1),
        # Missing nets have a box of no size, so that nothing infinite meets their weight of 0.
        start=np.stack([by_net(side, 0.0) for side in box.T], axis=1),
        earlier=by_net(_earlier(nets.net), -1),
    )


def _earlier(net: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each entry the last one before it with the same net, else -1."""
    order = np.argsort(net, kind="stable")
    same = net[order][1:] == net[order][:-1]
    earlier = np.full(len(net), -1)
    earlier[order[1:][same]] = order[:-1][same]
    return earlier


def _design_tables(
    problem: MacroProblem, first: NDArray[np.int64], sizes: Sizes, shift: NDArray[np.int64]
) -> DesignTables:
    canvas, netlist, rules = problem.design.canvas, problem.design.netlist, problem.rules
    rows, columns = problem.shape
    macro, turn = np.unravel_index(first, problem.allowed.shape)
    corner_x, corner_y = problem.x0[macro, turn], problem.y0[macro, turn]
    size, halo = problem.size[macro, turn], rules.halo[macro, turn]
    free = np.zeros((len(first), 1, rows, columns), np.int8)
    for k, out in enumerate(free):
        allowed = problem.allowed[macro[k], turn[k]][None]
        legality_masks(
            corner_x[k, None], corner_y[k, None], size[k, None], halo[k, None], allowed,
            rules.walls[rules.fence[macro[k]]], rules.fixed, rules.fixed_halo, len(rules.fixed), rules.channel, out,
        )  # fmt: skip
    area = netlist.node_width[problem.macros] * netlist.node_height[problem.macros]
    return DesignTables(
        num_macros=np.array(problem.num_macros),
        num_nodes=np.array(netlist.num_nodes),
        rows=np.array(rows),
        columns=np.array(columns),
        class_x=_pad(corner_x, sizes.classes, sizes.columns),
        class_y=_pad(corner_y, sizes.classes, sizes.rows),
        class_size=_pad(size, sizes.classes),
        class_halo=_pad(halo, sizes.classes),
        channel=rules.channel,
        free=_pad(free[:, 0], sizes.classes, sizes.rows, sizes.columns),
        fixed_area=_pad(problem.fixed_area, sizes.rows, sizes.columns),
        blockage=_pad(problem.blockage.astype(np.float32), sizes.rows, sizes.columns, fill=1.0),
        grid_x=np.arange(sizes.columns + 1) * canvas.gcell_width,
        grid_y=np.arange(sizes.rows + 1) * canvas.gcell_height,
        pitch=np.array([canvas.gcell_width, canvas.gcell_height]),
        shift=shift,
        origin=np.array([canvas.x0, canvas.y0]) / canvas.lattice - shift,
        extent=np.array([canvas.width, canvas.height]) / canvas.lattice,
        lattice=np.array(canvas.lattice),
        placed_area=_pad(np.concatenate([[0.0], np.cumsum(area) / area.sum()]), sizes.macros + 1, fill=1.0),
        hpwl=np.array(float(total_hpwl(problem.net_box, netlist.net_weight))),
        hpwl_scale=np.array(problem.hpwl_scale),
    )
