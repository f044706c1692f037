"""What a synthetic design should look like; every number has a default measured on real designs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netlists.errors import NetlistError

#: Limits of what the generator was built and tested for.
MIN_MACROS, MAX_MACROS = 1, 4_000
MIN_CELLS, MAX_CELLS = 100, 2_000_000


@dataclass(frozen=True)
class SynthesisSpec:
    """Parameters of :func:`netlists.synthesis.synthesize`.

    Defaults follow the NanGate45 designs of the TILOS MacroPlacement collection (ariane133, nvdla, mempool_tile):
    their net degrees, macro area share, cluster sizes, utilisation and routing supply.

    Raises:
        NetlistError: a parameter is outside its range.
    """

    num_macros: int = 100
    """Hard macros."""

    num_cells: int | None = None
    """Standard cells; None takes 600 a macro, at least 2,000 and at most 1,000,000."""

    num_soft_macros: int | None = None
    """Clusters of standard cells when ``clustered``; None takes one for each 115 cells,
    at least 120 and at most 3,000."""

    num_ports: int | None = None
    """Ports; None takes 64 + 1.4 * sqrt(cells), Rent's second region."""

    clustered: bool = True
    """Circuit Training form with soft macros; False keeps every standard cell and gives the canvas rows."""

    rent_exponent: float = 0.65
    """Exponent p of T = t * g**p, the terminals of a block of g cells; logic has 0.5 to 0.75."""

    utilisation: float = 0.60
    """(Macro area + cell area) / canvas area, before cells are bloated into soft macros."""

    macro_area_share: float = 0.70
    """Macro area / (macro area + cell area). Macros never get smaller than a small register file, so designs with
    far more macros than logic end above this share."""

    data_bits: tuple[int, ...] = (16, 32)
    """Word widths the SRAM masters choose from."""

    num_masters: int | None = None
    """Distinct SRAM masters; None takes one for small designs up to eight for 2,000 macros."""

    max_array: int = 32
    """Most macros in one memory array (powers of two up to this)."""

    bus_share: float = 0.40
    """Share of the cell-driven nets that run as buses of 4 to 64 parallel bits."""

    fanout_shares: tuple[float, ...] = (0.66, 0.21, 0.04, 0.02, 0.012, 0.008, 0.005)
    """Relative shares of cell-driven nets with 1, 2, 3, ... sinks."""

    tail_share: float = 0.045
    """Share of nets with a power-law fan-out above that table, up to 24."""

    enable_share: float = 0.008
    """Share of nets that drive whole registers (32 to 96 neighbouring cells): enables, selects."""

    reset_share: float = 0.20
    """Share of cells on the reset nets: one from a port, a few local ones of hundreds or thousands of sinks."""

    bloat: float = 2.0
    """Soft macro area / area of its cells (Circuit Training's soft_macro_area_bloating_ratio)."""

    columns: int | None = None
    """Columns of the placement grid; None makes a gcell about half a macro wide, 10 to 60 columns."""

    grid_rows: int | None = None
    """Rows of the placement grid; None takes slightly fewer than columns."""

    name: str = ""
    """Design name; empty makes one from the sizes and the seed."""

    def __post_init__(self) -> None:
        _within("num_macros", self.num_macros, MIN_MACROS, MAX_MACROS)
        _within("num_cells", self.cells, MIN_CELLS, MAX_CELLS)
        if self.num_soft_macros is not None:
            _within("num_soft_macros", self.num_soft_macros, 1, self.cells)
        _within("num_ports", self.ports, 4, 100_000)
        _within("rent_exponent", self.rent_exponent, 0.2, 0.9)
        _within("utilisation", self.utilisation, 0.1, 0.75)
        _within("macro_area_share", self.macro_area_share, 0.05, 0.9)
        _within("num_masters", self.masters, 1, 64)
        _within("max_array", self.max_array, 1, 256)
        for key in ("bus_share", "reset_share"):
            _within(key, getattr(self, key), 0.0, 0.9)
        for key in ("tail_share", "enable_share"):
            _within(key, getattr(self, key), 0.0, 0.2)
        _within("bloat", self.bloat, 1.0, 2.5)
        for key in ("columns", "grid_rows"):
            if getattr(self, key) is not None:
                _within(key, getattr(self, key), 2, 256)
        if not self.data_bits or min(self.data_bits) < 1 or max(self.data_bits) > 1024:
            raise NetlistError("data_bits must name word widths of 1 to 1024", found=self.data_bits)
        if not self.fanout_shares or min(self.fanout_shares) < 0 or sum(self.fanout_shares) <= 0:
            raise NetlistError("fanout_shares must be non-negative and not all zero", found=self.fanout_shares)

    @property
    def cells(self) -> int:
        """Standard cells, with the default filled in."""
        return self.num_cells if self.num_cells is not None else int(np.clip(600 * self.num_macros, 2_000, 1_000_000))

    @property
    def ports(self) -> int:
        """Ports, with the default filled in."""
        return self.num_ports if self.num_ports is not None else int(64 + 1.4 * self.cells**0.5)

    @property
    def masters(self) -> int:
        """Distinct SRAM masters, with the default filled in."""
        if self.num_masters is not None:
            return min(self.num_masters, self.num_macros)
        return int(np.clip(round(np.log2(self.num_macros) - 3), 1, 8))


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise NetlistError(f"{key} is out of range", found=value, expected=f"{low:g} to {high:g}")
