"""Why the GPU search cannot take a job."""

from __future__ import annotations


class GpuUnavailableError(RuntimeError):
    """There is no usable device, or the design is one that the device code does not cover.

    Nothing is wrong with the design: ``placer.engines.search.search`` takes it.
    """
