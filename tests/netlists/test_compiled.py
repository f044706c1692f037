import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PRINT_KERNEL_FOLDER = """
import placer.cost.incremental.kernel as k
print(k.propose._cache._cache_path)
"""


def kernel_folder(root, home, **environment):
    inherited = {
        k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "PLACER_CACHE_DIR", "PLACER_CACHE")
    }
    result = subprocess.run(
        [sys.executable, "-c", PRINT_KERNEL_FOLDER], cwd=root, check=True, capture_output=True, text=True,
        env={**inherited, "XDG_CACHE_HOME": str(home), "PYTHONPATH": str(root), **environment},
    )  # fmt: skip
    return result.stdout.strip()


def copy_of_sources(target):
    for package in ("placer", "netlists", "env", "policies", "eval"):
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                copy = target / file.relative_to(ROOT)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
    return target


def touched(path):
    path.write_text(path.read_text() + "\n# touched\n")


def test_a_changed_callee_in_another_file_begins_a_new_folder(tmp_path):
    """Numba does not notice a change in a function called from another file; the folder must."""
    root = copy_of_sources(tmp_path / "checkout")
    first = kernel_folder(root, tmp_path)
    assert first == kernel_folder(root, tmp_path)
    assert first.startswith(str(tmp_path / "chip-placer" / "kernels"))
    seen = {first}
    for name in ("routing.py", "incremental/top.py", "incremental/state.py"):  # callee, its neighbour, a named tuple
        touched(root / "placer" / "cost" / name)
        seen.add(kernel_folder(root, tmp_path))
    assert len(seen) == 4


def test_a_change_that_no_kernel_sees_compiles_nothing(tmp_path):
    root = copy_of_sources(tmp_path / "checkout")
    first = kernel_folder(root, tmp_path)
    for name in ("placer/flow.py", "placer/cost/legality.py", "netlists/canvas.py"):
        touched(root / name)
    assert kernel_folder(root, tmp_path) == first


def test_checkouts_with_equal_sources_share_machine_code(tmp_path):
    one, two = (copy_of_sources(tmp_path / name) for name in ("one", "two"))
    assert kernel_folder(one, tmp_path) == kernel_folder(two, tmp_path)


def test_a_folder_named_by_the_user_is_used(tmp_path):
    assert kernel_folder(ROOT, tmp_path / "home", NUMBA_CACHE_DIR=str(tmp_path / "mine")).startswith(
        str(tmp_path / "mine")
    )


def test_without_a_cache_numba_decides(tmp_path):
    assert "chip-placer" not in kernel_folder(ROOT, tmp_path, PLACER_CACHE="0")
