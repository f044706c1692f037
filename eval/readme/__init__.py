"""The results in README.md, written from the files in ``docs/results`` and from nothing else.

``template.md`` holds the sentences, :mod:`eval.readme.sheets` and :mod:`eval.readme.ledgers` the figures and tables
that go into them, :mod:`eval.readme.block` puts the outcome between the markers of README.md, and
:mod:`eval.readme.measure` measures everything anew. ``python -m eval.readme --check`` says whether README is current.
"""

from eval.readme.block import BEGIN, END, difference, replaced
from eval.readme.render import render
from eval.readme.sources import Results

__all__ = ["BEGIN", "END", "Results", "difference", "render", "replaced"]
