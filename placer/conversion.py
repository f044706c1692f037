"""Designs from one file format to another: what a target's name means, and writing it."""

from __future__ import annotations

from pathlib import Path

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats import bookshelf, by_name, write_design, write_placement

#: What the name of a netlist file says about its format.
NETLIST_SUFFIXES: dict[str, str] = {
    ".pb.txt": "circuit-training",
    ".pbtxt": "circuit-training",
    ".aux": "bookshelf",
    ".blocks": "gsrc",
}
#: What the name of a placement file says about it; ``.pl`` belongs to two formats.
PLACEMENT_SUFFIXES: dict[str, tuple[str, ...]] = {
    ".plc": ("circuit-training",),
    ".pl": ("bookshelf", "gsrc"),
    ".def": ("lefdef",),
}


def whole_units(design: Design, target: Path, format: str | None = None) -> Design:
    """The design in whole units, as :func:`netlists.formats.bookshelf.in_whole_units` makes it.

    Args:
        design: what to write.
        target: see :func:`write_converted`.
        format: see :func:`write_converted`.

    Raises:
        NetlistError: the target is no Bookshelf file or folder, or there are no such units.
    """
    name, told = Path(target).name.removesuffix(".gz"), design.format
    for suffix, formats in {**{k: (v,) for k, v in NETLIST_SUFFIXES.items()}, **PLACEMENT_SUFFIXES}.items():
        if name.endswith(suffix):
            told = design.format if design.format in formats else formats[0]
    if (format or told) != bookshelf.NAME:
        raise NetlistError("whole units are for Bookshelf", file=target, expected="OUT.aux, or the format bookshelf")
    return bookshelf.in_whole_units(design)


def write_converted(design: Design, target: Path, format: str | None = None) -> list[Path]:
    """Write a design where, and as what, ``target`` says.

    Args:
        design: what to write.
        target: a netlist file (``.pb.txt``, ``.aux``, ``.blocks``; the format's other files go beside it), a
            placement file (``.plc``, ``.pl``; only the placement is written), or a folder. A further ``.gz``
            compresses.
        format: ``"circuit-training"``, ``"bookshelf"`` or ``"gsrc"``; told from ``target`` when None, and the
            design's own for folders.

    Returns:
        The files written.

    Raises:
        NetlistError: the format is unknown or another than the name says, a file would replace the input, or it
            cannot be written.
    """
    target = Path(target)
    if format is not None:
        by_name(format)
    name = target.name
    compress = name.endswith(".gz")
    plain = name.removesuffix(".gz")
    if not target.is_dir():
        for suffix, told in NETLIST_SUFFIXES.items():
            if plain.endswith(suffix) and plain != suffix:
                _agree(target, (told,), format)
                _spare_input(design, target)
                return write_design(
                    design, target.parent, format=told, stem=plain.removesuffix(suffix), compress=compress
                )
        for suffix, formats in PLACEMENT_SUFFIXES.items():
            if plain.endswith(suffix) and plain != suffix:
                _agree(target, formats, format)
                _spare_input(design, target)
                own = design.format if design.format in formats else formats[0]
                write_placement(design, design.placement, target, format=format or own)
                return [target]
        if target.suffix:
            raise NetlistError(
                "this name says nothing about a format",
                file=target,
                expected="a name ending in " + ", ".join([*NETLIST_SUFFIXES, *PLACEMENT_SUFFIXES]) + ", or a folder",
            )
    if design.path is not None and design.path.resolve().parent == target.resolve():
        raise NetlistError("this is the folder of the input; choose another", file=target)
    return write_design(design, target, format=format)


def _agree(target: Path, told: tuple[str, ...], asked: str | None) -> None:
    if asked is not None and asked not in told:
        raise NetlistError(f"the name is one of a {told[0]} file, but {asked} was asked for", file=target)


def _spare_input(design: Design, target: Path) -> None:
    for source in (design.path, design.placement_path):
        if source is not None and source.resolve() == target.resolve():
            raise NetlistError("this would replace the input; choose another name", file=target)
