"""Judges: what measures the placer instead of using it. ``python -m eval.bench`` is ``make bench``.

The other floors never import this package.
"""
