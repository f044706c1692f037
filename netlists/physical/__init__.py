"""Designs as engineers have them: LEF, DEF and Verilog put together, and put back."""

from netlists.physical.circuit import Circuit, read_circuit
from netlists.physical.read import FORMAT, read_physical
from netlists.physical.record import Hierarchy, Physical

__all__ = ["FORMAT", "Circuit", "Hierarchy", "Physical", "read_circuit", "read_physical"]
