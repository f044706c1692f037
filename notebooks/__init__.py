"""Notebooks that show the placer at work; open them with Jupyter."""
