"""Outside placers, played by small programs that read what they are given and write what they would."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from eval.methods import Answer, NotApplicableError, Task, find
from eval.methods.lefdef_files import database_units, read_def_placement, write_lefdef
from eval.methods.programs import Program, read_bookshelf, write_bookshelf
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.formats.def_ import read_def
from netlists.formats.lef import read_lef
from netlists.netlist import HARD_MACRO, PORT
from netlists.synthesis import SynthesisSpec, synthesize
from placer.budget import Budget, silent
from placer.cost.legality import check

#: Moves every movable object of a .pl file to one corner: nothing a placer would be proud of, and not legal.
_HEAP = """
def heap(source, target):
    out = []
    for line in source.read_text().splitlines():
        words = line.split()
        if len(words) >= 3 and words[0] != "UCLA" and "FIXED" not in line:
            words[1:3] = ["20", "20"]
            line = " ".join([words[0], "20", "20", ":", "N"])
        out.append(line)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\\n".join(out) + "\\n")
"""

DREAMPLACE = f"""
import json, sys
from pathlib import Path
{_HEAP}
settings = json.loads(Path(sys.argv[1]).read_text())
assert settings["random_seed"] == 7 and settings["num_threads"] == 1 and settings["gpu"] == 0
aux = Path(settings["aux_input"])
assert aux.read_text().startswith("RowBasedPlacement")
heap(aux.with_suffix(".pl"), Path(settings["result_dir"]) / "design" / "design.gp.pl")
"""

REPLACE = f"""
import sys
from pathlib import Path
{_HEAP}
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert options["-bmflag"] == "etc" and options["-t"] == "1" and options["-pcofmax"] == "1.05"
assert options["-dpflag"] == "NTU3" and Path(options["-dploc"]).name == "ntuplace3"
aux, output = Path(options["-aux"]), Path(options["-output"])
assert aux.read_text().startswith("RowBasedPlacement") and output.is_dir()
heap(aux.with_suffix(".pl"), output / "etc" / "design" / "experiment000" / "tiers" / "0" / "design.ntup.pl")
"""

EARLY_REPLACE = f"""
import sys
from pathlib import Path
{_HEAP}
assert sys.argv[1:5] == ["-bmflag", "ibm", "-bmname", "design"]
pl = Path("../IBM/design/design.pl")
assert Path("ntuplace3").exists()
heap(pl, Path("output/IBM/design/experiment0/design_final.pl"))
"""

OPENROAD = """
import re, sys
from pathlib import Path
script = Path(sys.argv[-1]).read_text()
assert sys.argv[1:4] == ["-no_init", "-no_splash", "-exit"]
files = {word: Path(path) for word, path in re.findall(r"(read_lef|read_def|write_def) {([^}]*)}", script)}
assert files["read_lef"].read_text().startswith("VERSION 5.8")
assert "detailed_placement" in script and "global_placement -density $density" in script
assert "-skip_io" not in script, "the pads of a design are part of its wires"
print("rtl_macro_placer" in script)
assert "TRACKS X" in files["read_def"].read_text()
text = files["read_def"].read_text()
die = re.search(r"DIEAREA \\( (-?\\d+) (-?\\d+) \\)", text)
place = f"PLACED ( {int(die[1]) + 2000} {int(die[2]) + 2000} ) N"
text = re.sub(r"(- n\\d+ k\\d+ \\+ )(PLACED \\([^)]*\\) \\w+|UNPLACED)", r"\\1" + place, text)
files["write_def"].write_text(text)
"""


@pytest.fixture(scope="module")
def flat() -> Design:
    return synthesize(SynthesisSpec(num_macros=4, num_cells=150, clustered=False, name="flat"), seed=1)


@pytest.fixture(scope="module")
def clustered() -> Design:
    return synthesize(SynthesisSpec(num_macros=4, num_cells=150, name="clustered"), seed=1)


def program(path: Path, text: str) -> Path:
    """An executable file that runs a piece of Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def ask(name: str, design: Design, folder: Path, **options: str) -> Answer:
    folder.mkdir()
    answer = find(name).run(Task(design, 7, Budget(), 60.0, None, 1, folder, silent, options))
    assert isinstance(answer, Answer)
    return answer


@contextlib.contextmanager
def printed(path: Path) -> Iterator[None]:
    """What processes print goes to a file, as in a run."""
    before = os.dup(1)
    with open(path, "wb") as handle:
        os.dup2(handle.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(before, 1)
        os.close(before)


def both_scores(design: Design, answer: Answer) -> None:
    """The program's heap is what is kept as raw; the result is legal and has moved nothing that is fixed."""
    hard = np.flatnonzero(design.movable & (design.netlist.node_kind == HARD_MACRO))
    raw = check(design, answer.raw, reference=design.placement)
    assert raw.overlaps == len(hard) * (len(hard) - 1) // 2
    assert raw.counts["fixed_moved"] == 0
    assert check(design, answer.placement, reference=design.placement).legal
    assert answer.facts["legalised"] is True


@pytest.mark.parametrize("kind", ["flat", "clustered"])
def test_dreamplace_gets_bookshelf_and_settings(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = request.getfixturevalue(kind)
    program(tmp_path / "install" / "dreamplace" / "Placer.py", DREAMPLACE)
    monkeypatch.setenv("PLACER_DREAMPLACE", str(tmp_path / "install"))
    assert find("dreamplace").missing({}) is None
    both_scores(design, ask("dreamplace", design, tmp_path / "run", density="0.9"))
    settings = json.loads((tmp_path / "run" / "parameters.json").read_text())
    assert settings["target_density"] == 0.9


@pytest.mark.parametrize("text", [REPLACE, EARLY_REPLACE])
def test_replace_is_told_where_everything_is(
    text: str, flat: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path / "install" / "RePlAce", text)
    program(tmp_path / "install" / "ntuplace3", "")
    monkeypatch.setenv("PLACER_REPLACE", str(path))
    both_scores(flat, ask("replace", flat, tmp_path / "run"))


@pytest.mark.parametrize("name", ["openroad-gpl", "openroad-mpl"])
def test_openroad_gets_lef_and_def(
    name: str,
    flat: Design,
    clustered: Design,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    program(tmp_path / "bin" / "openroad", OPENROAD)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.delenv("PLACER_OPENROAD", raising=False)
    both_scores(flat, ask(name, flat, tmp_path / "run"))
    assert str(name == "openroad-mpl") in capfd.readouterr().out
    with pytest.raises(NotApplicableError, match="clusters"):
        ask(name, clustered, tmp_path / "again")


def test_a_program_that_fails_or_writes_nothing_is_an_error(
    flat: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program(tmp_path / "RePlAce", "raise SystemExit(3)")
    monkeypatch.setenv("PLACER_REPLACE", str(path))
    with pytest.raises(RuntimeError, match="ended with 3"):
        ask("replace", flat, tmp_path / "one")
    program(path, "print('** ERROR: Option -aux is NOT available.', flush=True)\nprint('usage', flush=True)")
    with pytest.raises(RuntimeError, match=r"wrote no \*\.pl file: \*\* ERROR: Option -aux"), printed(tmp_path / "log"):
        ask("replace", flat, tmp_path / "two")
    program(path, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(RuntimeError, match="RePlAce ended with SIGSEGV"):
        ask("replace", flat, tmp_path / "three")


def test_a_program_that_is_not_there_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Program("Tool", "PLACER_TOOL", ("tool-x", "tool-y"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PLACER_TOOL", raising=False)
    assert one.missing({}) == "Tool is not installed: PLACER_TOOL is not set and is not in PATH as tool-x or tool-y"
    monkeypatch.setenv("PLACER_TOOL", str(tmp_path / "tool-x"))
    assert "is not where PLACER_TOOL says" in one.missing({})
    program(tmp_path / "tool-x", "")
    assert one.missing({}) is None
    first = one.identity({})
    program(tmp_path / "tool-x", "# another build")
    assert one.identity({}) != first
    (tmp_path / "tool-x").chmod(0o644)
    assert "no program that can be started" in one.missing({})
    monkeypatch.setenv("PLACER_TOOL", str(tmp_path))
    (tmp_path / "tool-x").unlink()
    assert "a folder must hold tool-x or tool-y" in one.missing({})


def test_dreamplace_runs_in_the_python_it_was_built_for(
    flat: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "install" / "dreamplace" / "Placer.py", DREAMPLACE)
    monkeypatch.setenv("PLACER_DREAMPLACE", str(tmp_path / "install"))
    monkeypatch.setenv("PLACER_DREAMPLACE_PYTHON", str(tmp_path / "python"))
    assert "PLACER_DREAMPLACE_PYTHON" in find("dreamplace").missing({})
    note = tmp_path / "note"
    (tmp_path / "python").write_text(f'#!/bin/sh\necho "$@" > {note}\nexec {sys.executable} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    assert find("dreamplace").missing({}) is None
    ask("dreamplace", flat, tmp_path / "run", macro_place="1")
    assert "Placer.py" in note.read_text()
    assert json.loads((tmp_path / "run" / "parameters.json").read_text())["macro_place_flag"] == 1


def test_bookshelf_comes_back_as_it_was(flat: Design, tmp_path: Path) -> None:
    files = write_bookshelf(flat, tmp_path)
    found = read_bookshelf(flat, files[0].with_suffix(".pl"))
    for key in ("x", "y", "orient"):
        assert np.allclose(getattr(found, key), getattr(flat.placement, key), rtol=0, atol=1e-9), key


def test_lef_and_def_hold_the_design(flat: Design, tmp_path: Path) -> None:
    lef, def_file = write_lefdef(flat, tmp_path)
    library, read = read_lef(lef), read_def(def_file)
    n, unit = flat.netlist, database_units(flat)
    assert read.dbu_per_micron == unit
    solid = np.flatnonzero(n.node_kind != PORT)
    assert len(read.components) == len(solid)
    assert len(read.nets) == n.num_nets
    macro = library.macros[read.components.masters[read.components.master[0]]]
    first = int(read.components.names[0][1:])
    assert (macro.width, macro.height) == pytest.approx((n.node_width[first], n.node_height[first]))
    text = lef.read_text().partition(f"MACRO {read.components.masters[read.components.master[0]]} ")[2]
    drivers = text.partition("\nEND k")[0].count("DIRECTION OUTPUT")
    assert drivers == (n.conn_node[n.net_source] == first).sum()
    inside = n.node_kind[n.conn_node] != PORT
    assert sum(len(library.macros[read.components.masters[k]].pins) for k in read.components.master) == inside.sum()
    found = read_def_placement(flat, def_file)
    for key in ("x", "y"):
        assert np.abs(getattr(found, key)[solid] - getattr(flat.placement, key)[solid]).max() <= 0.5 / unit
    assert np.array_equal(found.orient, flat.placement.orient)


def test_an_answer_without_every_object_is_refused(flat: Design, tmp_path: Path) -> None:
    _, def_file = write_lefdef(flat, tmp_path)
    lines = def_file.read_text().splitlines()
    lost = next(k for k, line in enumerate(lines) if line.startswith("- n"))
    lines[lost] = lines[lost].partition("+")[0] + "+ UNPLACED ;"
    def_file.write_text("\n".join(lines))
    with pytest.raises(PlacementError, match="without a place"):
        read_def_placement(flat, def_file)
