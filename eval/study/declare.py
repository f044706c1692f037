"""A study is a TOML file: designs, methods, seeds, budget, and what is claimed about the outcome.

::

    title = "Does exact search beat annealing at equal time?"
    suite = "bundled"                              # a suite's name or file
    methods = ["search", "simulated-annealing"]    # factors stand in brackets: "search[effort=fast]"
    seeds = 5
    seconds = 10.0                                 # or iterations = 200000
    cores = 1

    [[claim]]
    text = "Search costs less than annealing."
    first = "search"
    second = "simulated-annealing"
    at_most = 1.0                                  # ratio of mean costs, geometric mean over designs
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.methods import Choice, parse_choices
from eval.runner.settings import Settings
from eval.suites import Suite, load_suite
from netlists.errors import NetlistError
from netlists.formats.textio import read_bytes

_KEYS = {"title", "suite", "methods", "seeds", "seconds", "iterations", "cores", "memory_gib", "claim", "about"}
_CLAIM = {"text", "first", "second", "at_most"}


@dataclass(frozen=True)
class Claim:
    """Something that may turn out true or not.

    Attributes:
        text: in words.
        first: method, as the study names it.
        second: the one it is compared with.
        at_most: the ratio of their mean costs, geometric mean over designs, is claimed to be below this.
    """

    text: str
    first: str
    second: str
    at_most: float = 1.0


@dataclass(frozen=True)
class Study:
    """A declared experiment.

    Attributes:
        title: one line.
        about: further words.
        suite: designs and metric.
        choices: methods.
        settings: seeds, budget, cores.
        claims: what is to be judged.
    """

    title: str
    about: str
    suite: Suite
    choices: tuple[Choice, ...]
    settings: Settings
    claims: tuple[Claim, ...]


def load_study(path: str | Path) -> Study:
    """Read a study.

    Raises:
        NetlistError: the file cannot be read, or what it says makes no sense.
    """
    file = Path(path)
    try:
        table: dict[str, Any] = tomllib.loads(read_bytes(file).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NetlistError(f"this is no TOML: {error}", file=file) from None
    for key in table:
        if key not in _KEYS:
            raise NetlistError("unknown key", file=file, found=key, expected=", ".join(sorted(_KEYS)))
    if "seconds" in table and "iterations" in table:
        raise NetlistError("a run is bound by seconds or by iterations, not by both", file=file)
    named = str(table.get("suite", "bundled"))
    beside = file.parent / named
    suite = load_suite(beside if beside.is_file() else named)
    choices = tuple(parse_choices(",".join(table.get("methods", suite.methods))))
    labels = [choice.label for choice in choices]
    claims = []
    for entry in table.get("claim", []):
        if set(entry) - _CLAIM or not {"text", "first", "second"} <= set(entry):
            raise NetlistError("a claim has text, first, second and at_most", file=file, found=sorted(entry))
        claim = Claim(**{**entry, "at_most": float(entry.get("at_most", 1.0))})
        for name in (claim.first, claim.second):
            if name not in labels:
                raise NetlistError("a claim is about methods of the study", file=file, found=name, expected=labels)
        claims.append(claim)
    if not claims:
        raise NetlistError("a study needs at least one [[claim]]", file=file)
    seeds, memory = int(table.get("seeds", 5)), table.get("memory_gib")
    if seeds < 1:
        raise NetlistError("a study needs seeds", file=file, found=seeds)
    settings = Settings(
        seeds=tuple(range(seeds)),
        seconds=None if "iterations" in table else float(table.get("seconds", 60.0)),
        iterations=table.get("iterations"),
        cores=int(table.get("cores", 1)),
        memory=None if memory is None else int(float(memory) * 2**30),
    )
    return Study(
        str(table.get("title", file.stem)), str(table.get("about", "")).strip(), suite, choices, settings, tuple(claims)
    )
