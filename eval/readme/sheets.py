"""Figures and tables from the sheets of ``python -m eval.bench``: one function a section of the template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from eval.bench.sheet import table
from eval.readme.figures import link, percent, rough, seeds, span
from eval.readme.sources import NotMeasuredError, Record, Results
from eval.study.report import figure
from netlists.errors import NetlistError
from placer.cost.full import CostWeights

#: Designs as README calls them, where that is not their name.
NAMES = {
    "ibm01_unit": "ibm01, unit net weights", "ariane133_ng45_mov": "ariane133, macros movable, um",
    "ariane133_ng45_fix": "ariane133, macros fixed, um",
}  # fmt: skip
#: Columns of the table of speeds: what the sheets call the designs.
_SPEED = ("ct/ariane133_ng45", "ct/nvdla_ng45", "ct/ibm01_unit")


def quality(results: Results) -> Mapping[str, str]:
    """Placements after a fixed time."""
    records = sorted(results.sheets("quality-"), key=_seconds)
    if not records:
        raise NotMeasuredError("quality-*.json")
    first, weights = records[0], CostWeights()
    columns = {"design": "design", "start": "as given"}
    for record in records:
        columns[record.name] = f"**chip-placer, {_seconds(record):g} s**"
    columns |= {
        "peer_sa": f"TILOS-style SA, {_seconds(first):g} s, same cores and evaluator",
        "ct": "Circuit Training, legalised", "best": "best published",
    }  # fmt: skip
    rows, gains = [], []
    for found in first.rows:
        row: dict[str, Any] = {"design": _name(found["design"])}
        row |= {key: _figure(found.get(key)) for key in ("start", "peer_sa", "ct", "best")}
        for record in records:
            own = next((one for one in record.rows if one["design"] == found["design"]), None)
            if own is not None:
                row[record.name] = f"**{figure(own['mean'])}** ({figure(own['max'])})"
        if found.get("best"):
            gains.append(1 - found["mean"] / found["best"])
        rows.append(row)
    later = [
        f"{_seconds(record):g} s: {note}" for record in records[1:] for note in record.notes if note not in first.notes
    ]
    return {
        "table": _table(columns, rows),
        "title": first.title,
        "seeds": seeds(first.rows),
        "weights": f"wirelength + {weights.density:g} density + {weights.congestion:g} congestion",
        "gain": _gain(gains, len(first.rows)),
        "notes": " ".join(later),
        "commands": ", ".join(f"`{record.command}` ({link(record.name)})" for record in records),
    }


def speed(results: Results) -> Mapping[str, str]:
    """Exact evaluations, moves and environment steps a second."""
    cost, env = results.sheet("cost"), results.sheet("env")
    rows: list[dict[str, Any]] = [
        {"what": "exact cost from scratch"},
        {"what": "exact moves priced a second: by about a gcell / anywhere"},
        {"what": "swaps a second"},
        {"what": "environment steps a second, every observation"},
    ]
    for name in _SPEED:
        own, steps = cost.row(design=name), env.row(design=name)
        cells = (
            f"{rough(own['full_ms'], 2)} ms", f"{rough(own['nearby'])} / {rough(own['anywhere'])}", rough(own["swap"]),
            rough(steps["full"], 2),
        )  # fmt: skip
        for row, cell in zip(rows, cells, strict=True):
            row[name] = cell
    columns = {"what": "one core", **{name: _name(name.rpartition("/")[2]) for name in _SPEED}}
    return {
        "table": _table(columns, rows),
        "commands": f"`{cost.command}` ({link('cost')}), `{env.command}` ({link('env')})",
    }


def batched(results: Results) -> Mapping[str, str]:
    """The batched environment."""
    record = results.sheet("env-batched")
    row = record.row(design="ariane133_ng45", dtype="float64", through="NumPy", copies=256)
    return {
        "steps": rough(row["steps"]),
        "design": row["design"],
        "copies": rough(row["copies"]),
        "numbers": row["dtype"],
        "cores": _found(r"Processor cores: (\d+)", " ".join(record.notes)),
        "times": rough(row["over_single"], 2),
        "command": f"`{record.command}` ({link(record.name)})",
    }


def analytic(results: Results) -> Mapping[str, str]:
    """Flat designs."""
    record = results.sheet("analytic")
    columns = {
        "design": "design", "ours": "**chip-placer**", "worst": "worst seed", "best": "best of the others",
        "ratio": "ours / best", "seconds": "whole command, s", "theirs": "DREAMPlace, s",
    }  # fmt: skip
    rows = [
        {
            "design": _name(row["design"]), "ours": f"**{row['all_n']:,.0f}**", "worst": f"{row['all_n_worst']:,.0f}",
            "best": f"{row['best_known']:,.0f}", "ratio": f"{row['ratio']:.3f}", "seconds": rough(row["seconds"], 2),
            "theirs": rough(row["dreamplace_s"], 2),
        }
        for row in record.rows
    ]  # fmt: skip
    return {
        "table": _table(columns, rows),
        "title": record.title,
        "seeds": seeds(record.rows),
        "written": f"{min(row['ratio_written'] for row in record.rows):.3f} to "
        f"{max(row['ratio_written'] for row in record.rows):.3f}",
        "command": f"`{record.command}` ({link(record.name)})",
    }


def growth(results: Results) -> Mapping[str, str]:
    """Time and memory of flat placement against size."""
    record = results.sheet("growth")
    last = max(record.rows, key=lambda row: row["cells"])
    pins = np.log([row["pins"] for row in record.rows])
    slopes = {
        key: float(np.polyfit(pins, np.log([row[key] for row in record.rows]), 1)[0]) for key in ("cpu", "peak_mib")
    }
    return {
        "cells": f"{last['cells']:,}",
        "macros": f"{last['macros']:,}",
        "minutes": rough(last["cpu"] / 60),
        "gib": rough(last["peak_mib"] / 1024, 2),
        "time_power": f"{slopes['cpu']:.2f}",
        "memory_power": f"{slopes['peak_mib']:.2f}",
        "broken": "no rule broken" if not last["violations"] else f"{last['violations']:,} broken rules",
        "command": f"`{record.command}` ({link(record.name)})",
    }


def flow(results: Results) -> Mapping[str, str]:
    """From LEF, DEF and Verilog to a placed DEF."""
    record = results.sheet("flow")
    compared = [row for row in record.rows if row.get("ref_hpwl")]
    if not compared:
        raise NotMeasuredError("flow.json: a design with a reference placement")
    row = compared[0]
    others = [one for one in record.rows if one is not row]
    legal = sum(bool(one["legal"]) for one in record.rows)
    return {
        "title": record.title,
        "seeds": seeds([row]),
        "design": row["design"],
        "seconds": rough(row["seconds"], 2),
        "hpwl": f"{row['hpwl']:,.0f}",
        "proxy": f"{row['proxy']:.3f}",
        "ref_hpwl": f"{row['ref_hpwl']:,.0f}",
        "ref_proxy": f"{row['ref_proxy']:.3f}",
        "saved": percent(1 - row["hpwl"] / row["ref_hpwl"]),
        "others": str(len(others)),
        "legal": "every one" if legal == len(record.rows) else f"{legal} of {len(record.rows)}",
        "command": f"`{record.command}` ({link(record.name)})",
    }


def harness(results: Results) -> Mapping[str, str]:
    """What the harness costs."""
    record = results.sheet("harness")
    row = record.rows[0]
    return {
        "runs": f"{row['runs']:,}",
        "seconds": f"{row['seconds_each']:g}",
        "jobs": str(row["jobs"]),
        "wall": percent(row["wall_share"]),
        "cpu": percent(row["cpu_share"]),
        "command": f"`{record.command}` ({link(record.name)})",
    }


def machines(results: Results) -> Mapping[str, str]:
    """What everything was measured on."""
    seen: list[str] = []
    for facts in results.machines:
        words = ", ".join(facts[key] for key in ("processor", "memory", "system") if facts.get(key))
        cores = facts.get("cores", "").partition(" ")[0]
        text = f"{words} ({cores} cores)" if cores else words
        if text not in seen:
            seen.append(text)
    if not seen:
        raise NotMeasuredError("any file of results")
    return {"machines": "; ".join(seen)}


def _seconds(record: Record) -> float:
    return float(_found(r"after ([\d.]+) s\b", record.title))


def _found(pattern: str, text: str) -> str:
    """What the first group of a pattern is in a text that is known to have it."""
    found = re.search(pattern, text)
    if found is None:
        raise NetlistError("a sheet of results does not say this", found=text, expected=pattern)
    return found[1]


def _name(design: str) -> str:
    return NAMES.get(design, design)


def _figure(value: float | None) -> str | None:
    return None if value is None else figure(value)


def _gain(gains: list[float], designs: int) -> str:
    """One sentence on how far below the published figures ours lie."""
    if not gains:
        return ""
    if min(gains) > 0:
        return (
            f"On the {len(gains)} of {designs} designs with published figures it ends {span(100 * g for g in gains)} % "
            "below the best of them."
        )
    return f"It ends below the best published figure on {sum(g > 0 for g in gains)} of {len(gains)} designs."


def _table(columns: Mapping[str, str], rows: list[dict[str, Any]]) -> str:
    """A table whose first column is words and whose others are figures, which are text here."""
    lines = table(columns, rows)
    lines[1] = "|---|" + "--:|" * (len(columns) - 1)
    return "\n".join(lines)
