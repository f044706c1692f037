"""Writing DEF: what changed is put into the text that was read; without one, everything is written in order."""

from __future__ import annotations

from pathlib import Path

from netlists.errors import NetlistError
from netlists.formats.def_ import render
from netlists.formats.def_.data import Components, DefFile, Source, same
from netlists.formats.textio import atomic_write

#: Keywords in the order of the standard; unknown ones go before the end.
_ORDER = (
    "VERSION", "DIVIDERCHAR", "BUSBITCHARS", "DESIGN", "TECHNOLOGY", "UNITS", "HISTORY", "PROPERTYDEFINITIONS",
    "DIEAREA", "ROW", "TRACKS", "GCELLGRID", "VIAS", "STYLES", "NONDEFAULTRULES", "REGIONS", "COMPONENTMASKSHIFT",
    "COMPONENTS", "PINS", "PINPROPERTIES", "BLOCKAGES", "SLOTS", "FILLS", "SPECIALNETS", "NETS", "SCANCHAINS", "GROUPS",
    "BEGINEXT", "", "END",
)  # fmt: skip
_RANK = {keyword: rank for rank, keyword in enumerate(_ORDER)}

#: First byte, byte behind the last, order among edits of the same place, new text.
_Edit = tuple[int, int, int, bytes]


def _rank(keyword: str) -> int:
    return _RANK.get(keyword, _RANK[""])


def write_def(def_file: DefFile, path: str | Path) -> Path:
    """Write a DEF file; gzip when the name ends in ``.gz``, replaced atomically.

    A file that was read and not changed is written byte for byte (after decompression). Where only locations,
    orientations and statuses of components changed only those words change; a pin that changed is written anew, and
    so is a section whose entries came or went.

    Returns:
        The path.

    Raises:
        NetlistError: it cannot be written, or holds something DEF has no words for.
    """
    return atomic_write(Path(path), def_bytes(def_file))


def def_bytes(def_file: DefFile) -> bytes:
    """The text of a DEF file; see :func:`write_def`.

    Raises:
        NetlistError: it holds something DEF has no words for.
    """
    if def_file.source is None:
        return _from_nothing(def_file)
    return _apply(def_file.source.data, _edits(def_file, def_file.source))


def _from_nothing(d: DefFile) -> bytes:
    parts = [(_rank(keyword), render.field_text(d, field)) for field, (keyword, _) in render.FIELDS.items()
             if _says_something(d, field)]  # fmt: skip
    parts += [(_rank(part.keyword), part.data[part.start : part.end]) for part in d.verbatim]
    parts.sort(key=lambda part: part[0])
    return b"\n".join((*(text for _, text in parts), b"END DESIGN", b""))


def _says_something(d: DefFile, field: str) -> bool:
    value = getattr(d, field)
    return not hasattr(value, "__len__") or len(value) > 0


def _edits(d: DefFile, source: Source) -> list[_Edit]:
    if d.dbu_per_micron != source.sections["dbu_per_micron"]:
        raise NetlistError("the database unit of a DEF file that was read cannot be changed", found=d.dbu_per_micron)
    edits: list[_Edit] = []
    for field, (keyword, _) in render.FIELDS.items():
        value, before = getattr(d, field), source.sections[field]
        if same(value, before):
            continue
        if field == "components" and isinstance(before, Components) and _same_objects(value, before):
            edits += _component_edits(value, before, source)
        elif field == "pins" and isinstance(before, tuple) and _names(value) == _names(before):
            edits += [
                (int(source.pins[i, 0]), int(source.pins[i, 1]), 0, render.pin(new).encode())
                for i, (new, old) in enumerate(zip(value, before, strict=True))
                if new != old
            ]
        else:
            text = render.field_text(d, field) if _says_something(d, field) else b""
            edits += _group_edits(source, keyword, text)
    return edits + _verbatim_edits(d, source)


def _names(pins: tuple[object, ...]) -> list[str]:
    return [getattr(pin, "name", "") for pin in pins]


def _same_objects(a: Components, b: Components) -> bool:
    """True when both hold the same instances of the same masters."""
    return a.names == b.names and a.masters == b.masters and same(a.master, b.master)


def _component_edits(new: Components, old: Components, source: Source) -> list[_Edit]:
    render.check_components(new)
    moved = (new.status != old.status) | (new.x != old.x) | (new.y != old.y) | (new.orient != old.orient)
    rest = (new.halo_kind != old.halo_kind) | (new.halo != old.halo).any(axis=1)
    rest |= (new.region != old.region) | (new.regions != old.regions)
    if new.options is not old.options:
        rest |= [new.options.raw(i) != old.options.raw(i) for i in range(len(new))]
    edits: list[_Edit] = []
    for i in (moved | rest).nonzero()[0].tolist():
        if rest[i]:
            start, end = source.statements[i].tolist()
            edits.append((start, end, 0, render.component(new, i)))
            continue
        start, end = source.placements[i].tolist()
        where = render.location(int(new.status[i]), int(new.x[i]), int(new.y[i]), int(new.orient[i])).encode()
        edits.append((start, end, 0, where if end > start else b" " + where))
    return edits


def _group_edits(source: Source, keyword: str, text: bytes) -> list[_Edit]:
    """Replace all statements or the section of a keyword by one text; put it in its place where there was none."""
    spans = [(start, end) for key, start, end in source.items if key == keyword]
    if not spans:
        return [_insertion(source, keyword, text)] if text else []
    edits = [(*spans[0], 0, text)] if text else [_deletion(source, *spans[0])]
    return edits + [_deletion(source, *span) for span in spans[1:]]


def _insertion(source: Source, keyword: str, text: bytes) -> _Edit:
    at = next(start for key, start, _ in source.items if _rank(key) > _rank(keyword))
    return at, at, _rank(keyword), text + b"\n"


def _deletion(source: Source, start: int, end: int) -> _Edit:
    """Take a statement out, with the rest of its line where nothing else stands there."""
    line_end = source.data.find(b"\n", end)
    if line_end >= 0 and not source.data[end:line_end].strip():
        end = line_end + 1
    return start, end, 0, b""


def _verbatim_edits(d: DefFile, source: Source) -> list[_Edit]:
    before = source.sections["verbatim"]
    assert isinstance(before, tuple)
    if d.verbatim is before:
        return []
    kept = {id(part) for part in d.verbatim}
    edits = [_deletion(source, part.start, part.end) for part in before if id(part) not in kept]
    known = {id(part) for part in before}
    new = [part for part in d.verbatim if id(part) not in known]
    return edits + [_insertion(source, part.keyword, part.data[part.start : part.end]) for part in new]


def _apply(data: bytes, edits: list[_Edit]) -> bytes:
    pieces = []
    at = 0
    for start, end, _, text in sorted(edits, key=lambda edit: edit[:3]):
        pieces += [data[at:start], text]
        at = end
    return b"".join((*pieces, data[at:]))
