"""Methods of others, written anew or installed as packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib import metadata

import numpy as np

from eval.methods.around import around_macros
from eval.methods.engines import jobs_of
from eval.methods.programs import made_legal
from eval.methods.registry import Answer, NotApplicableError, Task, method, number


def _prepare_annealing() -> None:
    from eval.peers.simulated_annealing import simulated_annealing
    from netlists.load import load

    simulated_annealing(load("synth20"), iterations=500)


@method("simulated-annealing", prepare=_prepare_annealing, options=("jobs",))
def simulated_annealing(task: Task) -> Answer:
    """The annealing TILOS publishes (go with the winners), with the exact evaluator of the placer.

    Of flat designs it places the macros (:mod:`eval.methods.around`).

    Option: ``jobs`` (chains side by side; the cores by default). ``iterations`` are actions.
    """
    from eval.peers.simulated_annealing import simulated_annealing as anneal

    def place(part: Task) -> Answer:
        found = anneal(part.design, budget=part.budget, seed=part.seed, iterations=part.iterations, jobs=jobs_of(part))
        facts = {"actions": found.actions, "proposals": found.proposals, "legalised": found.legalised}
        return Answer(found.placement, facts=facts, curve=found.history)

    return around_macros(task, place)


def _coloquinte_missing(options: Mapping[str, str]) -> str | None:
    if importlib.util.find_spec("coloquinte") is None:
        return "Coloquinte is not installed (pip install 'chip-placer[peers]')"
    return None


def _coloquinte_version(options: Mapping[str, str]) -> str:
    return f"coloquinte {metadata.version('coloquinte')}"


@method("coloquinte", missing=_coloquinte_missing, identity=_coloquinte_version, options=("effort",))
def coloquinte(task: Task) -> Answer:
    """Coloquinte, an open analytic placer of mixed-size designs.

    Option: ``effort`` (1 to 9; 3 is its default). It has no time limit of its own.
    """
    from eval.peers.coloquinte import place_with
    from placer.flat import has_cells

    rows = task.design.canvas.rows
    if not has_cells(task.design) or rows is None or not len(rows.y):
        raise NotApplicableError("Coloquinte places standard cells in rows; this design has no such cells or no rows")
    high = rows.height / rows.site_spacing
    if np.abs(high - np.rint(high)).max() > 1e-6:
        raise NotApplicableError("Coloquinte counts in sites; the rows of this design are not whole sites high")
    found = place_with(task.design, task.design.placement, seed=task.seed, effort=int(number(task, "effort", 3)))
    return made_legal(task, found)
