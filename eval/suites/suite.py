"""A suite is a TOML file: which designs, where they are, and by which figure placements are compared.

::

    title = "Circuit Training designs"
    metric = "proxy_cost"          # or "hpwl_um", any figure of placer.score; smaller is better
    methods = ["search", "simulated-annealing"]   # when the user names none

    [[design]]
    name = "ariane133_ng45"        # a catalogue name, unless there is a path

    [[design]]
    name = "n100"
    path = "floorplan/gsrc/n100"   # under PLACER_DATA, or relative to this file
    whitespace = 0.15              # block designs: an outline of this whitespace

    [[design]]
    name = "macros-100"
    synthetic = { num_macros = 100, num_cells = 10000 }   # netlists.synthesis.SynthesisSpec
    seed = 1
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.textio import read_bytes

_FOLDER = Path(__file__).parent
_KEYS = {"title", "about", "metric", "methods", "design"}
_DESIGN_KEYS = {"name", "path", "synthetic", "seed", "whitespace", "constraints"}


@dataclass(frozen=True)
class Member:
    """One design of a suite.

    Attributes:
        name: what tables call it.
        source: catalogue name or absolute path; empty for a synthetic design.
        synthetic: fields of a :class:`netlists.synthesis.SynthesisSpec`.
        seed: of the synthetic design.
        whitespace: of the outline a block design gets, or None.
        constraints: absolute path of a file of rules, or empty.
    """

    name: str
    source: str = ""
    synthetic: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    whitespace: float | None = None
    constraints: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values that :meth:`from_dict` takes back."""
        return {f.name: dict(v) if isinstance(v := getattr(self, f.name), Mapping) else v for f in fields(self)}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Member:
        """The member :meth:`as_dict` described."""
        return Member(**values)


@dataclass(frozen=True)
class Suite:
    """A list of designs.

    Attributes:
        name: the file's name without suffix.
        title: one line.
        metric: figure of ``placer.score`` by which placements are compared; smaller is better.
        members: the designs that are on this machine.
        missing: name -> why, of those that are not.
        methods: used when the user names none.
        about: further words.
    """

    name: str
    title: str
    metric: str
    members: tuple[Member, ...]
    missing: Mapping[str, str]
    methods: tuple[str, ...] = ()
    about: str = ""

    def part(self, wanted: Sequence[str]) -> Suite:
        """The suite with some of its designs only.

        Raises:
            NetlistError: it has no design of such a name.
        """
        known = [member.name for member in self.members] + list(self.missing)
        for name in wanted:
            if name not in known:
                raise NetlistError("the suite has no such design", found=name, expected=", ".join(known))
        return replace(
            self,
            members=tuple(member for member in self.members if member.name in wanted),
            missing={name: why for name, why in self.missing.items() if name in wanted},
        )


def names() -> tuple[str, ...]:
    """The suites that ship in the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_suite(source: str | Path) -> Suite:
    """Read a suite.

    Args:
        source: a file, or the name of a suite that ships.

    Returns:
        The suite; designs that cannot be found are in ``missing`` with the reason.

    Raises:
        NetlistError: there is no such suite, or its file is wrong.
    """
    path = Path(source).expanduser()
    if not path.is_file():
        path = _FOLDER / f"{source}.toml"
        if str(source) not in names():
            raise NetlistError(
                "no suite is called that", found=str(source), expected=f"{', '.join(names())}, or a file"
            )
    try:
        table = tomllib.loads(read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NetlistError(f"this is no TOML: {error}", file=path) from None
    _only(table, _KEYS, path)
    entries = table.get("design", [])
    if not entries or not isinstance(entries, list):
        raise NetlistError("a suite needs at least one [[design]]", file=path)
    members: list[Member] = []
    missing: dict[str, str] = {}
    for entry in entries:
        member, why = _member(entry, path)
        if member.name in missing or any(member.name == other.name for other in members):
            raise NetlistError("two designs have the same name", file=path, found=member.name)
        if why:
            missing[member.name] = why
        else:
            members.append(member)
    return Suite(
        name=path.stem,
        title=str(table.get("title", path.stem)),
        metric=str(table.get("metric", "proxy_cost")),
        members=tuple(members),
        missing=missing,
        methods=tuple(table.get("methods", ())),
        about=str(table.get("about", "")).strip(),
    )


def open_member(member: Member) -> Design:
    """The design of a member.

    Raises:
        NetlistError: it cannot be read, or its entry makes no sense.
        PlacementError: its placement is wrong.
    """
    if member.synthetic:
        from netlists.synthesis import SynthesisSpec, synthesize

        known = {f.name for f in fields(SynthesisSpec)}
        unknown = set(member.synthetic) - known
        if unknown:
            raise NetlistError("a synthetic design has no such parameter", found=sorted(unknown)[0])
        values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in member.synthetic.items()}
        return synthesize(SynthesisSpec(**{"name": member.name, **values}), seed=member.seed)
    from placer import api

    design = api.load(member.source, constraints=member.constraints or None)
    if member.whitespace is None:
        return design
    from netlists.netlist import PORT
    from placer.engines.floorplan.blocks.outline import outline_size, with_outline

    n = design.netlist
    solid = n.node_kind != PORT
    area = float((n.node_width * n.node_height)[solid].sum())
    return with_outline(design, *outline_size(area, member.whitespace, 1.0))


def _member(entry: Any, path: Path) -> tuple[Member, str]:  # noqa: ANN401 - whatever stands in the file
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise NetlistError("every [[design]] needs a name", file=path)
    _only(entry, _DESIGN_KEYS, path)
    name = entry["name"]
    if "path" in entry and "synthetic" in entry:
        raise NetlistError("a design has a path or is synthetic, not both", file=path, found=name)
    rules, why = "", ""
    if "constraints" in entry:
        found = _find(entry["constraints"], path)
        rules, why = (str(found), "") if found else ("", _not_found(entry["constraints"]))
    rest: dict[str, Any] = {"whitespace": entry.get("whitespace"), "constraints": rules}
    if "synthetic" in entry:
        return Member(name, synthetic=entry["synthetic"], seed=int(entry.get("seed", 0)), **rest), why
    if "path" in entry:
        found = _find(entry["path"], path)
        return Member(name, str(found or ""), **rest), why or ("" if found else _not_found(entry["path"]))
    from netlists import catalogue

    if catalogue.local_path(name) is None:
        known = name in catalogue.names()
        say = (
            f"not on this machine: run 'placer fetch {name}', or set PLACER_DATA"
            if known
            else "no design has this name"
        )
        return Member(name, **rest), say
    return Member(name, name, **rest), why


def _find(text: str, suite: Path) -> Path | None:
    """A path of a suite: as it is, beside the suite's file, or under ``PLACER_DATA``."""
    roots = [str(suite.resolve().parent), *os.environ.get("PLACER_DATA", "").split(os.pathsep)]
    for root in filter(None, roots):
        found = Path(root).expanduser() / text
        if found.exists():
            return found.resolve()
    return None


def _not_found(text: str) -> str:
    folders = os.environ.get("PLACER_DATA")
    return f"{text}: not found under PLACER_DATA ({folders})" if folders else f"{text}: set PLACER_DATA to its folder"


def _only(table: Mapping[str, Any], allowed: set[str], path: Path) -> None:
    for key in table:
        if key not in allowed:
            raise NetlistError("unknown key", file=path, found=key, expected=", ".join(sorted(allowed)))
