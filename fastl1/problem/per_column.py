"""What is said of columns: factors of the penalty, bounds of the coefficients."""

import numpy as np
from numpy.typing import ArrayLike

from fastl1._runtime import MAX_ABS
from fastl1.problem.vectors import check_dtype, check_vector, plain_array


def _check_per_column(
    name: str, value: ArrayLike | None, p: int, default: float
) -> np.ndarray | None:
    """A float64 (p,) vector from a scalar or a vector; infinities pass, NaN not."""
    if value is None:
        return None
    values = plain_array(name, value)
    if values.ndim == 0:
        check_dtype(name, values.dtype)
        values = np.full(p, values, dtype=np.float64)
    else:
        values = check_vector(name, values, p, of="column", check_values=False)
    bad = np.isnan(values)
    if bad.any():
        raise ValueError(f"{name} contains NaN at column {bad.argmax()}")
    return None if np.all(values == default) else values


def check_penalty_factor(value: ArrayLike | None, p: int) -> np.ndarray | None:
    factor = _check_per_column("penalty_factor", value, p, 1.0)
    if factor is not None:
        bad = factor < 0
        if bad.any():
            j = bad.argmax()
            raise ValueError(
                f"penalty_factor is negative ({factor[j]}) at column {j}; "
                "0 leaves a column unpenalized, inf excludes it"
            )
        bad = (factor > MAX_ABS) & ~np.isinf(factor)
        if bad.any():
            j = bad.argmax()
            raise ValueError(
                f"penalty_factor is {factor[j]} at column {j}, beyond {MAX_ABS:g}; "
                "use inf to exclude a column"
            )
    return factor


def check_bounds(
    lower: ArrayLike | None, upper: ArrayLike | None, p: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    lo = _check_per_column("lower", lower, p, -np.inf)
    up = _check_per_column("upper", upper, p, np.inf)
    for name, bound, bad in (
        ("lower", lo, lo is not None and lo > 0),
        ("upper", up, up is not None and up < 0),
    ):
        if np.any(bad):
            j = int(np.argmax(bad))
            raise ValueError(
                f"{name} bound {bound[j]} of column {j} excludes 0; "
                "every coefficient must be allowed to be 0"
            )
    return lo, up
