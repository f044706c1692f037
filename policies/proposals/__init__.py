"""Learned proposals: which object the search should move next, and where to.

``collect`` runs searches and keeps logs, ``learn`` makes a model of logs, ``save_proposals`` and ``load_proposals``
keep it, ``LearnedProposer`` hands it to a search::

    logs = collect(designs, iterations=200_000)
    model = learn(logs, {design.netlist.name: design for design in designs})
    options = SearchOptions(proposer=LearnedProposer.of(model))
"""

from policies.proposals.files import SHIPPED, load_proposals, save_proposals
from policies.proposals.learn import learn
from policies.proposals.lessons import collect
from policies.proposals.model import LearnedProposer, ProposalConfig, ProposalModel, get_ready

__all__ = [
    "SHIPPED",
    "LearnedProposer",
    "ProposalConfig",
    "ProposalModel",
    "collect",
    "get_ready",
    "learn",
    "load_proposals",
    "save_proposals",
]
