"""Is there a device, how much does it hold, and how do arrays get there."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from numba import config

from placer.engines.gpu_search.errors import GpuUnavailableError
from placer.engines.gpu_search.storage import BLOCK_BYTES, UNIT_BYTES

#: Shared memory every block may take without asking (CUDA C++ Programming Guide, "Shared Memory" of each capability).
FREE_BYTES = 48 * 1024
#: CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES of the CUDA driver API.
_MAX_DYNAMIC_SHARED = 8


def why_not() -> str | None:
    """Why the GPU search cannot run here, or None when it can."""
    # The CUDA target that Numba itself still carries does not compile min() and max() of two numbers any more. Asked
    # first, because loading numba.cuda takes a while and most machines have no use for it.
    if not getattr(config, "ENABLE_CUDASIM", 0) and find_spec("numba_cuda") is None:
        return "the package numba-cuda is not installed (extra 'gpu')"
    try:
        from placer.engines.gpu_search.target import SIMULATED, cuda

        if SIMULATED:
            return None
        if not cuda.is_available():
            return "no CUDA device that Numba can use"
    except Exception as error:  # a broken driver may raise anything; all of it means the same
        return f"numba.cuda cannot be used: {error}"
    return None


def gpu_available() -> bool:
    """True when there is a CUDA device that Numba can use (or Numba's simulator is switched on)."""
    return why_not() is None


def require() -> None:
    """Insist on a device.

    Raises:
        GpuUnavailableError: there is none.
    """
    reason = why_not()
    if reason is not None:
        raise GpuUnavailableError(reason)


def shared_memory() -> tuple[int, int, int]:
    """Shared memory of a block and of a multiprocessor, bytes, and the number of multiprocessors."""
    from placer.engines.gpu_search.target import SIMULATED, cuda

    if SIMULATED:
        return BLOCK_BYTES, UNIT_BYTES, 1
    device = cuda.get_current_device()
    return (
        int(device.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
        int(device.MAX_SHARED_MEMORY_PER_MULTIPROCESSOR),
        int(device.MULTIPROCESSOR_COUNT),
    )


def describe() -> str:
    """Name of the device and what it holds."""
    from placer.engines.gpu_search.target import SIMULATED, cuda

    block, unit, units = shared_memory()
    what = "Numba's simulator" if SIMULATED else str(cuda.get_current_device().name.decode())
    return f"{what}, {units} multiprocessors, {unit // 1024} KB shared memory each, {block // 1024} KB a block"


def upload(record: Any) -> Any:  # noqa: ANN401 - any named tuple
    """The same named tuple with its arrays on the device; under the simulator with C-ordered copies of them."""
    from placer.engines.gpu_search.target import SIMULATED, cuda

    move: Callable[[np.ndarray], Any] = np.array if SIMULATED else cuda.to_device
    return type(record)(*(move(np.ascontiguousarray(v)) if isinstance(v, np.ndarray) else v for v in record))


def to_device(array: np.ndarray) -> Any:  # noqa: ANN401
    """One array on the device."""
    from placer.engines.gpu_search.target import SIMULATED, cuda

    return np.array(array, order="C") if SIMULATED else cuda.to_device(np.ascontiguousarray(array))


def to_host(array: Any) -> np.ndarray:  # noqa: ANN401
    """A copy of a device array."""
    return np.array(array) if isinstance(array, np.ndarray) else array.copy_to_host()


def launch(kernel: Any, blocks: int, threads: int, shared_bytes: int, *arguments: Any) -> None:  # noqa: ANN401
    """Run a kernel, one block a chain, and wait for it."""
    from placer.engines.gpu_search.target import cuda

    kernel[blocks, threads, 0, shared_bytes](*arguments)
    cuda.synchronize()


def allow_shared(kernel: Any, shared_bytes: int, *arguments: Any) -> bool:  # noqa: ANN401
    """Ask the driver for more than 48 KB of shared memory a block; False when it cannot be had.

    Numba has no call for it, so this goes to the driver with the handle that Numba keeps. Whatever fails on the way
    (another version of Numba, an older device) only means that maps live in global memory.
    """
    from placer.engines.gpu_search.target import SIMULATED, cuda

    if SIMULATED or shared_bytes <= FREE_BYTES:
        return True
    try:
        compiled = kernel.compile(tuple(kernel.typeof_pyval(a) for a in arguments))
        handle = compiled._codelibrary.get_cufunc().handle
        pointer = ctypes.c_void_p(getattr(handle, "value", None) or int(handle))
        driver = ctypes.CDLL("libcuda.so.1")
        device = ctypes.c_int(cuda.get_current_device().id)
        size = ctypes.c_int(shared_bytes)
        attribute = ctypes.c_int(_MAX_DYNAMIC_SHARED)
        # Newer Numba keeps a CUkernel, older a CUfunction.
        return (
            driver.cuKernelSetAttribute(attribute, size, pointer, device) == 0
            or driver.cuFuncSetAttribute(pointer, attribute, size) == 0
        )
    except Exception:  # see above
        return False
