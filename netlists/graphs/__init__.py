"""Graph views of a netlist for NetworkX and PyTorch Geometric, and Rent's rule; the libraries load on first use."""

from netlists.graphs.networkx_view import to_networkx
from netlists.graphs.pyg_view import EDGE_FEATURES, NET_FEATURES, NODE_FEATURES, to_pyg
from netlists.graphs.rent import RentCurve, rent_curve

__all__ = ["EDGE_FEATURES", "NET_FEATURES", "NODE_FEATURES", "RentCurve", "rent_curve", "to_networkx", "to_pyg"]
