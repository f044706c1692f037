"""Nets of the batched cost: HPWL, and the demand of routes as running sums of where runs begin and end.

The rules are those of :mod:`placer.cost.routing`, written for whole arrays of nets.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from placer.cost.batched_tables import Static, Tables

#: Up to this many connections, distinct gcells are found by comparing all pairs; above, by sorting.
_PAIRWISE = 8


class _Runs(NamedTuple):
    """Runs of gcells along lines (rows or columns), arrays of one shape; ``first`` and ``last`` in any order."""

    line: jax.Array
    first: jax.Array
    last: jax.Array
    weight: jax.Array


def net_costs(
    static: Static, t: Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Weighted HPWL and the two net demand maps ``[rows, columns]``."""
    dx, dy = t.own_dx, t.own_dy
    if orient is not None:
        m = t.matrix[orient[t.conn_node]]
        dx, dy = m[:, 0] * t.conn_dx + m[:, 1] * t.conn_dy, m[:, 2] * t.conn_dx + m[:, 3] * t.conn_dy
    # Sums in the order of the reference: another order may round into the neighbouring gcell.
    px, py = (x - t.origin[0])[t.conn_node] + dx, (y - t.origin[1])[t.conn_node] + dy
    column = _gcell(px + t.nudge, t.pitch[0], static.columns)
    cell = _gcell(py + t.nudge, t.pitch[1], static.rows) * static.columns + column

    # The barriers keep XLA from computing these again inside everything that reads them, which takes it far longer to
    # compile than to run.
    px, py, cell = lax.optimization_barrier((px, py, cell))
    hpwl = jnp.zeros((), x.dtype)
    pairs: list[tuple[jax.Array, jax.Array, jax.Array]] = [_nothing(x.dtype)]
    triples: list[tuple[jax.Array, ...]] = [(*_nothing(x.dtype)[:2], *_nothing(x.dtype)[1:])]
    for bucket in t.buckets:
        bx, by = px[bucket.conn], py[bucket.conn]
        hpwl += (bucket.weight * (bx.max(1) - bx.min(1) + (by.max(1) - by.min(1)))).sum()
        star, triple = _distinct(cell[bucket.conn], bucket.weight)
        pairs.append(star)
        triples += triple

    horizontal, vertical = [], []
    for routes, parts in ((_two_cells, pairs), (_three_cells, triples)):
        joined = lax.optimization_barrier(tuple(jnp.concatenate(part) for part in zip(*parts, strict=True)))
        h_runs, v_runs = lax.optimization_barrier(routes(static, *joined))
        horizontal += h_runs
        vertical += v_runs
    h_demand = _accumulate(horizontal, static.rows, static.columns, x.dtype)
    v_demand = _accumulate(vertical, static.columns, static.rows, x.dtype).T
    return hpwl, h_demand, v_demand


def _nothing(dtype: Any) -> tuple[jax.Array, jax.Array, jax.Array]:  # noqa: ANN401 - a JAX dtype
    """No pair of gcells: keeps the lists below from being empty."""
    return jnp.zeros(0, jnp.int32), jnp.zeros(0, jnp.int32), jnp.zeros(0, dtype)


def _gcell(position: jax.Array, pitch: jax.Array, count: int) -> jax.Array:
    return jnp.clip(jnp.floor(position / pitch), 0, count - 1).astype(jnp.int32)


def _distinct(
    cell: jax.Array, weight: jax.Array
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], list[tuple[jax.Array, ...]]]:
    """Reduce nets to their distinct gcells.

    Args:
        cell: ``[n, K]`` gcell of each connection, the source first.
        weight: ``[n]``.

    Returns:
        source, sink and weight, each ``[n * (K - 1)]``, of the two-cell routes; and, for K > 2, one list of three
        gcells and a weight, each ``[n]``. What a net does not need has weight 0.
    """
    source, sinks = cell[:, :1], cell[:, 1:]
    sources = jnp.broadcast_to(source, sinks.shape).ravel()
    if cell.shape[1] == 2:
        return (sources, sinks.ravel(), weight), []
    if cell.shape[1] > _PAIRWISE:
        sinks = jnp.sort(sinks, axis=1)
        repeated = jnp.pad(sinks[:, 1:] == sinks[:, :-1], ((0, 0), (1, 0)))
    else:
        earlier = jnp.tril(jnp.ones((sinks.shape[1],) * 2, bool), -1)
        repeated = ((sinks[:, :, None] == sinks[:, None, :]) & earlier).any(2)
    counted = ~repeated & (sinks != source)
    three = counted.sum(1) == 2
    star_weight = jnp.where(counted & ~three[:, None], weight[:, None], 0)
    low = jnp.where(sinks == source, jnp.iinfo(jnp.int32).max, sinks).min(1)
    high = jnp.where(sinks == source, -1, sinks).max(1)
    source = source[:, 0]
    triple = (source, jnp.where(three, low, source), jnp.where(three, high, source), jnp.where(three, weight, 0))
    return (sources, sinks.ravel(), star_weight.ravel()), [triple]


def _two_cells(
    static: Static, source: jax.Array, sink: jax.Array, weight: jax.Array
) -> tuple[list[_Runs], list[_Runs]]:
    """Horizontal along the source's row, then vertical along the sink's column."""
    row, column = _divmod(source, static.columns)
    sink_row, sink_column = _divmod(sink, static.columns)
    return [_Runs(row, column, sink_column, weight)], [_Runs(sink_column, row, sink_row, weight)]


def _three_cells(
    static: Static, a: jax.Array, b: jax.Array, c: jax.Array, weight: jax.Array
) -> tuple[list[_Runs], list[_Runs]]:
    """Routes of nets with three distinct gcells ``a, b, c`` ``[n]``, packed ``row * columns + column``."""
    rows, columns = static.rows, static.columns
    # By column, then row.
    low, mid, high = _sort3(*(column * rows + row for row, column in (_divmod(k, columns) for k in (a, b, c))))
    (x1, y1), (x2, y2), (x3, y3) = (_divmod(k, rows) for k in (low, mid, high))
    # By row, then column; the trunk of a T lies on the median row.
    (bottom, bottom_x), (trunk, _), (top, top_x) = (_divmod(k, columns) for k in _sort3(a, b, c))

    x1, y1, x2, y2, x3, y3 = lax.optimization_barrier((x1, y1, x2, y2, x3, y3))

    stairs = (x1 < x2) & (x2 < x3) & (jnp.minimum(y1, y3) < y2) & (y2 < jnp.maximum(y1, y3))
    column_pair = ~stairs & (x2 == x3) & (x1 < x2) & (y1 < jnp.minimum(y2, y3))
    row_pair = ~stairs & ~column_pair & (y2 == y3)
    tee = ~(stairs | column_pair | row_pair)
    stairs, column_pair, row_pair, tee = lax.optimization_barrier((stairs, column_pair, row_pair, tee))

    # Two runs a direction serve all shapes: what a shape does not need begins where it ends.
    rise = jnp.where(column_pair, jnp.maximum(y2, y3), y2)
    end = jnp.where(tee, top, y3)
    return [
        _Runs(jnp.where(tee, trunk, y1), x1, jnp.where(tee, x3, x2), weight),
        _Runs(y2, x2, jnp.where(stairs | row_pair, x3, x2), weight),
    ], [
        _Runs(jnp.where(tee, bottom_x, x2), jnp.where(tee, bottom, y1), jnp.where(tee, trunk, rise), weight),
        _Runs(jnp.where(tee, top_x, x3), jnp.where(tee, trunk, jnp.where(stairs, y2, end)), end, weight),
    ]


def _divmod(k: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """Quotient and remainder of non-negative ``k`` (the general ``jnp.divmod`` costs seconds of compilation)."""
    quotient = lax.div(k, jnp.int32(size))
    return quotient, k - quotient * size


def _sort3(a: jax.Array, b: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    low = jnp.minimum(jnp.minimum(a, b), c)
    high = jnp.maximum(jnp.maximum(a, b), c)
    return low, a + b + c - low - high, high


def _accumulate(runs: list[_Runs], lines: int, length: int, dtype: Any) -> jax.Array:  # noqa: ANN401 - a JAX dtype
    """Demand ``[lines, length]`` of runs along lines: scatter where they begin and end, then sum along."""
    line, a, b, weight = (jnp.concatenate(part) for part in zip(*runs, strict=True))
    pitch = length + 1
    index = jnp.concatenate([line * pitch + jnp.minimum(a, b), line * pitch + jnp.maximum(a, b)])
    change = jnp.zeros(lines * pitch, dtype).at[index].add(jnp.concatenate([weight, -weight]), mode="drop")
    return jnp.cumsum(change.reshape(lines, pitch), axis=1)[:, :length]
