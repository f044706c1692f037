"""What a run tried and what it was worth, for whoever wants to learn from it: a sample of moves with exact changes.

A *look* is the placement of a chain at some moment; every move is kept with the number of the latest look at its chain,
so that what could be known when advice was given can be computed afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write
from placer.cost.full import CostWeights
from placer.engines.search.moves.sample import (
    CHANGE,
    COUNT,
    FROM_X,
    FROM_Y,
    KIND,
    OBJECT,
    STEP,
    TAKEN,
    TEMPERATURE,
    TO_X,
    TO_Y,
    Sample,
    build_sample,
)

_FORMAT, _VERSION = "placer-moves", "1"
#: Moves a chain can keep in one round.
_ROOM = 1 << 14


@dataclass(frozen=True, eq=False)
class MoveLog:
    """Moves of one run, in the order they were priced within each chain; ``K`` moves, ``S`` looks, ``N`` objects.

    Attributes:
        design: name of the netlist.
        kinds: names of the kinds of moves.
        weights: of the run.
        hottest: temperature at the beginning of the annealing, in units of proxy cost.
        kind: ``[K]`` int16 index into ``kinds``.
        object: ``[K]`` int32 the object that moved, the first where several did.
        count: ``[K]`` int16 objects that moved.
        old: ``[K, 2]`` centre of the object before, um.
        new: ``[K, 2]`` and as proposed.
        change: ``[K]`` change in cost if it were kept, exact.
        temperature: ``[K]``.
        step: ``[K]`` int64 draws of the chain until then.
        kept: ``[K]`` bool whether it was kept.
        look: ``[K]`` int32 number of the latest look at its chain.
        look_x: ``[S, N]`` centres at each look, um.
        look_y: ``[S, N]``.
        look_orient: ``[S, N]`` int8 orientation codes.
        look_tally: ``[S, N, 3]`` float32 ``Standing.tally``.
        look_temperature: ``[S]``.
        look_progress: ``[S]`` part of the annealing that was over.
    """

    design: str
    kinds: tuple[str, ...]
    weights: CostWeights
    hottest: float
    kind: NDArray[np.int16]
    object: NDArray[np.int32]
    count: NDArray[np.int16]
    old: NDArray[np.float64]
    new: NDArray[np.float64]
    change: NDArray[np.float64]
    temperature: NDArray[np.float64]
    step: NDArray[np.int64]
    kept: NDArray[np.bool_]
    look: NDArray[np.int32]
    look_x: NDArray[np.float64]
    look_y: NDArray[np.float64]
    look_orient: NDArray[np.int8]
    look_tally: NDArray[np.float32]
    look_temperature: NDArray[np.float64]
    look_progress: NDArray[np.float64]

    def save(self, path: Path) -> Path:
        """Write the log as a safetensors file, all of it or nothing."""
        header = {
            "format": _FORMAT, "version": _VERSION, "design": self.design, "kinds": json.dumps(self.kinds),
            "weights": json.dumps(asdict(self.weights)), "hottest": repr(float(self.hottest)),
        }  # fmt: skip
        return atomic_write(path, save({name: getattr(self, name) for name in _ARRAYS}, metadata=header))

    @staticmethod
    def load(path: Path) -> MoveLog:
        """Read a log.

        Raises:
            NetlistError: no such file, none of ours, of another version, or damaged.
        """
        if not path.is_file():
            raise NetlistError("no such log of moves", file=path)
        try:
            with safe_open(str(path), framework="np") as opened:
                header = opened.metadata() or {}
                arrays: dict[str, Any] = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise NetlistError(f"not a log of moves: no complete safetensors file ({error})", file=path) from None
        if header.get("format") != _FORMAT:
            raise NetlistError("a safetensors file, but no log of moves", file=path)
        if header.get("version") != _VERSION:
            raise NetlistError("a log of another version", file=path, found=header.get("version"), expected=_VERSION)
        try:
            about: dict[str, Any] = {
                "design": header["design"], "kinds": tuple(json.loads(header["kinds"])),
                "weights": CostWeights(**json.loads(header["weights"])), "hottest": float(header["hottest"]),
            }  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise NetlistError(f"the header of the log is damaged: {error}", file=path) from None
        moves, looks = {len(arrays.get(n, ())) for n in _OF_MOVES}, {len(arrays.get(n, ())) for n in _OF_LOOKS}
        if arrays.keys() != set(_ARRAYS) or len(moves) != 1 or len(looks) != 1:
            raise NetlistError("the arrays of the log do not fit together", file=path)
        if np.any(arrays["look"] >= len(arrays["look_x"])) or np.any(arrays["kind"] >= len(about["kinds"])):
            raise NetlistError("a move of the log refers to what is not there", file=path)
        return MoveLog(**about, **arrays)


_ARRAYS = tuple(f.name for f in fields(MoveLog) if f.name not in ("design", "kinds", "weights", "hottest"))
_OF_LOOKS = tuple(name for name in _ARRAYS if name.startswith("look_"))
_OF_MOVES = tuple(name for name in _ARRAYS if not name.startswith("look_"))


class MoveRecorder:
    """Hand one to ``SearchOptions(recorder=...)`` and read ``logs`` afterwards.

    Args:
        every: one in so many priced proposals is kept.

    Attributes:
        logs: a log for every search that has ended.
    """

    def __init__(self, every: int = 16) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1, not {every}")
        self.every = every
        self.logs: list[MoveLog] = []
        self._rows: list[NDArray[np.float64]] = []
        self._look_of_rows: list[NDArray[np.int32]] = []
        self._looks: list[dict[str, Any]] = []
        self._latest: dict[int, int] = {}

    def sample(self) -> Sample:
        """Room for a chain to write to."""
        return build_sample(_ROOM, self.every)

    def look(self, chain: int, **seen: Any) -> None:  # noqa: ANN401 - arrays and numbers
        """Keep how chain number ``chain`` stands; ``seen`` are the ``look_*`` arrays of the log, one row of each."""
        self._latest[chain] = len(self._looks)
        self._looks.append({name: np.array(value) for name, value in seen.items()})

    def collect(self, chain: int, sample: Sample) -> None:
        """Take what a chain wrote since its latest look; what it wrote before the first one is dropped."""
        count = int(sample.counter[0])
        if chain in self._latest and count:
            self._rows.append(sample.rows[:count].copy())
            self._look_of_rows.append(np.full(count, self._latest[chain], np.int32))
        sample.counter[0] = 0

    def end(self, design: str, kinds: Sequence[str], weights: CostWeights, hottest: float) -> None:
        """Turn what was kept into a log, unless there is nothing."""
        if self._looks:
            rows = np.concatenate([*self._rows, np.zeros((0, 11))])
            looks = {
                name: np.ascontiguousarray(np.stack([one[name] for one in self._looks])) for name in self._looks[0]
            }
            self.logs.append(MoveLog(
                design, tuple(kinds), weights, hottest,
                kind=rows[:, KIND].astype(np.int16), object=rows[:, OBJECT].astype(np.int32),
                count=rows[:, COUNT].astype(np.int16), old=rows[:, [FROM_X, FROM_Y]].copy(),
                new=rows[:, [TO_X, TO_Y]].copy(), change=rows[:, CHANGE].copy(),
                temperature=rows[:, TEMPERATURE].copy(), step=rows[:, STEP].astype(np.int64),
                kept=rows[:, TAKEN] > 0.0, look=np.concatenate([*self._look_of_rows, np.zeros(0, np.int32)]),
                **{f"look_{name}": value for name, value in looks.items()},
            ))  # fmt: skip
        self._rows, self._look_of_rows, self._looks, self._latest = [], [], [], {}
