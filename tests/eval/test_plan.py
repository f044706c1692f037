"""The order of runs: whatever a machine does over time, it does to all methods alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.ledger import Ledger
from eval.methods import Choice
from eval.runner.local import Ended
from eval.runner.plan import make_plan
from eval.runner.settings import Settings
from eval.suites import load_suite


class Describer:
    """An executor that only knows what designs are."""

    slots = ("0",)

    def prepare(self, choices: list[Choice]) -> dict[str, str]:
        return {"replace": "not on this machine"}

    def submit(self, number: int, slot: int, job: Mapping[str, Any]) -> None:
        seen = {"fingerprint": job["member"]["name"], "start": "s", "facts": {}}
        (Path(job["folder"]) / "describe.json").write_text(json.dumps(seen))
        self.number = number

    def poll(self, seconds: float) -> list[Ended]:
        return [Ended(self.number, "exit")]


def test_methods_take_turns_and_every_second_seed_turns_the_order_round(tmp_path: Path) -> None:
    names = ("search", "simulated-annealing", "greedy-wire-mask", "replace")
    suite = load_suite("bundled").part(["synth20", "synth130"])
    with Ledger(tmp_path / "runs.db") as ledger:
        plan = make_plan(suite, [Choice(name) for name in names], Settings(seeds=(3, 4, 5)), Describer(), ledger)
    order = [(key.design, key.seed, key.method) for key, _, _ in plan.runs]
    search, annealing, greedy = names[:3]
    one = [
        (3, search), (3, annealing), (0, greedy),
        (4, annealing), (4, search),
        (5, search), (5, annealing),
    ]  # fmt: skip
    assert order == [(design, *rest) for design in ("synth20", "synth130") for rest in one]
    assert plan.skips == [("method", "replace", "not on this machine")]
