"""Placers that are programs: where they are, how they are run, and what becomes of what they write."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.methods.registry import Answer, NotApplicableError, Task
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import STDCELL
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.flat_rules import check_flat
from placer.cost.legality import check

#: Bytes of a program that are looked at to tell one version from another.
_HEAD = 1 << 20
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Program:
    """An outside program.

    Attributes:
        title: as people write it.
        variable: environment variable that holds its path, or that of its folder.
        names: what it is called in PATH.
        inside: where it lies in a folder that the variable names.
    """

    title: str
    variable: str
    names: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    def path(self) -> Path | None:
        """The program, or None where there is none."""
        named = os.environ.get(self.variable)
        if named:
            path = Path(named).expanduser()
            places = [path / part for part in (*self.inside, *self.names)] if path.is_dir() else [path]
            return next((place.resolve() for place in places if place.is_file()), None)
        return next((Path(found) for name in self.names if (found := shutil.which(name))), None)

    def missing(self, options: Mapping[str, str]) -> str | None:
        """Why it cannot be run, or None."""
        path = self.path()
        if path is not None:
            # A Python program is given to an interpreter; anything else must be one that can be started.
            runs = path.suffix == ".py" or os.access(path, os.X_OK)
            return None if runs else f"{self.title} is no program that can be started ({path})"
        named = os.environ.get(self.variable)
        if named:
            inside = f"; a folder must hold {' or '.join((*self.inside, *self.names))}" if Path(named).is_dir() else ""
            return f"{self.title} is not where {self.variable} says ({named}){inside}"
        looked = f" and is not in PATH as {' or '.join(self.names)}" if self.names else ""
        return f"{self.title} is not installed: {self.variable} is not set{looked}"

    def identity(self, options: Mapping[str, str]) -> str:
        """Digest of the program's beginning and its size: another build gives other results."""
        path = self.path()
        if path is None:
            return ""
        with open(path, "rb") as handle:
            head = hashlib.sha256(handle.read(_HEAD)).hexdigest()[:12]
        return f"{path.name} {path.stat().st_size} {head}"


def run_program(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a program to its end; what it prints goes to the run's log.

    It ends with this process, however that ends.

    Raises:
        RuntimeError: it ended with something else than 0.
    """
    words = [str(word) for word in command]
    print("+", *words, flush=True)
    inherited = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}  # it has packages of its own
    done = subprocess.run(
        words, cwd=folder, env={**inherited, **(environment or {})}, stdin=subprocess.DEVNULL, preexec_fn=_die_with_us,
        check=False,
    )  # fmt: skip
    if done.returncode:
        name = Path(next((word for word in words if word.endswith(".py")), words[0])).name
        ending = signal.Signals(-done.returncode).name if done.returncode < 0 else done.returncode
        raise RuntimeError(f"{name} ended with {ending}{last_words()}")


def last_words() -> str:
    """What a program printed last, an error before anything else; as the end of a sentence, or nothing.

    It is read back from where the output of this process goes, if that is a file.
    """
    sys.stdout.flush()
    if not stat.S_ISREG(os.fstat(1).st_mode):
        return ""
    with open("/proc/self/fd/1", "rb") as handle:
        handle.seek(max(0, os.fstat(1).st_size - 4000))
        lines = [line.strip() for line in handle.read().decode(errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("+ ")]
    errors = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)]
    said = next(iter([*errors[-1:], *lines[-1:]]), "")
    return f": {said[:200]}" if said else ""


def newest(folder: Path, pattern: str, ours: Sequence[Path]) -> Path:
    """The file a program wrote last.

    Args:
        folder: searched with all its subfolders.
        pattern: of the name.
        ours: files that were there before.

    Raises:
        RuntimeError: there is none.
    """
    before = {path.resolve() for path in ours}
    found = [path for path in folder.rglob(pattern) if path.is_file() and path.resolve() not in before]
    if not found:
        raise RuntimeError(f"the program wrote no {pattern} file{last_words()}")
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def write_bookshelf(design: Design, folder: Path, stem: str = "design") -> list[Path]:
    """Write a design for a program that reads Bookshelf; the ``.aux`` file comes first.

    Raises:
        NotApplicableError: the design cannot be written in that format.
    """
    from netlists.formats.bookshelf import write_design

    try:
        return write_design(design, folder, stem=stem)
    except NetlistError as error:
        raise NotApplicableError(f"the design cannot be written as Bookshelf: {error}") from None


def read_bookshelf(design: Design, path: Path) -> Placement:
    """Where a ``.pl`` file puts the movable objects of a design; the others stay.

    Programs write rounded numbers: centres are put back on the lattice by the legaliser, not here.

    Raises:
        NetlistError: the file cannot be read.
        PlacementError: it is not one of this design.
    """
    from netlists.formats.bookshelf import read_placement

    found = read_placement(path, design)
    return only_moved(design, found)


def only_moved(design: Design, found: Placement) -> Placement:
    """A placement in which nothing but the movable objects differs from the design's own."""
    p, movable = design.placement, design.movable
    return p.moved(
        x=np.where(movable, found.x, p.x),
        y=np.where(movable, found.y, p.y),
        orient=np.where(movable, found.orient, p.orient),
        placed=p.placed | movable,
    )


def made_legal(task: Task, found: Placement) -> Answer:
    """The program's placement where it is legal; else that of the placer's legalisers, with the program's as ``raw``.

    Macros are moved as little as possible; then cells go into the rows around them, without further improvement.
    """
    design = task.design
    if check_flat(design, found, reference=design.placement).legal:
        return Answer(found, raw=found, facts={"legalised": False})
    from placer.engines.analytic.cells import place_cells
    from placer.engines.legalise import legalise

    legal = found
    if not check(design, found, reference=design.placement).legal:
        legal = legalise(design, found, seed=task.seed)
    if np.any(design.movable & (design.netlist.node_kind == STDCELL)):
        legal = place_cells(design, legal, budget=Budget(0.0)).placement
    return Answer(legal, raw=found, facts={"legalised": True})


def _die_with_us() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
