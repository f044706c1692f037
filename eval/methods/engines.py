"""The placer's own engines, alone and together."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eval.methods.around import around_macros
from eval.methods.registry import Answer, NotApplicableError, Task, method, number
from eval.methods.untrained import soft_of
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT
from placer.budget import Event
from policies.guidance import OPTIONS as GUIDANCE
from policies.guidance import POLICY_SEARCH, guidance, guide_files, kinds_of_starts

if TYPE_CHECKING:
    from placer.engines.search import Proposer
    from policies.actor_critic import ActorCritic


def _prepare_search() -> None:
    from netlists.load import load
    from placer import flow
    from placer.warm import warm_up
    from policies.ranking import StartRanker

    warm_up()
    importlib.import_module("policies.amortised")
    # Loads what was compiled into this process, for rankings of starts too.
    flow.place(load("synth20"), effort="fast", jobs=1, iterations=2_000, ranker=StartRanker())
    importlib.import_module("policies.proposals").get_ready()


#: Options of everything that searches.
_SEARCHES = ("effort", "jobs", "screen", "proposals", "shuffled", *GUIDANCE)


def _proposal_file(options: Mapping[str, str]) -> Path | None:
    """The model of the option ``proposals``; None where nobody advises."""
    from policies.shipped import FOLDER

    named = options.get("proposals", "false")
    if named in ("false", "none"):
        return None
    return FOLDER / "placer-proposals.safetensors" if named in ("true", "shipped") else Path(named).expanduser()


def _proposals_missing(options: Mapping[str, str]) -> str | None:
    path = _proposal_file(options)
    return None if path is None or path.is_file() else f"no such proposal model: {path}"


def _proposals_identity(options: Mapping[str, str]) -> str:
    path = _proposal_file(options)
    return "" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _proposer(options: Mapping[str, str]) -> Proposer | None:
    path = _proposal_file(options)
    shuffled = _flag(options, "shuffled")
    if shuffled and path is None:
        raise NetlistError("shuffled needs proposals")
    if path is None:
        return None
    from policies.proposals import LearnedProposer, load_proposals

    return LearnedProposer.of(load_proposals(path)[0], shuffled=shuffled)


def _flag(options: Mapping[str, str], name: str, usual: bool = False) -> bool:
    """An option that is true or false."""
    said = options.get(name, str(usual).lower())
    if said not in ("true", "false"):
        raise NetlistError(f"the option {name} is true or false", found=said)
    return said == "true"


def _prepare_guided() -> None:
    importlib.import_module("policies.placing")  # what computes with torch stays out of the server
    _prepare_search()


def _guides_missing(options: Mapping[str, str]) -> str | None:
    for file in guide_files(options):
        if not file.is_file():
            return f"no such checkpoint: {file}"
    policy = _policy_missing(options) if "policy" in kinds_of_starts(options) else None
    return policy or _proposals_missing(options)


def _guides_identity(options: Mapping[str, str]) -> str:
    digests = [hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in guide_files(options)]
    if "policy" in kinds_of_starts(options):
        digests.insert(0, _policy_identity(options))
    return " ".join(digests) + _proposals_identity(options)


@method(
    "search",
    prepare=_prepare_search,
    missing=_guides_missing,
    identity=_guides_identity,
    options=_SEARCHES,
)
def search(task: Task) -> Answer:
    """Smooth starts, legalisation and exact search: what ``placer place`` does.

    Of flat designs it places the macros (:mod:`eval.methods.around`).

    Options: ``effort`` (fast, default, best), ``jobs`` (searches side by side; the cores by default), ``screen``
    (false: all moves are priced to the end), ``proposals`` (true or a file: a learned model advises), ``shuffled``
    (true: its scores go to wrong objects, as a control), and those of :mod:`policies.guidance`: ``starts``,
    ``ranking`` and ``schedule``; ``makers``, ``rankings`` and ``schedules`` (files of what was learned); ``refine`` and
    ``count`` of learned starts.
    """
    return around_macros(task, lambda part: _search(part, {}))


def _search(task: Task, usual: Mapping[str, str]) -> Answer:
    from placer import flow
    from placer.clusters import usual_weights
    from placer.engines.search import SearchOptions

    guided = guidance({**usual, **task.options}, jobs=jobs_of(task), network=lambda: _network(task.options))
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
        options=guided.options(
            SearchOptions(device="cpu", screen=_flag(task.options, "screen", True), proposer=_proposer(task.options))
        ),
        starter=guided.starter,
    )
    return Answer(result.placement, facts={"stats": result.stats, "history": result.history})


def _prepare_flat() -> None:
    from netlists.synthesis import SynthesisSpec, synthesize
    from placer.flat import place_cells

    _prepare_search()
    spec = SynthesisSpec(num_macros=4, num_cells=400, clustered=False, name="rehearsal")
    for engine in ("analytic", "hybrid"):
        place_cells(synthesize(spec, seed=0), engine, jobs=1, iterations=1_000)


@method("analytic", prepare=_prepare_flat, options=("density", "jobs"))
def analytic(task: Task) -> Answer:
    """Global and detailed placement of flat designs for wirelength alone.

    Options: ``density`` that cells are spread to, ``jobs`` (threads; the cores by default).
    """
    return _flat(task, "analytic")


@method("hybrid", prepare=_prepare_flat, options=("density", "jobs", "effort"))
def hybrid(task: Task) -> Answer:
    """Macros by exact search on the proxy cost among clusters of the cells, then the cells around them.

    Options as of ``analytic``, and ``effort`` of the search.
    """
    return _flat(task, "hybrid")


def _flat(task: Task, engine: str) -> Answer:
    from placer.flat import has_cells, place_cells

    design = task.flat or task.design
    if not has_cells(design):
        raise NotApplicableError(f"the {engine} engine places standard cells; this design has none to move")

    def told(event: Event) -> None:  # wirelengths of placements that are not legal yet make no curve
        task.progress(replace(event, cost=None))

    result = place_cells(
        design, engine, budget=task.budget, seed=task.seed, jobs=jobs_of(task), progress=told,
        effort=task.options.get("effort", "default"), iterations=task.iterations if engine == "hybrid" else None,
        target_density=number(task, "density", 0.0) or None,
    )  # fmt: skip
    figures = None if result.flat is None else result.flat.as_dict()
    return Answer(result.placement, facts={"flat": figures}, curve_of="hpwl_um", design=design)


def _prepare_floorplan() -> None:
    from placer.floorplanning import compile_kernels

    compile_kernels()


@method("floorplan", prepare=_prepare_floorplan, options=("jobs",))
def floorplan(task: Task) -> Answer:
    """Annealing of block floorplans in a fixed outline; hard blocks are turned, not reshaped."""
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


def _checkpoint(options: Mapping[str, str]) -> Path:
    from policies.checkpoint import SHIPPED

    return Path(options["checkpoint"]).expanduser() if "checkpoint" in options else SHIPPED


def _untrained(options: Mapping[str, str]) -> bool:
    return _flag(options, "untrained")


def _network(options: Mapping[str, str]) -> ActorCritic:
    """The network the options name: a checkpoint's, or a new one of the usual sizes."""
    from policies.actor_critic import ActorCritic
    from policies.checkpoint import load_checkpoint

    if _untrained(options):
        import torch

        torch.manual_seed(0)
        return ActorCritic()
    return load_checkpoint(_checkpoint(options)).model


def _policy_missing(options: Mapping[str, str]) -> str | None:
    if _untrained(options):
        return None
    path = _checkpoint(options)
    if path.is_file():
        return None
    if "checkpoint" in options:
        return f"no such checkpoint: {path}"
    return "no trained network ships with this version; name one of placer train: policy[checkpoint=FILE]"


def _policy_identity(options: Mapping[str, str]) -> str:
    if _untrained(options):
        return "untrained"
    return hashlib.sha256(_checkpoint(options).read_bytes()).hexdigest()[:12]


def _prepare_policy() -> None:
    importlib.import_module("policies.placing")  # what computes with torch stays out of the server
    _prepare_search()


@method(
    "policy", prepare=_prepare_policy, missing=_policy_missing, identity=_policy_identity,
    options=("checkpoint", "untrained", "soft"),
)  # fmt: skip
def policy(task: Task) -> Answer:
    """Macros decoded by a trained network, again and again; soft objects and flips of the best by exact moves.

    Options: ``checkpoint``, a file of ``placer train``; ``untrained`` (true), a new network instead; ``soft``,
    ``exact`` or ``solver`` (soft objects as the environment places them, no flips). ``iterations`` are draws.
    """
    from policies.placing import place

    try:
        result = place(
            task.design, _network(task.options), budget=task.budget, seed=task.seed, draws=task.iterations,
            soft=soft_of(task, "exact"), jobs=task.cores if task.time_limit is not None else None,
            progress=task.progress,
        )  # fmt: skip
    except NetlistError as error:
        raise NotApplicableError(str(error)) from None
    return Answer(result.placement, facts={"stats": result.stats})


def _both_missing(options: Mapping[str, str]) -> str | None:
    return _guides_missing({**POLICY_SEARCH, **options})


def _both_identity(options: Mapping[str, str]) -> str:
    return _guides_identity({**POLICY_SEARCH, **options})


@method(
    "policy+search",
    prepare=_prepare_guided,
    missing=_both_missing,
    identity=_both_identity,
    options=("checkpoint", "untrained", *_SEARCHES),
)
def policy_and_search(task: Task) -> Answer:
    """The exact search with placements of a trained network among its starts and a learned schedule.

    Options: ``checkpoint`` and ``untrained`` as of ``policy``, and those of ``search``: ``effort``, ``jobs``,
    ``screen``, ``proposals``, ``shuffled``, ``starts`` (here ``gradient+policy``), ``ranking``,
    ``schedule`` (here ``learned``), ``makers``, ``rankings``, ``schedules``, ``refine`` and ``count``.
    """
    return around_macros(task, lambda part: _search(part, POLICY_SEARCH))


def jobs_of(task: Task) -> int:
    """The option ``jobs``; the run's cores where it is not given.

    Raises:
        NetlistError: it is no number of jobs.
    """
    text = task.options.get("jobs", str(task.cores))
    if not text.isdigit() or int(text) < 1:
        raise NetlistError("jobs must be a whole number of at least 1", found=text)
    return int(text)
