"""Numbers and switches among the arguments: checked, by name."""

from numbers import Integral, Real
from typing import Any

import numpy as np


def check_real(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a float inside an interval, or an error that names it."""
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    value = float(value)
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above or value != value:
        left, right = "(["[not open_low], ")]"[not open_high]
        raise ValueError(f"{name} must be in {left}{low}, {high}{right}, got {value}")
    return value


def check_int(name: str, value: Any, low: int) -> int:
    """`value` as an int of at least `low`, or an error that names it."""
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
    return int(value)


def check_flag(name: str, value: Any) -> bool:
    """`value` as a bool, or an error that names it."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)
