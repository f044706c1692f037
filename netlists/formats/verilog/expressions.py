"""Expressions of gate-level Verilog: constants of parameters, and lists of bits of nets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyslang.syntax import (
    ConcatenationExpressionSyntax,
    IdentifierNameSyntax,
    IdentifierSelectNameSyntax,
    IntegerVectorExpressionSyntax,
    LiteralExpressionSyntax,
    MultipleConcatenationExpressionSyntax,
    ParenthesizedExpressionSyntax,
    SyntaxKind,
)

from netlists.formats.verilog.source import Source, nodes

#: Bits that are no net: tied low, tied high, and nothing at all (``z``, ``x``).
LOW, HIGH, NOTHING = -1, -2, -3
_DIGIT_BITS = {"b": 1, "o": 3, "h": 4}
#: Widest bus accepted, so that a slip of the pen does not fill the memory.
MAX_WIDTH = 1 << 20

_BINARY = {
    SyntaxKind.AddExpression: lambda a, b: a + b,
    SyntaxKind.SubtractExpression: lambda a, b: a - b,
    SyntaxKind.MultiplyExpression: lambda a, b: a * b,
    SyntaxKind.DivideExpression: lambda a, b: int(a / b),
    SyntaxKind.ModExpression: lambda a, b: a - b * int(a / b),
    SyntaxKind.PowerExpression: lambda a, b: a**b,
    SyntaxKind.LogicalShiftLeftExpression: lambda a, b: a << b,
    SyntaxKind.LogicalShiftRightExpression: lambda a, b: a >> b,
    SyntaxKind.GreaterThanExpression: lambda a, b: int(a > b),
    SyntaxKind.LessThanExpression: lambda a, b: int(a < b),
    SyntaxKind.GreaterThanEqualExpression: lambda a, b: int(a >= b),
    SyntaxKind.LessThanEqualExpression: lambda a, b: int(a <= b),
    SyntaxKind.EqualityExpression: lambda a, b: int(a == b),
    SyntaxKind.InequalityExpression: lambda a, b: int(a != b),
}


@dataclass(frozen=True)
class Bus:
    """A declared net: bits ``base .. base + width - 1``, leftmost index first; ``left`` is None for scalars."""

    base: int
    width: int
    left: int | None = None
    right: int = 0

    def at(self, index: int) -> int | None:
        """The bit of an index, or None outside the range."""
        if self.left is None:
            return None
        offset = self.left - index if self.left >= self.right else index - self.left
        return self.base + offset if 0 <= offset < self.width else None


@dataclass(eq=False)
class Names:
    """The names of one module: parameters and nets, and the names of the bits.

    Attributes:
        source: where the text came from, for messages.
        module: name of the module.
        values: parameter -> value; None where it is no number.
        buses: net -> bits.
        bit_names: local name of every bit.
    """

    source: Source
    module: str
    values: dict[str, int | None]
    buses: dict[str, Bus] = field(default_factory=dict)
    bit_names: list[str] = field(default_factory=list)

    def declare(self, name: str, limits: tuple[int, int] | None) -> Bus:
        """Make a net unless there is one of that name already."""
        bus = self.buses.get(name)
        if bus is None:
            base = len(self.bit_names)
            if limits is None:
                bus = Bus(base, 1)
                self.bit_names.append(name)
            else:
                left, right = limits
                bus = Bus(base, abs(left - right) + 1, left, right)
                step = -1 if left >= right else 1
                self.bit_names += [f"{name}[{i}]" for i in range(left, right + step, step)]
            self.buses[name] = bus
        return bus

    def limits(self, dimensions: Any) -> tuple[int, int] | None:  # noqa: ANN401 - pyslang syntax
        """(left, right) of a packed range, or None for a scalar."""
        ranges = nodes(dimensions) if dimensions is not None else []
        if not ranges:
            return None
        selector = getattr(ranges[0].specifier, "selector", None)
        if len(ranges) > 1 or selector is None or selector.kind != SyntaxKind.SimpleRangeSelect:
            raise self.source.error("only nets with one range [left:right] are read", ranges[0], found=str(ranges[0]))
        left, right = self.number(selector.left), self.number(selector.right)
        if abs(left - right) >= MAX_WIDTH:
            raise self.source.error("this bus is too wide", ranges[0], found=str(ranges[0]).strip())
        return left, right

    # -- constants -------------------------------------------------------------------------------------------------

    def number(self, expr: Any) -> int:  # noqa: ANN401 - pyslang syntax
        """Value of a constant integer expression.

        Raises:
            NetlistError: it is not one.
        """
        value = self.value(expr)
        if value is None:
            raise self.source.error("not a constant integer", expr, found=str(expr).strip())
        return value

    def value(self, expr: Any) -> int | None:  # noqa: ANN401 - pyslang syntax; one line a kind
        """Value of an expression, or None where it is no constant integer."""
        if isinstance(expr, LiteralExpressionSyntax):
            if expr.kind == SyntaxKind.IntegerLiteralExpression:
                return int(expr.literal.valueText.replace("_", ""))
            return None
        if isinstance(expr, IntegerVectorExpressionSyntax):
            bits = _literal_bits(expr)
            return None if NOTHING in bits else int("".join("1" if b == HIGH else "0" for b in bits) or "0", 2)
        if isinstance(expr, IdentifierNameSyntax):
            return self.values.get(expr.identifier.valueText)
        if isinstance(expr, ParenthesizedExpressionSyntax):
            return self.value(expr.expression)
        if expr.kind in (SyntaxKind.UnaryMinusExpression, SyntaxKind.UnaryPlusExpression):
            inner = self.value(expr.operand)
            return None if inner is None else -inner if expr.kind == SyntaxKind.UnaryMinusExpression else inner
        if expr.kind == SyntaxKind.ConditionalExpression:
            chosen = self.value(nodes(expr.predicate.conditions)[0].expr)
            return None if chosen is None else self.value(expr.left if chosen else expr.right)
        if expr.kind in _BINARY:
            a, b = self.value(expr.left), self.value(expr.right)
            if a is None or b is None:
                return None
            divides = expr.kind in (SyntaxKind.DivideExpression, SyntaxKind.ModExpression)
            grows = expr.kind in (SyntaxKind.PowerExpression, SyntaxKind.LogicalShiftLeftExpression)
            return None if (divides and b == 0) or (grows and not 0 <= b <= 64) else int(_BINARY[expr.kind](a, b))
        if expr.kind == SyntaxKind.InvocationExpression and str(expr.left).strip() == "$clog2":
            arguments = nodes(expr.arguments.parameters)
            inner = self.value(arguments[0].expr.expr.expr) if len(arguments) == 1 else None
            return None if inner is None else max(inner - 1, 0).bit_length()
        return None

    # -- bits ------------------------------------------------------------------------------------------------------

    def bits(self, expr: Any, width: int | None = None) -> list[int]:  # noqa: ANN401 - pyslang syntax
        """Bits of an expression, most significant first: local bit ids, ``LOW``, ``HIGH`` or ``NOTHING``.

        Args:
            expr: name, select, concatenation or constant.
            width: bits that are asked for, which constants without a size take.

        Raises:
            NetlistError: an operator, a name in another module, or an index outside its range.
        """
        if isinstance(expr, IdentifierNameSyntax):
            name = expr.identifier.valueText
            bus = self.buses.get(name)
            if bus is None:
                if name in self.values:
                    return _number_bits(self.number(expr), width or 32)
                bus = self.declare(name, None)  # Verilog's implicit net
            return [bus.base] if bus.width == 1 else list(range(bus.base, bus.base + bus.width))
        if isinstance(expr, IdentifierSelectNameSyntax):
            return self._select(expr)
        if isinstance(expr, IntegerVectorExpressionSyntax):
            bits = _literal_bits(expr)
            return bits if expr.size or width is None else _fitted(bits, width)
        if isinstance(expr, ConcatenationExpressionSyntax):
            out: list[int] = []
            for part in nodes(expr.expressions):
                out += self.bits(part)
            return out
        if isinstance(expr, MultipleConcatenationExpressionSyntax):
            count = self.number(expr.expression)
            part_bits = self.bits(expr.concatenation)
            if count * len(part_bits) > MAX_WIDTH or count < 0:
                raise self.source.error("this bus is too wide", expr, found=str(expr).strip())
            return part_bits * count
        if isinstance(expr, LiteralExpressionSyntax):
            if expr.kind == SyntaxKind.UnbasedUnsizedLiteralExpression:
                bit = {"'0": LOW, "'1": HIGH}.get(expr.literal.rawText, NOTHING)
                return [bit] * (width or 1)
            if expr.kind == SyntaxKind.IntegerLiteralExpression:
                return _number_bits(self.number(expr), width or 32)
        if isinstance(expr, ParenthesizedExpressionSyntax):
            return self.bits(expr.expression, width)
        raise self.source.error(
            "this is not a gate-level netlist: only names, selects, concatenations and constants are connected",
            expr, found=str(expr).strip(),
        )  # fmt: skip

    def _select(self, expr: Any) -> list[int]:  # noqa: ANN401 - pyslang syntax
        name = expr.identifier.valueText
        selectors = nodes(expr.selectors)
        return self.part(name, selectors, expr)

    def part(self, name: str, selectors: list[Any], at: Any) -> list[int]:  # noqa: ANN401 - pyslang syntax
        """Bits of ``name[i]``, ``name[a:b]``, ``name[a+:w]`` or ``name[a-:w]``."""
        bus = self.buses.get(name)
        if bus is None:
            raise self.source.error(f"net {name!r} is not declared in module {self.module!r}", at)
        selector = selectors[0].selector if len(selectors) == 1 else None
        if selector is None:
            raise self.source.error("only one select [..] a name is read", at, found=str(at).strip())
        if selector.kind == SyntaxKind.BitSelect:
            wanted = [self.number(selector.expr)]
        else:
            a, b = self.number(selector.left), self.number(selector.right)
            if selector.kind != SyntaxKind.SimpleRangeSelect:
                down = bus.left is not None and bus.left >= bus.right
                low = a if selector.kind == SyntaxKind.AscendingRangeSelect else a - b + 1
                a, b = (low + b - 1, low) if down else (low, low + b - 1)
            if abs(a - b) >= MAX_WIDTH:
                raise self.source.error("this bus is too wide", at, found=str(at).strip())
            wanted = list(range(a, b - 1, -1)) if a >= b else list(range(a, b + 1))
        out = []
        for index in wanted:
            bit = bus.at(index)
            if bit is None:
                have = "no range" if bus.left is None else f"[{bus.left}:{bus.right}]"
                raise self.source.error(f"bit {index} of {name!r} does not exist", at, expected=have)
            out.append(bit)
        return out


def _literal_bits(expr: Any) -> list[int]:  # noqa: ANN401 - pyslang syntax
    """Bits of ``4'b10xz``, ``8'hf0``, ``3'd5``; without a size as many as there are digits."""
    base = expr.base.rawText.lower()[-1]
    digits = expr.value.rawText.lower().replace("_", "")
    size = int(expr.size.valueText.replace("_", "")) if expr.size else None
    if base == "d":
        if not digits.isdigit():
            return [NOTHING] * (size or 32)
        return _number_bits(int(digits), size or 32)
    per = _DIGIT_BITS[base]
    bits: list[int] = []
    for digit in digits:
        if digit in "xz?":
            bits += [NOTHING] * per
        else:
            bits += _number_bits(int(digit, 16), per)
    return bits if size is None else _fitted(bits, size)


def _number_bits(value: int, width: int) -> list[int]:
    return [HIGH if value >> i & 1 else LOW for i in range(width - 1, -1, -1)]


def _fitted(bits: list[int], width: int) -> list[int]:
    """Cut at, or filled up from, the high end; ``x`` and ``z`` fill with themselves."""
    fill = NOTHING if bits and bits[0] == NOTHING else LOW
    return bits[-width:] if len(bits) >= width else [fill] * (width - len(bits)) + bits


def parameters(source: Source, module: str, overrides: Mapping[str, int | None]) -> Names:
    """An empty name table in which the given parameters have values already."""
    return Names(source, module, dict(overrides))
