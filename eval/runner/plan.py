"""Designs times methods times seeds: which runs a call asks for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.ledger import Ledger, RunKey
from eval.ledger.key import code_version
from eval.methods import Choice, Method, find
from eval.runner.local import Executor
from eval.runner.settings import Settings
from eval.suites import Suite

#: Seconds a design may take to be read.
_READING = 1800.0
#: How often that is begun again where somebody kills the process.
_TRIES = 5


@dataclass(frozen=True)
class Plan:
    """What is to be run, and what cannot be.

    Attributes:
        runs: key, design and label of each run, in order.
        skips: (``"design"`` or ``"method"``, name, reason).
    """

    runs: list[tuple[RunKey, dict[str, Any], str]]
    skips: list[tuple[str, str, str]]

    @property
    def able(self) -> set[tuple[str, str]]:
        """(``"design"`` or ``"method"``, name) of what can be run."""
        found = set()
        for key, member, _ in self.runs:
            choice = Choice(member["method"], tuple(sorted(key.options.items())))
            found |= {("design", member["name"]), ("method", str(choice))}
        return found


def make_plan(suite: Suite, choices: Sequence[Choice], settings: Settings, executor: Executor, ledger: Ledger) -> Plan:
    """Look at every design and method, and list the runs.

    The runs of a design with one seed stand side by side, and every second seed has the methods in the opposite order:
    a machine that slows down does so for all of them, and none is always the first.

    Args:
        suite: the designs.
        choices: the methods.
        settings: seeds and budget.
        executor: reads the designs, in processes of their own; its methods are prepared.
        ledger: remembers the facts about the designs.

    Raises:
        NetlistError: a method is unknown.
    """
    skips = [("design", name, why) for name, why in suite.missing.items()]
    able: list[tuple[Choice, Method]] = []
    missing = executor.prepare(choices)
    for choice in choices:
        if str(choice) in missing:
            skips.append(("method", str(choice), missing[str(choice)]))
        else:
            able.append((choice, find(choice)))
    identities = {choice: found.identity(dict(choice.options)) for choice, found in able}
    code = code_version()
    runs: list[tuple[RunKey, dict[str, Any], str]] = []
    for member, seen in _described(suite, executor, ledger):
        if "fingerprint" not in seen:
            skips.append(("design", member["name"], seen["message"]))
            continue
        ledger.note_design(member["name"], seen["fingerprint"], seen["start"], seen["facts"])
        for index, seed in enumerate(settings.seeds):
            for choice, found in able if index % 2 == 0 else reversed(able):
                if found.deterministic and index:
                    continue
                key = RunKey(
                    member["name"], seen["fingerprint"], seen["start"], choice.label.partition("[")[0],
                    identities[choice], dict(choice.options), 0 if found.deterministic else seed, settings.seconds,
                    settings.iterations, settings.cores, settings.memory, code,
                )  # fmt: skip
                runs.append((key, {**member, "method": choice.name}, choice.label))
    return Plan(runs, skips)


def _described(suite: Suite, executor: Executor, ledger: Ledger) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Fingerprint and facts of each design, or the reason why it cannot be read."""
    found = []
    for number, member in enumerate(suite.members, start=1):
        folder = ledger.workplace(f"design-{number}")
        job = {"kind": "describe", "folder": str(folder), "member": member.as_dict(), "deadline": _READING}
        for _ in range(_TRIES):
            executor.submit(-number, 0, job)
            ended = None
            while ended is None:
                ended = next((one for one in executor.poll(1.0) if one.number == -number), None)
            if not ended.from_outside:
                break
        path = folder / "describe.json"
        if path.is_file():
            seen = json.loads(path.read_text())
        else:
            assert ended is not None
            seen = {"message": ended.detail or f"reading it ended with {ended.how} {ended.code}"}
        shutil.rmtree(folder, ignore_errors=True)
        found.append((member.as_dict(), seen))
    return found
