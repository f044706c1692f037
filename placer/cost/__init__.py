"""The objective: wirelength, density, congestion, legality; full, incremental and batched forms of one meaning."""

from placer.cost.full import Cost, CostWeights, full

__all__ = ["Cost", "CostWeights", "full"]
