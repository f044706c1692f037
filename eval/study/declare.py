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
    paired = true                                  # run by run with the same seed; false compares means over seeds

``designs = ["synth20", ...]`` takes a part of the suite; ``also = ["hpwl_um"]`` shows further figures of the score.
The studies beside this file ship, and are known by name.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.methods import Choice, find, parse_choices
from eval.runner.settings import Settings
from eval.suites import Suite, load_suite
from netlists.errors import NetlistError
from netlists.formats.textio import read_bytes

_FOLDER = Path(__file__).parent
_KEYS = {
    "title", "suite", "designs", "methods", "seeds", "seconds", "iterations", "cores", "memory_gib", "claim", "about",
    "also",
}  # fmt: skip
_CLAIM = {"text", "first", "second", "at_most", "paired"}


@dataclass(frozen=True)
class Claim:
    """Something that may turn out true or not.

    Attributes:
        text: in words.
        first: method, as the study names it.
        second: the one it is compared with.
        at_most: the ratio of their mean costs, geometric mean over designs, is claimed to be below this.
        paired: runs with the same seed are compared with each other; otherwise the means over seeds are.
    """

    text: str
    first: str
    second: str
    at_most: float = 1.0
    paired: bool = False


@dataclass(frozen=True)
class Study:
    """A declared experiment.

    Attributes:
        name: the file's name without suffix.
        title: one line.
        about: further words.
        suite: designs and metric.
        choices: methods.
        settings: seeds, budget, cores.
        claims: what is to be judged.
        also: further figures of the score that the report shows.
    """

    name: str
    title: str
    about: str
    suite: Suite
    choices: tuple[Choice, ...]
    settings: Settings
    claims: tuple[Claim, ...]
    also: tuple[str, ...] = ()


def shipped() -> tuple[str, ...]:
    """Names of the studies that ship in the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_study(source: str | Path) -> Study:
    """Read a study.

    Args:
        source: a file, or the name of a study that ships.

    Raises:
        NetlistError: there is no such study, the file cannot be read, or what it says makes no sense.
    """
    file = Path(source).expanduser()
    if not file.is_file() and str(source) in shipped():
        file = _FOLDER / f"{source}.toml"
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
    if "designs" in table:
        suite = suite.part([str(name) for name in table["designs"]])
    choices = tuple(parse_choices(",".join(table.get("methods", suite.methods))))
    labels = [choice.label for choice in choices]
    claims = []
    for entry in table.get("claim", []):
        if set(entry) - _CLAIM or not {"text", "first", "second"} <= set(entry):
            raise NetlistError(
                "a claim has text, first, second, at_most and paired", file=file, found=sorted(entry)
            )  # fmt: skip
        claim = Claim(**{**entry, "at_most": float(entry.get("at_most", 1.0))})
        if not claim.at_most > 0:
            raise NetlistError("a claimed ratio is above 0", file=file, found=claim.at_most)
        if not isinstance(claim.paired, bool):
            raise NetlistError("paired is true or false", file=file, found=claim.paired)
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
        file.stem, str(table.get("title", file.stem)), str(table.get("about", "")).strip(), suite, choices, settings,
        tuple(claims), tuple(map(str, table.get("also", ()))),
    )  # fmt: skip


def check_methods(study: Study) -> None:
    """Look at the methods themselves, before anything runs.

    Raises:
        NetlistError: one is unknown, or a paired claim is about a method for which seeds make no difference.
    """
    found = {choice.label: find(choice) for choice in study.choices}
    for claim in study.claims:
        for name in (claim.first, claim.second):
            if claim.paired and found[name].deterministic:
                raise NetlistError(
                    "a paired claim needs methods that use seeds; without paired = true the means are compared",
                    found=name,
                )
