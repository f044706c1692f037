"""What the batched cost knows about a design: padded arrays on the device, and the shape of the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.orientation import MATRIX, SWAPS_SIDES, oriented_offsets
from placer.cost.full import CostWeights, smooth, supply

#: Objects whose overlaps with the grid are held at once while the density map is summed.
NODE_CHUNK = 8192


class Bucket(NamedTuple):
    """Nets padded to ``K`` connections."""

    conn: jax.Array  # [n, K], column 0 is the source
    weight: jax.Array  # [n]


class Tables(NamedTuple):
    """Everything about a design that the compiled cost reads.

    Traced, not baked in: constants would slow compilation, and XLA turns division by a constant pitch into a product
    that may land in the neighbouring gcell.
    """

    buckets: tuple[Bucket, ...]
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


class Static(NamedTuple):
    """What shapes the compiled program. Hashable."""

    rows: int
    columns: int
    smoothing: int
    weights: CostWeights


def make_tables(design: Design, dtype: np.dtype[Any]) -> Tables:
    """Put a design on the device; real numbers in ``dtype`` (float64 needs JAX's 64-bit mode)."""
    netlist, canvas = design.netlist, design.canvas
    total = float(netlist.net_weight.sum())
    solid = np.flatnonzero(netlist.node_kind != PORT)
    chunks = max(1, -(-len(solid) // NODE_CHUNK))
    padded = np.full(chunks * -(-len(solid) // chunks), netlist.num_nodes)
    padded[: len(solid)] = solid

    own_dx, own_dy = oriented_offsets(netlist.conn_dx, netlist.conn_dy, design.placement.orient[netlist.conn_node])

    def real(values: Any) -> jax.Array:  # noqa: ANN401 - anything array-like
        return jnp.asarray(np.asarray(values), dtype)

    return Tables(
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
) -> Bucket:
    start, degree, source = netlist.net_ptr[nets], netlist.net_degree[nets], netlist.net_source[nets]
    slot = np.arange(size)[None, :]
    conn = np.where(slot < degree[:, None], start[:, None] + slot, source[:, None])
    # The source goes first; what stood first takes its place.
    conn[np.arange(len(nets)), source - start] = conn[:, 0]
    conn[:, 0] = source
    return Bucket(jnp.asarray(conn, jnp.int32), real(netlist.net_weight[nets]))
