"""Exact search: annealing chains whose every move is legal and priced by the incremental kernel."""

from placer.engines.search.ground import on_lattice
from placer.engines.search.options import Ranker, Schedule, SearchOptions
from placer.engines.search.run import SearchResult, search

__all__ = ["Ranker", "Schedule", "SearchOptions", "SearchResult", "on_lattice", "search"]
