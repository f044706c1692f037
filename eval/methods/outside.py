"""Outside analytic placers: they get their input as files, run as they are, and what they write is read back.

Each takes its defaults where the task does not say otherwise. None of them takes a time limit: one that is still
running when the run is over has failed by time. Placements are scored as the program wrote them (``raw``) and after
the placer's legaliser where they are not legal. Those that take no seed are run once.

Settings and command lines are those of DREAMPlace's ``params.json`` and its mixed-size examples, of OpenROAD's manuals
of ``gpl``, ``mpl`` and ``dpl``, and of RePlAce's ``BinaryArguments.md``.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from eval.methods.lefdef_files import read_def_placement, write_lefdef
from eval.methods.programs import (
    Program,
    last_words,
    made_legal,
    newest,
    only_moved,
    read_bookshelf,
    run_program,
    write_bookshelf,
)
from eval.methods.registry import Answer, NotApplicableError, Task, method, number
from netlists.netlist import HARD_MACRO, SOFT_MACRO, STDCELL

DREAMPLACE = Program("DREAMPlace", "PLACER_DREAMPLACE", inside=("dreamplace/Placer.py", "Placer.py"))
OPENROAD = Program("OpenROAD", "PLACER_OPENROAD", ("openroad",), inside=("bin/openroad",))
REPLACE = Program("RePlAce", "PLACER_REPLACE", ("RePlAce", "RePlAce-static"))


def _dreamplace_missing(options: Mapping[str, str]) -> str | None:
    why = DREAMPLACE.missing(options)
    if why is None and shutil.which(_dreamplace_python()) is None:
        return f"the Python of DREAMPlace is not where PLACER_DREAMPLACE_PYTHON says ({_dreamplace_python()})"
    return why


def _dreamplace_python() -> str:
    """The interpreter DREAMPlace was built for: its compiled parts load in no other."""
    return os.environ.get("PLACER_DREAMPLACE_PYTHON") or sys.executable


@method(
    "dreamplace",
    missing=_dreamplace_missing,
    identity=DREAMPLACE.identity,
    options=("density", "iterations", "bins", "macro_place"),
)
def dreamplace(task: Task) -> Answer:
    """DREAMPlace (Lin et al., DAC 2019) on processor cores, with its own legaliser and detailed placer.

    Options: ``density`` (target, 1), ``iterations`` (of global placement, 1000), ``bins`` (each way, 512; 0 where the
    program is to choose), ``macro_place`` (1: macros in a stage of their own, versions from 4.1).
    """
    program = _there(DREAMPLACE)
    files = write_bookshelf(task.design, task.folder)
    bins = int(number(task, "bins", 512))
    settings = {
        "aux_input": str(files[0]), "gpu": 0, "num_threads": task.cores, "random_seed": task.seed,
        "deterministic_flag": 1, "result_dir": str(task.folder / "results"),
        "target_density": number(task, "density", 1),
        "global_place_flag": 1, "legalize_flag": 1, "detailed_place_flag": 1, "plot_flag": 0, "dtype": "float32",
        "num_bins_x": bins, "num_bins_y": bins, "enable_fillers": 1, "stop_overflow": 0.07,
        "global_place_stages": [{
            "num_bins_x": bins, "num_bins_y": bins, "iteration": int(number(task, "iterations", 1000)),
            "learning_rate": 0.01, "wirelength": "weighted_average", "optimizer": "nesterov",
            "Llambda_density_weight_iteration": 1, "Lsub_iteration": 1,
        }],
    }  # fmt: skip
    if number(task, "macro_place", 0):
        settings.update(macro_place_flag=1, use_bb=1)
    parameters = task.folder / "parameters.json"
    parameters.write_text(json.dumps(settings, indent=1))
    start: list[str | Path] = [_dreamplace_python(), program] if program.suffix == ".py" else [program]
    start.append(parameters)
    run_program(start, task.folder)
    return made_legal(task, read_bookshelf(task.design, newest(task.folder, "*.pl", files)))


@method(
    "replace", missing=REPLACE.missing, identity=REPLACE.identity, deterministic=True, options=("pcofmax", "density")
)
def replace(task: Task) -> Answer:
    """RePlAce (Cheng et al., TCAD 2019) on Bookshelf, with NTUplace3 as its detailed placer where that is found.

    Options: ``pcofmax`` (1.05), ``density`` (target, 1).
    """
    program = _there(REPLACE)
    settings = ["-pcofmax", f"{number(task, 'pcofmax', 1.05):g}"]
    if "density" in task.options:
        settings += ["-den", f"{number(task, 'density', 1):g}"]
    early = b"-bmname" in program.read_bytes()
    files = _run_early_replace(task, program, settings) if early else _run_replace(task, program, settings)
    return made_legal(task, read_bookshelf(task.design, newest(task.folder, "*.pl", files)))


def _run_replace(task: Task, program: Path, settings: list[str]) -> list[Path]:
    """The published program: files and output are named by options. Returns the files it was given."""
    files = write_bookshelf(task.design, task.folder / "design")
    output = task.folder / "output"
    output.mkdir()
    beside = (program.parent / "ntuplace3", program.parent.parent / "ntuplace" / "ntuplace3")
    found = next((str(path) for path in beside if path.is_file()), None) or shutil.which("ntuplace3")
    detailed = ["-dpflag", "NTU3", "-dploc", found] if found else ["-onlyGP"]
    named = ["-aux", str(files[0]), "-output", str(output)]
    run_program([program, "-bmflag", "etc", *named, "-t", str(task.cores), *settings, *detailed], task.folder)
    return files


def _run_early_replace(task: Task, program: Path, settings: list[str]) -> list[Path]:
    """An early program, which finds designs and its helpers by their places relative to itself."""
    files = write_bookshelf(task.design, task.folder / "IBM" / "design")
    work = task.folder / "run"
    work.mkdir()
    for neighbour in program.parent.iterdir():
        if neighbour.is_file() and neighbour.name.lower().startswith(("replace", "ntuplace")):
            for folder in (task.folder, work):
                (folder / neighbour.name).symlink_to(neighbour)
    run_program([work / program.name, "-bmflag", "ibm", "-bmname", "design", *settings], work)
    return files


@method("openroad-gpl", missing=OPENROAD.missing, identity=OPENROAD.identity, deterministic=True, options=("density",))
def openroad_gpl(task: Task) -> Answer:
    """OpenROAD: global placement of macros and cells together, then detailed placement of the cells.

    Option: ``density`` (target; by default the tool's 0.7, or what the design needs at least).
    """
    return _openroad(task, [])


@method("openroad-mpl", missing=OPENROAD.missing, identity=OPENROAD.identity, deterministic=True, options=("density",))
def openroad_mpl(task: Task) -> Answer:
    """OpenROAD: hierarchical macro placement, then global and detailed placement of the cells around the macros.

    Option: ``density``, as of ``openroad-gpl``.
    """
    macro = task.design.netlist.node_kind == HARD_MACRO
    if not np.any(task.design.movable & macro):
        raise NotApplicableError("this design has no macro to place")
    return _openroad(task, [f"rtl_macro_placer -report_directory {{{task.folder / 'mpl'}}}"])


def _openroad(task: Task, first: list[str]) -> Answer:
    kind = task.design.netlist.node_kind
    if (kind == SOFT_MACRO).any() or not np.any(task.design.movable & (kind == STDCELL)):
        raise NotApplicableError(
            "OpenROAD places standard cells in rows; this design has none to move, or has clusters"
        )
    if task.design.canvas.rows is None or not len(task.design.canvas.rows.y):
        raise NotApplicableError("OpenROAD places standard cells in rows; this design has no rows")
    program = _there(OPENROAD)
    lef, def_file = write_lefdef(task.design, task.folder)
    out = task.folder / "out.def"
    density = f"{number(task, 'density', 0.7):g}"
    lines = [
        f"read_lef {{{lef}}}", f"read_def {{{def_file}}}", f"set_thread_count {task.cores}", *first,
        f"set density {density}",
    ]  # fmt: skip
    if "density" not in task.options:
        # Versions before 2025 end with an error where the default is less than the design needs.
        lines.append(
            "catch {set least [gpl::get_global_placement_uniform_density]; "
            "if {$least + 0.02 > $density} {set density [expr {min(1.0, $least + 0.02)}]}}"
        )
    lines += [
        "global_placement -density $density",
        # Detailed placement gives up on macros that overlap; the legaliser takes it from there.
        "if {[catch {detailed_placement} why]} {puts $why}", f"write_def {{{out}}}", "exit",
    ]  # fmt: skip
    script = task.folder / "run.tcl"
    script.write_text("\n".join(lines) + "\n")
    run_program([program, "-no_init", "-no_splash", "-exit", script], task.folder)
    if not out.is_file():
        raise RuntimeError(f"the program wrote no DEF file{last_words()}")
    return made_legal(task, only_moved(task.design, read_def_placement(task.design, out)))


def _there(program: Program) -> Path:
    path = program.path()
    if path is None:
        raise NotApplicableError(program.missing({}) or "")
    return path
