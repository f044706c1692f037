"""The GPU search without a GPU: its device code runs in Numba's simulator, in a process of its own."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from placer.budget import Budget
from placer.engines.gpu_search import GpuUnavailableError, gpu_available, gpu_search
from placer.engines.gpu_search.board import build_board, whole_weights
from placer.engines.gpu_search.storage import BLOCK_BYTES, build_layout, resident
from tests.placer.random_designs import random_design

ROOT = Path(__file__).resolve().parents[2]


def simulate(*arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.placer.gpu_cases", *arguments],
        cwd=ROOT, env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def simulated() -> dict:
    return simulate()


def agrees(found: dict) -> None:
    assert found["moves"] > 0
    assert max(found["price"], found["end"], found["full"]) < 1e-9, found


def test_device_prices_random_moves_like_the_incremental_kernel(simulated):
    for found in simulated["random"]:
        agrees(found)


def test_nets_too_long_for_one_thread_are_priced_alike(simulated):
    for found in simulated["long"]:
        agrees(found)


def test_fixed_objects_are_priced_alike(simulated):
    agrees(simulated["fixed"])


def test_maps_in_global_memory_give_the_same(simulated):
    agrees(simulated["global"])


def test_top_sums_equal_those_of_a_sorted_list(simulated):
    assert simulated["top"] == 0.0


def test_search_improves_and_stays_legal(simulated):
    found = simulated["search"]
    assert found["legal"]
    assert found["cost"] < found["start"]
    assert found["cost"] == pytest.approx(found["full"], rel=1e-12)
    assert found["told"] == pytest.approx(found["full"], rel=1e-9)
    assert 0 < found["proposals"] <= sum(found["tried"].values()) <= 160


def test_search_is_the_same_for_a_seed(simulated):
    assert simulated["search"] == simulated["again"]
    assert simulated["search"]["x"] != simulated["other"]["x"]


def test_search_stops_when_told(simulated):
    stop = simulated["stop"]
    assert stop["over"] == 0
    assert stop["short"] > 0
    assert stop["end"] <= stop["start"]


@pytest.mark.slow
def test_device_agrees_on_many_designs():
    found = simulate("deep")
    for key in ("random", "long", "bundled"):
        assert found[key]
        for one in found[key]:
            agrees(one)
    agrees(found["fixed"])
    assert found["search"]["legal"]
    assert all(found["search"]["kept"][kind] > 0 for kind in ("soft-shift", "hard-slide", "hard-flip", "hard-jump"))


@pytest.mark.slow
@pytest.mark.open_data
def test_device_agrees_on_a_real_design(open_data):
    agrees(simulate("design", str(open_data("ct/ariane133_ng45"))))


def test_importing_the_placer_does_not_load_numba_cuda():
    code = (
        "import sys, placer, placer.engines.gpu_search, placer.engines.gpu_search.run;"
        "assert 'numba.cuda' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.skipif(gpu_available(), reason="a device is here")
def test_without_a_device_the_error_says_so():
    design = random_design(4)
    with pytest.raises(GpuUnavailableError, match=r"CUDA|cuda"):
        gpu_search(design, [design.placement], budget=Budget(1.0))


def test_weights_are_counted_in_whole_units_or_refused():
    multiples, unit = whole_weights(np.array([1.5, 2.0, 0.25]), np.array([2, 2, 2]))
    assert (multiples * unit).tolist() == [1.5, 2.0, 0.25]
    for bad in ([np.pi], [1.0, 1 / 1023, 1 / 1021], [2.0**30, 2.0**30]):
        with pytest.raises(GpuUnavailableError):
            whole_weights(np.array(bad), np.full(len(bad), 2))


def test_designs_the_device_code_does_not_cover_are_refused():
    with pytest.raises(GpuUnavailableError, match="multiples"):
        build_board(random_design(4, integer_weights=False))
    tiny = next(d for d in map(random_design, range(99)) if d.canvas.columns * d.canvas.grid_rows < 10)
    with pytest.raises(GpuUnavailableError, match="too small"):
        build_board(tiny)


@pytest.mark.parametrize("limit", [0, 12_000, BLOCK_BYTES])
def test_arrays_in_shared_memory_do_not_overlap(limit):
    board, _ = build_board(random_design(4))
    y = build_layout(board, 64, limit)
    spans = [
        (8 * y.scratch, 8 * 8 * 72), (8 * y.sides, 8 * 24), (4 * y.facts, 4 * 36), (4 * y.notes, 4 * 8),
        (4 * y.bits, 4 * 2 * y.words),
    ]  # fmt: skip
    if y.maps_shared:
        spans += [(8 * y.maps, 8 * 6 * y.gcells), (4 * y.delta, 4 * 2 * y.gcells)]
    if y.objects_shared:
        spans += [(8 * y.place, 16 * y.slots), (8 * y.corner, 16 * y.hards), (4 * y.orient, 4 * y.slots)]
    spans.sort()
    assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(spans))
    assert spans[-1][0] + spans[-1][1] <= y.shared_bytes
    assert (y.maps_shared, y.objects_shared) == ((0, 0) if limit == 0 else (1, 1))
    assert resident(y, 64, 128) >= 1
