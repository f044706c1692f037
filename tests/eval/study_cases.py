"""Ledgers of the shipped studies, made without running them: costs are given by a function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eval.ledger import Ledger, RunKey, Verdict, read_runs
from eval.study import Study
from eval.study.publish import publish_study

#: design number, method number, seed -> cost, or None for a failure.
Cost = Callable[[int, int, int], float | None]
CODE = "0.1.0+cafe"


def write_runs(study: Study, path: Path, cost: Cost) -> Path:
    """A ledger as ``placer study`` leaves it."""
    designs = sorted([member.name for member in study.suite.members] + list(study.suite.missing))
    s = study.settings
    runs, costs = [], {}
    for d, design in enumerate(designs):
        for m, choice in enumerate(study.choices):
            for seed in s.seeds:
                key = RunKey(
                    design, f"print{d}", "start", choice.name, "", dict(choice.options), seed, s.seconds, s.iterations,
                    s.cores, s.memory, CODE,
                )  # fmt: skip
                member = {"name": design, "source": f"/home/somebody/data/{design}.aux", "method": choice.name}
                runs.append((key, member, choice.label))
                costs[design, choice.name, seed] = cost(d, m, seed)
    with Ledger(path) as ledger:
        ledger._db.execute("PRAGMA synchronous=OFF")  # nothing here has to outlive the machine
        ledger.plan(runs, suite=study.suite.name, metric=study.suite.metric, command="placer study /home/somebody/x")
        for d, design in enumerate(designs):
            ledger.note_design(design, f"print{d}", "start", {"macros": 3, "notes": ["read /home/somebody/a.lef"]})
        ledger.note_skips(study.suite.name, [("design", "gone", "gone: not found under PLACER_DATA (/home/somebody)")])
        machine = ledger.machine({"node": "secret-host", "processor": "slow"})
        while (claim := ledger.claim()) is not None:
            found = costs[claim.key.design, claim.key.method, claim.key.seed]
            values = {
                "seconds": 1.0, "cpu_seconds": 0.5, "log": "line\n" * 500, "placement_sha256": "5eed",
                "facts": {"history": [[k, k] for k in range(500)], "tool": "/home/somebody/bin/tool -x"},
                "curve": [[0.01 * k, 2.0 - 0.001 * k] for k in range(900)], "curve_of": "proxy_cost",
            }  # fmt: skip
            if found is None:
                verdict = Verdict("crash", "cannot open '/home/somebody/lib/x.so'", values)
            else:
                values |= {
                    "score": dict.fromkeys((study.suite.metric, *study.also), found),
                    study.suite.metric: found,
                    "legal": 1,
                }
                file = claim.folder / "placement.plc.gz"
                claim.folder.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"placement")
                verdict = Verdict("ok", "legal placement", values, placement=file)
            ledger.finish(claim, verdict, machine=machine)
        ledger.tidy()
    return path


def publish(study: Study, folder: Path, cost: Cost) -> Path:
    """The small copy of such a ledger, ``<study>.db``, and its report in ``folder``."""
    source = write_runs(study, folder / "sources" / f"{study.name}.db", cost)
    target, _ = publish_study(study, read_runs([source]).runs, source, folder / f"{study.name}.db")
    return target
