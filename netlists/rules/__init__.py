"""The constraints file: one TOML file with what an engineer asks of a placement."""

from netlists.rules.read import read_rules

__all__ = ["read_rules"]
