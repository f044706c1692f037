"""Small Circuit Training texts for the tests."""

from netlists.formats import circuit_training as ct

#: Fields whose arrays a round trip must keep.
NETLIST_ARRAYS = (
    "node_kind", "node_width", "node_height", "pin_node", "pin_dx", "pin_dy", "net_ptr", "net_pins", "net_source",
    "net_weight", "pin_dir",
)  # fmt: skip
PLACEMENT_ARRAYS = ("x", "y", "orient", "fixed", "placed")


def attr(key, value):
    text = f'placeholder: "{value}"' if isinstance(value, str) else f"f: {value}"
    return f'  attr {{\n    key: "{key}"\n    value {{\n      {text}\n    }}\n  }}\n'


def node(name, *inputs, **attrs):
    lines = "".join(f'  input: "{sink}"\n' for sink in inputs)
    return f'node {{\n  name: "{name}"\n{lines}' + "".join(attr(k, v) for k, v in attrs.items()) + "}\n"


def macro(name, width=10, height=6, type="MACRO", **attrs):
    return node(name, type=type, width=width, height=height, **attrs)


def pin(name, owner, *inputs, dx=0, dy=0, **attrs):
    return node(name, *inputs, type="MACRO_PIN", macro_name=owner, x_offset=dx, y_offset=dy, **attrs)


def port(name, *inputs, **attrs):
    return node(name, *inputs, type="PORT", **attrs)


def cell(name, *inputs, width=2, height=1, **attrs):
    return node(name, *inputs, type="STDCELL", width=width, height=height, **attrs)


#: A port drives a macro's pin and a cell; the pin drives the port back.
TINY = (
    port("P", "M/a", "C", side="LEFT", x=0, y=5)
    + macro("M", x=20, y=30, orientation="N")
    + pin("M/a", "M", "P", dx=-5, dy=2.5, weight=3)
    + cell("C", x=7, y=8)
)


def write(folder, netlist, plc=None):
    """The netlist file of a folder made of these texts."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "netlist.pb.txt"
    path.write_bytes(netlist if isinstance(netlist, bytes) else netlist.encode())
    if plc is not None:
        (folder / "initial.plc").write_text(plc)
    return path


def read(folder, netlist, plc=None):
    """The design of these texts."""
    return ct.read_design(write(folder, netlist, plc))


def plc(*lines, columns=4, rows=4, width=100, height=80, extra=()):
    """A placement text with a short header."""
    head = [f"# Columns : {columns}  Rows : {rows}", f"# Width : {width}  Height : {height}", *extra]
    return "\n".join([*head, *lines]) + "\n"
