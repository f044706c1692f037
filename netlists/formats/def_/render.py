"""The text of every DEF statement and section that is modelled."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats.def_.data import (
    EVERY_COMPONENT,
    HARD_HALO,
    NO_HALO,
    SOFT_HALO,
    STATUSES,
    UNPLACED,
    Blockage,
    Components,
    DefFile,
    GcellGrid,
    Group,
    Nets,
    Pin,
    Port,
    Region,
    Row,
    Track,
)  # fmt: skip
from netlists.orientation import NAMES

#: What cannot be a name: white space in it, or a word that the format uses itself.
_NO_NAME = re.compile(r"\s|^$|^[#\";]|^[()+\-*]$|(?<!\\);$")
#: Connections on one line of a net.
_PER_LINE = 6


def checked(names: Sequence[str], what: str) -> Sequence[str]:
    """The names as they are.

    Raises:
        NetlistError: one cannot be written.
    """
    for name in names:
        if _NO_NAME.search(name):
            raise NetlistError(
                f"the name of a {what} cannot be written in DEF", found=name, expected="no white space or lone symbol"
            )
    return names


def _point(x: int, y: int) -> str:
    return f"( {x} {y} )"


def _rect(rect: Sequence[int]) -> str:
    return f"( {rect[0]} {rect[1]} ) ( {rect[2]} {rect[3]} )"


def location(status: int, x: int, y: int, orient: int) -> str:
    """``+ PLACED ( x y ) N``; ``+ UNPLACED`` without a location."""
    if status == UNPLACED and (x, y, orient) == (0, 0, 0):
        return "+ UNPLACED"
    return f"+ {STATUSES[status]} ( {x} {y} ) {NAMES[orient]}"


def component(c: Components, i: int) -> bytes:
    """One statement of COMPONENTS."""
    words = [f"- {c.names[i]} {c.masters[c.master[i]]}"]
    where = int(c.status[i]), int(c.x[i]), int(c.y[i]), int(c.orient[i])
    if any(where):
        words.append(location(*where))
    if c.halo_kind[i] != NO_HALO:
        soft = "SOFT " if c.halo_kind[i] == SOFT_HALO else ""
        words.append(f"+ HALO {soft}{' '.join(str(side) for side in c.halo[i].tolist())}")
    if c.region[i] >= 0:
        words.append(f"+ REGION {c.regions[c.region[i]]}")
    return b" ".join((" ".join(words).encode(), *c.options.raw(i), b";"))


def components(c: Components) -> bytes:
    """The section COMPONENTS.

    Raises:
        NetlistError: a name cannot be written, or a code is none.
    """
    check_components(c)
    lines = [component(c, i) for i in range(len(c))]
    return b"\n".join((b"COMPONENTS %d ;" % len(c), *lines, b"END COMPONENTS"))


def check_components(c: Components) -> None:
    """Check that arrays and names can be written.

    Raises:
        NetlistError: a name cannot be written, a code is none, or lengths disagree.
    """
    n = len(c)
    arrays = (c.master, c.status, c.x, c.y, c.orient, c.halo_kind, c.region, c.halo, c.options)
    if any(len(array) != n for array in arrays):
        raise NetlistError("the arrays of the components differ in length", expected=f"{n} entries")
    for what, codes, count in (
        ("placement status", c.status, len(STATUSES)), ("orientation", c.orient, len(NAMES)),
        ("halo kind", c.halo_kind, SOFT_HALO + 1), ("master", c.master, len(c.masters)),
    ):  # fmt: skip
        if n and not (codes.min() >= 0 and codes.max() < count):
            bad = int(np.flatnonzero((codes < 0) | (codes >= count))[0])
            raise NetlistError(f"component {c.names[bad]!r} has an unknown {what}", found=int(codes[bad]))
    for what, values in (("location", c.x), ("location", c.y)):
        if values.dtype.kind not in "iu":
            raise NetlistError(f"the {what} of a component is not in whole database units", found=values.dtype)
    if (c.halo_kind == HARD_HALO).any() and c.halo.dtype.kind not in "iu":
        raise NetlistError("a halo is not in whole database units", found=c.halo.dtype)
    checked(c.names, "component")
    checked(c.masters, "master")
    checked(c.regions, "region")


def nets(n: Nets, c: Components) -> bytes:
    """The section NETS.

    Raises:
        NetlistError: a name cannot be written, or a connection leads to no component.
    """
    if len(n.component) and not (n.component.min() >= EVERY_COMPONENT and n.component.max() < len(c)):
        raise NetlistError("a net is connected to a component that is not there", found=int(n.component.max()))
    checked(n.names, "net")
    checked(n.pins, "pin")
    owners = (*c.names, "*", "PIN")  # -2 and -1 count from the end
    lines = [b"NETS %d ;" % len(n)]
    ptr, component, pin, made = n.ptr.tolist(), n.component.tolist(), n.pin.tolist(), n.synthesized.tolist()
    uses, weights, given, sources = n.use.tolist(), n.weight.tolist(), n.has_weight.tolist(), n.source.tolist()
    for i, name in enumerate(n.names):
        ends = [
            f"( {owners[component[k]]} {n.pins[pin[k]]} )" + (" + SYNTHESIZED" if made[k] else "")
            for k in range(ptr[i], ptr[i + 1])
        ]
        words = [f"- {name}"]
        words += [" ".join(ends[at : at + _PER_LINE]) for at in range(0, len(ends), _PER_LINE)]
        text = "\n   ".join(words) if len(ends) > _PER_LINE else " ".join(words)
        if sources[i] >= 0:
            text += f" + SOURCE {n.words[sources[i]]}"
        if i in n.original:
            text += f" + ORIGINAL {n.original[i]}"
        if uses[i] >= 0:
            text += f" + USE {n.words[uses[i]]}"
        if given[i] or weights[i] != 1:
            text += f" + WEIGHT {weights[i]}"
        lines.append(b" ".join((text.encode(), *n.options.raw(i), b";")))
    lines.append(b"END NETS")
    return b"\n".join(lines)


def pin(p: Pin) -> str:
    """One statement of PINS.

    Raises:
        NetlistError: a name cannot be written.
    """
    checked((p.name,), "pin")
    head = f"- {p.name}"
    if p.net:
        head += f" + NET {p.net}"
    for word, value in (("DIRECTION", p.direction), ("USE", p.use)):
        head += f" + {word} {value}" if value else ""
    head += " + SPECIAL" if p.special else ""
    lines = [" ".join((head, *p.options))]
    for port in p.ports:
        lines += _port(port)
    return "\n  ".join(lines) + " ;"


def _port(port: Port) -> list[str]:
    lines = ["+ PORT"] if port.explicit else []
    for shape in port.shapes:
        keyword = "LAYER" if len(shape.points) == 2 else "POLYGON"
        said = f" {shape.options}" if shape.options else ""
        lines.append(f"+ {keyword} {shape.layer}{said} " + " ".join(_point(*point) for point in shape.points))
    lines += port.options
    where = port.status, port.x, port.y, port.orient
    return [*lines, location(*where)] if any(where) else lines


def pins(p: Sequence[Pin]) -> str:
    """The section PINS."""
    return "\n".join((f"PINS {len(p)} ;", *(pin(one) for one in p), "END PINS"))


def _blockage(b: Blockage) -> str:
    if b.layer:
        return f"- LAYER {b.text} ;"
    words = ["- PLACEMENT"]
    words += ["+ SOFT"] if b.soft else []
    words += [f"+ PARTIAL {b.partial:.15g}"] if b.partial is not None else []
    words += ["+ PUSHDOWN"] if b.pushdown else []
    words += [f"+ COMPONENT {b.component}"] if b.component else []
    words += b.options
    words += [f"RECT {_rect(rect)}" for rect in b.rects]
    words += ["POLYGON " + " ".join(_point(*point) for point in polygon) for polygon in b.polygons]
    return " ".join((*words, ";"))


def blockages(b: Sequence[Blockage]) -> str:
    """The section BLOCKAGES."""
    return "\n".join((f"BLOCKAGES {len(b)} ;", *(_blockage(one) for one in b), "END BLOCKAGES"))


def _region(r: Region) -> str:
    kind = [f"+ TYPE {r.kind}"] if r.kind else []
    return " ".join((f"- {r.name}", *(_rect(rect) for rect in r.rects), *kind, *r.options, ";"))


def regions(r: Sequence[Region]) -> str:
    """The section REGIONS."""
    checked([one.name for one in r], "region")
    return "\n".join((f"REGIONS {len(r)} ;", *(_region(one) for one in r), "END REGIONS"))


def _group(g: Group) -> str:
    region = [f"+ REGION {g.region}"] if g.region else []
    return " ".join((f"- {g.name}", *g.patterns, *region, *g.options, ";"))


def groups(g: Sequence[Group]) -> str:
    """The section GROUPS."""
    checked([one.name for one in g], "group")
    return "\n".join((f"GROUPS {len(g)} ;", *(_group(one) for one in g), "END GROUPS"))


def row(r: Row) -> str:
    """One ROW statement."""
    text = f"ROW {r.name} {r.site} {r.x} {r.y} {NAMES[r.orient]} DO {r.columns} BY {r.rows}"
    if r.step_x or r.step_y:
        text += f" STEP {r.step_x} {r.step_y}"
    return " ".join((text, *([r.options] if r.options else []), ";"))


def track(t: Track) -> str:
    """One TRACKS statement."""
    words = [f"TRACKS {t.axis} {t.start} DO {t.count} STEP {t.step}"]
    words += [t.mask] if t.mask else []
    words += ["LAYER", *t.layers] if t.layers else []
    return " ".join((*words, ";"))


def gcell_grid(g: GcellGrid) -> str:
    """One GCELLGRID statement."""
    return f"GCELLGRID {g.axis} {g.start} DO {g.count} STEP {g.step} ;"


def die_area(corners: NDArray[np.int64]) -> str:
    """The DIEAREA statement; two corners for a rectangle."""
    found = [(int(x), int(y)) for x, y in corners]
    if len(found) == 4:
        (x0, y0), (x1, y1) = found[0], found[2]
        if found == [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]:
            found = [(x0, y0), (x1, y1)]
    return " ".join(("DIEAREA", *(_point(*point) for point in found), ";"))


def _lines(one: Callable[..., str]) -> Callable[[Sequence[object]], str]:
    return lambda values: "\n".join(one(value) for value in values)


#: Text of a field of :class:`DefFile`, by its name, in the order of the format: keyword and how it is written.
FIELDS: dict[str, tuple[str, Callable[..., str | bytes]]] = {
    "version": ("VERSION", lambda value: f"VERSION {value} ;"),
    "divider": ("DIVIDERCHAR", lambda value: f'DIVIDERCHAR "{value}" ;'),
    "bus_bits": ("BUSBITCHARS", lambda value: f'BUSBITCHARS "{value}" ;'),
    "design": ("DESIGN", lambda value: f"DESIGN {checked((value,), 'design')[0]} ;"),
    "dbu_per_micron": ("UNITS", lambda value: f"UNITS DISTANCE MICRONS {value} ;"),
    "die_area": ("DIEAREA", die_area),
    "rows": ("ROW", _lines(row)),
    "tracks": ("TRACKS", _lines(track)),
    "gcell_grid": ("GCELLGRID", _lines(gcell_grid)),
    "regions": ("REGIONS", regions),
    "components": ("COMPONENTS", components),
    "pins": ("PINS", pins),
    "blockages": ("BLOCKAGES", blockages),
    "nets": ("NETS", nets),
    "groups": ("GROUPS", groups),
}


def field_text(d: DefFile, field: str) -> bytes:
    """Text of one field as it stands in the file."""
    value = getattr(d, field)
    text = nets(value, d.components) if field == "nets" else FIELDS[field][1](value)
    return text.encode() if isinstance(text, str) else text
