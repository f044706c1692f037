"""The device code compiles for a real device: that needs Numba-CUDA and its toolkit wheels or CUDA_HOME, no device."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Capability 9.0; Numba asks the current device for it when one device function calls another.
COMPILE = """
import numpy as np
from numba import cuda, typeof, types
try:
    cuda.compile_ptx(lambda: None, (), cc=(9, 0))
except Exception as error:
    raise SystemExit(f"no NVVM: {error}")
import numba.cuda.dispatcher as dispatcher

class Device:
    compute_capability = (9, 0)

dispatcher.get_current_device = lambda: Device
from placer.engines.gpu_search import kernels
from placer.engines.gpu_search.board import build_board
from placer.engines.gpu_search.storage import build_layout, empty_chains
from tests.placer.random_designs import random_design

board, _ = build_board(random_design(4))
layout = build_layout(board, 64)
i4, i8, f8, u8 = types.int32, types.int64, types.float64, types.uint64
chains = empty_chains(
    layout, np.zeros((1, 2)), np.zeros((1, 2), np.int64), np.zeros((1, 1), np.int32), np.zeros(1, np.int32)
)
own = typeof(board), typeof(layout), typeof(chains)
a3, i3, a2 = f8[:, :, ::1], i8[:, :, ::1], f8[:, ::1]
for kernel, rest in (
    (kernels.replay, (i3, a3, a3, i3, i4[:, ::1], a2, a2)),
    (kernels.anneal, (u8[::1], f8[::1], i8, f8, f8, f8, a3, a2)),
):
    text, _ = cuda.compile_ptx(kernel.py_func, own + rest, cc=(9, 0))
    assert ".target sm_90" in text
    assert "bar.sync" in text or "barrier.sync" in text
    assert "atom.shared" in text or "atom.add" in text or "atom.global" in text
    print(kernel.py_func.__name__, len(text))
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("numba_cuda") is None, reason="numba-cuda is not installed")
def test_both_programs_compile_for_a_device():
    done = subprocess.run([sys.executable, "-c", COMPILE], cwd=ROOT, capture_output=True, text=True, timeout=900)
    if "no NVVM" in done.stderr:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[::2] == ["replay", "anneal"]
