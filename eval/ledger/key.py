"""What makes a run the same run: its unique key, and the version of the code behind it."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from placer._version import __version__

_ROOT = Path(__file__).resolve().parents[2]
#: What can change a placement or its score. Commands, drawings and reports cannot.
_DECIDES = ("netlists", "placer/*.py", "placer/cost", "placer/engines", "env", "policies", "eval/methods", "eval/peers")


@dataclass(frozen=True)
class RunKey:
    """Everything that decides what a run does.

    Attributes:
        design: name in the suite.
        fingerprint: of circuit and canvas (:func:`placer.output.fingerprint`).
        start: digest of the placement the design came with, and of its rules.
        method: registered name, or file name and function.
        identity: what else decides the method's results: a version, a digest.
        options: of the method.
        seed: of every random choice.
        seconds: time limit, or None.
        iterations: limit of steps, or None.
        cores: processor cores.
        memory: bytes it may use, or None.
        code: version of the placer, see :func:`code_version`.
    """

    design: str
    fingerprint: str
    start: str
    method: str
    identity: str
    options: Mapping[str, str]
    seed: int
    seconds: float | None
    iterations: int | None
    cores: int
    memory: int | None
    code: str


def run_key(key: RunKey) -> str:
    """SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(json.dumps(asdict(key), sort_keys=True).encode()).hexdigest()


@functools.cache
def code_version() -> str:
    """Version of the placer and a digest of the sources that decide results, so that edits nobody committed count."""
    digest = hashlib.sha256()
    for part in _DECIDES:
        where = _ROOT / part
        files = where.rglob("*.py") if where.is_dir() else _ROOT.glob(part)
        for file in sorted(files):
            digest.update(f"{file.relative_to(_ROOT).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"
