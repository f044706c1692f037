"""How long the policy network takes: the graph and its encoding once a design, a decision every step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from eval.bench.child import run_child
from eval.bench.designs import BUNDLED, Settings, find
from eval.bench.sheet import Sheet
from netlists.design import Design
from netlists.load import load
from netlists.synthesis import SynthesisSpec, synthesize

#: Open designs beside the bundled ones.
OPEN = ("ct/ariane133_ng45", "ct/nvdla_ng45", "ct/ibm01_unit")
#: The generated design of the size that the limits are for: 500 macros, 2,000 soft macros, about 60,000 nets.
LARGE = "synth500 with 2,000 soft macros"
#: CPU ms for encoding a design of that size, and for a step.
LIMITS = (50.0, 5.0)
#: Times each part is measured; the median counts.
_ROUNDS = 9


def run(settings: Settings) -> Sheet:
    """Measure in a process of its own with one thread.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        "policy-speed",
        "Speed of the policy network",
        {
            "design": "design", "macros": "macros", "objects": "objects", "nets": "nets", "own": "nets with a vector",
            "pins": "pins heard", "graph_ms": "graph, CPU ms", "encode_ms": "encoding, CPU ms",
            "encode_wall_ms": "encoding, ms", "step_ms": "a step, CPU ms", "steps_ms": "a step of 8 episodes, CPU ms",
        },
        notes=[
            "One core and one thread, median of several rounds. CPU time is that of the process, which other programs "
            "on the machine hardly change; the wall clock they do.",
            "Graph and encoding are needed once for a design. A step is one decision of the network on what the "
            "environment observes, with half of the macros placed; eight episodes are decided side by side.",
            f"The aim is {LIMITS[0]:g} ms for encoding and {LIMITS[1]:g} ms for a step with 500 macros and 2,000 soft "
            "macros.",
            "`python -m eval.bench --only policy-speed` measures this.",
        ],
    )  # fmt: skip
    plan: dict[str, Any] = {"designs": [(name, name) for name in BUNDLED if settings.wants(name)]}
    for name in OPEN[:1] if settings.quick else OPEN:
        path = find(settings, name, sheet.skipped) if settings.wants(name.split("/")[-1]) else None
        if path is not None:
            plan["designs"].append((name, str(path)))
    if not settings.quick and settings.wants(LARGE):
        plan["designs"].append((LARGE, ""))
    sheet.rows += run_child("policy_speed", json.dumps(plan), timeout=1800.0, cores=1)["rows"]
    sheet.rows.sort(key=lambda row: (int(row["objects"]), str(row["design"])))
    return sheet


def carry_out(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Measure what a plan says, in this process.

    Args:
        plan: ``designs``, pairs of a name and what to load; nothing to load stands for :data:`LARGE`.

    Returns:
        ``rows`` of the sheet.
    """
    import torch

    torch.set_num_threads(1)
    return {"rows": [{"design": name, **measure(load(path) if path else large())} for name, path in plan["designs"]]}


def large() -> Design:
    """The design the limits are for."""
    return synthesize(SynthesisSpec(num_macros=500, num_cells=300_000, num_soft_macros=2000, name="large"), seed=0)


def measure(design: Design) -> dict[str, Any]:
    """Times on one design.

    Args:
        design: what to encode and decide on.
    """
    import torch

    from env.observation import Observer
    from env.problem import build_problem
    from env.state import MacroState
    from policies.actor_critic import ActorCritic
    from policies.decoding import situation_of
    from policies.graphs import build_graph, join

    problem = build_problem(design)
    model = ActorCritic().eval()
    graph, (graph_ms, _) = _timed(lambda: build_graph(problem))
    batch = join([graph])
    with torch.no_grad():
        encoded, (encode_ms, encode_wall_ms) = _timed(lambda: model.encode(batch))
        state = MacroState(problem)
        while state.step < problem.num_macros // 2 and state.num_legal:
            state.place(int(np.flatnonzero(state.legal)[0]))
        observer = Observer(problem, turned=True)
        _, (step_ms, _) = _timed(lambda: model.decide(encoded, situation_of(problem, [state], observer)))
        _, (steps_ms, _) = _timed(lambda: model.decide(encoded, situation_of(problem, [state] * 8, observer)))
    return {
        "macros": problem.num_macros, "objects": design.netlist.num_nodes, "nets": design.netlist.num_nets,
        "own": len(graph.net_x), "pins": len(graph.to_net.source) + len(graph.to_node.source), "graph_ms": graph_ms,
        "encode_ms": encode_ms, "encode_wall_ms": encode_wall_ms, "step_ms": step_ms, "steps_ms": steps_ms,
    }  # fmt: skip


def _timed(work: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What the work gives, and median milliseconds of CPU time and of wall clock."""
    found = work()  # the first time loads what the later ones find loaded
    times = []
    for _ in range(_ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    processor, clock = 1e3 * np.median(times, axis=0)
    return found, (float(processor), float(clock))
