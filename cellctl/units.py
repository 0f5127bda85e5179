"""Unit factors for Python callers: `8 * mm`, `10 * deg`. Plain floats; everything inside is SI."""

from __future__ import annotations

from math import pi
from typing import Final

m: Final = 1.0
mm: Final = 1e-3
um: Final = 1e-6
rad: Final = 1.0
deg: Final = pi / 180.0
s: Final = 1.0
ms: Final = 1e-3
kg: Final = 1.0
N: Final = 1.0
