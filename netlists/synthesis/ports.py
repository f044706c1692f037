"""Ports: buses of input and output bits, and where they sit on the canvas edge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.synthesis.draws import Draws
from netlists.synthesis.spec import SynthesisSpec

_WIDTHS = (1, 2, 4, 8, 16, 32, 64)
_SHARES = (0.35, 0.08, 0.1, 0.12, 0.12, 0.15, 0.08)
_WORDS = ("req", "rsp", "addr", "data", "strb", "irq", "cfg", "stat", "axi", "mem")


@dataclass(frozen=True)
class Ports:
    """The ports of a design; the first two are the clock, which is ideal and has no net, and the reset.

    Attributes:
        names: ``P`` names, ``bus[bit]`` for buses.
        is_input: ``[P]`` drives a net; the others are sinks.
        cell: ``[P]`` cell a port connects to.
        bus: ``[P]`` bus of each port; consecutive.
    """

    names: tuple[str, ...]
    is_input: NDArray[np.bool_]
    cell: NDArray[np.int64]
    bus: NDArray[np.int64]


def make_ports(spec: SynthesisSpec, seed: int) -> Ports:
    """Draw buses until the number of ports is reached; bits of a bus connect to neighbouring cells."""
    draws = Draws(seed, 5)
    count = spec.ports - 2
    width = np.array(_WIDTHS)[draws.choice(_SHARES, count)]
    buses = int(np.searchsorted(np.cumsum(width), count)) + 1
    width = width[:buses]
    width[-1] -= int(width.sum()) - count
    word = draws.choice(np.ones(len(_WORDS)), buses)
    inward = draws.uniform(buses) < 0.5
    anchor = np.sort(draws.below(spec.cells, buses))  # neighbours on the edge belong to neighbouring modules
    names, cell = ["clk_i", "rst_ni"], [0, 0]
    for b in range(buses):
        stem = f"{_WORDS[word[b]]}{b}_{'i' if inward[b] else 'o'}"
        names += [stem] if width[b] == 1 else [f"{stem}[{k}]" for k in range(width[b])]
        cell += list((anchor[b] + np.arange(width[b])) % spec.cells)
    return Ports(
        tuple(names),
        np.concatenate([[True, True], np.repeat(inward, width)]),
        np.array(cell, np.int64),
        np.concatenate([[0, 1], 2 + np.repeat(np.arange(buses), width)]),
    )


def edge_positions(ports: Ports, width: float, height: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of the ports on the edge of a canvas with its lower-left corner at the origin, um.

    Buses follow each other clockwise from the lower-left corner, keep together on one side, and stay clear of corners.
    """
    share = np.arange(len(ports.names)) / len(ports.names)
    first = np.searchsorted(ports.bus, ports.bus, side="left")
    side = np.minimum((share[first] * 4).astype(np.int64), 3)  # left up, top right, right down, bottom left
    x, y = np.empty(len(side)), np.empty(len(side))
    for s in range(4):
        on = np.flatnonzero(side == s)
        t = 0.1 + 0.8 * (np.arange(len(on)) + 0.5) / max(len(on), 1)
        if s in (0, 2):
            x[on] = 0.0 if s == 0 else width
            y[on] = height * (t if s == 0 else 1 - t)
        else:
            y[on] = height if s == 1 else 0.0
            x[on] = width * (t if s == 1 else 1 - t)
    return np.round(x, 2), np.round(y, 2)
