"""Writing LEF: the sites, layers and masters a library holds, as one file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from netlists.errors import NetlistError
from netlists.formats.lef.library import DIRECTIONS, OBSTRUCTION, SIGNAL, USES, Layer, Library, Macro, Shapes, Site
from netlists.formats.textio import atomic_write


def write_lef(library: Library, path: str | Path) -> Path:
    """Write a library as one LEF file; gzip when the name ends in ``.gz``, replaced atomically.

    Everything a :class:`Library` holds is written and read back equal; what the reader skips (vias, rules) is gone.

    Returns:
        The path.

    Raises:
        NetlistError: it cannot be written, or a name or number has no place in LEF.
    """
    return atomic_write(Path(path), lef_text(library))


def lef_text(library: Library) -> str:
    """The text of :func:`write_lef`.

    Raises:
        NetlistError: a name or number has no place in LEF.
    """
    return "\n".join((*_head(library), *(line for part in _parts(library) for line in part), "END LIBRARY", ""))


def _parts(library: Library) -> Iterator[Iterable[str]]:
    yield from (_layer(layer) for layer in library.layers.values())
    yield from (_site(site) for site in library.sites.values())
    yield from (_macro(macro) for macro in library.macros.values())


def _head(library: Library) -> Iterator[str]:
    yield f"VERSION {library.version} ;"
    yield f'BUSBITCHARS "{library.bus_bits}" ;'
    yield f'DIVIDERCHAR "{library.divider}" ;'
    if library.dbu_per_micron:
        yield f"UNITS\n  DATABASE MICRONS {library.dbu_per_micron} ;\nEND UNITS"
    if library.manufacturing_grid:
        yield f"MANUFACTURINGGRID {_number(library.manufacturing_grid)} ;"


def _name(name: str) -> str:
    if not re.fullmatch(r"[^\s#\";][^\s]*", name) or (name.endswith(";") and not name.endswith("\\;")):
        raise NetlistError("a name cannot be written in LEF", found=name, expected="no white space, ';' or quote")
    return name


def _number(value: float) -> str:
    """Shortest text that reads back as the same number, without an exponent."""
    if not math.isfinite(value):
        raise NetlistError("a number that is not finite cannot be written in LEF", found=value)
    return np.format_float_positional(value, trim="-")


def _numbers(values: Iterable[float]) -> str:
    return " ".join(_number(value) for value in values)


def _layer(layer: Layer) -> Iterator[str]:
    yield f"LAYER {_name(layer.name)}"
    yield f"  TYPE {layer.kind} ;"
    if layer.direction:
        yield f"  DIRECTION {layer.direction} ;"
    if any(layer.pitch):
        yield f"  PITCH {_numbers(layer.pitch)} ;"
    if not any(math.isnan(value) for value in layer.offset):
        yield f"  OFFSET {_numbers(layer.offset)} ;"
    for keyword, value in (
        ("WIDTH", layer.width), ("MINWIDTH", layer.min_width), ("AREA", layer.area), ("SPACING", layer.spacing),
    ):  # fmt: skip
        if value:
            yield f"  {keyword} {_number(value)} ;"
    yield f"END {layer.name}"


def _site(site: Site) -> Iterator[str]:
    yield f"SITE {_name(site.name)}"
    yield f"  CLASS {site.kind} ;"
    if site.symmetry:
        yield f"  SYMMETRY {' '.join(site.symmetry)} ;"
    if site.row_pattern:
        yield "  ROWPATTERN " + " ".join(f"{name} {orient}" for name, orient in site.row_pattern) + " ;"
    yield f"  SIZE {_number(site.width)} BY {_number(site.height)} ;"
    yield f"END {site.name}"


def _macro(macro: Macro) -> Iterator[str]:
    yield f"MACRO {_name(macro.name)}"
    if macro.kind:
        yield f"  CLASS {' '.join((macro.kind, *macro.subkind.split()))} ;"
    if macro.foreign:
        yield f"  FOREIGN {_name(macro.foreign)} {_numbers(macro.foreign_offset)} ;"
    yield f"  ORIGIN {_numbers(macro.origin)} ;"
    yield f"  SIZE {_number(macro.width)} BY {_number(macro.height)} ;"
    if macro.symmetry:
        yield f"  SYMMETRY {' '.join(macro.symmetry)} ;"
    for site in macro.sites:
        yield f"  SITE {_name(site)} ;"
    s = macro.shapes
    of: dict[int, list[int]] = {}
    for shape, owner in enumerate(s.owner.tolist()):
        of.setdefault(owner, []).append(shape)
    for i, pin in enumerate(macro.pins):
        yield f"  PIN {_name(pin)}"
        if macro.direction[i] >= 0:
            yield f"    DIRECTION {DIRECTIONS[macro.direction[i]]} ;"
        if macro.use[i] != SIGNAL:
            yield f"    USE {USES[macro.use[i]]} ;"
        yield from _ports(s, of.get(i, []))
        yield f"  END {pin}"
    if OBSTRUCTION in of:
        yield from ("  OBS", *_geometries(s, of[OBSTRUCTION]), "  END")
    yield f"END {macro.name}"


def _ports(s: Shapes, shapes: list[int]) -> Iterator[str]:
    ports: dict[int, list[int]] = {}
    for shape in shapes:
        ports.setdefault(int(s.port[shape]), []).append(shape)
    for number in range(max(ports, default=-1) + 1):  # an empty port keeps the numbers of the others
        yield from ("    PORT", *_geometries(s, ports.get(number, [])), "    END")


def _geometries(s: Shapes, shapes: list[int]) -> Iterator[str]:
    layer = -1
    for shape in shapes:
        if s.layer[shape] != layer:
            layer = int(s.layer[shape])
            yield f"      LAYER {_name(s.layers[layer])} ;"
        polygon = s.polygons.get(shape)
        if polygon is None:
            yield f"        RECT {_numbers(s.box[shape].tolist())} ;"
        else:
            yield f"        POLYGON {_numbers(polygon.reshape(-1).tolist())} ;"
