"""The proxy cost of many placements at once, in JAX: the same meaning as ``placer.cost.full``, jitted and vmapped.

Everything has a static shape. Nets are grouped by number of connections into padded *buckets* (2, 3, 4, 8, 16, ...;
a short net repeats its source, which changes neither its box nor its set of gcells). Routing runs become two entries
of a difference map each (+weight where the run begins, -weight where it ends), one scatter adds them all, and a
running sum turns them into demand. Object areas and macro blockages are outer products of overlaps in x and in y,
so their maps are matrix products.

The model itself, with its sources, is described in ``placer.cost.full`` and ``placer.cost.routing``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.orientation import MATRIX, SWAPS_SIDES, oriented_offsets
from placer.cost.full import CONGESTION_TOP, DENSITY_TOP, PARTIAL_TOLERANCE, CostWeights, smooth, supply

#: Objects whose overlaps with the grid are held at once while the density map is summed.
_NODE_CHUNK = 8192
#: Up to this many connections, distinct gcells are found by comparing all pairs; above, by sorting.
_PAIRWISE = 8


class _Bucket(NamedTuple):
    """Nets padded to ``K`` connections."""

    conn: jax.Array  # [n, K], column 0 is the source
    weight: jax.Array  # [n]


class _Tables(NamedTuple):
    """Everything about a design that the compiled cost reads.

    Traced, not baked in: constants would slow compilation, and XLA turns division by a constant pitch into a product
    that may land in the neighbouring gcell.
    """

    buckets: tuple[_Bucket, ...]
    conn_node: jax.Array  # [C]
    conn_dx: jax.Array
    conn_dy: jax.Array
    own_dx: jax.Array  # [C] as the design turns its objects
    own_dy: jax.Array
    own_orient: jax.Array  # [N + 1]
    matrix: jax.Array  # [8, 4]
    swaps: jax.Array  # [8]
    solid: jax.Array  # [chunks, n] node ids, padded with N
    hard: jax.Array  # [h] node ids
    width: jax.Array  # [N + 1], a last object of no size for the padding
    height: jax.Array
    origin: jax.Array  # [2]
    pitch: jax.Array  # [2] gcell width and height
    supply: jax.Array  # [2] H and V tracks of a gcell
    macro_routes: jax.Array  # [2] H and V tracks a macro takes per um
    spread_h: jax.Array  # [rows, rows]
    spread_v: jax.Array  # [columns, columns]
    hpwl_scale: jax.Array  # scalar: 1 / ((W + H) * total weight)
    nudge: jax.Array  # scalar um, see _nudge


class _Static(NamedTuple):
    """What shapes the compiled program. Hashable."""

    rows: int
    columns: int
    smoothing: int
    weights: CostWeights


class BatchedCost:
    """Scores ``B`` placements of one design in one compiled call; made by :func:`batched_cost`."""

    def __init__(self, design: Design, weights: CostWeights, dtype: type[np.floating], chunk: int) -> None:
        canvas = design.canvas
        self.design = design
        self.dtype = np.dtype(dtype)
        self._static = _Static(canvas.grid_rows, canvas.columns, canvas.smoothing, weights)
        self._chunk = chunk
        with self._precision():
            self._tables = _make_tables(design, self.dtype)

    def __call__(
        self, x: ArrayLike, y: ArrayLike, orient: ArrayLike | None = None, *, maps: bool = False
    ) -> dict[str, jax.Array]:
        """Score placements.

        Args:
            x: ``[B, N]`` centres, um.
            y: ``[B, N]`` centres, um.
            orient: ``[B, N]`` orientation codes; None for the design's own in every placement, which is faster.
            maps: also return ``h_congestion``, ``v_congestion`` and ``density`` ``[B, rows, columns]``.

        Returns:
            ``proxy_cost``, ``wirelength_cost``, ``density_cost``, ``congestion_cost`` and ``hpwl_um``, each ``[B]``.

        Raises:
            ValueError: the arrays do not have the shape ``[B, N]``.
        """
        with self._precision():
            x, y = jnp.asarray(x, self.dtype), jnp.asarray(y, self.dtype)
            turned = None if orient is None else jnp.asarray(orient, jnp.int32)
            expected = (x.shape[0] if x.ndim == 2 else "B", self.design.netlist.num_nodes)
            for name, array in (("x", x), ("y", y), ("orient", turned)):
                if array is not None and array.shape != expected:
                    raise ValueError(f"{name} has shape {array.shape}, expected [B, N] = {expected}")
            return _score_batch(self._static, self._chunk, maps, self._tables, x, y, turned)

    def _precision(self) -> Any:  # noqa: ANN401 - a JAX context manager without a public type
        # Scoped, so that a user's own JAX code keeps its precision.
        return jax.enable_x64(self.dtype == np.float64)


def batched_cost(
    design: Design,
    weights: CostWeights | None = None,
    *,
    dtype: type[np.floating] = np.float64,
    chunk: int = 16,
) -> BatchedCost:
    """Prepare a callable that scores ``[B, N]`` placements of ``design``.

    The first call for a batch size compiles. In float64 (a scoped switch: JAX's global precision is not touched) the
    costs equal ``full`` to 1e-9 relative. In float32 they agree to 1e-5 as long as no pin or macro edge lies within
    a float32 rounding step of a gcell border without lying on it.

    Args:
        design: the circuit and its canvas.
        weights: weights of the proxy's terms.
        dtype: ``numpy.float64`` or ``numpy.float32``.
        chunk: placements handled at once; bounds memory on large designs.
    """
    return BatchedCost(design, weights or CostWeights(), dtype, chunk)


# -- tables ----------------------------------------------------------------------------------------------------------


def _make_tables(design: Design, dtype: np.dtype[Any]) -> _Tables:
    netlist, canvas = design.netlist, design.canvas
    total = float(netlist.net_weight.sum())
    solid = np.flatnonzero(netlist.node_kind != PORT)
    chunks = max(1, -(-len(solid) // _NODE_CHUNK))
    padded = np.full(chunks * -(-len(solid) // chunks), netlist.num_nodes)
    padded[: len(solid)] = solid

    own_dx, own_dy = oriented_offsets(netlist.conn_dx, netlist.conn_dy, design.placement.orient[netlist.conn_node])

    def real(values: Any) -> jax.Array:  # noqa: ANN401 - anything array-like
        return jnp.asarray(np.asarray(values), dtype)

    return _Tables(
        buckets=tuple(_make_bucket(netlist, nets, size, real) for nets, size in _degree_buckets(netlist)),
        conn_node=jnp.asarray(netlist.conn_node, jnp.int32),
        conn_dx=real(netlist.conn_dx),
        conn_dy=real(netlist.conn_dy),
        own_dx=real(own_dx),
        own_dy=real(own_dy),
        own_orient=jnp.asarray(np.append(design.placement.orient, 0), jnp.int32),
        matrix=real(MATRIX),
        swaps=jnp.asarray(SWAPS_SIDES),
        solid=jnp.asarray(padded.reshape(chunks, -1), jnp.int32),
        hard=jnp.asarray(np.flatnonzero(netlist.node_kind == HARD_MACRO), jnp.int32),
        width=real(np.append(netlist.node_width, 0.0)),
        height=real(np.append(netlist.node_height, 0.0)),
        origin=real([canvas.x0, canvas.y0]),
        pitch=real([canvas.gcell_width, canvas.gcell_height]),
        supply=real(supply(canvas)),
        macro_routes=real([canvas.h_macro_routes_per_um, canvas.v_macro_routes_per_um]),
        spread_h=real(smooth(np.eye(canvas.grid_rows), canvas.smoothing, axis=0)),
        spread_v=real(smooth(np.eye(canvas.columns), canvas.smoothing, axis=1)),
        hpwl_scale=real(1.0 / ((canvas.width + canvas.height) * total) if total > 0 else 0.0),
        nudge=real(_nudge(canvas, dtype)),
    )


def _nudge(canvas: Canvas, dtype: np.dtype[Any]) -> float:
    """Half a dozen float32 steps of the canvas size, um; 0 in float64.

    Pins and macros often lie exactly on gcell borders, which float32 cannot tell from just below them.
    """
    extent = max(canvas.width, canvas.height, abs(canvas.x0), abs(canvas.y0))
    return 0.0 if dtype == np.float64 else 6.0 * float(np.spacing(np.float32(extent)))


def _degree_buckets(netlist: Netlist) -> list[tuple[NDArray[np.int64], int]]:
    """Nets of two or more connections by padded size."""
    degree = np.asarray(netlist.net_degree)
    padded = np.where(degree <= 4, degree, 2 ** np.ceil(np.log2(np.maximum(degree, 1))).astype(np.int64))
    return [(np.flatnonzero(padded == size), int(size)) for size in np.unique(padded) if size >= 2]


def _make_bucket(
    netlist: Netlist,
    nets: NDArray[np.int64],
    size: int,
    real: Callable[[Any], jax.Array],
) -> _Bucket:
    start, degree, source = netlist.net_ptr[nets], netlist.net_degree[nets], netlist.net_source[nets]
    slot = np.arange(size)[None, :]
    conn = np.where(slot < degree[:, None], start[:, None] + slot, source[:, None])
    # The source goes first; what stood first takes its place.
    conn[np.arange(len(nets)), source - start] = conn[:, 0]
    conn[:, 0] = source
    return _Bucket(jnp.asarray(conn, jnp.int32), real(netlist.net_weight[nets]))


# -- the cost of one placement ---------------------------------------------------------------------------------------


@partial(jax.jit, static_argnums=(0, 1, 2))
def _score_batch(
    static: _Static, chunk: int, maps: bool, tables: _Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
) -> dict[str, jax.Array]:
    def one(placement: tuple[jax.Array, jax.Array, jax.Array | None]) -> dict[str, jax.Array]:
        return _score(static, maps, tables, *placement)

    count = x.shape[0]
    if count <= chunk:
        return jax.vmap(one)((x, y, orient))
    # Whole chunks only: a remainder would be compiled a second time.
    padding = -count % chunk
    parts = jax.tree.map(
        lambda a: jnp.pad(a, ((0, padding), (0, 0)), mode="edge").reshape(-1, chunk, a.shape[1]), (x, y, orient)
    )
    out = lax.map(jax.vmap(one), parts)
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:])[:count], out)


def _score(
    static: _Static, maps: bool, t: _Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
) -> dict[str, jax.Array]:
    hpwl, h_demand, v_demand = _nets(static, t, x, y, orient)
    # HIGHEST: accelerators would otherwise multiply in 10-bit mantissas.
    dot = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
    if static.smoothing:
        h_demand, v_demand = dot(t.spread_h, h_demand), dot(v_demand, t.spread_v)
    area, h_block, v_block = _objects(static, t, x, y, orient)
    h_map = h_demand / t.supply[0] + h_block / t.supply[0]
    v_map = v_demand / t.supply[1] + v_block / t.supply[1]
    density = area / (t.pitch[0] * t.pitch[1])

    wirelength_cost = hpwl * t.hpwl_scale
    density_cost = 0.5 * _density_top_mean(density)
    entries = jnp.concatenate([v_map.ravel(), h_map.ravel()])
    congestion_cost = _top_mean(entries, max(1, int(entries.size * CONGESTION_TOP)))
    w = static.weights
    out = {
        "proxy_cost": w.wirelength * wirelength_cost + w.density * density_cost + w.congestion * congestion_cost,
        "wirelength_cost": wirelength_cost,
        "density_cost": density_cost,
        "congestion_cost": congestion_cost,
        "hpwl_um": hpwl,
    }
    if maps:
        out |= {"h_congestion": h_map, "v_congestion": v_map, "density": density}
    return out


def _density_top_mean(density: jax.Array) -> jax.Array:
    count = int(density.size * DENSITY_TOP)
    if count:
        return _top_mean(density.ravel(), count)
    return density.sum() / jnp.maximum((density > 0).sum(), 1)


def _top_mean(values: jax.Array, count: int) -> jax.Array:
    """Mean of the ``count`` largest of non-negative ``values``.

    Non-negative floats order like their bit patterns, so the ``count``-th largest is found bit by bit from the top: a
    few dozen passes over the maps, several times faster than sorting them or ``top_k``.
    """
    values = jnp.maximum(values, 0)  # sums of cancelling weights may leave -1e-17
    kind, bits = (jnp.uint64, 63) if values.dtype == jnp.float64 else (jnp.uint32, 31)
    patterns = lax.bitcast_convert_type(values, kind)

    def refine(i: jax.Array, found: jax.Array) -> jax.Array:
        candidate = found | (jnp.ones((), kind) << (bits - 1 - i).astype(kind))
        return jnp.where((patterns >= candidate).sum() >= count, candidate, found)

    smallest = lax.bitcast_convert_type(lax.fori_loop(0, bits, refine, jnp.zeros((), kind)), values.dtype)
    above = values > smallest
    return (jnp.where(above, values, 0).sum() + (count - above.sum()) * smallest) / count


# -- nets ------------------------------------------------------------------------------------------------------------


class _Runs(NamedTuple):
    """Runs of gcells along lines (rows or columns), arrays of one shape; ``first`` and ``last`` in any order."""

    line: jax.Array
    first: jax.Array
    last: jax.Array
    weight: jax.Array


def _nets(
    static: _Static, t: _Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
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
    static: _Static, source: jax.Array, sink: jax.Array, weight: jax.Array
) -> tuple[list[_Runs], list[_Runs]]:
    """Horizontal along the source's row, then vertical along the sink's column."""
    row, column = _divmod(source, static.columns)
    sink_row, sink_column = _divmod(sink, static.columns)
    return [_Runs(row, column, sink_column, weight)], [_Runs(sink_column, row, sink_row, weight)]


def _three_cells(
    static: _Static, a: jax.Array, b: jax.Array, c: jax.Array, weight: jax.Array
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


# -- objects ---------------------------------------------------------------------------------------------------------


def _objects(
    static: _Static, t: _Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Area, horizontal and vertical blockage maps ``[rows, columns]``."""
    # One more object, of no size, stands for the padding.
    x, y = jnp.append(x, 0), jnp.append(y, 0)
    swap = t.swaps[t.own_orient if orient is None else jnp.append(orient, 0)]
    half_width = jnp.where(swap, t.height, t.width) / 2
    half_height = jnp.where(swap, t.width, t.height) / 2
    product = partial(jnp.einsum, "nr,nc->rc", precision=lax.Precision.HIGHEST)

    def overlaps(nodes: jax.Array) -> tuple[jax.Array, ...]:
        wide, counted_x = _overlaps(
            x[nodes] - half_width[nodes] - t.origin[0],
            x[nodes] + half_width[nodes] - t.origin[0],
            t.pitch[0],
            static.columns,
            t.nudge,
        )
        high, counted_y = _overlaps(
            y[nodes] - half_height[nodes] - t.origin[1],
            y[nodes] + half_height[nodes] - t.origin[1],
            t.pitch[1],
            static.rows,
            t.nudge,
        )
        return wide, high, counted_x, counted_y

    def add(area: jax.Array, nodes: jax.Array) -> tuple[jax.Array, None]:
        wide, high, *_ = overlaps(nodes)
        return area + product(high, wide), None

    area, _ = lax.scan(add, jnp.zeros((static.rows, static.columns), x.dtype), t.solid)

    wide, high, counted_x, counted_y = overlaps(t.hard)
    v_block = product(counted_y, wide) * t.macro_routes[1]
    h_block = product(high, counted_x) * t.macro_routes[0]
    return area, h_block, v_block


def _overlaps(
    low: jax.Array, high: jax.Array, pitch: jax.Array, count: int, nudge: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Overlap of intervals ``[n]`` with gcells, ``[n, count]``, and 1 where a macro's gcell blocks tracks, else 0.

    A macro that covers several gcells but not its end ones wholly leaves the last one free (see ``full``).
    """
    index = jnp.arange(count)
    first = jnp.maximum(jnp.floor((low + nudge) / pitch), 0).astype(jnp.int32)[:, None]
    last = jnp.minimum(jnp.floor((high + nudge) / pitch), count - 1).astype(jnp.int32)[:, None]
    touched = (index >= first) & (index <= last)
    part = jnp.minimum(high[:, None], (index + 1) * pitch) - jnp.maximum(low[:, None], index * pitch)
    overlap = jnp.where(touched, jnp.maximum(part, 0), 0)
    uneven = jnp.abs(overlap - pitch) > jnp.maximum(PARTIAL_TOLERANCE, nudge)
    ends = (index == first) | (index == last)
    ragged = (first != last)[:, 0] & (uneven & ends).any(1)
    return overlap, (touched & ~(ragged[:, None] & (index == last))).astype(low.dtype)
