"""The proxy cost of many placements at once, in JAX: the same meaning as ``placer.cost.full``, jitted and vmapped.

Everything has a static shape. Nets are grouped by number of connections into padded *buckets* (2, 3, 4, 8, 16, ...;
a short net repeats its source, which changes neither its box nor its set of gcells). Routing runs become two entries
of a difference map each (+weight where the run begins, -weight where it ends), one scatter adds them all, and a
running sum turns them into demand. Object areas and macro blockages are outer products of overlaps in x and in y,
so their maps are matrix products.

The model itself, with its sources, is described in ``placer.cost.full`` and ``placer.cost.routing``.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from netlists.design import Design
from placer.cost.batched_nets import net_costs
from placer.cost.batched_tables import Static, Tables, make_tables
from placer.cost.full import CONGESTION_TOP, DENSITY_TOP, PARTIAL_TOLERANCE, CostWeights
from placer.cost.precision import precision


class BatchedCost:
    """Scores ``B`` placements of one design in one compiled call; made by :func:`batched_cost`."""

    def __init__(self, design: Design, weights: CostWeights, dtype: type[np.floating], chunk: int) -> None:
        canvas = design.canvas
        self.design = design
        self.dtype = np.dtype(dtype)
        self._static = Static(canvas.grid_rows, canvas.columns, canvas.smoothing, weights)
        self._chunk = chunk
        with precision(self.dtype):
            self._tables = make_tables(design, self.dtype)

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
        with precision(self.dtype):
            x, y = jnp.asarray(x, self.dtype), jnp.asarray(y, self.dtype)
            turned = None if orient is None else jnp.asarray(orient, jnp.int32)
            expected = (x.shape[0] if x.ndim == 2 else "B", self.design.netlist.num_nodes)
            for name, array in (("x", x), ("y", y), ("orient", turned)):
                if array is not None and array.shape != expected:
                    raise ValueError(f"{name} has shape {array.shape}, expected [B, N] = {expected}")
            return _score_batch(self._static, self._chunk, maps, self._tables, x, y, turned)


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

    Raises:
        ValueError: a weight for the wirelength between macros, which this form does not know.
    """
    if weights is not None and weights.macro_wirelength > 0:
        raise ValueError("batched costs do not know the wirelength between macros")
    return BatchedCost(design, weights or CostWeights(), dtype, chunk)


# -- the cost of one placement ---------------------------------------------------------------------------------------


@partial(jax.jit, static_argnums=(0, 1, 2))
def _score_batch(
    static: Static, chunk: int, maps: bool, tables: Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
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
    static: Static, maps: bool, t: Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
) -> dict[str, jax.Array]:
    hpwl, h_demand, v_demand = net_costs(static, t, x, y, orient)
    # HIGHEST: accelerators would otherwise multiply in 10-bit mantissas.
    dot = partial(jnp.matmul, precision=lax.Precision.HIGHEST)
    if static.smoothing:
        h_demand, v_demand = dot(t.spread_h, h_demand), dot(v_demand, t.spread_v)
    area, h_block, v_block = _object_maps(static, t, x, y, orient)
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


# -- objects ---------------------------------------------------------------------------------------------------------


def _object_maps(
    static: Static, t: Tables, x: jax.Array, y: jax.Array, orient: jax.Array | None
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
