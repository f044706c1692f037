"""Every file format behind one door: detection from content, and dispatch by format name.

A format is a package with ``NAME``, ``sniff``, ``read_design``, ``read_placement``, ``write_design`` and
``write_placement``; adding one is adding it to :data:`FORMATS`. One whose files are no design by themselves has
``ALONE = False``: no folder is taken for a design because of them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats import bookshelf, circuit_training, def_, gsrc, lef
from netlists.formats.textio import read_head
from netlists.placement import Placement

#: Format modules by name, in the order detection asks them.
FORMATS: dict[str, ModuleType] = {module.NAME: module for module in (circuit_training, bookshelf, gsrc, def_, lef)}
#: Formats of several rooms, imported when they are asked for: they stand on this package.
_LATER: dict[str, str] = {"lefdef": "netlists.physical.room"}


def sniff(path: Path) -> tuple[ModuleType, str] | None:
    """Format module and role (``"netlist"``, ``"placement"``, ``"part"``) of a file, or None if no format knows it.

    Raises:
        NetlistError: the file cannot be read.
    """
    head = read_head(Path(path))
    for module in FORMATS.values():
        role = module.sniff(Path(path), head)
        if role is not None:
            return module, role
    return None


def detect(path: Path) -> tuple[ModuleType, str]:
    """Format module and role of a file, from its content.

    Raises:
        NetlistError: it cannot be read, or no format recognises it.
    """
    found = sniff(path)
    if found is None:
        head = read_head(Path(path), 60)
        if path.name.removesuffix(".gz").lower().endswith(".v"):
            raise NetlistError(
                "a Verilog netlist is no design without its LEF files", file=path,
                expected="--verilog, --lef and --def, or placer.load(verilog=..., lef=..., def_file=...)",
            )  # fmt: skip
        raise NetlistError(
            "the format of this file is unknown" if head else "this file is empty", file=path,
            found=head.decode(errors="replace") or None, expected="a file of " + ", ".join(FORMATS),
        )  # fmt: skip
    return found


def by_name(name: str) -> ModuleType:
    """Format module of a name.

    Raises:
        NetlistError: there is no such format.
    """
    if name in _LATER:
        return import_module(_LATER[name])
    if name not in FORMATS:
        raise NetlistError("unknown format", found=name, expected=", ".join(FORMATS))
    return FORMATS[name]


def read_design(path: Path, placement: Path | None = None, *, format: str | None = None) -> Design:
    """Read a design from its netlist file; ``format`` overrides detection.

    Raises:
        NetlistError: the file is not a netlist of a known format, or is wrong; with file and line.
        PlacementError: the placement is wrong; with file and line.
    """
    path = Path(path)
    if format is not None:
        return by_name(format).read_design(path, placement)  # type: ignore[no-any-return]
    module, role = detect(path)
    if role != "netlist":
        raise NetlistError(f"this is a {role} file of a {module.NAME} design, not its netlist", file=path)
    return module.read_design(path, placement)  # type: ignore[no-any-return]


def read_placement(path: Path, design: Design, *, format: str | None = None) -> Placement:
    """Read a placement file for a design, in the design's format unless ``format`` names another.

    Raises:
        NetlistError: the file cannot be read, or the design has no format and none is given.
        PlacementError: the placement is wrong or belongs to another design; with file and line.
    """
    return by_name(format or design.format or detect(path)[0].NAME).read_placement(Path(path), design)  # type: ignore[no-any-return]


def write_design(
    design: Design, folder: Path, *, format: str | None = None, stem: str | None = None, compress: bool = False
) -> list[Path]:
    """Write a design's files into a folder, in its own format unless ``format`` names another.

    Returns:
        The files written, netlist first.

    Raises:
        NetlistError: a file cannot be written, or the format is unknown.
    """
    module = by_name(format or design.format or circuit_training.NAME)
    return module.write_design(design, Path(folder), stem=stem, compress=compress)  # type: ignore[no-any-return]


def write_placement(design: Design, placement: Placement, path: Path, *, format: str | None = None) -> None:
    """Write a placement file, in the design's own format unless ``format`` names another.

    Raises:
        NetlistError: the file cannot be written, or the format is unknown.
    """
    by_name(format or design.format or circuit_training.NAME).write_placement(design, placement, Path(path))
