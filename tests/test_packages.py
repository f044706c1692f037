"""``import placer`` is light, lazy, and refuses somebody else's ``env.py``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import placer
from placer._packages import FLOORS, check_packages
from tests.conftest import ROOT


def python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that sees ``cwd`` first and the checkout after it."""
    environment = {**os.environ, "PYTHONPATH": f"{cwd}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("floor", FLOORS)
def test_a_module_that_hides_a_floor_is_named(floor: str, tmp_path: Path) -> None:
    (tmp_path / f"{floor}.py").write_text("raise SystemExit('must not be imported')\n")
    done = python("import placer", tmp_path)
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: ")
    assert str(tmp_path / f"{floor}.py") in message
    assert str(ROOT / floor) in message
    assert "Rename" in message


def test_a_package_that_hides_a_floor_is_named(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "__init__.py").write_text("")
    done = python("import placer", tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'env'} hides" in done.stderr


def test_an_already_imported_stranger_is_named(tmp_path: Path) -> None:
    (tmp_path / "policies.py").write_text("")
    done = python(f"import policies, sys; sys.path.remove({str(tmp_path)!r}); import placer", tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'policies.py'} hides" in done.stderr


def test_a_missing_floor_asks_for_a_new_installation() -> None:
    with pytest.raises(ImportError, match=r"no_such_floor_x.* missing"):
        check_packages(["no_such_floor_x"])


def test_other_files_in_the_folder_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "environment.py").write_text("")
    assert python("import placer; placer.Netlist", tmp_path).returncode == 0


def test_importing_placer_loads_nothing_heavy(tmp_path: Path) -> None:
    code = "import placer, sys; print([m for m in ('torch', 'jax', 'plotly', 'numba', 'shapely') if m in sys.modules])"
    done = python(code, tmp_path)
    assert done.stdout.strip() == "[]", done.stderr


def test_every_public_name_resolves() -> None:
    for name in placer.__all__:
        assert getattr(placer, name) is not None
    assert set(placer.__all__) <= set(dir(placer))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        placer.no_such_name  # noqa: B018


def test_the_version_is_the_distributions() -> None:
    assert placer.__version__ == (ROOT / "placer" / "_version.py").read_text().split('"')[-2]


def test_importing_placer_makes_the_environments_known_without_loading_them(tmp_path: Path) -> None:
    code = (
        "import placer, gymnasium, sys; print(gymnasium.spec('placer/MacroPlacement-v0').entry_point, "
        "'env.macro_placement' in sys.modules)"
    )
    done = python(code, tmp_path)
    assert done.stdout.split() == ["env.macro_placement:MacroPlacementEnv", "False"], done.stderr


def test_importing_placer_is_quick(tmp_path: Path) -> None:
    code = "import time; start = time.process_time(); import placer; print(time.process_time() - start)"
    assert min(float(python(code, tmp_path).stdout) for _ in range(3)) < 0.5


def test_no_module_has_the_name_of_a_public_function() -> None:
    # Importing placer/score.py would replace the function placer.score by the module.
    modules = {path.stem for path in (ROOT / "placer").iterdir()}
    assert not modules & set(placer.__all__)
