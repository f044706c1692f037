"""Dependencies are pinned, and the set-up script says what is missing on a bare machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line) for line in lines if not line.startswith("#")]
    assert all(found), "every line of constraints.txt is name==version"
    return {str(canonicalize_name(match[1])): match[2] for match in found if match}


def test_every_dependency_is_pinned_to_a_version_that_pyproject_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = pins()
    for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        requirement = Requirement(text)
        version = pinned[str(canonicalize_name(requirement.name))]
        assert requirement.specifier.contains(version), f"{requirement} does not allow {version}"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout's set-up files and a ``bin`` with the usual tools, but no Python."""
    (tmp_path / "bin").mkdir()
    (tmp_path / ".ci").mkdir()
    for file in ("pyproject.toml", "constraints.txt", ".ci/venv.sh"):
        shutil.copy(ROOT / file, tmp_path / file)
    for tool in ("sh", "cat", "cut", "dirname", "sha256sum", "rm"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    return tmp_path


def set_up(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ".ci/venv.sh", "run"],
        cwd=folder,
        env={"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
    )


def fake_python(folder: Path, version: str, has_venv: bool) -> None:
    """A ``python3`` that answers the script's questions as that version would."""
    script = folder / "bin" / "python3"
    script.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *ensurepip*) exit {0 if has_venv else 1};; esac\n'
        f'exec {sys.executable} -c "import sys; sys.version_info = {version}; exec(sys.argv[1])" "$2"\n'
    )
    script.chmod(0o755)


def test_no_python_is_said_in_one_line(bare: Path) -> None:
    done = set_up(bare)
    assert done.returncode == 1
    assert done.stderr.startswith("placer: Python 3.11 or newer was not found.")
    assert done.stderr.count("\n") == 1


def test_an_old_python_is_not_taken(bare: Path) -> None:
    fake_python(bare, "(3, 10, 2)", has_venv=True)
    assert "Python 3.11 or newer was not found" in set_up(bare).stderr


def test_a_missing_venv_module_is_named_with_its_debian_package(bare: Path) -> None:
    fake_python(bare, "(3, 12, 1)", has_venv=False)
    done = set_up(bare)
    assert done.returncode == 1
    assert "apt install python3-venv (or python3.12-venv)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (bare / ".venv").exists()
