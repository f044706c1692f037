"""``B`` copies of ``placer/MacroPlacement-v0`` whose step is one compiled call, on a CPU or a GPU.

- :mod:`env.batched.tables`: designs as arrays of one shape;
- :mod:`env.batched.step`: what happens in a step;
- :mod:`env.batched.vector`: the ``gymnasium.vector.VectorEnv``;
- :mod:`env.batched.torch_view`: the same with PyTorch tensors.
"""

from __future__ import annotations

from env.batched.vector import BatchedMacroPlacement

__all__ = ["BatchedMacroPlacement"]
