"""Vectors among the arguments: types, lengths, values, and where they are wrong."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1._runtime import MAX_ABS


def suspicious(values: np.ndarray) -> bool:
    """Whether an array may hold NaN, infinity or a magnitude beyond MAX_ABS."""
    if values.dtype.kind != "f":
        return False
    if values.flags.c_contiguous or values.flags.f_contiguous:
        values = values.ravel(order="K")
    axes = "ij"[: values.ndim]
    with np.errstate(all="ignore"):
        total = np.einsum(f"{axes},{axes}->", values, values)
    return not float(total) < MAX_ABS**2


def fault_of(value: float) -> str | None:
    if value != value:
        return "NaN"
    if np.isinf(value):
        return f"{value} (infinity)"
    if abs(value) > MAX_ABS:
        return f"{value}, beyond {MAX_ABS:g} in magnitude: rescale it"
    return None


def first_fault(values: np.ndarray) -> int | None:
    """Position of the first offender of a vector."""
    limit = min(MAX_ABS, float(np.finfo(values.dtype).max))
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(values) <= limit)
    return int(bad.argmax()) if bad.any() else None


def check_vector_values(name: str, values: np.ndarray, index: str = "row") -> None:
    if suspicious(values):
        i = first_fault(values)
        if i is not None:
            raise ValueError(f"{name} contains {fault_of(values[i])} at {index} {i}")


def check_dtype(name: str, dtype: np.dtype) -> None:
    """Refuse everything but numbers and booleans."""
    kind = dtype.kind
    if kind in "fiub":
        return
    if kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {dtype}")
    if kind == "O":
        raise TypeError(
            f"{name} has dtype object; convert it to numbers first, "
            f"such as {name}.astype(float)"
        )
    raise TypeError(f"{name} has dtype {dtype}; it must hold numbers")


def check_object(name: str, values: np.ndarray, index: str = "row") -> None:
    """Name the first cell of an object array that is not a number."""
    if values.ndim == 0:
        kind = type(values.item()).__name__
        raise TypeError(f"{name} must be an array of numbers, got {kind}")
    for where in np.ndindex(values.shape):
        value = values[where]
        if isinstance(value, complex):
            raise ValueError(f"Complex data not supported: {name} contains {value!r}")
        if not isinstance(value, (Real, np.bool_)):
            place = f"{index} {where[0]}" + (
                f", column {where[1]}" if where[1:] else ""
            )
            raise TypeError(
                f"{name} has dtype object and contains {value!r} "
                f"({type(value).__name__}) at {place}; it must hold numbers"
            )


def plain_array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} has masked entries; fill or drop them first")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None


def column_to_array(column: Any) -> np.ndarray | None:
    """Numbers of one pandas or polars column, missing ones NaN; None if it has none."""
    values = column.to_numpy()
    if values.dtype.kind in "fiub":
        return values
    if getattr(column.dtype, "kind", "O") in "fiub":  # pandas' nullable numbers
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return None


def check_vector(
    name: str,
    value: ArrayLike,
    n: int,
    *,
    of: str = "row",
    check_values: bool = True,
) -> np.ndarray:
    """A contiguous float64 vector of n finite numbers, without a copy if it is one.

    `of` says what an element belongs to: a "row" or "column" of X, or a "position".
    """
    series = hasattr(value, "to_numpy") and hasattr(value, "dtype")
    values = column_to_array(value) if series else None
    if values is None:
        values = plain_array(name, value)
    if values.dtype.kind == "O":
        check_object(name, values, of)
    check_dtype(name, values.dtype)
    check_length(name, values, n, of)
    values = np.ascontiguousarray(values, dtype=np.float64)
    if not values.flags.aligned:
        values = values.copy()
    if check_values:
        check_vector_values(name, values, of)
    return values


def check_length(name: str, values: np.ndarray, n: int, of: str) -> None:
    per = of if of == "position" else f"{of} of X"
    if values.ndim != 1:
        hint = f"; use {name}.ravel()" if values.shape[1:] == (1,) else ""
        raise ValueError(
            f"{name} must have one dimension, one value per {per}; "
            f"got shape {values.shape}{hint}"
        )
    if len(values) != n:
        raise ValueError(f"{name} has {len(values)} values, one per {per} makes {n}")
