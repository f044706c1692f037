"""Graph views of a netlist for NetworkX and PyTorch Geometric; the libraries load on first use."""

from netlists.graphs.networkx_view import to_networkx
from netlists.graphs.pyg_view import EDGE_FEATURES, NET_FEATURES, NODE_FEATURES, to_pyg

__all__ = ["EDGE_FEATURES", "NET_FEATURES", "NODE_FEATURES", "to_networkx", "to_pyg"]
