"""GPU search: thousands of chains of exact incremental search on one CUDA device, one block of threads each.

Importing this package does not load ``numba.cuda``; calling into it does. See ``docs/gpu-search.md`` for the data
layout and for what has been run where.
"""

from placer.engines.gpu_search.device import gpu_available
from placer.engines.gpu_search.errors import GpuUnavailableError
from placer.engines.gpu_search.replay import Move, Replayed, price_moves_gpu
from placer.engines.gpu_search.run import GpuSchedule, GpuSearchResult, gpu_search

__all__ = [
    "GpuSchedule",
    "GpuSearchResult",
    "GpuUnavailableError",
    "Move",
    "Replayed",
    "gpu_available",
    "gpu_search",
    "price_moves_gpu",
]
