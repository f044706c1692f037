"""Methods of others, written anew or installed as packages."""

from __future__ import annotations

import importlib.util
from importlib import metadata

from eval.methods.engines import jobs_of, not_yet
from eval.methods.registry import Answer, NotApplicableError, Task, known_options, method
from placer.budget import Event


def _prepare_annealing() -> None:
    from eval.peers.simulated_annealing import simulated_annealing
    from netlists.load import load

    simulated_annealing(load("synth20"), iterations=500)


@method("simulated-annealing", prepare=_prepare_annealing)
def simulated_annealing(task: Task) -> Answer:
    """The annealing TILOS publishes (go with the winners), with the exact evaluator of the placer.

    Option: ``jobs`` (chains side by side; the cores by default). ``iterations`` are actions.
    """
    known_options(task, ("jobs",))
    from eval.peers.simulated_annealing import simulated_annealing as anneal

    found = anneal(task.design, budget=task.budget, seed=task.seed, iterations=task.iterations, jobs=jobs_of(task))
    for seconds, cost in found.history:
        task.progress(Event("anneal", seconds, cost=cost))
    facts = {"actions": found.actions, "proposals": found.proposals, "legalised": found.legalised}
    return Answer(found.placement, facts=facts)


def _coloquinte_missing() -> str | None:
    if importlib.util.find_spec("coloquinte") is None:
        return "Coloquinte is not installed (pip install 'chip-placer[peers]')"
    return not_yet("eval.peers.coloquinte", "the adapter to Coloquinte")


def _coloquinte_version() -> str:
    try:
        return f"coloquinte {metadata.version('coloquinte')}"
    except metadata.PackageNotFoundError:
        return ""


@method("coloquinte", missing=_coloquinte_missing, identity=_coloquinte_version)
def coloquinte(task: Task) -> Answer:
    """Coloquinte, an open analytic placer of mixed-size designs."""
    raise NotApplicableError(_coloquinte_missing() or "this version does not know how to call Coloquinte")
