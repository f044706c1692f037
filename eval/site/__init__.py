"""The results of ledgers as a static site that opens offline."""

from eval.site.build import build_site

__all__ = ["build_site"]
