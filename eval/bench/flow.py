"""From files to hand-off: the ``placer`` commands on LEF, DEF and Verilog, and what they wrote judged anew."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from eval.bench.command import placer
from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from netlists.formats.def_ import read_def
from netlists.formats.lef import read_lef
from netlists.orientation import NAMES

ASAP7 = "lefdef/tech/ASAP7"
NG45 = "lefdef/tech/NanGate45"
MPL = "lefdef/openroad_mpl_tests"
#: Seconds of the runs on cases with a few macros; ``--time`` sets those of the others.
SMALL = 10.0
#: OpenROAD's io_pads1 uses a pad that no open LEF file has; size and pins are made up.
PAD = """VERSION 5.8 ;
MACRO PADCELL_SIG_H
  CLASS PAD ; SIZE 25 BY 30 ; SYMMETRY R90 ;
  PIN PAD DIRECTION INOUT ; PORT LAYER metal9 ; RECT 5 5 20 10 ; END END PAD
  PIN PU DIRECTION INPUT ; PORT LAYER metal3 ; RECT 12 28 13 30 ; END END PU
END PADCELL_SIG_H
END LIBRARY
"""


@dataclass(frozen=True)
class Case:
    """One design as an engineer has it; paths are relative to the folder of open designs.

    Attributes:
        name: in the table.
        lef: LEF files, technology first; ``*`` stands for anything.
        floorplan: DEF file; None has ``placer floorplan`` make one.
        verilog: netlist, or None where the DEF file holds what there is.
        top: top module.
        reference: DEF file with another placement of the same macros.
        rules: text of a constraints file: what the case's own script asks beside its files.
        small: runs take :data:`SMALL` seconds.
    """

    name: str
    lef: tuple[str, ...]
    floorplan: str | None
    verilog: str | None = None
    top: str | None = None
    reference: str | None = None
    rules: str = ""
    small: bool = False


def _mpl(name: str, lef: str = f"{NG45}/fake_macros.lef", rules: str = "", verilog: str | None = None) -> Case:
    tech = f"{NG45}/Nangate45.lef.gz"
    return Case(name, (tech, lef), f"{MPL}/{name}.def", verilog, name if verilog else None, rules=rules, small=True)


CASES: tuple[Case, ...] = (
    Case(
        "ariane133_asap7",
        (f"{ASAP7}/asap7_tech_1x_*.lef", f"{ASAP7}/asap7sc7p5t_*.lef.gz", f"{ASAP7}/sram_asap7_*"),
        "lefdef/ariane133_asap7/ariane_fp.def.gz",
        "lefdef/ariane133_asap7/ariane.v.gz",
        "ariane",
        "lefdef/ariane133_asap7/ariane_fp_placed_macros.def.gz",
    ),
    Case(
        "bp_fe_top_ng45",
        (f"{NG45}/Nangate45_tech.lef", f"{NG45}/Nangate45_stdcell.lef.gz", f"{NG45}/fakeram45_*"),
        None,
        "lefdef/bp_fe_top_ng45/bp_fe_top.v.gz",
        "bp_fe_top",
    ),
    _mpl("boundary_push1", rules="boundary = 1\n"),
    _mpl("clocked_macro", f"{MPL}/clocked_macro.lef", verilog=f"{MPL}/clocked_macro.v"),
    _mpl("fixed_ios1"),
    _mpl("fixed_macros1"),
    _mpl("guides1", rules='[[guide]]\nname = "g"\nmembers = "MACRO_1"\nbox = [45, 20, 149, 124]\n'),
    _mpl("halos1"),
    _mpl("io_constraints1"),
    _mpl("io_pads1"),
    _mpl("macro_only", f"{MPL}/macro_only.lef", verilog=f"{MPL}/macro_only.v"),
    _mpl("macros_without_pins1", f"{MPL}/orientation_improve1.lef"),
    _mpl("orientation_improve1", f"{MPL}/orientation_improve1.lef"),
    _mpl("placement_blockages1"),
)
QUICK = ("halos1",)
#: Rules of ``placer check`` that have columns of their own; any other broken rule still makes a row illegal.
RULES = ("overlap", "halo", "outside", "off_lattice", "orientation")


def run(settings: Settings) -> Sheet:
    """Take every design from its files to a placed DEF file, once a seed, and judge the file.

    Args:
        settings: what to measure; ``time_limit`` is that of the large designs.
    """
    seeds = settings.seeds[:1] if settings.quick else settings.seeds
    sheet = Sheet(
        "flow",
        f"From LEF, DEF and Verilog to a placed DEF, {settings.time_limit:g} s on {settings.cores} cores",
        {
            "design": "design",
            "macros": "macros",
            "seconds": "wall clock of the command, s",
            "placed": "macros placed",
            "legal": "legal (placer check)",
            **{rule: f"broken: {rule}" for rule in RULES},
            "orientations": "orientations",
            "hpwl": "macro HPWL, um",
            "worst_hpwl": "worst seed",
            "ref_hpwl": "reference, macro HPWL",
            "proxy": "proxy cost",
            "worst_proxy": "worst seed ",
            "ref_proxy": "reference, proxy cost",
        },
        notes=[
            f"Seeds: {', '.join(map(str, seeds))}; the cases after bp_fe_top_ng45 run once. Figures are means over the "
            "seeds, broken rules sums; legal means every one.",
            "Each run is the command `placer place` with the design's files in a fresh process, all other options as "
            f"they come; its wall clock counts everything. --time is {settings.time_limit:g} s, {SMALL:g} s for the "
            "small cases. bp_fe_top_ng45 has no floorplan: `placer floorplan` makes one first, at 60 % utilisation, "
            "and counts in the wall clock.",
            "The written DEF file is read again by `placer check` (every rule, halos of the floorplan included) and by "
            "`placer score`, which gathers the cells in the same clusters for any placement of a design and fits them "
            "to its macros with the same effort: the reference, which is the placement that comes with the design, "
            "and ours are scored alike. Macro HPWL: nets cut down to pins of hard macros.",
            "Small cases: OpenROAD's macro placer tests. The guide of guides1 and the wish for the boundary of "
            "boundary_push1 stand in scripts there and in constraints files here; the pad of io_pads1 is made up.",
        ],
    )
    for case in CASES:
        wanted = case.name in QUICK if settings.quick and not settings.only else settings.wants(case.name)
        paths = _files(settings, case, sheet.skipped) if wanted else None
        if paths is None:
            continue
        try:
            row = _measure(case, paths, settings, seeds[:1] if case.small else seeds)
        except RuntimeError as error:
            sheet.skipped.append(f"{case.name}: {error}")
            continue
        sheet.rows.append({"design": case.name, **row})
    return sheet


def _files(settings: Settings, case: Case, skipped: list[str]) -> dict[str, Any] | None:
    """Paths of a case's files, or None where one is absent."""
    out: dict[str, Any] = {"lef": []}
    for pattern in case.lef:
        found = sorted(settings.data.glob(pattern))
        if not found:
            skipped.append(f"{case.name}: {pattern} not found under PLACER_DATA ({settings.data.name}/)")
            return None
        out["lef"] += found
    for key in ("floorplan", "verilog", "reference"):
        name = getattr(case, key)
        absent: list[str] = []
        out[key] = None if name is None else find(settings, name, absent)
        if absent:
            skipped.append(f"{case.name}: {absent[0]}")
            return None
    return out


def _measure(case: Case, paths: dict[str, Any], settings: Settings, seeds: Sequence[int]) -> dict[str, Any]:
    limit = min(SMALL, settings.time_limit) if case.small else settings.time_limit
    runs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pad.lef").write_text(PAD, encoding="utf-8")
        lef = [*paths["lef"], *([folder / "pad.lef"] if case.name == "io_pads1" else [])]
        design = [f"--lef={path}" for path in lef]
        design += [] if paths["verilog"] is None else [f"--verilog={paths['verilog']}"]
        design += [] if case.top is None else ["--top", case.top]
        before, floorplan = 0.0, paths["floorplan"]
        if floorplan is None:
            floorplan = folder / "floorplan.def"
            began = time.perf_counter()
            placer(settings, "floorplan", *design, "--output", str(floorplan))
            before = time.perf_counter() - began
        design.append(f"--def={floorplan}")
        rules = []
        if case.rules:
            (folder / "rules.toml").write_text(case.rules, encoding="utf-8")
            rules = ["--constraints", str(folder / "rules.toml")]
        for seed in seeds:
            out = folder / f"seed{seed}"
            began = time.perf_counter()
            placer(
                settings, "place", *design, *rules, "--time", f"{limit:g}", "--seed", str(seed), "--output", str(out)
            )
            seconds = before + time.perf_counter() - began
            runs.append({"seed": seed, "seconds": seconds, **judge(settings, design, rules, next(out.glob("*.def")))})
        reference = None if paths["reference"] is None else judge(settings, design, rules, paths["reference"])
    row = {
        **{key: runs[0][key] for key in ("macros", "orientations")},
        **{key: mean(found[key] for found in runs) for key in ("seconds", "placed", "hpwl", "proxy")},
        **{key: sum(found[key] for found in runs) for key in RULES},
        "legal": all(found["legal"] for found in runs),
        "worst_hpwl": max(found["hpwl"] for found in runs),
        "worst_proxy": max(found["proxy"] for found in runs),
        "runs": runs,
    }
    row["placed"] = int(row["placed"])
    if reference is not None:
        row |= {"ref_hpwl": reference["hpwl"], "ref_proxy": reference["proxy"], "reference": reference}
    return row


def judge(settings: Settings, design: Sequence[str], rules: Sequence[str], placement: Path) -> dict[str, Any]:
    """What ``placer check``, ``placer score`` and the DEF file itself say about a placement.

    Args:
        settings: how many cores.
        design: options that name the design.
        rules: options that name its constraints file.
        placement: a DEF file.

    Raises:
        RuntimeError: a command failed; an illegal placement is none of that.
    """
    checked = json.loads(placer(settings, "check", *design, *rules, str(placement), "--given-ok", "--json", ok=(0, 3)))
    scored = json.loads(placer(settings, "score", *design, *rules, str(placement), "--json"))
    components = read_def(placement).components
    blocks = {
        name
        for option in design
        if option.startswith("--lef=")
        for name, macro in read_lef(option.removeprefix("--lef=")).macros.items()
        if macro.is_block
    }
    is_macro = [components.masters[k] in blocks for k in components.master.tolist()]
    status = components.status[is_macro]
    turned = components.orient[is_macro][status > 0].tolist()
    return {
        "legal": checked["legal"],
        "violations": checked["violation_counts"],
        **{rule: checked["violation_counts"].get(rule, 0) for rule in RULES},
        "macros": int(sum(is_macro)),
        "placed": int((status > 0).sum()),
        "orientations": " ".join(f"{NAMES[code]} {turned.count(code)}" for code in sorted(set(turned))),
        "hpwl": scored["macro_hpwl_um"],
        "proxy": scored["proxy_cost"],
        "hpwl_all": scored["hpwl_um"],
        "congestion": scored["congestion_cost"],
    }
