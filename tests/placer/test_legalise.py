"""Legalisation: always legal where room exists, never far, and a reason where no room exists."""

from __future__ import annotations

import time

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from netlists import SOFT_MACRO, STDCELL, Blockage, PlacementError
from placer.budget import Budget
from placer.cost.lattice import integer_boxes
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.legalise.compact import compact
from placer.engines.legalise.exact import search_all
from placer.engines.legalise.nearest import nearest_free
from placer.engines.legalise.pack import pack
from placer.engines.legalise.problem import build
from tests.placer.blocks import block_design, judge

RNG = np.random.default_rng


def displacement(design, placement):
    return np.abs(placement.x - design.placement.x) + np.abs(placement.y - design.placement.y)


def assert_legal(design, placement):
    """By our own integers, and by an independent judge that computes in naive floats."""
    report = check(design, placement, reference=design.placement)
    assert report.legal, report.summary()
    assert judge(design, placement, tolerance=1e-9) == []


def guillotine(pieces, rng, side=100.0, *, least=0.02):
    """Cut a square into ``pieces`` rectangles on a 0.01 um raster: ``[pieces, 4]`` x, y, w, h."""
    cuts = [(0.0, 0.0, side, side)]
    while len(cuts) < pieces:
        k = int(rng.choice(len(cuts), p=np.array([c[2] * c[3] for c in cuts]) / side**2))
        x, y, w, h = cuts.pop(k)
        share = rng.uniform(0.3, 0.7)
        if w > h:
            a = round(w * share, 2)
            cuts += [(x, y, a, h), (x + a, y, w - a, h)]
        else:
            a = round(h * share, 2)
            cuts += [(x, y, w, a), (x, y + a, w, h - a)]
    return np.round(np.array(cuts), 2)


def random_blocks(n, utilisation, rng, **more):
    w, h = rng.lognormal(0, 0.5, n), rng.lognormal(0, 0.5, n)
    scale = np.sqrt(utilisation * 1e4 / (w * h).sum())
    w, h = np.round(w * scale, 3), np.round(h * scale, 3)
    return block_design(w, h, rng.uniform(-5, 95, n), rng.uniform(-5, 95, n), **more)


# -- the parts ---------------------------------------------------------------------------------------------------------


def test_nearest_free_position_is_the_nearest():
    rng = RNG(0)
    for _ in range(150):
        count = int(rng.integers(0, 9))
        corner = rng.integers(-2, 14, (count, 2))
        boxes = np.hstack([corner, corner + rng.integers(1, 8, (count, 2))]).astype(np.int64).reshape(-1, 4)
        active = rng.random(count) < 0.8
        w, h = (int(v) for v in rng.integers(1, 8, 2))
        tx, ty = (int(v) for v in rng.integers(-4, 18, 2))
        taken = np.zeros((16, 14), bool)
        for a, b, c, d in boxes[active]:
            taken[max(a, 0) : max(c, 0), max(b, 0) : max(d, 0)] = True
        best = min(
            (
                abs(x - tx) + abs(y - ty)
                for x in range(16 - w + 1)
                for y in range(14 - h + 1)
                if not taken[x : x + w, y : y + h].any()
            ),
            default=None,
        )
        x, y, distance = nearest_free(w, h, tx, ty, np.array([0, 0, 16, 14]), boxes, active, 1 << 60)
        if best is None:
            assert distance == 1 << 60
        else:
            assert distance == best == abs(x - tx) + abs(y - ty)
            assert not taken[x : x + w, y : y + h].any()
            assert 0 <= x <= 16 - w
            assert 0 <= y <= 14 - h


# -- whole runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("n", [1, 5, 40])
def test_random_overlapping_macros_become_legal(n, utilisation):
    design = random_blocks(n, min(utilisation, 0.3) if n == 1 else utilisation, RNG(n))
    placement = legalise(design)
    assert_legal(design, placement)
    assert placement.placed.all()


def test_legal_input_is_left_alone():
    design = random_blocks(30, 0.5, RNG(3))
    once = legalise(design)
    again = legalise(design, once)
    assert (again.x == once.x).all()
    assert (again.y == once.y).all()


def test_same_seed_gives_the_same_bytes():
    design = random_blocks(60, 0.7, RNG(4))
    one, two = legalise(design, seed=5), legalise(design, seed=5)
    assert one.x.tobytes() == two.x.tobytes()
    assert one.y.tobytes() == two.y.tobytes()
