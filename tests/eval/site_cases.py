"""A ledger as a finished benchmark leaves it, made without running one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.ledger import Ledger, RunKey, Verdict
from eval.runner.jobs import start_digest
from eval.suites import Member, open_member
from netlists.formats import write_placement
from placer.engines.legalise import legalise
from placer.output import fingerprint
from placer.scoring import score_placement

#: Two designs; the second has a name that HTML must not take for markup.
MEMBERS = (
    Member("ariane133_ng45", synthetic={"num_macros": 4, "num_cells": 200}, seed=1),
    Member("<b>two</b>", synthetic={"num_macros": 5, "num_cells": 200}, seed=2),
)


def write_ledger(folder: Path, seeds: int = 4) -> Path:
    """``fine`` beats ``rough`` everywhere, ``broken`` never ends well."""
    path = folder / "case.db"
    runs, answers = [], {}
    for member in MEMBERS:
        design = open_member(member)
        c, movable = design.canvas, design.movable
        for method in ("fine", "rough", "broken"):
            for seed in range(seeds):
                key = RunKey(
                    member.name, fingerprint(design), start_digest(design), method, "", {}, seed, 10.0, None, 1, None,
                    "0.1.0+abc",
                )  # fmt: skip
                runs.append((key, {**member.as_dict(), "method": method}, method))
                rng = np.random.default_rng(seed)
                x, y = design.placement.x, design.placement.y
                if method != "fine":
                    x = np.where(movable, rng.uniform(c.x0, c.x1, len(x)), x)
                    y = np.where(movable, rng.uniform(c.y0, c.y1, len(y)), y)
                placed = legalise(design, design.placement.moved(x=x, y=y), seed=seed)
                answers[member.name, method, seed] = design, placed
    with Ledger(path) as ledger:
        ledger.plan(runs, suite="case", metric="proxy_cost", command="placer bench")
        ledger.note_skips("case", [("design", "gone", "not on this machine & elsewhere")])
        machine = ledger.machine({"node": "here", "processor": "slow"})
        while (claim := ledger.claim()) is not None:
            key = claim.key
            if key.method == "broken":
                ledger.finish(claim, Verdict("crash", "RuntimeError: <script>alert(1)</script>"), machine=machine)
                continue
            design, placed = answers[key.design, key.method, key.seed]
            claim.folder.mkdir(parents=True)
            file = claim.folder / "placement.plc.gz"
            write_placement(design, placed, file)
            score = score_placement(design, placed).as_dict()
            score["proxy_cost"] += 1e-3 * key.seed
            curve = [[0.5 * k, score["proxy_cost"] + 0.1 / k] for k in range(1, 8)]
            values = {
                "score": score, "proxy_cost": score["proxy_cost"], "hpwl_um": score["hpwl_um"], "legal": 1,
                "overlaps": 0, "seconds": 9.0 + key.seed, "curve": curve, "curve_of": "proxy_cost",
                "peak_bytes": 2 << 20,
            }  # fmt: skip
            ledger.finish(claim, Verdict("ok", "legal placement", values, placement=file), machine=machine)
        ledger.tidy()
    return path
