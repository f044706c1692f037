"""Exact search: annealing chains whose every move is legal and priced by the incremental kernel."""

from placer.engines.search.ground import on_lattice
from placer.engines.search.move_log import MoveLog, MoveRecorder
from placer.engines.search.options import Facts, Planner, Ranker, Schedule, SearchOptions
from placer.engines.search.proposals import Proposals, Proposer, Standing
from placer.engines.search.run import SearchResult, search

__all__ = [
    "Facts",
    "MoveLog",
    "MoveRecorder",
    "Planner",
    "Proposals",
    "Proposer",
    "Ranker",
    "Schedule",
    "SearchOptions",
    "SearchResult",
    "Standing",
    "on_lattice",
    "search",
]
