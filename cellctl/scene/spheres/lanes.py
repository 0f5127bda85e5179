"""Sixteen float32 numbers as one value of a compiled kernel, with strict IEEE arithmetic. It knows no robot.

Nothing is contracted, reassociated or approximated, so AVX-512, AVX2 and SSE2 code give the same bits. `Lanes` exist in
compiled kernels only; the number of lanes is part of every result.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model
from numpy.typing import NDArray

SingleArray = NDArray[np.float32]
Single = float | np.float32
"""One number that a kernel keeps in float32."""

WIDTH: Final = 16
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, WIDTH)


class Lanes(Protocol):
    """What a type checker may know of sixteen numbers: arithmetic with each other and with one number for all."""

    def __add__(self, other: Lanes | Single) -> Lanes: ...

    def __sub__(self, other: Lanes | Single) -> Lanes: ...

    def __mul__(self, other: Lanes | Single) -> Lanes: ...

    def __truediv__(self, other: Lanes | Single) -> Lanes: ...


class _LanesType(types.Type):
    """numba's type of `Lanes`."""

    def __init__(self) -> None:
        super().__init__(name="Lanes16")


LANES: Final[Any] = _LanesType()
SINGLE: Final[Any] = types.float32


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


def _spread(builder: Any, number: Any) -> Any:
    """One number in every lane."""
    if number.type == ir.DoubleType():
        number = builder.fptrunc(number, _FLOAT)
    single = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(single, ir.Constant(_VECTOR, ir.Undefined), everywhere)


def _as_lanes(builder: Any, kind: Any, value: Any) -> Any:
    return value if kind is LANES else _spread(builder, value)


def _define_operator(function: Callable[..., Any], instruction: str) -> None:
    """Arithmetic of lanes with lanes, or with one number on the right."""
    cases = [signature(LANES, LANES, other) for other in (LANES, SINGLE, types.float64)]
    typed: Any = infer_global(function)
    typed(type(f"Lanes_{instruction}", (ConcreteTemplate,), {"cases": cases}))

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        right = _as_lanes(builder, sig.args[1], args[1])
        return getattr(builder, instruction)(args[0], right)

    for case in cases:
        lower_builtin(function, *case.args)(lower)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _define_operator(_function, _instruction)


def _element(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    """Pointer to sixteen numbers from `offset` of a flat float32 array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())


@intrinsic
def _load(context: Any, array: Any, offset: Any) -> Any:
    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_element(context, builder, sig.args[0], *args), align=4)

    return LANES(array, types.intp), build


@intrinsic
def _store(context: Any, array: Any, offset: Any, value: Any) -> Any:
    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _element(context, builder, sig.args[0], args[0], args[1]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, LANES), build


@intrinsic
def _splat(context: Any, number: Any) -> Any:
    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _spread(builder, args[0])

    return LANES(number), build


@intrinsic
def _below(context: Any, first: Any, second: Any) -> Any:
    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        right = _as_lanes(builder, sig.args[1], args[1])
        bits = builder.fcmp_unordered("<", args[0], right)
        return builder.zext(builder.bitcast(bits, ir.IntType(WIDTH)), ir.IntType(64))

    return types.int64(LANES, second), build


@intrinsic
def _larger(context: Any, first: Any, second: Any) -> Any:
    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        right = _as_lanes(builder, sig.args[1], args[1])
        return builder.select(builder.fcmp_ordered(">", args[0], right), args[0], right)

    return LANES(LANES, second), build


@intrinsic
def _smaller(context: Any, first: Any, second: Any) -> Any:
    def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        right = _as_lanes(builder, sig.args[1], args[1])
        return builder.select(builder.fcmp_ordered("<", args[0], right), args[0], right)

    return LANES(LANES, second), build


def _unary(name: str) -> Any:
    """One of LLVM's own functions of a vector."""

    def typed(context: Any, value: Any) -> Any:
        def build(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            kind = ir.FunctionType(_VECTOR, [_VECTOR])
            known = builder.module.globals.get(f"{name}.v{WIDTH}f32")
            return builder.call(known or ir.Function(builder.module, kind, f"{name}.v{WIDTH}f32"), args)

        return LANES(LANES), build

    return intrinsic(typed)


load = cast(Callable[[SingleArray, int], Lanes], _load)
"""Sixteen numbers from an offset of a flat float32 array."""
store = cast(Callable[[SingleArray, int, Lanes], None], _store)
"""Write sixteen numbers from an offset of a flat float32 array."""
splat = cast(Callable[[Single], Lanes], _splat)
"""One number in every lane."""
below = cast(Callable[[Lanes, Lanes | Single], int], _below)
"""Bit k is set where lane k of the first is below the second, or where either is NaN."""
larger = cast(Callable[[Lanes, Lanes | Single], Lanes], _larger)
"""The larger of two, lane by lane; the second where either is NaN."""
smaller = cast(Callable[[Lanes, Lanes | Single], Lanes], _smaller)
"""The smaller of two, lane by lane; the second where either is NaN."""
root = cast(Callable[[Lanes], Lanes], _unary("llvm.sqrt"))
"""Square roots."""
size = cast(Callable[[Lanes], Lanes], _unary("llvm.fabs"))
"""Absolute values."""
