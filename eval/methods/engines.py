"""The placer's own engines, alone and together."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np

from eval.methods.registry import Answer, NotApplicableError, Task, known_options, method
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL
from placer.budget import Event


def _prepare_search() -> None:
    from netlists.load import load
    from placer import flow
    from placer.warm import warm_up

    warm_up()
    flow.place(load("synth20"), effort="fast", jobs=1, iterations=2_000)  # loads what was compiled into this process


@method("search", prepare=_prepare_search)
def search(task: Task) -> Answer:
    """Smooth starts, legalisation and exact search: what ``placer place`` does.

    Options: ``effort`` (fast, default, best), ``jobs`` (searches side by side; the cores by default).
    """
    known_options(task, ("effort", "jobs"))
    from placer import flow
    from placer.clusters import usual_weights
    from placer.engines.search import SearchOptions

    result = flow.place(
        task.design,
        budget=task.budget,
        seed=task.seed,
        effort=task.options.get("effort", "default"),
        jobs=jobs_of(task),
        iterations=task.iterations,
        progress=task.progress,
        weights=usual_weights(task.design),
        # A comparison on processor cores: a device would not be counted among them.
        options=SearchOptions(device="cpu"),
    )
    facts = {"stats": result.stats, "history": result.history}
    return Answer(result.placement, facts=facts)


def _prepare_analytic() -> None:
    from netlists.synthesis import SynthesisSpec, synthesize
    from placer.budget import Budget
    from placer.engines.analytic.flow import place_flat

    spec = SynthesisSpec(num_macros=4, num_cells=400, clustered=False, name="rehearsal")
    design = synthesize(spec, seed=0)
    place_flat(design, budget=Budget(), jobs=1)


@method("analytic", prepare=_prepare_analytic)
def analytic(task: Task) -> Answer:
    """Global and detailed placement of flat designs for wirelength alone.

    Option: ``jobs`` (threads; the cores by default). The result does not depend on it.
    """
    known_options(task, ("jobs",))
    from placer.engines.analytic.flow import place_flat

    kind = task.design.netlist.node_kind
    if (kind == SOFT_MACRO).any():
        raise NotApplicableError("the analytic engine places standard cells; this design has soft macros instead")
    if not np.any(task.design.movable & (kind == STDCELL)):
        raise NotApplicableError("the analytic engine places standard cells; this design has none to move")

    def told(event: Event) -> None:  # wirelengths of placements that are not legal yet make no curve
        task.progress(replace(event, cost=None))

    found = place_flat(task.design, budget=task.budget, seed=task.seed, jobs=jobs_of(task), progress=told)
    return Answer(found.placement, facts={"stages": found.stages}, curve_of="weighted_hpwl_um")


def _prepare_floorplan() -> None:
    from placer.floorplanning import compile_kernels

    compile_kernels()


@method("floorplan", prepare=_prepare_floorplan)
def floorplan(task: Task) -> Answer:
    """Annealing of block floorplans in a fixed outline; hard blocks are turned, not reshaped."""
    known_options(task, ("jobs",))
    from placer.floorplanning import floorplan_blocks

    n, c = task.design.netlist, task.design.canvas
    solid = n.node_kind != PORT
    if task.design.format != "gsrc" or not (n.node_kind[solid] == HARD_MACRO).all():
        raise NotApplicableError("only block designs (GSRC, MCNC) are floorplanned")
    if len(n.min_aspect) and np.any(n.min_aspect[solid] > 0):
        raise NotApplicableError("soft blocks would change their shape, which a placement file cannot hold")
    found = floorplan_blocks(
        task.design, outline=(c.width, c.height), budget=task.budget, seed=task.seed, jobs=jobs_of(task),
        iterations=task.iterations, progress=task.progress,
    )  # fmt: skip
    return Answer(
        found.design.placement, facts={"figures": found.figures, "moves": found.moves}, curve_of="weighted_hpwl_um"
    )


def _hybrid_missing() -> str | None:
    return not_yet("placer.engines.hybrid", "the hybrid engine")


@method("hybrid", missing=_hybrid_missing)
def hybrid(task: Task) -> Answer:
    """Analytic placement and exact search in turn."""
    raise NotApplicableError(_hybrid_missing() or "this version does not know how to call the hybrid engine")


def _policy_missing() -> str | None:
    return not_yet("policies.checkpoint", "the learned policy")


@method("policy", missing=_policy_missing)
def policy(task: Task) -> Answer:
    """Macros decoded one by one by a learned policy."""
    raise NotApplicableError(_policy_missing() or "this version does not know how to call the policy")


@method("policy+search", missing=_policy_missing)
def policy_and_search(task: Task) -> Answer:
    """Placements of a learned policy as starts of the exact search."""
    raise NotApplicableError(_policy_missing() or "this version does not know how to call the policy")


def jobs_of(task: Task) -> int:
    """The option ``jobs``; the run's cores where it is not given.

    Raises:
        NetlistError: it is no number of jobs.
    """
    text = task.options.get("jobs", str(task.cores))
    if not text.isdigit() or int(text) < 1:
        raise NetlistError("jobs must be a whole number of at least 1", found=text)
    return int(text)


def not_yet(module: str, what: str) -> str | None:
    """Why something is missing, where its module is not part of this version."""
    try:
        there = importlib.util.find_spec(module) is not None
    except ImportError:
        there = False
    return None if there else f"{what} is not part of this version"
