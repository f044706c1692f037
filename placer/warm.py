"""Compile once, before any clock runs.

The kernels are compiled by Numba on first use and kept on disk. On a fresh installation that takes one to two minutes,
which would otherwise be taken out of the first run's time limit. ``python -m placer.warm`` does it at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write
from placer.budget import Budget

if TYPE_CHECKING:
    from placer.engines.search import SearchOptions

#: What users are told while they wait.
NOTICE = "compiling, once after an installation (one to two minutes)"
#: Enough of a DEF file for every kernel of its reader.
_DEF = (
    b"DESIGN a ; UNITS DISTANCE MICRONS 1 ; COMPONENTS 1 ; - b c ; END COMPONENTS "
    b"NETS 1 ; - n ( b A ) ; END NETS END DESIGN"
)
#: Exact proposals of the rehearsal: enough for every phase of the search to be entered.
_PROPOSALS = 4_000


#: Moves of the rehearsal on a device.
_DEVICE_MOVES = 50_000


_warm = False
_device_warm = False


def warm_up(say: Callable[[], None] = lambda: None) -> None:
    """Compile every kernel that a run needs, unless this machine has done so already.

    Args:
        say: called once before the work begins, if there is work.
    """
    global _warm
    if not _warm and not is_warm():
        say()
        _rehearse()
        _remember()
    _warm = True


def warm_up_device(options: SearchOptions) -> None:
    """Compile the programs of the CUDA device that a run with these options will use; nothing without one."""
    global _device_warm
    from placer.engines.accelerate import uses_device

    if _device_warm or not uses_device(options):
        return
    from netlists.load import load
    from placer.engines.gpu_search import gpu_search
    from placer.engines.legalise import legalise

    design = load("synth20")
    with contextlib.suppress(Exception):  # the run itself says what is wrong with the device, and goes on without it
        gpu_search(design, [legalise(design)], budget=Budget(), iterations=_DEVICE_MOVES)
    _device_warm = True


def is_warm() -> bool:
    """True when this machine has compiled these sources already."""
    return (_folder() / _marker_name()).exists()


def _rehearse() -> None:
    """Place, score and draw the smallest bundled design and a small flat one, without a clock; read a DEF file."""
    from netlists.formats.def_ import parse_def
    from netlists.load import load
    from netlists.synthesis import SynthesisSpec, synthesize
    from placer import flat, flow
    from placer.cost.full import CostWeights
    from placer.engines.analytic.circuit import extract
    from placer.engines.analytic.coarsen import coarsen
    from placer.engines.analytic.flow import place_flat
    from placer.engines.analytic.ground import ground_of
    from placer.engines.search.wishes import build_wishes, wish_cost
    from placer.scoring import score_placement
    from placer.view.scene import scene

    parse_def(_DEF, Path("rehearsal.def"))
    result = flow.place(load("synth20"), effort="fast", jobs=1, iterations=_PROPOSALS)
    scored = score_placement(result.design, result.placement)
    scene(result.design, result.placement, cost=scored.cost)
    wish_cost(result.design, result.placement, build_wishes(result.design, CostWeights(channels=1.0)))
    cells = synthesize(SynthesisSpec(num_macros=2, num_cells=200, num_ports=8, clustered=False))
    for engine in ("analytic", "hybrid"):
        flat.place_cells(cells, engine, effort="fast", jobs=1, iterations=_PROPOSALS // 8)
    place_flat(cells, turn_macros=True, routability=1.0)
    circuit = extract(cells)  # joined into clusters only where there are many
    coarsen(circuit, circuit.movable, ground_of(cells, cells.placement, ~circuit.movable))


def _folder() -> Path:
    """Where the marker may be kept: with the compiled kernels, or beside the sources where there is no cache."""
    from netlists.compiled import kernel_cache

    cache = kernel_cache()
    return Path(__file__).resolve().parent / "__pycache__" if cache is None else cache


def _marker_name() -> str:
    """Name of the file that exists once these sources were compiled by this Python and Numba for this processor."""
    from netlists.compiled import kernel_files, source_digest

    digest = hashlib.sha256()
    for file in [Path(__file__), *kernel_files("netlists", "placer")]:  # what is rehearsed counts too
        digest.update(source_digest(file).encode())
    digest.update(repr((sys.version, metadata.version("numba"), metadata.version("numpy"), platform.uname())).encode())
    return f"compiled-{digest.hexdigest()[:20]}"


def _remember() -> None:
    with contextlib.suppress(NetlistError, OSError):
        atomic_write(_folder() / _marker_name(), "These sources were compiled here.\n")


if __name__ == "__main__":
    warm_up(lambda: print(f"placer: {NOTICE}", file=sys.stderr, flush=True))
