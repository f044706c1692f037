"""Write ``netlist.pb.txt``: the way the file was, where it came from one; else the way Circuit Training writes it.

A Circuit Training design carries its file's skeleton in ``Netlist.extras``: the order of nodes and pins, every
attribute in its order and spelling, comments, and fields no reader understands. The writer walks that skeleton and
takes what the netlist knows (sizes, offsets, owners, weights, connections) from the arrays, so that a changed netlist
writes its changes. ``x`` and ``y`` attributes stay as they were read: the placement is the ``.plc`` file's business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists import orientation
from netlists.errors import NetlistError
from netlists.formats.circuit_training.build import BLOATING, METADATA, REC_METADATA, REC_NODE, REC_PIN
from netlists.formats.circuit_training.kernel import FLOAT, INT, PLACEHOLDER, STRING
from netlists.formats.circuit_training.plc import number
from netlists.formats.circuit_training.scan import escape
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Netlist
from netlists.placement import Placement

_TYPE_OF = {HARD_MACRO: "MACRO", SOFT_MACRO: "macro", STDCELL: "STDCELL", PORT: "PORT"}
_FIELD = {FLOAT: "f", INT: "i", PLACEHOLDER: "placeholder", STRING: "s"}


@dataclass
class Skeleton:
    """Order and attributes of the records of a file; ``G`` records.

    Attributes:
        kind: ``[G]`` REC_NODE, REC_PIN or REC_METADATA.
        of: ``[G]`` node or pin id, 0 for metadata.
        names: ``G`` record names.
        drives: ``[G]`` the net a record drives, or -1.
        pin_record: ``[Q]`` the record each pin is written as.
    """

    kind: NDArray[np.int8]
    of: NDArray[np.int64]
    names: list[str]
    drives: NDArray[np.int64]
    pin_record: NDArray[np.int64]


def node_indices(kind: NDArray[np.int8]) -> NDArray[np.int64]:
    """``.plc`` index of each node, given the records' kinds: all records count but metadata."""
    return np.asarray((np.cumsum(kind != REC_METADATA) - 1)[kind == REC_NODE], dtype=np.int64)


def make_skeleton(netlist: Netlist) -> Skeleton:
    """The records of the file this netlist came from, or those a new file needs."""
    return _kept_skeleton(netlist) or _new_skeleton(netlist)


def _nets_of_pins(netlist: Netlist) -> list[list[int]]:
    """Nets each pin drives."""
    drives: list[list[int]] = [[] for _ in range(netlist.num_pins)]
    for net, pin in enumerate(netlist.net_pins[netlist.net_source].tolist()):
        drives[pin].append(net)
    return drives


def _kept_skeleton(netlist: Netlist) -> Skeleton | None:
    """The skeleton in the extras, or None when there is none or the netlist has outgrown it."""
    kind = netlist.extras.get("circuit-training.record_kind")
    if not isinstance(kind, np.ndarray) or int((kind == REC_NODE).sum()) != netlist.num_nodes:
        return None
    if len(netlist.pin_names) != netlist.num_pins:
        return None
    owner = netlist.pin_node.tolist()
    implicit = np.array(
        [name == netlist.node_names[node] for name, node in zip(netlist.pin_names, owner, strict=True)], bool
    )
    if int((~implicit).sum()) != int((kind == REC_PIN).sum()):
        return None
    driving = netlist.net_pins[netlist.net_source]
    if len(np.unique(driving)) != len(driving):
        return None
    of = np.zeros(len(kind), np.int64)
    node_records, pin_records = np.flatnonzero(kind == REC_NODE), np.flatnonzero(kind == REC_PIN)
    of[node_records] = np.arange(netlist.num_nodes)
    of[pin_records] = np.flatnonzero(~implicit)
    pin_record = np.empty(netlist.num_pins, np.int64)
    pin_record[~implicit] = pin_records
    pin_record[implicit] = node_records[netlist.pin_node[implicit]]
    if len(np.unique(pin_record)) != len(pin_record):
        return None
    drives = np.full(len(kind), -1, np.int64)
    drives[pin_record[driving]] = np.arange(netlist.num_nets)
    names = [METADATA] * len(kind)
    for record, node in zip(node_records.tolist(), netlist.node_names, strict=True):
        names[record] = node
    for record, pin in zip(pin_records.tolist(), of[pin_records].tolist(), strict=True):
        names[record] = netlist.pin_names[pin]
    return Skeleton(kind, of, names, drives, pin_record) if len(set(names)) == len(names) else None


def _new_skeleton(netlist: Netlist) -> Skeleton:
    """Every node in order, each followed by its pins. Ports and cells use their implicit pin where one suffices."""
    kinds: list[int] = []
    of: list[int] = []
    names: list[str] = []
    drives: list[int] = []
    pin_record = np.full(netlist.num_pins, -1, np.int64)
    taken = set(netlist.node_names)
    drives_of = _nets_of_pins(netlist)
    by_node = np.argsort(netlist.pin_node, kind="stable")
    bounds = np.searchsorted(netlist.pin_node[by_node], np.arange(netlist.num_nodes + 1))
    pins_of = by_node.tolist()
    at_centre = ((netlist.pin_dx == 0) & (netlist.pin_dy == 0)).tolist()
    connected = np.bincount(netlist.net_pins, minlength=netlist.num_pins).astype(bool).tolist()

    def add(kind: int, index: int, name: str, net: int) -> int:
        kinds.append(kind)
        of.append(index)
        names.append(name)
        drives.append(net)
        return len(kinds) - 1

    soft = netlist.node_kind == SOFT_MACRO
    if not (netlist.node_kind == HARD_MACRO).any() and any(
        not netlist.node_names[i].startswith("Grp_") for i in np.flatnonzero(soft).tolist()
    ):
        taken.add(METADATA)  # says that lower-case macros are soft; nothing else in the file would
        add(REC_METADATA, 0, METADATA, -1)
    for node, node_name in enumerate(netlist.node_names):
        pins = pins_of[bounds[node] : bounds[node + 1]]
        own = -1
        if netlist.node_kind[node] in (PORT, STDCELL):
            own = next((q for q in pins if at_centre[q] and connected[q]), -1)
        record = add(REC_NODE, node, node_name, drives_of[own][0] if own >= 0 and drives_of[own] else -1)
        if own >= 0:
            pin_record[own] = record
        for pin in pins:
            nets = drives_of[pin]
            if pin != own:
                name = _free_name(netlist, pin, node_name, taken)
                pin_record[pin] = add(REC_PIN, pin, name, nets[0] if nets else -1)
            for net in nets[1:]:  # a record drives one net only: further nets get a twin of the pin
                add(REC_PIN, pin, _free_name(netlist, pin, node_name, taken), net)
    if METADATA in netlist.node_names:
        raise NetlistError(f"a Circuit Training file cannot hold a node called {METADATA!r}")
    return Skeleton(np.array(kinds, np.int8), np.array(of, np.int64), names, np.array(drives, np.int64), pin_record)


def _free_name(netlist: Netlist, pin: int, node_name: str, taken: set[str]) -> str:
    """A name for a pin's record that no other record has."""
    label = netlist.pin_names[pin] if len(netlist.pin_names) else ""
    base = label or f"{node_name}/p{pin}"
    if base in taken and not base.startswith(f"{node_name}/"):
        base = f"{node_name}/{label or pin}"
    name, k = base, 1
    while name in taken:
        k += 1
        name = f"{base}__{k}"
    taken.add(name)
    return name


def render_netlist(netlist: Netlist, placement: Placement, comments: list[str], drop: str = "") -> str:
    """Text of a ``netlist.pb.txt``.

    Args:
        netlist: the circuit.
        placement: gives ``x``, ``y`` and ``orientation`` where the file is written for the first time.
        comments: comment lines to put at the top.
        drop: kept comments that begin with this text are left out.
    """
    kept = _kept_skeleton(netlist)
    if kept is not None:
        skeleton, attrs = kept, _kept_attributes(netlist, kept)
        texts = json.loads(str(netlist.extras.get("circuit-training.texts", "[]")))
    else:
        skeleton = _new_skeleton(netlist)
        attrs = _new_attributes(netlist, placement, skeleton)
        texts = [[0, 0, "# proto-file: tensorflow/core/framework/graph.proto"],
                 [0, 0, "# proto-message: tensorflow.GraphDef"]]  # fmt: skip
    before: dict[int, list[str]] = {}
    inside: dict[int, list[str]] = {}
    for record, is_inside, text in texts:
        if not (drop and text.startswith(drop)):
            (inside if is_inside else before).setdefault(record, []).append(text)
    record_names = [escape(name) for name in skeleton.names]
    pin_name = [record_names[r] for r in skeleton.pin_record.tolist()]
    ptr, source, pins = netlist.net_ptr.tolist(), netlist.net_source.tolist(), netlist.net_pins.tolist()
    out: list[str] = [comment + "\n" for comment in comments]
    for record, (name, net) in enumerate(zip(record_names, skeleton.drives.tolist(), strict=True)):
        out.extend(text + "\n" for text in before.get(record, ()))
        out.append(f'node {{\n  name: "{name}"\n')
        if net >= 0:
            first, driver, last = ptr[net], source[net], ptr[net + 1]
            sinks = [pin_name[pins[c]] for c in range(first, last) if c != driver]
            # a net with nothing but its driver is written as a loop, as the format knows nets by their sinks
            out.extend(f'  input: "{sink}"\n' for sink in sinks or [name])
        out.extend(f"  {text}\n" for text in inside.get(record, ()))
        out.append(attrs[record])
        out.append("}\n")
    out.extend(text + "\n" for text in before.get(len(record_names), ()))
    return "".join(out)


def _attribute(key: str, field: str, value: str) -> str:
    """One attribute block; ``field`` is empty for values carried as text."""
    inner = f"{field}: {value}" if field else value
    return f'  attr {{\n    key: "{key}"\n    value {{\n      {inner}\n    }}\n  }}\n'


def _kept_attributes(netlist: Netlist, skeleton: Skeleton) -> list[str]:
    """Attribute text of each record: the file's own, with what the netlist knows put in."""
    extras: Mapping[str, Any] = netlist.extras
    ptr = np.asarray(extras["circuit-training.attr_ptr"], np.int64)
    key, kind = extras["circuit-training.attr_key"], extras["circuit-training.attr_kind"]
    value = np.array(extras["circuit-training.attr_value"], float)
    keys: list[str] = json.loads(extras["circuit-training.keys"])
    raw: list[str] = json.loads(extras["circuit-training.strings"])
    strings = [escape(text) for text in raw]
    record = np.repeat(np.arange(len(skeleton.kind)), np.diff(ptr))
    is_node, is_pin = skeleton.kind == REC_NODE, skeleton.kind == REC_PIN
    size = len(skeleton.kind)
    more: dict[int, str] = {}

    def put(name: str, where: NDArray[np.bool_], numbers: NDArray[np.float64], default: float) -> None:
        present = np.zeros(size, bool)
        if name in keys:
            slots = np.flatnonzero((key == keys.index(name)) & where[record] & (kind <= INT))
            value[slots] = numbers[record[slots]]
            present[record[slots]] = True
        for g in np.flatnonzero(where & ~present & (numbers != default)).tolist():
            more[g] = more.get(g, "") + _attribute(name, "f", number(numbers[g]))

    def spread(source: NDArray[np.float64], where: NDArray[np.bool_], index: NDArray[np.int64]) -> NDArray[np.float64]:
        out = np.zeros(size)
        out[where] = source[index[where]]
        return out

    put("width", is_node, spread(netlist.node_width, is_node, skeleton.of), 0.0)
    put("height", is_node, spread(netlist.node_height, is_node, skeleton.of), 0.0)
    put("x_offset", is_pin, spread(netlist.pin_dx, is_pin, skeleton.of), 0.0)
    put("y_offset", is_pin, spread(netlist.pin_dy, is_pin, skeleton.of), 0.0)
    drives = skeleton.drives >= 0
    put("weight", drives, spread(netlist.net_weight, drives, skeleton.drives), 1.0)

    owner_key = keys.index("macro_name") if "macro_name" in keys else -1
    keys = [escape(k) for k in keys]
    texts = []
    for g, k, t, v in zip(record.tolist(), key.tolist(), kind.tolist(), value.tolist(), strict=True):
        if t == FLOAT:
            texts.append(_attribute(keys[k], "f", number(v)))
        elif t == INT:
            texts.append(_attribute(keys[k], "i", str(int(v)) if v == int(v) else number(v)))
        elif t in (PLACEHOLDER, STRING):
            if k == owner_key:
                text = escape(netlist.node_names[netlist.pin_node[skeleton.of[g]]])
            else:
                text = strings[int(v)]
            texts.append(_attribute(keys[k], _FIELD[t], f'"{text}"'))
        else:
            texts.append(_attribute(keys[k], "", raw[int(v)]))
    bounds = ptr.tolist()
    return ["".join(texts[bounds[g] : bounds[g + 1]]) + more.get(g, "") for g in range(size)]


def _new_attributes(netlist: Netlist, placement: Placement, skeleton: Skeleton) -> list[str]:
    """Attribute text of each record of a new file, keys in alphabetical order as Circuit Training writes them."""
    out = []
    kinds, placed = netlist.node_kind.tolist(), placement.placed.tolist()
    for kind, index, net in zip(skeleton.kind.tolist(), skeleton.of.tolist(), skeleton.drives.tolist(), strict=True):
        parts: list[tuple[str, str, str]] = []
        if kind == REC_METADATA:
            parts.append((BLOATING, "f", "1"))
        elif kind == REC_NODE:
            node_kind = kinds[index]
            if node_kind != PORT or netlist.node_width[index] > 0 or netlist.node_height[index] > 0:
                parts.append(("height", "f", number(netlist.node_height[index])))
                parts.append(("width", "f", number(netlist.node_width[index])))
            if node_kind != PORT or placement.orient[index] != orientation.N:
                parts.append(("orientation", "placeholder", f'"{orientation.NAMES[placement.orient[index]]}"'))
            parts.append(("type", "placeholder", f'"{_TYPE_OF[node_kind]}"'))
            if placed[index]:
                parts.append(("x", "f", number(placement.x[index])))
                parts.append(("y", "f", number(placement.y[index])))
        else:
            node = int(netlist.pin_node[index])
            lower = kinds[node] == SOFT_MACRO
            parts.append(("macro_name", "placeholder", f'"{escape(netlist.node_names[node])}"'))
            parts.append(("type", "placeholder", '"macro_pin"' if lower else '"MACRO_PIN"'))
            parts.append(("x_offset", "f", number(netlist.pin_dx[index])))
            parts.append(("y_offset", "f", number(netlist.pin_dy[index])))
        if net >= 0 and netlist.net_weight[net] != 1.0:
            parts.append(("weight", "f", number(netlist.net_weight[net])))
        out.append("".join(_attribute(*part) for part in sorted(parts)))
    return out
