"""Three synthetic designs that ship in the package, so that demo, tests and first steps need no download.

Each is exactly what ``synthesize(*RECIPES[name])`` makes, written in the Circuit Training format: ``netlist.pb.txt.gz``
and ``initial.plc`` in a folder of its name. To make one again::

    from netlists.bundled import RECIPES
    from netlists.formats.circuit_training import write_design
    from netlists.synthesis import synthesize

    write_design(synthesize(*RECIPES["synth130"]), folder, compress=True)

A test does so and compares; a change of the generator that changes them must ship them anew.
"""

from __future__ import annotations

from pathlib import Path

from netlists.errors import NetlistError
from netlists.synthesis.spec import SynthesisSpec

#: Name -> (spec, seed).
RECIPES: dict[str, tuple[SynthesisSpec, int]] = {
    # A tile: few, varied memories in much logic.
    "synth20": (SynthesisSpec(name="synth20", num_macros=20, num_cells=12_000, macro_area_share=0.5), 1),
    # The size and shape of a RISC-V core with caches.
    "synth130": (SynthesisSpec(name="synth130", num_macros=130, num_cells=78_000, data_bits=(8, 16)), 1),
    # Memory-dominated, with narrow words so that the file stays small.
    "synth500": (SynthesisSpec(name="synth500", num_macros=500, num_cells=60_000, data_bits=(4, 8)), 1),
}


def names() -> tuple[str, ...]:
    """Names of the bundled designs, smallest first."""
    return tuple(RECIPES)


def folder(name: str) -> Path:
    """Folder that holds a bundled design.

    Raises:
        NetlistError: there is no such design.
    """
    if name not in RECIPES:
        raise NetlistError(f"no bundled design is called {name!r}", expected=", ".join(RECIPES))
    return Path(__file__).parent / name


def describe(name: str) -> str:
    """One line about a bundled design."""
    spec, _ = RECIPES[name]
    return f"synthetic, {spec.num_macros} macros, {spec.cells:,} cells in soft macros"
