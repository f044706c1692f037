"""SRAM macros: a few masters, repeated in arrays that share address and data buses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.synthesis.draws import Draws
from netlists.synthesis.logic import ROW_HEIGHT, SITE_WIDTH
from netlists.synthesis.spec import SynthesisSpec

#: Macros on one address and write-data bus; larger arrays have several banks.
_BANK = 8
#: Height / width of masters, drawn log-uniformly; SRAM macros are usually taller than wide.
_ASPECTS = (0.6, 2.6)
#: Macro area never falls below that of a small register file, um^2.
_MIN_MEAN_AREA = 400.0
#: Pins sit this far inside the edge, um (half a NanGate45 pin).
_PIN_INSET = 0.035
_WORDS_LOG2 = (6, 7, 8, 9, 10)
#: Stem of the output pins; all other pins are inputs.
READ_DATA = "rd_out"
_KINDS = ("data_ram", "tag_ram", "buffer", "regfile", "fifo", "lut_ram", "state_ram", "table")


@dataclass(frozen=True)
class Master:
    """One SRAM master: its size and its pins in the N frame.

    Attributes:
        bits: word width.
        address: address bits.
        width: um.
        height: um.
        names: pin names, ``clk``, ``ce_in``, ``we_in``, address, write data, read data.
        dx: ``[pins]`` um from the centre.
        dy: ``[pins]`` um from the centre.
    """

    bits: int
    address: int
    width: float
    height: float
    names: tuple[str, ...]
    dx: NDArray[np.float64]
    dy: NDArray[np.float64]

    @property
    def first_address(self) -> int:
        """Index of the first address pin; write data and read data follow the address."""
        return 3


@dataclass(frozen=True)
class Memories:
    """All macros of a design, array by array.

    Attributes:
        masters: the masters.
        master_of: ``[macros]`` master of each macro.
        array_of: ``[macros]`` array of each macro.
        index: ``[macros]`` position of each macro in its array.
        size: ``[arrays]`` macros of each array.
        anchor: ``[arrays]`` cell the array's logic is centred on, ascending.
        kind: ``[arrays]`` base names.
    """

    masters: tuple[Master, ...]
    master_of: NDArray[np.int64]
    array_of: NDArray[np.int64]
    index: NDArray[np.int64]
    size: NDArray[np.int64]
    anchor: NDArray[np.int64]
    kind: tuple[str, ...]

    @property
    def widths(self) -> NDArray[np.float64]:
        """``[macros]`` um."""
        return np.array([m.width for m in self.masters])[self.master_of]

    @property
    def heights(self) -> NDArray[np.float64]:
        """``[macros]`` um."""
        return np.array([m.height for m in self.masters])[self.master_of]


def make_memories(spec: SynthesisSpec, seed: int, cell_area: float) -> Memories:
    """Draw arrays and masters so that macros take their share of the object area (um^2)."""
    draws = Draws(seed, 3)
    size = _array_sizes(spec, draws)
    arrays = len(size)
    order = np.argsort(draws.uniform(arrays), kind="stable")
    master = np.empty(arrays, np.int64)
    master[order] = np.arange(arrays) % min(spec.masters, arrays)  # every master is used
    array_of = np.repeat(np.arange(arrays), size)
    shapes = _shapes(spec, draws, master[array_of], cell_area)
    two_sided = (draws.uniform(len(shapes)) < 0.5).tolist()
    masters = tuple(_master(*shape, two_sided=two) for shape, two in zip(shapes, two_sided, strict=True))
    anchor = np.sort(draws.below(spec.cells, arrays))
    kinds = tuple(_KINDS[k] for k in draws.choice(np.ones(len(_KINDS)), arrays))
    index = np.arange(spec.num_macros) - np.repeat(np.cumsum(size) - size, size)
    return Memories(masters, master[array_of], array_of, index, size, anchor, kinds)


def _array_sizes(spec: SynthesisSpec, draws: Draws) -> NDArray[np.int64]:
    """Powers of two up to ``max_array`` that sum to ``num_macros``, no array above a quarter of the macros."""
    top = int(np.log2(max(1, min(spec.max_array, spec.num_macros // 4))))
    left, out = spec.num_macros, []
    # Log-uniform sizes: many small arrays, yet most macros in large ones.
    for power in draws.below(top + 1, spec.num_macros):
        out.append(min(1 << int(power), left))
        left -= out[-1]
        if left == 0:
            break
    return np.array(out, np.int64)


def _shapes(
    spec: SynthesisSpec, draws: Draws, master_of: NDArray[np.int64], cell_area: float
) -> list[tuple[int, int, float, float]]:
    """(bits, address bits, width, height) of each master, on site and row multiples."""
    count = int(master_of.max()) + 1
    bits = np.array(spec.data_bits)[draws.choice(np.ones(len(spec.data_bits)), count)]
    address = np.array(_WORDS_LOG2)[draws.choice(np.ones(len(_WORDS_LOG2)), count)]
    # Periphery makes area grow slower than capacity; a wide spread would let one master crowd out the others.
    relative = (bits * 2.0**address) ** 0.4
    uses = np.bincount(master_of, minlength=count)
    relative = np.clip(relative, 0.4, 2.0 * np.dot(relative, uses) / uses.sum())
    total = max(cell_area * spec.macro_area_share / (1 - spec.macro_area_share), _MIN_MEAN_AREA * uses.sum())
    area = relative * total / np.dot(relative, uses)
    low, high = np.log(_ASPECTS)
    aspect = np.exp(low + draws.uniform(count) * (high - low))
    if spec.num_macros < 16:  # few, large macros: keep them near square so that they pack
        aspect = aspect**0.4
    width = np.maximum(np.rint(np.sqrt(area / aspect) / SITE_WIDTH), 1) * SITE_WIDTH
    height = np.maximum(np.rint(area / width / ROW_HEIGHT), 1) * ROW_HEIGHT
    return [
        (int(b), int(a), round(float(w), 2), round(float(h), 2))
        for b, a, w, h in zip(bits, address, width, height, strict=True)
    ]


def _master(bits: int, address: int, width: float, height: float, *, two_sided: bool) -> Master:
    """Pins evenly spread: all on the left edge, or control and write data left, read data right."""
    names = ["clk", "ce_in", "we_in"]
    names += [f"addr_in[{i}]" for i in range(address)]
    names += [f"wd_in[{i}]" for i in range(bits)]
    names += [f"{READ_DATA}[{i}]" for i in range(bits)]
    right = np.zeros(len(names), bool)
    right[-bits:] = two_sided
    dx = np.where(right, 1.0, -1.0) * (width / 2 - _PIN_INSET)
    dy = np.empty(len(names))
    for side in (right, ~right):
        count = int(side.sum())
        dy[side] = (np.arange(count) + 0.5 - count / 2) / max(count, 1) * height * 0.9
    return Master(bits, address, width, height, tuple(names), np.round(dx, 4), np.round(dy, 4))


@dataclass(frozen=True)
class MemoryNets:
    """How memories connect to logic; pins are indices into the concatenation of all macros' pins.

    Attributes:
        pin_macro: ``[pins]`` macro of each pin.
        in_cell: ``[K]`` cell whose net reaches ``in_pin``.
        in_pin: ``[K]`` macro input pins.
        out_pin: ``[L]`` macro output pins, ascending, with repetition; each distinct one drives a net.
        out_cell: ``[L]`` a cell that net reaches.
    """

    pin_macro: NDArray[np.int64]
    in_cell: NDArray[np.int64]
    in_pin: NDArray[np.int64]
    out_pin: NDArray[np.int64]
    out_cell: NDArray[np.int64]


def connect_memories(spec: SynthesisSpec, seed: int, memories: Memories) -> MemoryNets:
    """Wire each bank: shared address and write data, enables of its own, read data into a shared multiplexer."""
    draws = Draws(seed, 4)
    pins = np.array([len(m.names) for m in memories.masters])[memories.master_of]
    first_pin = np.cumsum(pins) - pins
    cells = spec.cells
    in_cell, in_pin, out_pin, out_cell = [], [], [], []
    macro = 0
    for size, anchor in zip(memories.size, memories.anchor, strict=True):
        master = memories.masters[memories.master_of[macro]]
        a, d, base = master.address, master.bits, master.first_address
        cursor = int(anchor) + np.arange(2 * d + a)  # write data, address, multiplexer, side by side
        own = int(anchor) + 2 * d + a
        for bank in range(0, int(size), _BANK):
            members = macro + np.arange(bank, min(bank + _BANK, int(size)))
            # Banks of one array share write data; each has its own address register.
            address = (cursor[d : d + a] + bank * (a + 2)) % cells
            for m in members:
                pin0 = first_pin[m]
                in_cell += [np.array([own, own + 1]) % cells, address, cursor[:d] % cells]
                in_pin += [pin0 + np.arange(1, 3 + a + d)]
                own += 2
                reader = (cursor[d + a :] + (bank // _BANK) * d) % cells
                q = pin0 + base + a + d + np.arange(d)
                out_pin.append(q)
                out_cell.append(reader)
                twice = draws.uniform(d) < 0.35  # some bits also feed a bypass or parity tree
                out_pin.append(q[twice])
                out_cell.append((reader[twice] + d + a) % cells)
        macro += int(size)
    outs = np.concatenate(out_pin)
    order = np.argsort(outs, kind="stable")
    return MemoryNets(
        np.repeat(np.arange(len(pins)), pins),
        np.concatenate(in_cell), np.concatenate(in_pin), outs[order], np.concatenate(out_cell)[order],
    )  # fmt: skip
