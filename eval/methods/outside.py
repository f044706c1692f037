"""Outside analytic placers: they get their input as files, run as they are, and what they write is read back.

Each takes its defaults where the task does not say otherwise. None of them takes a time limit: one that is still
running when the run is over has failed by time. Placements are scored as the program wrote them (``raw``) and after
the placer's legaliser where they are not legal.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from eval.methods.lefdef_files import read_def_placement, write_lefdef
from eval.methods.programs import (
    Program,
    made_legal,
    newest,
    only_moved,
    read_bookshelf,
    run_program,
    write_bookshelf,
)
from eval.methods.registry import Answer, NotApplicableError, Task, known_options, method, number
from netlists.netlist import SOFT_MACRO, STDCELL

DREAMPLACE = Program("DREAMPlace", "PLACER_DREAMPLACE", inside=("dreamplace/Placer.py", "Placer.py"))
OPENROAD = Program("OpenROAD", "PLACER_OPENROAD", ("openroad",), inside=("bin/openroad",))
REPLACE = Program("RePlAce", "PLACER_REPLACE", ("RePlAce", "RePlAce-static"))


@method("dreamplace", missing=DREAMPLACE.missing, identity=DREAMPLACE.identity)
def dreamplace(task: Task) -> Answer:
    """DREAMPlace (Lin et al., DAC 2019) on processor cores, with its own legaliser and detailed placer.

    Options: ``density`` (target, 1), ``iterations`` (of global placement, 1000), ``bins`` (each way, 512).
    """
    known_options(task, ("density", "iterations", "bins"))
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
        }],
    }  # fmt: skip
    parameters = task.folder / "parameters.json"
    parameters.write_text(json.dumps(settings, indent=1))
    start: list[str | Path] = [sys.executable, program] if program.suffix == ".py" else [program]
    start.append(parameters)
    run_program(start, task.folder)
    return made_legal(task, read_bookshelf(task.design, newest(task.folder, "*.pl", files)))


@method("replace", missing=REPLACE.missing, identity=REPLACE.identity)
def replace(task: Task) -> Answer:
    """RePlAce (Cheng et al., TCAD 2019), the binary for Bookshelf designs, with the detailed placer beside it.

    Option: ``pcofmax`` (1.05).
    """
    known_options(task, ("pcofmax",))
    program = _there(REPLACE)
    # The program finds designs and its helpers by their places relative to itself.
    place = task.folder / "IBM" / "design"
    files = write_bookshelf(task.design, place)
    work = task.folder / "run"
    work.mkdir()
    for neighbour in program.parent.iterdir():
        if neighbour.is_file() and neighbour.name.lower().startswith(("replace", "ntuplace")):
            for folder in (task.folder, work):
                (folder / neighbour.name).symlink_to(neighbour)
    command: list[str | Path] = [
        work / program.name,
        "-bmflag",
        "ibm",
        "-bmname",
        "design",
        "-pcofmax",
        f"{number(task, 'pcofmax', 1.05):g}",
    ]
    run_program(command, work)
    return made_legal(task, read_bookshelf(task.design, newest(task.folder, "*.pl", files)))


@method("openroad-gpl", missing=OPENROAD.missing, identity=OPENROAD.identity)
def openroad_gpl(task: Task) -> Answer:
    """OpenROAD: global placement of macros and cells together, then detailed placement of the cells.

    Option: ``density`` (target, by default what the tool thinks best).
    """
    known_options(task, ("density",))
    density = f" -density {number(task, 'density', 0):g}" if "density" in task.options else ""
    return _openroad(task, [f"global_placement -skip_io{density}"])


@method("openroad-mpl", missing=OPENROAD.missing, identity=OPENROAD.identity)
def openroad_mpl(task: Task) -> Answer:
    """OpenROAD: hierarchical macro placement, then global and detailed placement of the cells around the macros."""
    known_options(task, ())
    return _openroad(task, ["rtl_macro_placer", "global_placement -skip_io"])


def _openroad(task: Task, steps: list[str]) -> Answer:
    kind = task.design.netlist.node_kind
    if (kind == SOFT_MACRO).any() or not np.any(task.design.movable & (kind == STDCELL)):
        raise NotApplicableError(
            "OpenROAD places standard cells in rows; this design has none to move, or has clusters"
        )
    program = _there(OPENROAD)
    lef, def_file = write_lefdef(task.design, task.folder)
    out = task.folder / "out.def"
    lines = [
        f"read_lef {{{lef}}}", f"read_def {{{def_file}}}", f"set_thread_count {task.cores}", *steps,
        # Detailed placement gives up on macros that overlap; the legaliser takes it from there.
        "catch {detailed_placement}", f"write_def {{{out}}}", "exit",
    ]  # fmt: skip
    script = task.folder / "run.tcl"
    script.write_text("\n".join(lines) + "\n")
    run_program([program, "-exit", "-no_splash", script], task.folder)
    if not out.is_file():
        raise RuntimeError("the program wrote no DEF file")
    return made_legal(task, only_moved(task.design, read_def_placement(task.design, out)))


def _there(program: Program) -> Path:
    path = program.path()
    if path is None:
        raise NotApplicableError(program.missing({}) or "")
    return path
