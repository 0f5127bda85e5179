"""Frozen values of the model as JSON and back, by their declared types. Knows no particular value.

Floats are written as floats in their shortest round-trip form whatever number a caller put in, infinities as `inf` and
`-inf`; so equal values give equal bytes.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from math import inf, isfinite, isnan
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from cellctl.model.pose import FloatArray

# Where Python has type aliases of its own, numpy's `NDArray` is one of them and no longer `ndarray` itself.
_ARRAY = get_origin(FloatArray)
_INFINITIES = {"inf": inf, "-inf": -inf}


@cache
def _field_types(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.compare or not field.init}


def to_json(value: Any, declared: Any) -> Any:
    """`value` of the declared type as what `json` writes; raises ValueError for a NaN."""
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return None if value is None else to_json(value, _not_none(arguments))
    if declared is float:
        return _float_to_json(value)
    if origin is _ARRAY:
        return np.asarray(value, dtype=np.float64).tolist()
    if is_dataclass(declared) and isinstance(declared, type):
        return {name: to_json(getattr(value, name), kind) for name, kind in _field_types(declared).items()}
    if origin is tuple:
        return [to_json(item, kind) for item, kind in zip(value, _item_types(arguments, len(value)), strict=True)]
    if _is_mapping(origin):
        return {key: to_json(item, arguments[1]) for key, item in value.items()}
    return declared(value) if declared in (int, str, bool) else value


def from_json(data: Any, declared: Any) -> Any:
    """The value of the declared type that `to_json` wrote; raises ValueError when `data` is no such thing."""
    origin, arguments = get_origin(declared), get_args(declared)
    if origin in (Union, types.UnionType):
        return None if data is None else from_json(data, _not_none(arguments))
    if declared is float:
        return _float_from_json(data)
    if declared in (int, str, bool):
        return _expected(data, declared)
    if origin is Literal:
        return data if data in arguments else _refuse(data, " or ".join(str(choice) for choice in arguments))
    if origin is _ARRAY:
        return _array_from_json(data)
    if is_dataclass(declared) and isinstance(declared, type):
        return _dataclass_from_json(data, declared)
    if origin is tuple:
        items = _expected(data, list)
        return tuple(
            from_json(item, kind) for item, kind in zip(items, _item_types(arguments, len(items)), strict=True)
        )
    if _is_mapping(origin):
        return {key: from_json(item, arguments[1]) for key, item in _expected(data, dict).items()}
    raise TypeError(f"no JSON form for {declared}")


def _not_none(arguments: tuple[Any, ...]) -> Any:
    (kind,) = (argument for argument in arguments if argument is not types.NoneType)
    return kind


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _item_types(arguments: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    return (arguments[0],) * count if arguments[-1] is Ellipsis else arguments


def _float_to_json(value: Any) -> float | str:
    number = float(value)
    if isnan(number):
        raise ValueError("a NaN has no place in a file")
    return number if isfinite(number) else ("inf" if number > 0.0 else "-inf")


def _float_from_json(data: Any) -> float:
    if isinstance(data, str) and data in _INFINITIES:
        return _INFINITIES[data]
    if isinstance(data, bool) or not isinstance(data, (int, float)) or not isfinite(data):
        _refuse(data, "a finite number")
    return float(data)


def _array_from_json(data: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    array = np.array(_expected(data, list))
    if array.size == 0:
        return array.astype(np.float64)
    return array.astype(np.float64) if array.dtype.kind in "if" else _refuse(data, "numbers")


def _dataclass_from_json(data: Any, declared: type) -> Any:
    kinds = _field_types(declared)
    known = _expected(data, dict)
    if set(known) != set(kinds):
        wrong = sorted(set(known) ^ set(kinds))
        raise ValueError(f"{declared.__name__}: '{wrong[0]}' is {'unknown' if wrong[0] in known else 'missing'}")
    return declared(**{name: from_json(known[name], kind) for name, kind in kinds.items()})


def _expected(data: Any, kind: type) -> Any:
    return data if type(data) is kind else _refuse(data, kind.__name__)


def _refuse(data: Any, what: str) -> Any:
    raise ValueError(f"expected {what}, got {str(data)[:60]!r}")
