"""Gate-level Verilog: what is on which net once the hierarchy is dissolved, and what is said about bad files."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from netlists.errors import NetlistError
from netlists.formats.verilog import GateNetlist, read_verilog

LEAVES = {"INV": {"A", "Y"}, "RAM": {"D[0]", "D[1]", "Q[0]", "Q[1]", "CK"}}


def read(folder: Path, text: str, top: str | None = None, leaves: dict[str, set[str]] | None = LEAVES) -> GateNetlist:
    file = folder / "netlist.v"
    file.write_text(text)
    return read_verilog(file, top, leaves)


def nets(g: GateNetlist) -> dict[str, set[str]]:
    """Net -> its pins (``instance.pin``) and ports."""
    out: dict[str, set[str]] = {name: set() for name in g.net_names}
    for i, p, n in zip(g.conn_instance.tolist(), g.conn_pin.tolist(), g.conn_net.tolist(), strict=True):
        out[g.net_names[n]].add(f"{g.instance_names[i]}.{g.pin_names[p]}")
    for name, n in zip(g.port_names, g.port_net.tolist(), strict=True):
        if n >= 0:
            out[g.net_names[n]].add(name)
    return out


def test_a_module_used_twice_becomes_two_scopes_with_names_of_their_own(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        """
        module pair (input a, output y); wire m; INV i0 (.A(a), .Y(m)); INV i1 (.A(m), .Y(y)); endmodule
        module top (input a, output y); wire b; pair p (.a(a), .y(b)); pair q (.a(b), .y(y)); endmodule
        """,
    )
    assert g.instance_names == ("p/i0", "p/i1", "q/i0", "q/i1")
    assert g.scope_names == ("", "p", "q")
    assert g.scope_modules == ("top", "pair", "pair")
    assert nets(g) == {
        "a": {"a", "p/i0.A"}, "y": {"y", "q/i1.Y"}, "b": {"p/i1.Y", "q/i0.A"}, "p/m": {"p/i0.Y", "p/i1.A"},
        "q/m": {"q/i0.Y", "q/i1.A"},
    }  # fmt: skip
    assert g.port_dirs == ("input", "output")


def test_bits_of_buses_selects_concatenations_and_replications_line_up(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        """
        module top (d, q); input [3:0] d; output [0:3] q; wire c;
          RAM r0 (.D(d[2:1]), .Q(q[0:1]), .CK(c));
          RAM r1 (.D({d[3], d[0]}), .Q({q[3], q[2]}), .CK(c));
          RAM r2 (.D({2{c}}), .Q());
        endmodule
        """,
    )
    assert nets(g) == {
        "d[2]": {"d[2]", "r0.D[1]"}, "d[1]": {"d[1]", "r0.D[0]"}, "d[3]": {"d[3]", "r1.D[1]"},
        "d[0]": {"d[0]", "r1.D[0]"}, "q[0]": {"q[0]", "r0.Q[1]"}, "q[1]": {"q[1]", "r0.Q[0]"},
        "q[3]": {"q[3]", "r1.Q[1]"}, "q[2]": {"q[2]", "r1.Q[0]"}, "c": {"r0.CK", "r1.CK", "r2.D[0]", "r2.D[1]"},
    }  # fmt: skip
    assert g.open_pins == 1


def test_assigns_join_nets_and_the_name_nearest_to_the_top_stays(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        """
        module leafy (input a, output y); wire w = a; assign y = w; INV i (.A(w), .Y()); endmodule
        module top (input in, output out); wire x; leafy u (.a(in), .y(x)); assign out = x; endmodule
        """,
    )
    assert nets(g) == {"in": {"in", "out", "u/i.A"}}


def test_constants_reach_through_assigns_and_ports_and_leave_the_netlist(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        """
        module sub (input [1:0] a, output y); RAM r (.D(a), .CK(1'b0), .Q()); assign y = 1'b1; endmodule
        module top (input c); supply0 gnd; wire t; sub u (.a({gnd, c}), .y(t)); INV i (.A(t), .Y(1'bz)); endmodule
        """,
    )
    assert nets(g) == {"c": {"c", "u/r.D[0]"}}
    assert g.tied == 3  # CK, D[1] through gnd, A through y
    assert any("3 pins are tied" in note for note in g.notes)


@pytest.mark.parametrize("literal", ["'0", "0", "2'b00", "2'h0", "2'd0", "2'b0_0"])
def test_every_spelling_of_zero_is_as_wide_as_its_pin(tmp_path: Path, literal: str) -> None:
    g = read(tmp_path, f"module top (); RAM r (.D({literal})); endmodule")
    assert g.tied == 2
    assert not g.notes[1:]


def test_parameters_set_widths_by_name_by_position_and_by_default(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        """
        module bus #(parameter W = 2, parameter Z = W * 2 - 1) (input [W-1:0] a);
          localparam H = $clog2(W); INV i (.A(a[W-1]), .Y()); INV j (.A(a[H - 1]), .Y()); endmodule
        module top (input [7:0] a);
          bus u (.a(a[1:0])); bus #(.W(4)) v (.a(a[3:0])); bus #(8, 1) w (.a(a)); endmodule
        """,
    )
    assert nets(g) == {
        "a[1]": {"a[1]", "u/i.A", "v/j.A"}, "a[0]": {"a[0]", "u/j.A"}, "a[3]": {"a[3]", "v/i.A"},
        "a[7]": {"a[7]", "w/i.A"}, "a[2]": {"a[2]", "w/j.A"},
    }  # fmt: skip


def test_an_escaped_name_is_one_scalar_and_not_a_bit_of_a_bus(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        r"""
        module top (input [1:0] a); wire \a[0] ; INV \u[3].x (.A(\a[0] ), .Y(a[0])); INV v (.A(a[0]), .Y(\a[0] ));
        endmodule
        """,
    )
    assert g.instance_names == ("u[3].x", "v")
    assert len(g.net_names) == 2
    assert g.net_names == ("a[0]", "a[0]")
    assert g.conn_net.tolist() == [1, 0, 0, 1]


def test_ports_may_be_renamed_joined_and_listed_without_a_name(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        """
        module sub (a, .p(b[2:1]), {c, d}); input a, c, d; input [2:0] b;
          INV i (.A(a), .Y()); RAM r (.D(b[2:1])); RAM s (.D({c, d})); endmodule
        module top (input w, x, y, z, t); sub u (w, {x, y}, {z, t}); endmodule
        """,
    )
    assert nets(g) == {
        "w": {"w", "u/i.A"}, "x": {"x", "u/r.D[1]"}, "y": {"y", "u/r.D[0]"}, "z": {"z", "u/s.D[1]"},
        "t": {"t", "u/s.D[0]"},
    }  # fmt: skip


def test_an_undeclared_name_is_an_implicit_wire_and_a_lone_dot_name_connects_itself(tmp_path: Path) -> None:
    g = read(tmp_path, "module top (input A); INV i (.A, .Y(n)); INV j (.A(n), .Y()); endmodule")
    assert nets(g) == {"A": {"A", "i.A"}, "n": {"i.Y", "j.A"}}


def test_a_library_cell_is_a_leaf_even_where_its_model_is_in_the_file(tmp_path: Path) -> None:
    text = """
        module INV (A, Y); input A; output Y; assign Y = ~A; endmodule
        module top (input a, output y); INV i (a, y); endmodule
    """
    assert nets(read(tmp_path, text)) == {"a": {"a", "i.A"}, "y": {"y", "i.Y"}}
    with pytest.raises(NetlistError, match="not a gate-level netlist") as caught:
        read(tmp_path, text, leaves=None)
    assert caught.value.line == 2


def test_without_a_library_unknown_modules_are_cells_and_buses_count_from_zero(tmp_path: Path) -> None:
    g = read(tmp_path, "module top (input [2:0] a); BOX b (.P(a), .Q(a[1])); endmodule", leaves=None)
    assert g.masters == ("BOX",)
    assert nets(g)["a[1]"] == {"a[1]", "b.P[1]", "b.Q"}


def test_widths_that_differ_line_up_at_the_low_end_and_are_reported(tmp_path: Path) -> None:
    g = read(
        tmp_path,
        """
        module sub (input [1:0] a); RAM r (.D(a)); endmodule
        module top (input [2:0] a); sub u (.a(a)); RAM r (.D(a[2])); endmodule
        """,
    )
    assert nets(g) == {"a[1]": {"a[1]", "u/r.D[1]"}, "a[0]": {"a[0]", "u/r.D[0]"}, "a[2]": {"a[2]", "r.D[0]"}}
    assert any("2 connections differ in width" in note and "netlist.v:3" in note for note in g.notes)


def test_several_files_plain_and_gzip_make_one_netlist(tmp_path: Path) -> None:
    (tmp_path / "a.v").write_text("module top (input a); sub u (.a(a)); endmodule")
    (tmp_path / "b.v.gz").write_bytes(gzip.compress(b"module sub (input a); INV i (.A(a), .Y()); endmodule"))
    g = read_verilog([tmp_path / "a.v", tmp_path / "b.v.gz"], leaves=LEAVES)
    assert nets(g) == {"a": {"a", "u/i.A"}}


# -- what is wrong, and where -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("module top (input a)\n INV i (.A(a));\nendmodule", 1, "not Verilog"),
        ("module top ();\n always @(*) x = 1;\nendmodule", 2, "synthesise it first"),
        ("module top (input a, output y);\n assign y = ~a;\nendmodule", 2, "only names, selects"),
        ("module top (input a);\n INV i (.A(t.x), .Y());\nendmodule", 2, "only names, selects"),
        ("module top (input [1:0] a);\n INV i (.A(a[2]), .Y());\nendmodule", 2, "bit 2 of 'a' does not exist"),
        ("module top ();\n INV i (.A(b[0]), .Y());\nendmodule", 2, "'b' is not declared"),
        ("module top ();\n INV i (a, y);\nendmodule", 2, "connected by position"),
        ("module s (input a);\nendmodule\nmodule top ();\n s u (.b(x));\nendmodule", 4, "has no port 'b'"),
        ("module s (input a);\nendmodule\nmodule top ();\n s u (x, y);\nendmodule", 4, "more connections than ports"),
        ("module top ();\n INV i (.A(x));\n INV i (.A(x));\nendmodule", 3, "two instances 'i'"),
        ("module top ();\nendmodule\nmodule top ();\nendmodule", 3, "defined twice"),
        ("module top ();\n wire [99999999:0] w;\nendmodule", 2, "too wide"),
        ("module top ();\n wire [W:0] w;\nendmodule", 2, "not a constant integer"),
        ("module top ();\n INV i[3:0] (.A(x));\nendmodule", 2, "arrays of instances"),
        ("module top ();\n wire m [3:0];\nendmodule", 2, "arrays of nets"),
        ("module top ();\n INV i (.*);\nendmodule", 2, "name them"),
        ("module top ();\n and g (a, b, c);\nendmodule", 2, "synthesise it first"),
    ],
)
def test_bad_files_are_refused_with_their_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(NetlistError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.line == line
    assert caught.value.file == str(tmp_path / "netlist.v")


def test_missing_modules_are_named_all_at_once_with_their_first_use(tmp_path: Path) -> None:
    text = "module top ();\n FOO a (.A(x));\n FOO b (.A(x));\n INV i (.A(x), .Y());\n BAR c (.A(x));\nendmodule"
    with pytest.raises(NetlistError, match=r"2 modules .* FOO \(.*netlist.v:2\), BAR \(.*netlist.v:5\)"):
        read(tmp_path, text)


def test_pins_a_cell_does_not_have_are_named(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match=r"INV\.B, RAM\.Z"):
        read(tmp_path, "module top (); INV i (.B(x)); RAM r (.Z(x)); endmodule")


def test_a_wrong_top_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    text = "module ariane (); endmodule module soc_wrapper (); endmodule"
    with pytest.raises(NetlistError, match=r"no module is called 'arian'.*ariane"):
        read(tmp_path, text, "arian")


def test_several_tops_must_be_told_apart_by_the_user(tmp_path: Path) -> None:
    text = "module a (); INV i (.A(x)); endmodule module b (); INV i (.A(x)); endmodule"
    with pytest.raises(NetlistError, match=r"several modules.*--top, one of a, b"):
        read(tmp_path, text)
    assert read(tmp_path, text, "b").name == "b"


def test_a_module_inside_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="contains itself"):
        read(tmp_path, "module a (); b u (); endmodule module b (); a u (); endmodule", "a")


def test_a_file_without_modules_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="no module"):
        read(tmp_path, "// nothing here\n")


# -- real netlists ----------------------------------------------------------------------------------


@pytest.mark.open_data
def test_the_hierarchical_ariane_has_133_memories_and_no_net_of_two_drivers(open_data: Callable[[str], Path]) -> None:
    g = read_verilog(open_data("lefdef/ariane133_asap7/ariane.v.gz"))
    assert g.name == "ariane"
    assert len(g.instance_names) == 100_835
    assert len(g.scope_names) == 130
    memories = [g.masters[m] for m in g.instance_master.tolist() if g.masters[m].startswith("sram_asap7")]
    assert len(memories) == 133
    assert len(g.port_names) == 495
    output = {p for p, name in enumerate(g.pin_names) if name in ("Y", "QN", "Q", "CON", "SN", "H", "L")}
    drivers = [n for p, n in zip(g.conn_pin.tolist(), g.conn_net.tolist(), strict=True) if p in output]
    assert len(drivers) == len(set(drivers)) > 100_000
