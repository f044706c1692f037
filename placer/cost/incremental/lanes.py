"""Three loops over the maps that run eight numbers at a time, written in LLVM's own language.

Maps are small but every proposal passes over them, and Numba leaves loops over short rows one number at a time. The
functions use vectors of eight ``float64`` whatever the processor offers, so sums are formed in the same order on
every machine and runs repeat bit by bit. Array lengths are multiples of ``LANES``; nothing is checked here.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.base import BaseContext
from numba.core.typing.context import BaseContext as TypingContext
from numba.core.typing.templates import Signature
from numba.extending import intrinsic
from numpy.typing import NDArray

from netlists.compiled import njit_lean

#: Numbers handled at a time; the width of map lines is rounded up to a multiple of it.
LANES = 8
#: What fills the rest of a line: never among the largest, and stays what it is when demand is added.
FILLER = -1e300

_REAL = ir.DoubleType()
_WHOLE = ir.IntType(64)
_SHORT = ir.IntType(32)
_REALS = ir.VectorType(_REAL, LANES)
_WHOLES = ir.VectorType(_WHOLE, LANES)
_ZEROS = ir.Constant(_REALS, [0.0] * LANES)


def padded(count: int) -> int:
    """``count`` rounded up to a multiple of ``LANES``."""
    return -(-count // LANES) * LANES


def _everywhere(b: ir.IRBuilder, value: ir.Value) -> ir.Value:
    """The vector that holds ``value`` eight times."""
    empty = ir.Constant(_REALS, ir.Undefined)
    one = b.insert_element(empty, value, ir.Constant(_SHORT, 0))
    return b.shuffle_vector(one, empty, ir.Constant(ir.VectorType(_SHORT, LANES), [0] * LANES))


def _data(context: BaseContext, b: ir.IRBuilder, kind: types.Type, value: ir.Value) -> ir.Value:
    """Where the numbers of an array begin."""
    return context.make_array(kind)(context, b, value).data


def _place(b: ir.IRBuilder, data: ir.Value, index: ir.Value) -> ir.Value:
    return b.bitcast(b.gep(data, [index]), _REALS.as_pointer())


def _load(b: ir.IRBuilder, data: ir.Value, index: ir.Value) -> ir.Value:
    got = b.load(_place(b, data, index))
    got.align = 8
    return got


def _store(b: ir.IRBuilder, value: ir.Value, data: ir.Value, index: ir.Value) -> None:
    b.store(value, _place(b, data, index)).align = 8


def _sum(b: ir.IRBuilder, vector: ir.Value) -> ir.Value:
    """Sum of the eight, in pairs."""
    parts = [b.extract_element(vector, ir.Constant(_SHORT, k)) for k in range(LANES)]
    add = b.fadd if vector.type.element == _REAL else b.add
    while len(parts) > 1:
        parts = [add(parts[i], parts[i + 1]) for i in range(0, len(parts), 2)]
    return parts[0]


class _Tally:
    """Running sum of what exceeds an edge, and how many do."""

    def __init__(self, b: ir.IRBuilder, edge: ir.Value) -> None:
        self.b, self.edge = b, _everywhere(b, edge)
        self.excess = cgutils.alloca_once_value(b, _ZEROS)
        self.above = cgutils.alloca_once_value(b, ir.Constant(_WHOLES, [0] * LANES))

    def add(self, values: ir.Value) -> None:
        b = self.b
        over = b.fsub(values, self.edge)
        counts = b.fcmp_ordered(">", over, _ZEROS)
        b.store(b.fadd(b.load(self.excess), b.select(counts, over, _ZEROS)), self.excess)
        b.store(b.add(b.load(self.above), b.zext(counts, _WHOLES)), self.above)

    def result(self, context: BaseContext, kind: types.Type) -> ir.Value:
        b = self.b
        return context.make_tuple(b, kind, [_sum(b, b.load(self.excess)), _sum(b, b.load(self.above))])


#: Writes the instructions of one call.
Generator = Callable[[BaseContext, ir.IRBuilder, Signature, list[ir.Value]], ir.Value]

_EXCESS_AND_COUNT = types.Tuple((types.float64, types.int64))


@intrinsic  # type: ignore[untyped-decorator]
def _excess(typing_context: TypingContext, values: types.Type, edge: types.Type) -> tuple[Signature, Generator]:
    def generate(context: BaseContext, b: ir.IRBuilder, signature: Signature, arguments: list[ir.Value]) -> ir.Value:
        array = context.make_array(signature.args[0])(context, b, arguments[0])
        size = b.extract_value(array.shape, 0)
        tally = _Tally(b, arguments[1])
        with cgutils.for_range(b, b.sdiv(size, ir.Constant(_WHOLE, LANES))) as block:
            tally.add(_load(b, array.data, b.mul(block.index, ir.Constant(_WHOLE, LANES))))
        return tally.result(context, signature.return_type)

    return _EXCESS_AND_COUNT(values, types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _collect(
    typing_context: TypingContext, values: types.Type, edge: types.Type, out: types.Type
) -> tuple[Signature, Generator]:
    def generate(context: BaseContext, b: ir.IRBuilder, signature: Signature, arguments: list[ir.Value]) -> ir.Value:
        array = context.make_array(signature.args[0])(context, b, arguments[0])
        out_at = _data(context, b, signature.args[2], arguments[2])
        size = b.extract_value(array.shape, 0)
        edges, found = _everywhere(b, arguments[1]), cgutils.alloca_once_value(b, ir.Constant(_WHOLE, 0))
        with cgutils.for_range(b, b.sdiv(size, ir.Constant(_WHOLE, LANES))) as block:
            over = b.fsub(_load(b, array.data, b.mul(block.index, ir.Constant(_WHOLE, LANES))), edges)
            counts = b.fcmp_ordered(">", over, _ZEROS)
            bits = b.bitcast(counts, ir.IntType(LANES))
            with b.if_then(b.icmp_unsigned("!=", bits, ir.Constant(ir.IntType(LANES), 0)), likely=False):
                at = b.load(found)
                for lane in range(LANES):  # all are written, those that count stay
                    index = ir.Constant(_SHORT, lane)
                    b.store(b.extract_element(over, index), b.gep(out_at, [at]))
                    at = b.add(at, b.zext(b.extract_element(counts, index), _WHOLE))
                b.store(at, found)
        return b.load(found)

    return types.int64(values, types.float64, out), generate


@intrinsic  # type: ignore[untyped-decorator]
def _sweep(
    typing_context: TypingContext, ends: types.Type, old: types.Type, new: types.Type, begin: types.Type,
    lines: types.Type, width: types.Type, scale: types.Type, edge: types.Type,
) -> tuple[Signature, Generator]:  # fmt: skip
    def generate(context: BaseContext, b: ir.IRBuilder, signature: Signature, arguments: list[ir.Value]) -> ir.Value:
        ends_at, old_at, new_at = (
            _data(context, b, kind, value) for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
        )
        first, count, stride = arguments[3:6]
        factor, tally = _everywhere(b, arguments[6]), _Tally(b, arguments[7])
        running, position = cgutils.alloca_once(b, _REALS), cgutils.alloca_once(b, _WHOLE)
        with cgutils.for_range(b, b.sdiv(stride, ir.Constant(_WHOLE, LANES))) as block:
            b.store(_ZEROS, running)
            b.store(b.add(first, b.mul(block.index, ir.Constant(_WHOLE, LANES))), position)
            with cgutils.for_range(b, count):
                at = b.load(position)
                demand = b.fadd(b.load(running), _load(b, ends_at, at))
                b.store(demand, running)
                _store(b, _ZEROS, ends_at, at)
                value = b.fadd(_load(b, old_at, at), b.fmul(demand, factor))
                _store(b, value, new_at, at)
                tally.add(value)
                b.store(b.add(at, stride), position)
        return tally.result(context, signature.return_type)

    return _EXCESS_AND_COUNT(
        ends, old, new, types.int64, types.int64, types.int64, types.float64, types.float64
    ), generate


@njit_lean()
def excess(values: NDArray, edge: float) -> tuple[float, int]:
    """``(sum of values[i] - edge over those above edge, their number)``.

    Args:
        values: float64, padded.
        edge: any number.
    """
    return _excess(values, edge)  # type: ignore[arg-type, call-arg, return-value]


@njit_lean()
def collect(values: NDArray, edge: float, out: NDArray) -> int:
    """Write ``values[i] - edge`` of those above ``edge`` to ``out``; returns how many there are.

    Args:
        values: float64, padded.
        edge: any number.
        out: float64, at least as long as ``values`` and ``LANES`` more.
    """
    return _collect(values, edge, out)  # type: ignore[arg-type, call-arg, return-value]


@njit_lean()
def sweep(
    ends: NDArray, old: NDArray, new: NDArray, begin: int, lines: int, width: int, scale: float, edge: float
) -> tuple[float, int]:
    """Turn the ends of segments into demand, add it to a map, and say what then exceeds ``edge``.

    A segment of weight w over the lines ``[low, high)`` was noted in ``ends`` as +w on line ``low`` and -w on line
    ``high``: running sums down the lines are the demand, and ``new = old + scale * demand``.

    Args:
        ends: float64, all zeros afterwards.
        old: float64.
        new: float64, written.
        begin: where the map begins in the three arrays.
        lines: number of lines.
        width: numbers in a line, padded.
        scale: factor of the demand.
        edge: any number.

    Returns:
        ``(sum of new[i] - edge over those above edge, their number)``.
    """
    return _sweep(ends, old, new, begin, lines, width, scale, edge)  # type: ignore[arg-type, call-arg, return-value]
