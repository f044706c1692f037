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

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.rules.table import Table, read_tables

_FOLDER = Path(__file__).parent
_KEYS = {"title", "about", "metric", "methods", "design"}
#: Figures of a score that suites compare by; smaller is better.
METRICS = (
    "proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "hpwl_um", "weighted_hpwl_um", "macro_hpwl_um",
    "north_hpwl_um", "cells_hpwl_um", "rudy_max", "rudy_top1pct", "rudy_top2pct", "rudy_top5pct", "rudy_top10pct",
)  # fmt: skip
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
    top, entries = read_tables(path, ("design",))
    top.only(_KEYS)
    if not entries:
        raise NetlistError("a suite needs at least one [[design]]", file=path)
    metric = _text(top, "metric", "proxy_cost")
    if metric not in METRICS:
        near = difflib.get_close_matches(metric, METRICS, 1, 0.5)
        top.fail("no figure of a score is called that" + (f"; did you mean {near[0]!r}?" if near else ""), "metric",
                 found=metric, expected=", ".join(METRICS))  # fmt: skip
    methods = top.values.get("methods", [])
    if not isinstance(methods, list) or not all(isinstance(word, str) and word for word in methods):
        top.fail("methods is a list of names", "methods", found=methods, expected='methods = ["search", ...]')
    members: list[Member] = []
    missing: dict[str, str] = {}
    for entry in entries:
        member, why = _member(entry, path)
        if member.name in missing or any(member.name == other.name for other in members):
            entry.fail("two designs have the same name", "name", found=member.name)
        if why:
            missing[member.name] = why
        else:
            members.append(member)
    return Suite(
        name=path.stem,
        title=_text(top, "title", path.stem),
        metric=metric,
        members=tuple(members),
        missing=missing,
        methods=tuple(methods),
        about=_text(top, "about", "").strip(),
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


def _member(entry: Table, path: Path) -> tuple[Member, str]:
    name = entry.text("name")
    entry.only(_DESIGN_KEYS)
    if "path" in entry.values and "synthetic" in entry.values:
        entry.fail("a design has a path or is synthetic, not both", "path", found=name)
    seed, whitespace = entry.values.get("seed", 0), entry.number("whitespace", 0.0, 10.0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        entry.fail("seed must be a whole number", "seed", found=seed)
    rules, why = "", ""
    if "constraints" in entry.values:
        wanted = entry.text("constraints")
        found = _find(wanted, path)
        rules, why = (str(found), "") if found else ("", _not_found(wanted))
    rest: dict[str, Any] = {"whitespace": whitespace, "constraints": rules}
    if "synthetic" in entry.values:
        synthetic = entry.values["synthetic"]
        if not isinstance(synthetic, dict):
            entry.fail("synthetic is a table", "synthetic", found=synthetic, expected="{ num_macros = 50, ... }")
        _known_parameters(synthetic, entry)
        return Member(name, synthetic=synthetic, seed=seed, **rest), why
    if "path" in entry.values:
        wanted = entry.text("path")
        found = _find(wanted, path)
        return Member(name, str(found or ""), **rest), why or ("" if found else _not_found(wanted))
    from netlists import catalogue

    if catalogue.local_path(name) is None:
        known = name in catalogue.names()
        near = difflib.get_close_matches(name, catalogue.names(), 1, 0.6)
        say = (
            f"not on this machine: run 'placer fetch {name}', or set PLACER_DATA"
            if known
            else "no design has this name" + (f"; did you mean {near[0]!r}?" if near else "")
        )
        return Member(name, **rest), why or say
    return Member(name, name, **rest), why


def _known_parameters(synthetic: Mapping[str, Any], entry: Table) -> None:
    from netlists.synthesis import SynthesisSpec

    known = [f.name for f in fields(SynthesisSpec)]
    for key in synthetic:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            entry.fail(
                f"a synthetic design has no parameter {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                "synthetic", expected=", ".join(known),
            )  # fmt: skip


def _text(table: Table, key: str, default: str) -> str:
    value = table.values.get(key, default)
    if not isinstance(value, str):
        table.fail(f"{key} must be text", key, found=value)
    return value


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
