"""One step of ``B`` episodes as one compiled call.

The rules are those of the single environment (:mod:`env.state`, :mod:`env.masks`, :mod:`env.observation`), written
for one episode with arrays of fixed shapes and mapped over the batch. In float64 on a CPU every number has the same
bits as there. Two things see to that: sums over nets run in the same order, one net after the other, and a product
that is added to something passes :func:`_rounded` first, because the compiler would otherwise fuse the two into one
operation that rounds once instead of twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from env.batched.tables import DesignTables, Sizes, StepTables, Tables

#: Why an episode ended, by the code in :attr:`Outcome.reason`.
REASONS: tuple[str | None, ...] = (None, "complete", "dead_end")
RUNNING, COMPLETE, DEAD_END = range(3)


class Options(NamedTuple):
    """How episodes are run. Hashable: each combination is a program of its own."""

    turned: bool = False  # whether actions choose an orientation too
    same_step: bool = False  # whether an episode that ends begins again in the same step, or in the next one


class Settings(NamedTuple):
    """Numbers a program is given."""

    limit: jax.Array  # int32, actions after which an episode is truncated
    illegal_reward: jax.Array
    dead_end_reward: jax.Array


class Ahead(NamedTuple):
    """What placing the current macro would do."""

    box: jax.Array  # [E, 4] boxes of its nets without it
    wire_x: jax.Array  # [O, C] increase of the weighted HPWL by column, lattice steps
    wire_y: jax.Array  # [O, R]


class State(NamedTuple):
    """One episode; every array of the batch begins ``[B]``.

    The net boxes a macro leaves behind are kept under its own entries, and the next macro on a net looks there (see
    :attr:`env.batched.tables.StepTables.earlier`). So a step touches the current macro's nets and nothing else, and a
    new episode touches none.
    """

    design: jax.Array  # int32
    step: jax.Array  # int32 macros placed so far
    elapsed: jax.Array  # int32 actions taken, illegal ones too
    episode: jax.Array  # int32 episodes begun before this one
    ended: jax.Array  # bool
    cells: jax.Array  # [T] int32 action that placed each macro
    boxes: jax.Array  # [boxes, 4] net boxes left by each macro: x0, x1, y0, y1, lattice steps
    free: jax.Array  # [S, R, C] int8 legality by class
    occupancy: jax.Array  # [R, C]
    hpwl: jax.Array  # of everything that has a position, lattice steps
    ahead: Ahead


class Outcome(NamedTuple):
    """What a step hands out, each array ``[B, ...]``; see :class:`env.observation.Observer` for the observation.

    The observation has no ``"blockage"``, which changes only with the design.
    """

    observation: dict[str, jax.Array]
    reward: jax.Array
    terminated: jax.Array  # bool
    truncated: jax.Array  # bool
    illegal: jax.Array  # bool
    reason: jax.Array  # int8, index into REASONS
    hpwl_um: jax.Array
    wirelength_cost: jax.Array
    design: jax.Array  # int32
    final: Final | None  # where episodes begin again in the same step


class Final(NamedTuple):
    """What :class:`Outcome` would hold had an episode that ended not begun again; of others, what it does hold."""

    observation: dict[str, jax.Array]
    hpwl_um: jax.Array
    wirelength_cost: jax.Array
    cells: jax.Array  # [T] int32 action that placed each macro


@partial(jax.jit, static_argnums=(0, 1))
def first_steps(sizes: Sizes, options: Options, t: Tables) -> tuple[State, Outcome]:
    """The beginning of an episode of each design.

    Args:
        sizes: of the tables.
        options: how episodes are run.
        t: the ``D`` designs.

    Returns:
        Arrays ``[D, ...]``.
    """

    def one(number: jax.Array) -> tuple[State, Outcome]:
        state = _fresh(sizes, t, number)
        observation, ahead, _ = _observe(options, t, state)
        no = jnp.array(False)
        hpwl_um = state.hpwl * t.design.lattice[number]
        outcome = Outcome(
            observation, jnp.zeros_like(hpwl_um), no, no, no, jnp.zeros((), jnp.int8), hpwl_um,
            hpwl_um * t.design.hpwl_scale[number], number, None,
        )  # fmt: skip
        return state._replace(ahead=ahead), outcome

    return jax.vmap(one)(jnp.arange(sizes.designs, dtype=jnp.int32))


@jax.jit
def begin(first: tuple[State, Outcome], design: jax.Array) -> tuple[State, Outcome]:
    """Begin ``B`` episodes.

    Args:
        first: what :func:`first_steps` gives.
        design: ``[B]`` int32.
    """
    return jax.tree.map(lambda values: values[design], first)


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=(6,))
def step(
    sizes: Sizes,
    options: Options,
    t: Tables,
    settings: Settings,
    first: tuple[State, Outcome] | None,
    upcoming: jax.Array | None,
    state: State,
    action: jax.Array,
) -> tuple[State, Outcome]:
    """Step ``B`` episodes. The old state's memory is used for the new one.

    Args:
        sizes: of the tables.
        options: how episodes are run.
        t: the designs.
        settings: likewise.
        first: what :func:`first_steps` gives, needed for ``same_step`` alone.
        upcoming: ``[B, Q]`` int32, design of episode ``k`` at ``k % Q``; None lets every copy keep its design.
        state: where the episodes are.
        action: ``[B]`` int32; one outside the action space counts as illegal.
    """
    return jax.vmap(partial(_step, sizes, options, t, settings, first))(upcoming, state, action)


def _step(
    sizes: Sizes,
    options: Options,
    t: Tables,
    settings: Settings,
    first: tuple[State, Outcome] | None,
    upcoming: jax.Array | None,
    state: State,
    action: jax.Array,
) -> tuple[State, Outcome]:
    begun = state.ended  # only ever True where episodes begin again in the next step
    d = jax.tree.map(lambda a: a[state.design], t.design)
    placed, legal, increase = _place(sizes, t, d, state, action)
    elapsed = state.elapsed + 1
    if not options.same_step:
        number = _next_design(upcoming, state)
        d = jax.tree.map(partial(jnp.where, begun), jax.tree.map(lambda a: a[number], t.design), d)
        placed = placed._replace(
            design=jnp.where(begun, number, placed.design),
            step=jnp.where(begun, 0, placed.step),
            episode=placed.episode + begun,
            free=jnp.where(begun, d.free, placed.free),
            occupancy=jnp.where(begun, d.fixed_area, placed.occupancy),
            hpwl=jnp.where(begun, d.hpwl, placed.hpwl),
        )
        elapsed = jnp.where(begun, 0, elapsed)
    observation, ahead, count = _observe(options, t, placed)
    moved = legal & ~begun
    reason = jnp.where(placed.step == d.num_macros, COMPLETE, jnp.where(count == 0, DEAD_END, RUNNING))
    reason = jnp.where(moved, reason, RUNNING).astype(jnp.int8)
    terminated = reason != RUNNING
    truncated = ~terminated & ~begun & (elapsed >= settings.limit)
    paid = _rounded(-(increase * d.lattice) * d.hpwl_scale, t.zero)
    paid = paid + jnp.where(reason == DEAD_END, settings.dead_end_reward, 0)
    reward = jnp.where(moved, paid, settings.illegal_reward)
    hpwl_um = placed.hpwl * d.lattice
    outcome = Outcome(
        observation, jnp.where(begun, 0, reward), terminated, truncated, ~legal & ~begun, reason, hpwl_um,
        hpwl_um * d.hpwl_scale, placed.design, None,
    )  # fmt: skip
    after = placed._replace(elapsed=elapsed, ended=terminated | truncated, ahead=ahead)
    return _again(first, upcoming, after, outcome) if first is not None else (after, outcome)


def _again(
    first: tuple[State, Outcome], upcoming: jax.Array | None, state: State, outcome: Outcome
) -> tuple[State, Outcome]:
    """Begin anew at once where the episode has ended."""
    number = jnp.where(state.ended, _next_design(upcoming, state), state.design)
    fresh, shown = jax.tree.map(lambda a: a[number], first)

    def choose(new: jax.Array | int, old: jax.Array) -> jax.Array:
        return jnp.where(state.ended, new, old)

    final = Final(outcome.observation, outcome.hpwl_um, outcome.wirelength_cost, state.cells)
    again = State(
        design=number,
        step=choose(0, state.step),
        elapsed=choose(0, state.elapsed),
        episode=state.episode + state.ended,
        ended=jnp.zeros_like(state.ended),
        cells=state.cells,
        boxes=state.boxes,
        free=choose(fresh.free, state.free),
        occupancy=choose(fresh.occupancy, state.occupancy),
        hpwl=choose(fresh.hpwl, state.hpwl),
        ahead=jax.tree.map(choose, fresh.ahead, state.ahead),
    )
    return again, outcome._replace(
        observation=jax.tree.map(choose, shown.observation, outcome.observation),
        hpwl_um=choose(shown.hpwl_um, outcome.hpwl_um),
        wirelength_cost=choose(shown.wirelength_cost, outcome.wirelength_cost),
        design=number,
        final=final,
    )


def _next_design(upcoming: jax.Array | None, state: State) -> jax.Array:
    return state.design if upcoming is None else upcoming[(state.episode + 1) % len(upcoming)]


def _fresh(sizes: Sizes, t: Tables, number: jax.Array) -> State:
    d = jax.tree.map(lambda a: a[number], t.design)
    real, none = d.hpwl.dtype, jnp.zeros((), jnp.int32)
    return State(
        design=number, step=none, elapsed=none, episode=none, ended=jnp.array(False),
        cells=jnp.full(sizes.macros, -1, jnp.int32), boxes=jnp.zeros((sizes.boxes, 4), real), free=d.free,
        occupancy=d.fixed_area, hpwl=d.hpwl,
        ahead=Ahead(
            jnp.zeros((sizes.nets, 4), real), jnp.zeros((sizes.orients, sizes.columns), real),
            jnp.zeros((sizes.orients, sizes.rows), real),
        ),
    )  # fmt: skip


# -- putting a macro down ----------------------------------------------------------------------------------------------


def _place(
    sizes: Sizes, t: Tables, d: DesignTables, state: State, action: jax.Array
) -> tuple[State, jax.Array, jax.Array]:
    """The state with the current macro placed where the action is legal, whether it is, and the HPWL increase."""
    s = _current(t, d, state)
    inside = (action >= 0) & (action < sizes.orients * sizes.rows * sizes.columns)
    action = jnp.where(inside, action, 0)
    rest, column = action // sizes.columns, action % sizes.columns
    turn, row = rest // sizes.rows, rest % sizes.rows
    legal = inside & (state.step < d.num_macros) & (state.free[s.kind[turn], row, column] == 1)
    increase = state.ahead.wire_x[turn, column] + state.ahead.wire_y[turn, row]

    x, y = s.corner_x[turn, column], s.corner_y[turn, row]
    at = jnp.stack([x, x, y, y]) - jnp.repeat(d.shift, 2)
    pins = at.astype(state.hpwl.dtype) + s.pins[turn].T
    box = state.ahead.box
    low, high = jnp.minimum(box[:, 0::2], pins[:, 0::2]), jnp.maximum(box[:, 1::2], pins[:, 1::2])
    box = jnp.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)
    # An illegal action may write too: nobody reads the boxes of a macro, or of those after it, before it is placed.
    boxes = lax.dynamic_update_slice(state.boxes, box, (s.first, jnp.int32(0)))

    corner = jnp.stack([x, y])
    taken = _forbidden(sizes, d, corner, corner + s.size[turn], s.halo[turn])
    area = _area(d, s.left[turn, column], s.right[turn, column], s.bottom[turn, row], s.top[turn, row])
    slot = jnp.arange(sizes.macros) == state.step
    return (
        state._replace(
            step=state.step + legal,
            cells=jnp.where(slot & legal, action, state.cells),
            boxes=boxes,
            free=jnp.where(taken & legal, 0, state.free).astype(jnp.int8),
            occupancy=state.occupancy + jnp.where(legal, area, 0),
            hpwl=jnp.where(legal, state.hpwl + increase, state.hpwl),
        ),
        legal,
        increase,
    )


def _current(t: Tables, d: DesignTables, state: State) -> StepTables:
    return jax.tree.map(lambda a: a[state.design, jnp.minimum(state.step, d.num_macros - 1)], t.step)


def _forbidden(sizes: Sizes, d: DesignTables, low: jax.Array, high: jax.Array, halo: jax.Array) -> jax.Array:
    """``[S, R, C]``: where macros of each class would come too close to a body from corner ``low`` to ``high``."""
    width, height = d.class_size[:, :1], d.class_size[:, 1:]

    def hit(left: Any, bottom: Any, right: Any, top: Any) -> jax.Array:  # noqa: ANN401 - numbers or [S, 1]
        """Where a body grown by these margins overlaps one of the class."""
        columns = (d.class_x > low[0] - left - width) & (d.class_x < high[0] + right)
        rows = (d.class_y > low[1] - bottom - height) & (d.class_y < high[1] + top)
        return rows[:, :, None] & columns[:, None, :]

    if not (sizes.halos or sizes.channels):
        return hit(0, 0, 0, 0)
    own = d.class_halo[:, :, None]
    taken = hit(*halo) | hit(own[:, 2], own[:, 3], own[:, 0], own[:, 1])
    if sizes.channels:
        gap_x, gap_y = d.channel
        taken |= hit(gap_x, 0, gap_x, 0) | hit(0, gap_y, 0, gap_y)
    return taken


def _area(d: DesignTables, left: jax.Array, right: jax.Array, bottom: jax.Array, top: jax.Array) -> jax.Array:
    """``[R, C]`` share of each gcell under a box in um from the canvas origin."""

    def along(low: jax.Array, high: jax.Array, edges: jax.Array, pitch: jax.Array, count: jax.Array) -> jax.Array:
        index = jnp.arange(len(edges) - 1)
        begin = jnp.maximum((low / pitch).astype(jnp.int32), 0)
        end = jnp.minimum((high / pitch).astype(jnp.int32), count - 1)
        part = jnp.minimum(high, edges[1:]) - jnp.maximum(low, edges[:-1])
        return jnp.where((index >= begin) & (index <= end), jnp.maximum(part, 0), 0)

    wide = along(left, right, d.grid_x, d.pitch[0], d.columns)
    tall = along(bottom, top, d.grid_y, d.pitch[1], d.rows)
    return wide * tall[:, None] / (d.pitch[0] * d.pitch[1])


# -- the current macro -------------------------------------------------------------------------------------------------


def _observe(options: Options, t: Tables, state: State) -> tuple[dict[str, jax.Array], Ahead, jax.Array]:
    """The observation, what is known of the current macro, and how many legal actions it has."""
    d = jax.tree.map(lambda a: a[state.design], t.design)
    s = _current(t, d, state)
    done = state.step == d.num_macros
    real = state.hpwl.dtype
    ahead, features = _look_ahead(s, d, state.boxes, t.zero)
    rows, columns = state.free.shape[1:]
    legal = jnp.where(done, 0, state.free[s.kind]).astype(jnp.int8)
    count = legal.sum(dtype=jnp.int32)
    inside = (jnp.arange(rows) < d.rows)[:, None] & (jnp.arange(columns) < d.columns)
    wire = (ahead.wire_x[:, None, :] + ahead.wire_y[:, :, None]) * d.lattice
    wire = jnp.where(inside & ~done, wire, 0)
    progress = jnp.stack([
        state.step.astype(real) / d.num_macros.astype(real),
        d.placed_area[state.step],
        count.astype(real) / (d.rows * d.columns * len(legal)).astype(real),
        state.hpwl * d.lattice * d.hpwl_scale,
    ])  # fmt: skip
    macro = jnp.where(done, 0, jnp.concatenate([s.features, features]))
    observation = {
        "occupancy": jnp.minimum(state.occupancy.astype(jnp.float32), 1),
        "legality_mask": legal if options.turned else legal[0],
        "wire_mask": wire if options.turned else wire[0],
        "macro": jnp.clip(macro, 0, 1),
        "progress": jnp.clip(progress.astype(jnp.float32), 0, 1),
        "ids": jnp.stack([state.design, jnp.where(done, -1, s.node)]).astype(t.zero.dtype),
    }
    return observation, ahead, count


def _look_ahead(s: StepTables, d: DesignTables, boxes: jax.Array, zero: jax.Array) -> tuple[Ahead, jax.Array]:
    """HPWL increases of the current macro and the three changing features of the observation's ``"macro"``."""
    box = jnp.where((s.earlier >= 0)[:, None], boxes[jnp.maximum(s.earlier, 0)], s.start.T)
    real = box.dtype
    x, y = (s.corner_x - d.shift[0]).astype(real), (s.corner_y - d.shift[1]).astype(real)

    def one_net(weight: jax.Array, box: jax.Array, pins: jax.Array) -> tuple[jax.Array, ...]:
        x0, x1, y0, y1 = box
        left, right, bottom, top = (side[:, None] for side in pins.T)
        empty = x0 > x1
        wide = jnp.maximum(x1, x + right) - jnp.minimum(x0, x + left) - (x1 - x0)
        tall = jnp.maximum(y1, y + top) - jnp.minimum(y0, y + bottom) - (y1 - y0)
        known = jnp.where(empty, 0, weight)
        middle = jnp.where(empty, 0, jnp.stack([x0 + x1, y0 + y1]))
        return (
            _rounded(weight * jnp.where(empty, right - left, wide), zero),
            _rounded(weight * jnp.where(empty, top - bottom, tall), zero),
            known,
            _rounded(known * middle, zero),
        )

    entries = s.weight, box, jnp.moveaxis(s.pins, -1, 0)
    wire_x, wire_y, known, middle = _total(one_net, entries, real == jnp.float64)
    there = ((box[:, 0] <= box[:, 1]) & (jnp.arange(len(box)) < s.count)).sum(dtype=jnp.int32)
    share = there.astype(real) / jnp.maximum(s.count, 1).astype(real)
    where = jnp.where(known > 0, (0.5 * middle / jnp.where(known > 0, known, 1) - d.origin) / d.extent, 0.5)
    return Ahead(box, wire_x, wire_y), jnp.append(share, where).astype(jnp.float32)


def _rounded(product: jax.Array, zero: jax.Array) -> jax.Array:
    """``product`` as it is; ``zero`` is an integer 0 of its width that the compiler cannot know."""
    return lax.bitcast_convert_type(lax.bitcast_convert_type(product, zero.dtype) ^ zero, product.dtype)


def _total(term: Callable[..., Any], entries: tuple[jax.Array, ...], ordered: bool) -> Any:  # noqa: ANN401 - a tree
    """Sum of ``term(*entry)`` over the leading axis of ``entries``; ``ordered`` adds one after the other."""
    if not ordered:
        return jax.tree.map(lambda values: values.sum(0), jax.vmap(term)(*entries))
    first = jax.eval_shape(term, *(entry[0] for entry in entries))
    start = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), first)
    return lax.scan(lambda total, entry: (jax.tree.map(jnp.add, total, term(*entry)), None), start, entries)[0]
