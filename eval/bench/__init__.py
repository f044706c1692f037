"""``make bench``: measure speed and quality on the bundled and the open designs, side by side in one run.

Each measurement is one module with a ``run(settings) -> Sheet`` function; ``sheet.py`` writes what they return as
Markdown, CSV and JSON, together with the machine it was measured on. Designs that are not on this machine are listed
as skipped, never silently left out.
"""
