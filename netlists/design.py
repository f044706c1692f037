"""A design is what a user points at: a netlist, its canvas, and the placement it came with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.constraints import Constraints
from netlists.errors import NetlistError, PlacementError
from netlists.netlist import PORT, Netlist
from netlists.placement import Placement

if TYPE_CHECKING:
    from netlists.physical.record import Physical


@dataclass(frozen=True, eq=False)
class Design:
    """Netlist + canvas + placement, and where they came from.

    Attributes:
        netlist: the circuit.
        canvas: the ground.
        placement: what the input says; unplaced where it says nothing.
        format: name of the format it was read from (``"circuit-training"``, ``"bookshelf"``, ``"gsrc"``,
            ``"lefdef"``), which is also the one results are written in; ``""`` for designs made in memory.
        path: netlist file, or None.
        placement_path: placement file, or None.
        notes: one-line remarks of the reader a user should see (defaults that were assumed, traps met).
        constraints: rules besides not overlapping, or None.
        physical: the LEF, DEF and Verilog behind the design, or None where it came from other files.

    Raises:
        PlacementError: the placement or the constraints have another number of nodes than the netlist.
    """

    netlist: Netlist
    canvas: Canvas
    placement: Placement
    format: str = ""
    path: Path | None = None
    placement_path: Path | None = None
    notes: tuple[str, ...] = ()
    constraints: Constraints | None = None
    physical: Physical | None = None

    def __post_init__(self) -> None:
        if self.placement.num_nodes != self.netlist.num_nodes:
            raise PlacementError(
                f"the placement has {self.placement.num_nodes} objects, the netlist {self.netlist.num_nodes}",
                rule="shape",
            )
        if self.constraints is not None and self.constraints.num_nodes != self.netlist.num_nodes:
            raise PlacementError(
                f"the constraints cover {self.constraints.num_nodes} objects, the netlist {self.netlist.num_nodes}",
                rule="shape",
            )

    @property
    def name(self) -> str:
        """Design name."""
        return self.netlist.name

    @cached_property
    def movable(self) -> NDArray[np.bool_]:
        """``[N]`` what engines may move: not fixed and not a port."""
        return ~self.placement.fixed & (self.netlist.node_kind != PORT)

    def with_placement(self, placement: Placement, path: Path | None = None) -> Design:
        """The same design with another placement."""
        return replace(self, placement=placement, placement_path=path)

    def check_fits(self) -> None:
        """Check that every movable object fits the canvas and that their hard area does.

        Raises:
            NetlistError: a movable object is larger than the canvas in both orientations.
        """
        n, c = self.netlist, self.canvas
        short, long = np.minimum(n.node_width, n.node_height), np.maximum(n.node_width, n.node_height)
        too_big = self.movable & ((short > min(c.width, c.height)) | (long > max(c.width, c.height)))
        if too_big.any():
            i = int(np.flatnonzero(too_big)[0])
            raise NetlistError(
                f"object {n.node_names[i]!r} is larger than the canvas",
                found=f"{n.node_width[i]:g} x {n.node_height[i]:g} um",
                expected=f"at most {c.width:g} x {c.height:g} um",
            )
