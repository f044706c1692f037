"""From scanned bytes to a :class:`~netlists.netlist.Netlist`: what the nodes of a Circuit Training file mean.

Kinds. ``PORT``, ``STDCELL`` and ``MACRO_PIN`` mean the same in either case. For macros the case matters, because
three conventions are in use: clustered files written by the public Circuit Training flow spell hard macros ``MACRO``
and soft ones ``macro``; flat netlists, and the small cases of Circuit Training's own tests, spell every (hard) macro
``macro``. The rule here, which agrees with the counts in the ``.plc`` headers of all of them:

* ``MACRO`` is a hard macro;
* ``macro`` is a soft macro if its name begins with ``Grp_``, or if the file tells the cases apart: it also has a
  ``MACRO``, or its ``__metadata__`` says ``soft_macro_area_bloating_ratio`` as clustered files do; else it is hard.

Nets. A node with ``input:`` lines drives a net whose sinks are those lines, in order; the net's weight is the driver's
``weight`` attribute. Ports and cells (and macros, should one appear as a sink) connect through one implicit pin at
their centre. ``MACRO_PIN`` nodes are pins; ``macro_name`` says whose, and ``x_offset``/``y_offset`` are from the
macro's centre in orientation N. A pin may also belong to a standard cell or a port; Circuit Training itself never
writes that, but it keeps the pin offsets of designs that come from other formats.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists import orientation
from netlists.errors import NetlistError
from netlists.formats.circuit_training.kernel import INT, PLACEHOLDER, RAW, STRING
from netlists.formats.circuit_training.scan import Scan, scan
from netlists.formats.textio import read_bytes
from netlists.netlist import (
    DIR_INOUT,
    DIR_INPUT,
    DIR_OUTPUT,
    DIR_UNKNOWN,
    HARD_MACRO,
    PORT,
    SOFT_MACRO,
    STDCELL,
    Netlist,
)
from netlists.placement import Placement

METADATA = "__metadata__"
BLOATING = "soft_macro_area_bloating_ratio"
#: What a record (a ``node { }`` block) is.
REC_NODE, REC_PIN, REC_METADATA = range(3)
#: A pin this many um outside its macro is rounding; beyond, the reader remarks on it. A pin farther from the centre
#: than the macro is wide or high cannot belong to it: that is an error.
PIN_SLACK = 1e-3

_KINDS = {"MACRO": HARD_MACRO, "macro": SOFT_MACRO, "PORT": PORT, "STDCELL": STDCELL}


@dataclass
class Built:
    """What one netlist file says.

    Attributes:
        netlist: the circuit, its extras filled.
        placement: what the file's ``x``, ``y`` and ``orientation`` attributes say.
        header: comment lines before the first node.
        notes: remarks for the user.
    """

    netlist: Netlist
    placement: Placement
    header: list[str]
    notes: list[str]


def read_netlist(path: Path, name: str) -> Built:
    """Read a plain or gzipped ``netlist.pb.txt``.

    Raises:
        NetlistError: with file and line.
    """
    return _Builder(scan(read_bytes(path), path), path, name).build()


class _Builder:
    """Semantics of one scanned file; methods in the order they run."""

    def __init__(self, s: Scan, path: Path, name: str) -> None:
        self.s, self.path, self.name = s, path, name
        self.size = len(s.rec_name)
        self.notes: list[str] = []
        if self.size == 0:
            raise NetlistError("no node in this file", file=path, expected='node { name: "..." ... }')
        if b"\\" in s.data or b"'" in s.data:
            self._merge_spellings()
        self.num_symbols = len(s.sym_start)
        used = np.unique(s.attr_key)
        self.keys: list[str] = [self._text(int(k)) for k in used]
        self.key_symbol = dict(zip(self.keys, used.tolist(), strict=True))
        self.attr_key = np.searchsorted(used, s.attr_key).astype(np.int32)
        self.attr_rec = np.repeat(np.arange(self.size), np.diff(s.attr_ptr))

    # -- errors ------------------------------------------------------------------------------------------------------

    def _line(self, rec: int, text: str | None = None) -> int:
        """Line of a record, or of the first place where ``text`` stands in it."""
        start = int(self.s.rec_start[rec])
        end = int(self.s.rec_start[rec + 1]) if rec + 1 < self.size else len(self.s.data)
        at = -1 if text is None else self.s.data.find(text.encode(), start, end)
        return self.s.line(at if at >= 0 else start)

    def _fail(
        self, message: str, rec: int, near: str | None = None, found: object = None, expected: object = None
    ) -> NetlistError:
        return NetlistError(message, file=self.path, line=self._line(rec, near), found=found, expected=expected)

    def _text(self, symbol: int) -> str:
        try:
            return self.s.text(symbol)
        except UnicodeDecodeError:
            at = int(self.s.sym_start[symbol])
            raise NetlistError("a string is not UTF-8", file=self.path, line=self.s.line(at)) from None

    def _rec_name(self, rec: int) -> str:
        return self._text(int(self.s.rec_name[rec]))

    def _merge_spellings(self) -> None:
        """Give one symbol to strings that are spelled differently but read the same (escapes, quotes)."""
        first: dict[str, int] = {}
        same = np.array([first.setdefault(self._text(i), i) for i in range(len(self.s.sym_start))], np.int32)
        for array in (self.s.rec_name, self.s.input_sym, self.s.attr_key):
            array[:] = same[array]
        strings = self.s.attr_sym >= 0
        self.s.attr_sym[strings] = same[self.s.attr_sym[strings]]

    # -- attributes by key ---------------------------------------------------------------------------------------------

    def _slots(self, key: str) -> NDArray[np.int64]:
        """Attribute slots with this key, one a record at most, ascending."""
        if key not in self.key_symbol:
            return np.zeros(0, np.int64)
        slots = np.flatnonzero(self.s.attr_key == self.key_symbol[key])
        twice = np.flatnonzero(np.diff(self.attr_rec[slots]) == 0)
        if len(twice):
            rec = int(self.attr_rec[slots[twice[0]]])
            raise self._fail(f"attribute {key!r} of {self._rec_name(rec)!r} appears twice", rec, f'"{key}"')
        return slots

    def _numbers(self, key: str) -> NDArray[np.float64]:
        """``[G]`` values of a number attribute, NaN where a record has none."""
        out = np.full(self.size, np.nan)
        slots = self._slots(key)
        values = self.s.attr_num[slots]
        bad = np.flatnonzero((self.s.attr_kind[slots] > INT) | ~np.isfinite(values))
        if len(bad):
            slot = int(slots[bad[0]])
            rec = int(self.attr_rec[slot])
            raise NetlistError(
                f"attribute {key!r} of {self._rec_name(rec)!r} is not a finite number",
                file=self.path, line=self.s.line(int(self.s.attr_pos[slot, 0])),
                found=self.s.slice(*self.s.attr_pos[slot].tolist()), expected="f: and a number",
            )  # fmt: skip
        out[self.attr_rec[slots]] = values
        return out

    def _strings(self, key: str) -> NDArray[np.int32]:
        """``[G]`` symbols of a string attribute, -1 where a record has none."""
        out = np.full(self.size, -1, np.int32)
        slots = self._slots(key)
        kinds = self.s.attr_kind[slots]
        bad = np.flatnonzero((kinds != PLACEHOLDER) & (kinds != STRING))
        if len(bad):
            rec = int(self.attr_rec[slots[bad[0]]])
            raise self._fail(
                f"attribute {key!r} of {self._rec_name(rec)!r} is not a string", rec, f'"{key}"',
                expected='placeholder: "..."',
            )  # fmt: skip
        out[self.attr_rec[slots]] = self.s.attr_sym[slots]
        return out

    # -- the steps -----------------------------------------------------------------------------------------------------

    def build(self) -> Built:
        """Run all steps."""
        s = self.s
        sym_rec = np.full(self.num_symbols, -1, np.int64)
        sym_rec[s.rec_name[::-1]] = np.arange(self.size)[::-1]
        twice = np.flatnonzero(sym_rec[s.rec_name] != np.arange(self.size))
        if len(twice):
            rec = int(twice[0])
            first = self._line(int(sym_rec[s.rec_name[rec]]))
            raise self._fail(f"node {self._rec_name(rec)!r} appears twice, first in line {first}", rec)
        rec_kind, node_kind_of = self._kinds()
        is_node, is_pin = rec_kind == REC_NODE, rec_kind == REC_PIN
        node_recs = np.flatnonzero(is_node)
        node_id = np.cumsum(is_node) - 1
        if len(node_recs) == 0:
            raise NetlistError("no port, macro or cell in this file", file=self.path)

        sink_rec = sym_rec[s.input_sym]
        self._check_sinks(sink_rec, rec_kind)
        fan_out = np.diff(s.input_ptr)
        drives = fan_out > 0
        sinks = np.zeros(self.size, bool)
        sinks[sink_rec] = True
        has_pin = is_pin | (is_node & (drives | sinks))
        pin_recs = np.flatnonzero(has_pin)
        pin_id = np.cumsum(has_pin) - 1

        owner = self._owners(sym_rec, rec_kind)
        pin_node = node_id[owner[pin_recs]]
        dx, dy = (np.where(is_pin, np.nan_to_num(self._numbers(f"{axis}_offset")), 0.0)[pin_recs] for axis in "xy")
        width, height = self._sizes(node_recs, node_kind_of)
        solid = node_kind_of[node_recs][pin_node] != PORT  # a point may stand for a pad of any size
        self._check_offsets(pin_recs[solid], pin_node[solid], dx[solid], dy[solid], width, height)

        drivers = np.flatnonzero(drives)
        degree = 1 + fan_out[drivers]
        net_ptr = np.concatenate([[0], np.cumsum(degree)])
        net_pins = np.empty(int(net_ptr[-1]), np.int32)
        net_pins[net_ptr[:-1]] = pin_id[drivers]
        net_pins[np.arange(len(sink_rec)) + np.repeat(np.arange(len(drivers)), fan_out[drivers]) + 1] = pin_id[sink_rec]
        weight = self._numbers("weight")
        negative = np.flatnonzero(weight < 0)
        if len(negative):
            rec = int(negative[0])
            raise self._fail(
                f"weight of {self._rec_name(rec)!r} is negative", rec, '"weight"', found=float(weight[rec])
            )
        net_weight = np.where(np.isnan(weight), 1.0, weight)[drivers]

        pin_dir = np.where(
            drives, np.where(sinks, DIR_INOUT, DIR_OUTPUT), np.where(sinks, DIR_INPUT, DIR_UNKNOWN)
        ).astype(np.int8)[pin_recs]
        names = self._names()
        netlist = Netlist(
            name=self.name, node_names=[names[r] for r in node_recs.tolist()], node_kind=node_kind_of[node_recs],
            node_width=width, node_height=height, pin_node=pin_node, pin_dx=dx, pin_dy=dy, net_ptr=net_ptr,
            net_pins=net_pins, net_source=net_ptr[:-1].copy(), net_weight=net_weight,
            pin_names=[names[r] for r in pin_recs.tolist()], pin_dir=pin_dir, extras=self._extras(rec_kind),
        )  # fmt: skip
        header = [
            s.slice(a, b) for a, b, rec, inside in s.notes.tolist() if rec == 0 and not inside and a < s.rec_start[0]
        ]
        return Built(netlist, self._placement(node_recs, node_kind_of), header, self.notes)

    def _kinds(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """``[G]`` record kinds and node kinds."""
        symbols = self._strings("type")
        rec_kind = np.full(self.size, REC_NODE, np.int8)
        node_kind = np.full(self.size, -1, np.int8)
        metadata = -1
        untyped = np.flatnonzero(symbols < 0)
        for rec in untyped.tolist():
            if self._rec_name(rec) != METADATA:
                raise self._fail(
                    f"node {self._rec_name(rec)!r} has no type", rec, expected="MACRO, MACRO_PIN, STDCELL or PORT"
                )
            metadata = rec
            rec_kind[rec] = REC_METADATA
            if self.s.input_ptr[rec + 1] > self.s.input_ptr[rec]:
                raise self._fail(f"{METADATA} cannot drive a net", rec, "input")
        for symbol in np.unique(symbols[symbols >= 0]).tolist():
            text, of_type = self._text(symbol), symbols == symbol
            if text.upper() == "MACRO_PIN":
                rec_kind[of_type] = REC_PIN
                continue
            kind = _KINDS.get(text, _KINDS.get(text.upper()))
            if kind is None:
                rec = int(np.flatnonzero(of_type)[0])
                raise self._fail(
                    f"type of {self._rec_name(rec)!r} is unknown", rec, '"type"', found=text,
                    expected="MACRO, MACRO_PIN, STDCELL or PORT",
                )  # fmt: skip
            node_kind[of_type] = kind
        lower = np.flatnonzero(node_kind == SOFT_MACRO)
        two_cases = bool((node_kind == HARD_MACRO).any())
        if metadata >= 0 and BLOATING in self.key_symbol:
            two_cases |= bool((self.attr_rec[self._slots(BLOATING)] == metadata).any())
        if not two_cases:
            for rec in lower.tolist():
                if not self._rec_name(rec).startswith("Grp_"):
                    node_kind[rec] = HARD_MACRO
        return rec_kind, node_kind

    def _check_sinks(self, sink_rec: NDArray[np.int64], rec_kind: NDArray[np.int8]) -> None:
        bad = np.flatnonzero(sink_rec < 0)
        if not len(bad):
            bad = np.flatnonzero(rec_kind[sink_rec] == REC_METADATA)
        if len(bad):
            i = int(bad[0])
            rec = int(np.searchsorted(self.s.input_ptr, i, side="right") - 1)
            symbol = int(self.s.input_sym[i])
            raw = self.s.slice(int(self.s.sym_start[symbol]), int(self.s.sym_end[symbol]))
            raise self._fail(
                f"{self._rec_name(rec)!r} drives a node that does not exist", rec, raw, found=self._text(symbol),
                expected="the name of a pin, port or cell",
            )  # fmt: skip

    def _owners(self, sym_rec: NDArray[np.int64], rec_kind: NDArray[np.int8]) -> NDArray[np.int64]:
        """``[G]`` record of the node each record's pin sits on."""
        owner = np.arange(self.size)
        pins = np.flatnonzero(rec_kind == REC_PIN)
        symbols = self._strings("macro_name")[pins]
        missing = np.flatnonzero(symbols < 0)
        if len(missing):
            rec = int(pins[missing[0]])
            raise self._fail(f"pin {self._rec_name(rec)!r} does not name its macro", rec, expected='key: "macro_name"')
        owner[pins] = sym_rec[symbols]
        bad = np.flatnonzero((owner[pins] < 0) | (rec_kind[owner[pins]] != REC_NODE))
        if len(bad):
            rec = int(pins[bad[0]])
            raise self._fail(
                f"pin {self._rec_name(rec)!r} is on a macro that does not exist", rec, '"macro_name"',
                found=self._text(int(symbols[bad[0]])),
            )  # fmt: skip
        return owner

    def _sizes(
        self, recs: NDArray[np.int64], kinds: NDArray[np.int8]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Width and height of each node; ports are points unless the file gives them a size."""
        out = []
        port = kinds[recs] == PORT
        for key in ("width", "height"):
            values = self._numbers(key)[recs]
            values[port & np.isnan(values)] = 0.0
            bad = np.flatnonzero(~((values > 0) | (port & (values == 0))))
            if len(bad):
                rec, value = int(recs[bad[0]]), float(values[bad[0]])
                what = f"has no {key}" if np.isnan(value) else f"has a {key} that is not above 0"
                raise self._fail(
                    f"node {self._rec_name(rec)!r} {what}", rec, f'"{key}"', found=None if np.isnan(value) else value
                )
            out.append(values)
        return out[0], out[1]

    def _check_offsets(
        self, recs: NDArray[np.int64], node: NDArray[np.int64], dx: NDArray[np.float64], dy: NDArray[np.float64],
        width: NDArray[np.float64], height: NDArray[np.float64],
    ) -> None:  # fmt: skip
        over_x, over_y = np.abs(dx) - width[node] / 2, np.abs(dy) - height[node] / 2
        far = np.flatnonzero((over_x > width[node] / 2 + PIN_SLACK) | (over_y > height[node] / 2 + PIN_SLACK))
        if len(far):
            i = int(far[0])
            rec = int(recs[i])
            raise self._fail(
                f"pin {self._rec_name(rec)!r} lies outside its macro", rec,
                '"x_offset"' if over_x[i] > width[node[i]] / 2 + PIN_SLACK else '"y_offset"',
                found=f"offset ({dx[i]:g}, {dy[i]:g}) from the centre",
                expected=f"within half of {width[node[i]]:g} x {height[node[i]]:g} um",
            )  # fmt: skip
        over = np.maximum(over_x, over_y)
        out = np.flatnonzero(over > PIN_SLACK)
        if len(out):
            i = int(out[np.argmax(over[out])])
            count = f"{len(out)} pins lie" if len(out) > 1 else "a pin lies"
            self.notes.append(f"{count} outside the macro, {self._rec_name(int(recs[i]))!r} by {over[i]:g} um")

    def _names(self) -> list[str]:
        """All record names."""
        s = self.s
        starts, ends = s.sym_start[s.rec_name].tolist(), s.sym_end[s.rec_name].tolist()
        names: list[str] = []
        if b"\\" not in s.data:
            with contextlib.suppress(UnicodeDecodeError):
                names = [s.data[a:b].decode() for a, b in zip(starts, ends, strict=True)]
        if not names:  # escapes to resolve, or bytes to complain about
            names = [self._text(int(k)) for k in s.rec_name]
        if not all(names):
            raise self._fail("a node has an empty name", names.index(""), found='""')
        return names

    def _placement(self, recs: NDArray[np.int64], kinds: NDArray[np.int8]) -> Placement:
        x, y = self._numbers("x")[recs], self._numbers("y")[recs]
        placed = ~(np.isnan(x) | np.isnan(y))
        symbols = self._strings("orientation")[recs]
        orient = np.zeros(len(recs), np.int8)
        for symbol in np.unique(symbols[symbols >= 0]).tolist():
            text = self._text(symbol)
            try:
                orient[symbols == symbol] = orientation.N if text in ("-", "") else orientation.parse(text)
            except KeyError:
                rec = int(recs[np.flatnonzero(symbols == symbol)[0]])
                raise self._fail(
                    f"orientation of {self._rec_name(rec)!r} is unknown", rec, '"orientation"', found=text,
                    expected=" ".join(orientation.NAMES),
                ) from None  # fmt: skip
        return Placement(np.where(placed, x, 0.0), np.where(placed, y, 0.0), orient, kinds[recs] == PORT, placed)

    def _extras(self, rec_kind: NDArray[np.int8]) -> dict[str, object]:
        """What the writer needs to write the file back: see ``write.py``."""
        s = self.s
        kind = s.attr_kind
        value = s.attr_num.copy()
        strings: list[str] = []
        text_slots = np.flatnonzero((kind == PLACEHOLDER) | (kind == STRING))
        owner_key = self.keys.index("macro_name") if "macro_name" in self.keys else -1
        bound = self.attr_key[text_slots] == owner_key
        value[text_slots[bound]] = -1.0  # the owner is in the netlist
        used, inverse = np.unique(s.attr_sym[text_slots[~bound]], return_inverse=True)
        strings.extend(self._text(int(symbol)) for symbol in used)
        value[text_slots[~bound]] = inverse
        for slot in np.flatnonzero(kind == RAW).tolist():
            value[slot] = len(strings)
            strings.append(s.slice(*s.attr_pos[slot].tolist()))
        texts = [[rec, inside, s.slice(a, b)] for a, b, rec, inside in s.notes.tolist()]
        return {
            "circuit-training.record_kind": rec_kind,
            "circuit-training.attr_ptr": s.attr_ptr.astype(np.int32),
            "circuit-training.attr_key": self.attr_key,
            "circuit-training.attr_kind": kind.copy(),
            "circuit-training.attr_value": value,
            "circuit-training.keys": json.dumps(self.keys),
            "circuit-training.strings": json.dumps(strings),
            "circuit-training.texts": json.dumps(texts),
        }
