r"""Names as DEF spells them, and the hierarchical names they stand for.

In a DEF file the divider (``/``) separates levels and the bus characters (``[ ]``) enclose a bit. Where one of these
is part of a name itself a backslash stands before it: ``u_mem/bank\[0\].ram`` is the instance ``bank[0].ram`` inside
``u_mem``. Verilog writes the same instance as ``\bank[0].ram``, with a space behind.
"""

from __future__ import annotations


def path_of(name: str, divider: str = "/") -> tuple[str, ...]:
    """Levels of a DEF name, outermost first, without backslashes."""
    if "\\" not in name:
        return tuple(name.split(divider))
    levels, current = [], []
    letters = iter(name)
    for letter in letters:
        if letter == "\\":
            current.append(next(letters, "\\"))
        elif letter == divider:
            levels.append("".join(current))
            current = []
        else:
            current.append(letter)
    return (*levels, "".join(current))


def def_name(path: tuple[str, ...] | list[str], divider: str = "/", bus_bits: str = "[]") -> str:
    """DEF spelling of an instance: special characters inside a level get a backslash. Inverse of :func:`path_of`."""
    special = {*divider, *bus_bits, "\\"}
    return divider.join(
        "".join("\\" + letter if letter in special else letter for letter in level)
        if not special.isdisjoint(level) else level
        for level in path
    )  # fmt: skip


def plain(name: str) -> str:
    """The name without backslashes; levels and dividers inside a level can no longer be told apart."""
    return name if "\\" not in name else "/".join(path_of(name, "\0"))


def bit_of(name: str, bus_bits: str = "[]") -> tuple[str, int | None]:
    """A pin or net name as (bus, bit), without backslashes; the bit is None where the name is no bit of a bus."""
    opening, closing = bus_bits[0], bus_bits[1]
    if name.endswith(closing) and not name.endswith("\\" + closing):
        at = name.rfind(opening)
        if at > 0 and name[at - 1] != "\\" and name[at + 1 : -1].isdigit():
            return plain(name[:at]), int(name[at + 1 : -1])
    return plain(name), None
