"""A tiny technology, netlist and floorplan, written by hand: two memories, a few cells, two levels of hierarchy."""

from __future__ import annotations

from pathlib import Path

LEF = """
VERSION 5.8 ;
BUSBITCHARS "[]" ;
DIVIDERCHAR "/" ;
UNITS DATABASE MICRONS 1000 ; END UNITS
MANUFACTURINGGRID 0.005 ;
SITE unit CLASS CORE ; SIZE 0.2 BY 2 ; SYMMETRY Y ; END unit
LAYER m1 TYPE ROUTING ; DIRECTION HORIZONTAL ; PITCH 0.1 ; WIDTH 0.05 ; END m1
LAYER m2 TYPE ROUTING ; DIRECTION VERTICAL ; PITCH 0.2 ; WIDTH 0.1 ; END m2
LAYER m3 TYPE ROUTING ; DIRECTION HORIZONTAL ; PITCH 0.25 ; WIDTH 0.1 ; END m3
LAYER m4 TYPE ROUTING ; DIRECTION VERTICAL ; PITCH 0.5 ; WIDTH 0.2 ; END m4
MACRO INV
  CLASS CORE ; SIZE 0.4 BY 2 ; SITE unit ; SYMMETRY X Y ;
  PIN A DIRECTION INPUT ; PORT LAYER m1 ; RECT 0.0 0.9 0.1 1.1 ; END END A
  PIN Y DIRECTION OUTPUT ; PORT LAYER m1 ; RECT 0.3 0.9 0.4 1.1 ; END END Y
  PIN VDD DIRECTION INOUT ; USE POWER ; PORT LAYER m1 ; RECT 0 1.9 0.4 2 ; END END VDD
END INV
MACRO TAP
  CLASS CORE WELLTAP ; SIZE 0.4 BY 2 ; SITE unit ;
  PIN VDD DIRECTION INOUT ; USE POWER ; PORT LAYER m1 ; RECT 0 1.9 0.4 2 ; END END VDD
END TAP
MACRO RAM
  CLASS BLOCK ; SIZE 10 BY 8 ; SYMMETRY X Y R90 ;
  PIN D[0] DIRECTION INPUT ; PORT LAYER m3 ; RECT 0 1 1 2 ; END END D[0]
  PIN D[1] DIRECTION INPUT ; PORT LAYER m3 ; RECT 0 3 1 4 ; END END D[1]
  PIN Q[0] DIRECTION OUTPUT ; PORT LAYER m3 ; RECT 9 1 10 2 ; END END Q[0]
  PIN Q[1] DIRECTION OUTPUT ; PORT LAYER m3 ; RECT 9 3 10 4 ; END END Q[1]
  PIN VDD DIRECTION INOUT ; USE POWER ; PORT LAYER m3 ; RECT 4 7 6 8 ; END END VDD
  OBS LAYER m1 ; RECT 0 0 10 8 ; LAYER m2 ; RECT 0 0 10 8 ; LAYER m3 ; RECT 2 2 8 6 ; END
END RAM
MACRO PADC
  CLASS PAD ; SIZE 4 BY 4 ;
  PIN P DIRECTION INOUT ; PORT LAYER m4 ; RECT 1 1 3 3 ; END END P
END PADC
END LIBRARY
"""

VERILOG = r"""
module bank (input [1:0] d, output [1:0] q);
  wire [1:0] m;
  RAM \mem[0] (.D(d), .Q(m), .VDD(pwr));
  INV b0 (.A(m[0]), .Y(q[0]), .VDD(pwr));
  INV b1 (.A(m[1]), .Y(q[1]), .VDD(pwr));
endmodule
module chip (input [1:0] in, output [1:0] out, input spare);
  wire [1:0] mid;
  bank left (.d(in), .q(mid));
  bank right (.d(mid), .q(out));
endmodule
"""

_ROWS = "\n".join(f"ROW r{k} unit 2000 {2000 + 2000 * k} {'N' if k % 2 == 0 else 'FS'} DO 180 BY 1 STEP 200 0 ;"
                  for k in range(18))  # fmt: skip

DEF_HEAD = f"""VERSION 5.8 ;
DIVIDERCHAR "/" ;
BUSBITCHARS "[]" ;
DESIGN chip ;
UNITS DISTANCE MICRONS 1000 ;
DIEAREA ( 0 0 ) ( 40000 40000 ) ;
{_ROWS}
TRACKS Y 0 DO 100 STEP 400 LAYER m3 ;
TRACKS X 0 DO 80 STEP 500 LAYER m4 ;
"""

COMPONENTS = r"""COMPONENTS 3 ;
- left/mem\[0\] RAM + PLACED ( 4000 4000 ) FS + HALO 1000 2000 3000 4000 ;
- right/mem\[0\] RAM ;
- tap1 TAP + FIXED ( 2000 2000 ) N ;
END COMPONENTS
"""

PINS = """PINS 6 ;
- in[0] + NET in[0] + DIRECTION INPUT + USE SIGNAL + LAYER m2 ( -100 0 ) ( 100 200 ) + FIXED ( 0 10000 ) E ;
- in[1] + NET in[1] + DIRECTION INPUT + USE SIGNAL + LAYER m2 ( -100 0 ) ( 100 200 ) + FIXED ( 0 11000 ) E ;
- out[0] + NET out[0] + DIRECTION OUTPUT + USE SIGNAL + LAYER m2 ( -100 0 ) ( 100 200 ) + FIXED ( 40000 10000 ) W ;
- out[1] + NET out[1] + DIRECTION OUTPUT + USE SIGNAL ;
- spare + NET spare + DIRECTION INPUT + USE SIGNAL ;
- VDD + NET VDD + DIRECTION INOUT + USE POWER ;
END PINS
"""

TAIL = """BLOCKAGES 2 ;
- PLACEMENT RECT ( 30000 30000 ) ( 34000 38000 ) ;
- PLACEMENT + PARTIAL 40 RECT ( 2000 30000 ) ( 6000 38000 ) ;
END BLOCKAGES
REGIONS 1 ;
- east ( 20000 2000 ) ( 38000 38000 ) + TYPE FENCE ;
END REGIONS
GROUPS 1 ;
- g right/mem* + REGION east ;
END GROUPS
END DESIGN
"""

DEF = DEF_HEAD + COMPONENTS + PINS + TAIL

NETS = r"""NETS 4 ;
- left/m[0] ( left/mem\[0\] Q[0] ) ( left/b0 A ) + WEIGHT 3 ;
- in[0] ( PIN in[0] ) ( left/mem\[0\] D[0] ) ;
- lonely ( left/b0 Y ) ;
- VDD ( * VDD ) + USE POWER ;
END NETS
"""

DEF_WITH_NETS = (
    DEF_HEAD
    + COMPONENTS.replace("COMPONENTS 3", "COMPONENTS 4").replace("- tap1", "- left/b0 INV ;\n- tap1")
    + PINS + NETS + "END DESIGN\n"
)  # fmt: skip


def write(folder: Path, **texts: str) -> dict[str, Path]:
    """Write the case's files, some with other texts, and return the arguments of ``read_physical``."""
    files = {"verilog": ("chip.v", VERILOG), "lef": ("all.lef", LEF), "def_file": ("chip.def", DEF)}
    out = {}
    for key, (name, text) in files.items():
        out[key] = folder / name
        out[key].write_text(texts.get(key, text))
    return out
