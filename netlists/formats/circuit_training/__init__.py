"""Circuit Training: ``netlist.pb.txt`` (text protobuf, flat or clustered) with a ``.plc`` placement, plain or gzipped.

Coordinates are centres in um with the canvas' lower-left corner at the origin, offsets are from the centre in
orientation N. Files: ``scan.py`` reads bytes, ``build.py`` gives them meaning, ``plc.py`` reads and writes placements,
``canvas.py`` finds the canvas, ``write.py`` writes netlists.

Round trips keep names, order, every attribute (known or not), comments and every number exactly; the layout of the
text (indentation, spelling of numbers, place of comments inside blocks) is normalised.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.formats.circuit_training import plc as plc_format
from netlists.formats.circuit_training.build import REC_METADATA, REC_PIN, read_netlist
from netlists.formats.circuit_training.canvas import fp_bbox, make_canvas
from netlists.formats.circuit_training.write import make_skeleton, node_indices, render_netlist
from netlists.formats.textio import atomic_write
from netlists.netlist import Netlist
from netlists.placement import Placement

NAME = "circuit-training"
_PLC_HEADER = "circuit-training.plc_header"
_COMMENTS = re.compile(rb"(?:\s*#[^\n]*\n)*\s*")
_NODE = re.compile(rb"node\s*:?\s*[{<]")
_FOREIGN_FIELD = re.compile(rb"(?:versions|library)\s*:?\s*[{<]")


def sniff(path: Path, head: bytes) -> str | None:
    """Role of a file, from its first bytes: ``"netlist"``, ``"placement"``, ``"part"`` (grouping file) or None."""
    body = head[_COMMENTS.match(head).end() :]  # type: ignore[union-attr]
    if _NODE.match(body) or (_FOREIGN_FIELD.match(body) and b"node" in body):
        return "netlist"
    if plc_format.looks_like_plc(head):
        return "placement"
    names = {path.name, path.name.removesuffix(".gz")}
    # an empty or cut-off file, or one with a long header: the name has to tell
    if any(name.endswith((".pb.txt", ".pbtxt")) for name in names) and not body.strip():
        return "netlist"
    if any(name.endswith(".plc") for name in names) and not body.strip():
        return "placement"
    if "groups.final" in names and re.match(rb"\s*-?\d+\s", head):
        return "part"
    return None


def read_design(path: Path, placement: Path | None = None) -> Design:
    """Read a netlist and its placement.

    Args:
        path: ``netlist.pb.txt``, plain or gzipped.
        placement: ``.plc`` file; None takes the one beside the netlist: the netlist's own stem, ``initial.plc``, or
            the only ``.plc`` there. One found that way whose header counts other nodes (of the clustered form of a flat
            netlist, say) gives only the canvas, with a remark; one that is named explicitly must fit.

    Raises:
        NetlistError: the netlist or the header is wrong; with file and line.
        PlacementError: the placement is wrong or belongs to another design; with file and line.
    """
    path = Path(path)
    found = _beside(path) if placement is None else Path(placement)
    plc = plc_format.read_plc(found) if found is not None else None
    built = read_netlist(path, _design_name(path, plc))
    netlist, start, notes = built.netlist, built.placement, list(built.notes)
    header = plc.header if plc is not None else plc_format.Header()
    if plc is not None:
        wrong = plc_format.mismatch(plc.header, netlist)
        if wrong and placement is not None:
            raise PlacementError(f"this is the placement of another design: {wrong}", rule="index", file=plc.path)
        if wrong:
            notes.append(
                f"{plc.path.name} is for another netlist ({wrong}): only its canvas and routing supply are used"
            )
            found = None
        else:
            kind = np.asarray(netlist.extras["circuit-training.record_kind"])
            start = plc_format.apply(plc, netlist, _node_of(kind), start)
    canvas, assumed = make_canvas(header, built.header, netlist, start)
    unplaced = int((~start.placed).sum())
    if unplaced:
        assumed.append(f"{unplaced} of {netlist.num_nodes} objects have no coordinates in the input")
    netlist = replace(netlist, extras={**netlist.extras, _PLC_HEADER: "\n".join(header.lines)})
    return Design(netlist, canvas, start, NAME, path, found, tuple(notes + assumed))


def read_placement(path: Path, design: Design) -> Placement:
    """Read a ``.plc`` file for a design; objects it leaves out keep their place in ``design.placement``.

    Raises:
        NetlistError: a header number is wrong or the file cannot be read.
        PlacementError: a line is wrong, or the file belongs to another design; with file and line.
    """
    plc = plc_format.read_plc(Path(path))
    wrong = plc_format.mismatch(plc.header, design.netlist)
    if wrong:
        raise PlacementError(f"this is the placement of another design: {wrong}", rule="index", file=plc.path)
    dx, dy = _origin(design)
    base = _shifted(design.placement, -dx, -dy)
    node_of = _node_of(make_skeleton(design.netlist).kind)
    return _shifted(plc_format.apply(plc, design.netlist, node_of, base), dx, dy)


def write_design(design: Design, folder: Path, *, stem: str | None = None, compress: bool = False) -> list[Path]:
    """Write ``<stem>.pb.txt`` and its placement into a folder.

    Designs of other formats are moved so that their canvas begins at the origin, as Circuit Training expects.

    Args:
        design: what to write.
        folder: made if missing.
        stem: name of both files; default ``netlist.pb.txt`` and ``initial.plc``.
        compress: gzip the netlist.

    Returns:
        The netlist and the placement file.

    Raises:
        NetlistError: a file cannot be written.
    """
    folder = Path(folder)
    netlist_path = folder / f"{stem or 'netlist'}.pb.txt{'.gz' if compress else ''}"
    dx, dy = _origin(design)
    placement = _shifted(design.placement, -dx, -dy)
    comments, drop = _bbox_comment(design)
    atomic_write(netlist_path, render_netlist(design.netlist, placement, comments, drop))
    placement_path = folder / f"{stem or 'initial'}.plc"
    write_placement(design, design.placement, placement_path)
    return [netlist_path, placement_path]


def write_placement(design: Design, placement: Placement, path: Path) -> None:
    """Write a ``.plc`` file; gzipped when the name ends in ``.gz``.

    Header lines of the input that still hold are kept; dates, costs and viewer hints are not. Coordinates are written
    with the digits that read back to the same float64. Unplaced objects are left out.

    Raises:
        NetlistError: the file cannot be written.
        PlacementError: the placement has another number of objects than the design.
    """
    if placement.num_nodes != design.netlist.num_nodes:
        raise PlacementError(
            f"the placement has {placement.num_nodes} objects, the netlist {design.netlist.num_nodes}", rule="shape"
        )
    dx, dy = _origin(design)
    header = str(design.netlist.extras.get(_PLC_HEADER, ""))
    skeleton = make_skeleton(design.netlist)
    text = plc_format.render(
        design.netlist,
        design.canvas,
        _shifted(placement, -dx, -dy),
        node_indices(skeleton.kind),
        design.netlist.pin_node[skeleton.of[skeleton.kind == REC_PIN]].astype(np.int64),
        header,
        design.name,
    )
    atomic_write(Path(path), text)


def _beside(path: Path) -> Path | None:
    """The placement file that belongs to a netlist file."""
    stem = path.name.removesuffix(".gz").removesuffix(".pb.txt").removesuffix(".pbtxt")
    for name in (f"{stem}.plc", f"{stem}.plc.gz", "initial.plc", "initial.plc.gz"):
        if (path.parent / name).is_file():
            return path.parent / name
    try:
        others = sorted(p for p in path.parent.iterdir() if p.name.endswith((".plc", ".plc.gz")) and p.is_file())
    except OSError:
        return None
    return others[0] if len(others) == 1 else None


def _design_name(path: Path, plc: plc_format.PlcFile | None) -> str:
    """The block name of the placement header, else the netlist's stem, else its folder."""
    for line in plc.header.lines if plc is not None else ():
        match = re.match(r"#\s*Block\s*:\s*(\S+)\s*$", line)
        if match and match.group(1) != "unset_block":
            return match.group(1)
    stem = path.name.removesuffix(".gz").removesuffix(".pb.txt").removesuffix(".pbtxt")
    return path.resolve().parent.name if stem in ("netlist", "flat") else stem


def _node_of(kind: NDArray[np.int8]) -> NDArray[np.int64]:
    """Node id of each ``.plc`` index, -1 for pins."""
    index = node_indices(kind)
    out = np.full(int((kind != REC_METADATA).sum()), -1, np.int64)
    out[index] = np.arange(len(index))
    return out


def _origin(design: Design) -> tuple[float, float]:
    """Where the file's origin lies in the design's coordinates."""
    return (0.0, 0.0) if design.format == NAME else (design.canvas.x0, design.canvas.y0)


def _shifted(placement: Placement, dx: float, dy: float) -> Placement:
    return placement if dx == 0 and dy == 0 else placement.moved(x=placement.x + dx, y=placement.y + dy)


def _bbox_comment(design: Design) -> tuple[list[str], str]:
    """An ``FP bbox`` comment where the canvas does not begin at the origin and the file's own does not say so."""
    c: Canvas = design.canvas
    box = (c.x0, c.y0, c.x1, c.y1)
    if design.format != NAME or box[:2] == (0.0, 0.0):
        return [], ""
    if fp_bbox(_header_comments(design.netlist)) == box:
        return [], ""
    x0, y0, x1, y1 = (plc_format.number(v) for v in box)
    return [f"# FP bbox: {{{x0} {y0}}} {{{x1} {y1}}}"], "# FP bbox"


def _header_comments(netlist: Netlist) -> list[str]:
    texts = json.loads(str(netlist.extras.get("circuit-training.texts", "[]")))
    return [text for record, inside, text in texts if record == 0 and not inside]
