"""Quantities as people write them (`8 mm/s`, `10 +-5 deg`) to SI floats. Knows no file and no field of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal

from cellctl import units
from cellctl.model.wps import Range

Kind = Literal[
    "length",
    "area",
    "angle",
    "time",
    "mass",
    "speed",
    "acceleration",
    "jerk",
    "angular speed",
    "angular acceleration",
    "angular jerk",
    "force",
    "torque",
    "inertia",
    "current",
    "voltage",
    "flow",
    "heat input",
    "frequency",
]

LARGEST: Final = 1e12
"""No quantity of a cell is larger (SI); what is would overflow where it is squared."""
_MINUTE = 60.0

UNITS: Final[Mapping[Kind, Mapping[str, float]]] = MappingProxyType(
    {
        "length": {"mm": units.mm, "m": 1.0, "cm": 1e-2, "um": units.um, "in": 25.4e-3},
        "area": {"mm^2": units.mm**2, "m^2": 1.0},
        "angle": {"deg": units.deg, "rad": 1.0},
        "time": {"s": 1.0, "ms": units.ms, "min": _MINUTE},
        "mass": {"kg": 1.0, "g": 1e-3},
        "speed": {
            "mm/s": units.mm,
            "m/s": 1.0,
            "m/min": 1.0 / _MINUTE,
            "mm/min": units.mm / _MINUTE,
            "cm/min": 1e-2 / _MINUTE,
        },
        "acceleration": {"mm/s^2": units.mm, "m/s^2": 1.0},
        "jerk": {"mm/s^3": units.mm, "m/s^3": 1.0},
        "angular speed": {"deg/s": units.deg, "rad/s": 1.0, "rpm": 360.0 * units.deg / _MINUTE},
        "angular acceleration": {"deg/s^2": units.deg, "rad/s^2": 1.0},
        "angular jerk": {"deg/s^3": units.deg, "rad/s^3": 1.0},
        "force": {"N": 1.0, "kN": 1e3},
        "torque": {"N*m": 1.0, "Nm": 1.0},
        "inertia": {"kg*m^2": 1.0},
        "current": {"A": 1.0},
        "voltage": {"V": 1.0},
        "flow": {"l/min": 1e-3 / _MINUTE, "m^3/s": 1.0},
        "heat input": {"kJ/mm": 1e6, "J/mm": 1e3, "kJ/cm": 1e5, "J/m": 1.0},
        "frequency": {"Hz": 1.0},
    }
)
"""Factors to SI of the units that each kind of quantity may be written in; errors propose the first."""

_SI: Final[Mapping[Kind, str]] = MappingProxyType(
    {kind: next(name for name, factor in table.items() if factor == 1.0) for kind, table in UNITS.items()}
)
_NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
_VECTOR_TEXT = re.compile(rf"\s*({_NUMBER}(?:\s+{_NUMBER})*)\s*([^\s\d.+-]\S*)?\s*", re.ASCII)
_DASH_TEXT = re.compile(rf"\s*({_NUMBER})\s*(?:-|\u2013|to)\s*({_NUMBER})\s*([^\s\d.+-]\S*)?\s*", re.ASCII)
_SPREAD_TEXT = re.compile(rf"\s*({_NUMBER})\s*(?:\+-|±)\s*({_NUMBER})\s*([^\s\d.+-]\S*)?\s*", re.ASCII)


class FieldError(ValueError):
    """A value that cannot be what it should be: `code`, `message` (one sentence) and `suggestion` for its finding."""

    def __init__(self, code: str, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.suggestion = suggestion


def did_you_mean(text: str, choices: Iterable[str]) -> str:
    """A suggestion for an unknown name: the best three of `choices`, or what is known when nothing is near."""
    known = sorted(set(choices))
    near = get_close_matches(text, known, n=3, cutoff=0.5)
    if near:
        quoted = [f"'{name}'" for name in near]
        return f"did you mean {' or '.join([', '.join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)}?"
    if not known:
        return "none is known here"
    return f"known: {', '.join(known[:12])}{' ...' if known[12:] else ''}"


def read_scalar(value: object, kind: Kind) -> float:
    """One quantity of `kind` in SI; raises FieldError."""
    (number,) = read_vector(value, kind, size=1)
    return number


def read_vector(value: object, kind: Kind, *, size: int | None = None) -> tuple[float, ...]:
    """Numbers that share one unit (`400 0 300 mm`) in SI; raises FieldError when there are not `size` of them."""
    numbers, unit = _split(value, kind, size or 1)
    if size is not None and len(numbers) != size:
        raise FieldError("F122", f"expected {_counted(size)}, got {len(numbers)}", f"write {_example(kind, size)}")
    return tuple(_finite(float(number) * _factor(unit, kind, value)) for number in numbers)


def read_range(value: object, kind: Kind) -> Range:
    """A window in SI from `10 +-5 deg`, `8 .. 12 mm/s`, `8 .. 10 .. 12 mm/s`, a single quantity, or a mapping of
    `min`, `nominal` and `max`; where no nominal value is written it is the middle. Raises FieldError.
    """
    minimum, nominal, maximum = _three_values(value, kind)
    if not minimum <= nominal <= maximum:
        low, high = (shown_quantity(number, kind) for number in (min(minimum, maximum), max(minimum, maximum)))
        raise FieldError("F124", "a range needs min <= nominal <= max", f"write '{low} .. {high}'")
    return Range(minimum, nominal, maximum)


def _three_values(value: object, kind: Kind) -> tuple[float, float, float]:
    if isinstance(value, Mapping):
        return _range_of_mapping(value, kind)
    if isinstance(value, str) and (match := _SPREAD_TEXT.fullmatch(value)):
        nominal, half = (read_scalar(f"{match[i]} {match[3] or ''}".strip(), kind) for i in (1, 2))
        return nominal - half, nominal, nominal + half
    if isinstance(value, str) and ".." in value:
        return _range_of_dots(value, kind)
    if isinstance(value, str) and (match := _DASH_TEXT.fullmatch(value)):
        meant = f"{match[1]} .. {match[2]} {match[3] or next(iter(UNITS[kind]))}"
        raise FieldError("F122", f"'{value}' is not a range", f"write '{meant}'")
    number = read_scalar(value, kind)
    return number, number, number


def write_quantity(value: float | Sequence[float], kind: Kind) -> str:
    """SI back to text that `read_scalar` or `read_vector` reads to the same floats."""
    numbers = value if isinstance(value, Sequence) else (value,)
    return " ".join([*(repr(float(number)) for number in numbers), _SI[kind]])


def _split(value: object, kind: Kind, size: int) -> tuple[list[str], str]:
    """The number texts and the unit text of a quantity."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise FieldError("F122", f"expected a quantity of {kind}, got {_what(value)}", f"write {_example(kind, size)}")
    text = str(value)
    match = _VECTOR_TEXT.fullmatch(text)
    if match is None:
        raise FieldError("F122", f"'{text}' is not a quantity of {kind}", f"write {_proposed(text, kind, size)}")
    numbers, unit = match[1].split(), match[2] or ""
    if not unit and (len(numbers) == 1 or any(float(number) for number in numbers)):
        proposed = f"'{' '.join(numbers)} {next(iter(UNITS[kind]))}'"
        raise FieldError("F120", f"'{text}' has no unit, a quantity of {kind} needs one", f"write {proposed}")
    return numbers, unit or _SI[kind]


def _proposed(text: str, kind: Kind, size: int) -> str:
    """What was meant by numbers with commas, an x between them or a unit behind each; else an example."""
    words = re.sub(r"(?<=\d),(?=\d)", ".", re.sub(r"\s[x*\xd7]\s|[,;]\s|\xa0", " ", text))
    units = set(re.findall(r"(?<=\d)\s*([a-zA-Z][^\s\d]*)", words))
    if len(units) == 1 and (unit := units.pop()) in UNITS[kind]:
        meant = f"{' '.join(re.findall(_NUMBER, words))} {unit}"
        if len(meant.split()) == size + 1 and _VECTOR_TEXT.fullmatch(re.sub(rf"\s*{re.escape(unit)}", "", words)):
            return f"'{meant}'"
    return _example(kind, size)


def _factor(unit: str, kind: Kind, value: object) -> float:
    table = UNITS[kind]
    if unit in table:
        return table[unit]
    other = next((k for k, names in UNITS.items() if unit in names), None)
    if other is not None:
        raise FieldError(
            "F121", f"'{value}' is a quantity of {other}, expected {kind}", f"units of {kind}: {', '.join(table)}"
        )
    raise FieldError("F121", f"unknown unit '{unit}' in '{value}'", did_you_mean(unit, table))


def _range_of_mapping(value: Mapping[object, object], kind: Kind) -> tuple[float, float, float]:
    unknown = sorted(str(key) for key in value if key not in ("min", "nominal", "max"))
    if unknown:
        raise FieldError(
            "F110", f"unknown key '{unknown[0]}' in a range", did_you_mean(unknown[0], ("min", "nominal", "max"))
        )
    missing = [key for key in ("min", "max") if key not in value]
    if missing:
        raise FieldError(
            "F111", f"missing key '{missing[0]}' in a range", f"write {{min: {_bare_example(kind)}, max: ...}}"
        )
    minimum, maximum = read_scalar(value["min"], kind), read_scalar(value["max"], kind)
    nominal = read_scalar(value["nominal"], kind) if "nominal" in value else _middle(minimum, maximum)
    return minimum, nominal, maximum


def _range_of_dots(value: str, kind: Kind) -> tuple[float, float, float]:
    """`8 .. 12 mm/s` or `8 .. 10 .. 12 mm/s`; the unit stands at the end, or with every number."""
    matches = [_VECTOR_TEXT.fullmatch(text) for text in value.split("..")]
    last = matches[-1]
    if last is None or len(matches) > 3 or None in matches:
        raise FieldError("F122", f"'{value}' is not a range", f"write '8 .. 12 {next(iter(UNITS[kind]))}'")
    numbers = [read_scalar(f"{match[1]} {match[2] or last[2] or ''}".strip(), kind) for match in matches if match]
    if len(numbers) == 2:
        return numbers[0], _middle(*numbers), numbers[1]
    return numbers[0], numbers[1], numbers[2]


def _middle(minimum: float, maximum: float) -> float:
    return min(max(0.5 * (minimum + maximum), minimum), maximum)


def _finite(number: float) -> float:
    if not abs(number) <= LARGEST:
        raise FieldError("F122", "the number is too large")
    return number


def _counted(size: int) -> str:
    return "one number" if size == 1 else f"{size} numbers"


def _bare_example(kind: Kind) -> str:
    return f"16 {next(iter(UNITS[kind]))}"


def _example(kind: Kind, size: int) -> str:
    return (
        f"'{' '.join(['400', '0', '300', '0', '90', '0'][:size])} {next(iter(UNITS[kind]))}'"
        if size > 1
        else f"'{_bare_example(kind)}'"
    )


def _what(value: object) -> str:
    """What a parsed value is, in the words of the file."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"'{value}'"


def shown_quantity(value: float, kind: Kind) -> str:
    """SI as a person writes it, in the first unit of its kind, six digits."""
    unit, factor = next(iter(UNITS[kind].items()))
    return f"{value / factor:.6g} {unit}"
