"""What of the learned parts guides a search, said in words: the options of benchmarks and studies.

========== =============================================================================================================
option     value
========== =============================================================================================================
starts     kinds joined by ``+``: ``gradient`` (smooth starts), ``policy``, ``amortised``; or ``none``. The input
           placement, if there is one, always is a start.
ranking    ``cost`` (short trials, then exact cost), ``learned`` (at once, by a learned ranking with trials of its own),
           ``trials+learned`` (short trials, then the ranking), ``untried`` (at once, by exact cost)
schedule   ``fixed``, or ``learned``: a policy plans the temperatures for the run at hand;
           ``constant``: the same plan for all runs, what the policy does in a typical one
makers     network of the amortised starts; the shipped one otherwise
rankings   the learned ranking; likewise
schedules  the policy that plans; likewise
refine     gradient steps that finish each amortised start
count      starts of each learned kind
========== =============================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.placement import Placement
from placer.budget import Budget
from policies.shipped import FOLDER

if TYPE_CHECKING:
    from placer.engines.search import Planner, Ranker, SearchOptions
    from placer.flow import Starter
    from policies.actor_critic import ActorCritic

KINDS = ("gradient", "policy", "amortised")
RANKINGS = ("cost", "learned", "trials+learned", "untried")
SCHEDULES = ("fixed", "learned", "constant")
#: What guides ``policy+search`` where nothing else is said.
POLICY_SEARCH: Mapping[str, str] = {"starts": "gradient+policy", "schedule": "learned"}
#: Options of the table above.
OPTIONS = ("starts", "ranking", "schedule", "makers", "rankings", "schedules", "refine", "count")
#: Option and shipped file of what was learned.
_FILES = {
    "amortised": ("makers", "placer-starts.safetensors"),
    "ranking": ("rankings", "placer-ranking.safetensors"),
    "schedule": ("schedules", "placer-schedule.safetensors"),
}


@dataclass(frozen=True, eq=False)
class Guidance:
    """What guides a search.

    Attributes:
        starter: makes learned starts; None where there are none.
        ranker: makes the choice among starts; None leaves that to exact cost.
        halving: whether short trials come before the choice.
        gradient: whether there are smooth starts.
        planner: plans the schedule; None leaves the search its own.
    """

    starter: Starter | None
    ranker: Ranker | None
    halving: bool
    gradient: bool
    planner: Planner | None = None

    def options(self, plain: SearchOptions) -> SearchOptions:
        """The options of the search with all of this."""
        starts = plain.starts if self.gradient else 0
        return replace(plain, starts=starts, ranker=self.ranker, halving=self.halving, planner=self.planner)


def guidance(
    options: Mapping[str, str],
    starts: str = "gradient",
    jobs: int = 1,
    network: Callable[[], ActorCritic] | None = None,
) -> Guidance:
    """Read the options and load what they name.

    Args:
        options: see the table above.
        starts: kinds of starts where the options name none.
        jobs: threads of the ranking.
        network: loads the policy's; the one that ships with the placer when None.

    Raises:
        NetlistError: an option makes no sense, or a file cannot be used.
    """
    kinds, ranking = kinds_of_starts(options, starts), options.get("ranking", "cost")
    if ranking not in RANKINGS:
        raise NetlistError("no ranking of starts is called that", found=ranking, expected=", ".join(RANKINGS))
    count, refine = _number(options, "count", None), _number(options, "refine", 30)
    starters: list[Starter] = []
    if "policy" in kinds:
        from policies.checkpoint import load_checkpoint
        from policies.placing import learned_starts

        policy = load_checkpoint().model if network is None else network()
        starters.append(learned_starts(policy, count=count or 2))
    if "amortised" in kinds:
        from policies.amortised import amortised_starts, load_starts

        model = load_starts(_file(options, "amortised")).model
        starters.append(amortised_starts(model, count=count or 4, refine=refine or 0))
    ranker: Ranker | None = None
    if "learned" in ranking:
        from policies.ranking import load_ranker

        loaded = replace(load_ranker(_file(options, "ranking")), jobs=jobs)
        ranker = loaded.without_trials() if ranking == "trials+learned" else loaded
    trials = ranking in ("cost", "trials+learned")
    planner: Planner | None = None
    if _schedule(options) != "fixed":
        from policies.schedule import LearnedPlanner, load_schedule

        learned = LearnedPlanner.of(load_schedule(_file(options, "schedule"))[0])
        planner = learned if _schedule(options) == "learned" else learned.constant()
    return Guidance(together(starters), ranker, trials, "gradient" in kinds, planner)


def _schedule(options: Mapping[str, str]) -> str:
    found = options.get("schedule", "fixed")
    if found not in SCHEDULES:
        raise NetlistError("no schedule is called that", found=found, expected=", ".join(SCHEDULES))
    return found


def together(starters: Sequence[Starter]) -> Starter | None:
    """One maker of starts from several, which share the time; None from none."""
    if len(starters) < 2:
        return starters[0] if starters else None

    def starts(design: Design, budget: Budget, seed: int) -> list[Placement]:
        found: list[Placement] = []
        for number, starter in enumerate(starters):
            share = budget if budget.time_limit is None else budget.part(budget.left / (len(starters) - number))
            found += starter(design, share, seed)
        return found

    return starts


def guide_files(options: Mapping[str, str], starts: str = "gradient") -> list[Path]:
    """Files that decide the results of a search with these options, beside the policy's.

    Raises:
        NetlistError: an option makes no sense.
    """
    names = [name for name in kinds_of_starts(options, starts) if name in _FILES]
    if "learned" in options.get("ranking", ""):
        names.append("ranking")
    if _schedule(options) != "fixed":
        names.append("schedule")
    return [_file(options, name) for name in names]


def _file(options: Mapping[str, str], what: str) -> Path:
    option, shipped = _FILES[what]
    return Path(options[option]).expanduser() if option in options else FOLDER / shipped


def kinds_of_starts(options: Mapping[str, str], starts: str = "gradient") -> tuple[str, ...]:
    """What the option ``starts`` asks for.

    Raises:
        NetlistError: it makes no sense.
    """
    text = options.get("starts", starts)
    kinds = () if text == "none" else tuple(text.split("+"))
    for kind in kinds:
        if kind not in KINDS:
            raise NetlistError("no kind of starts is called that", found=kind, expected=", ".join((*KINDS, "none")))
    return kinds


def _number(options: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = options.get(name)
    if text is None:
        return default
    if not text.isdigit():
        raise NetlistError(f"{name} must be a whole number", found=text)
    return int(text)
