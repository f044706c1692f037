"""From the template to the block.

The template is Markdown in sections. A section begins with ``<!-- section NAME -->``; ``{{KEY}}`` in it stands for what
the function of that name (:data:`SECTIONS`) found under the key. A section whose results are not there is left out
whole. Paragraphs in which nothing is left but blanks go too.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from eval.readme import ledgers, sheets
from eval.readme.sources import NotMeasuredError, Results
from netlists.errors import NetlistError

TEMPLATE = Path(__file__).with_name("template.md")
WIDTH = 120
_SECTION = re.compile(r"^<!-- section ([\w-]+) -->$", re.MULTILINE)
_KEY = re.compile(r"\{\{([\w.]+)\}\}")
_WHOLE = re.compile(r"`[^`]*`| %")
_BLANK = "\x00"

#: Section -> what stands under its keys.
SECTIONS: dict[str, Callable[[Results], Mapping[str, str]]] = {
    "quality": sheets.quality,
    "open-ct": ledgers.costs("open-ct"),
    "speed": sheets.speed,
    "batched": sheets.batched,
    "analytic": sheets.analytic,
    "iccad04": ledgers.costs("iccad04"),
    "growth": sheets.growth,
    "flow": sheets.flow,
    "policy": ledgers.costs("policy"),
    "policy-search": ledgers.pairs("policy-search"),
    "policy-search-fresh": ledgers.pairs("policy-search-fresh"),
    "harness": sheets.harness,
    "machines": sheets.machines,
}


def sections(template: str) -> list[tuple[str, str]]:
    """(name, text) of every section, in order; what comes before the first is for those who write templates."""
    parts = _SECTION.split(template)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def render(results: Results, template: str | None = None) -> tuple[str, list[str]]:
    """The block.

    Args:
        results: where the figures are.
        template: the text of the template; the shipped one by default.

    Returns:
        The block, and a line for each section that was left out.

    Raises:
        NetlistError: the template names what is not there, or a file of results is wrong.
    """
    parts, missing = [], []
    for name, text in sections(TEMPLATE.read_text() if template is None else template):
        if name not in SECTIONS:
            raise NetlistError("no section of results is called that", file=TEMPLATE, found=name)
        try:
            values = SECTIONS[name](results)
        except NotMeasuredError as error:
            missing.append(f"{name}: {error} is not there")
            continue
        parts += [_filled(paragraph, values, name) for paragraph in re.split(r"\n\s*\n", text.strip())]
    return "\n\n".join(filter(None, parts)), missing


def _filled(paragraph: str, values: Mapping[str, str], section: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise NetlistError(f"the section {section} has no such figure", file=TEMPLATE, found=match[1])
        return values[match[1]]

    text = _KEY.sub(value, paragraph).strip()
    if not text or text.startswith(("|", "#", "```")):
        return text
    if text.startswith("- "):
        items = re.split(r"\n(?=- )", text)
        return "\n".join(_wrapped(item, "  ") for item in items)
    return _wrapped(text, "")


def _wrapped(text: str, indent: str) -> str:
    """Lines of at most :data:`WIDTH`; code, and a number with its percent sign, stay in one piece."""
    words = _WHOLE.sub(lambda match: match[0].replace(" ", _BLANK), " ".join(text.split()))
    lines = textwrap.fill(words, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines.replace(_BLANK, " ")
