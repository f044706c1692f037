"""Chip macro placement from real netlists: load, place, score, show.

    >>> import placer
    >>> result = placer.place("synth20", time_limit=5)
    >>> result.cost.proxy_cost < 10
    True

Importing this package stays light: PyTorch, JAX, Numba and Plotly are imported by the first call that needs them.
It also registers the Gymnasium environments, so ``gymnasium.make`` knows them, and checks that the other top-level
packages of this distribution are the ones Python finds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from placer._packages import check_packages
from placer._version import __version__

check_packages()

import env  # noqa: E402 - only once we know that it is ours; it is light, see its docstring

env.register()
del env

if TYPE_CHECKING:
    from netlists.canvas import Canvas
    from netlists.design import Design
    from netlists.errors import NetlistError, PlacementError
    from netlists.netlist import Netlist
    from netlists.placement import Placement
    from placer.api import check, convert, floorplan, floorplan_chip, load, place, score, show
    from placer.flow import Result
    from placer.grouping import group
    from placer.scoring import Score

#: Public name -> the module that defines it, imported on first use (PEP 562).
_HOMES: dict[str, str] = {
    "Canvas": "netlists.canvas",
    "Design": "netlists.design",
    "Netlist": "netlists.netlist",
    "NetlistError": "netlists.errors",
    "Placement": "netlists.placement",
    "PlacementError": "netlists.errors",
    "Result": "placer.flow",
    "Score": "placer.scoring",
    "check": "placer.api",
    "convert": "placer.api",
    "floorplan": "placer.api",
    "floorplan_chip": "placer.api",
    "group": "placer.grouping",
    "load": "placer.api",
    "place": "placer.api",
    "score": "placer.api",
    "show": "placer.api",
}

__all__ = [
    "Canvas",
    "Design",
    "Netlist",
    "NetlistError",
    "Placement",
    "PlacementError",
    "Result",
    "Score",
    "__version__",
    "check",
    "convert",
    "floorplan",
    "floorplan_chip",
    "group",
    "load",
    "place",
    "score",
    "show",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562
    if name not in _HOMES:
        raise AttributeError(f"module 'placer' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
