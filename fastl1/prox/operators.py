"""Proximal maps for users' own loops."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from fastl1 import _runtime
from fastl1._public import public

_IN_KERNEL = (np.dtype(np.float64), np.dtype(np.float32))


@public
def soft_threshold(
    x: ArrayLike,
    t: ArrayLike,
    out: np.ndarray | None = None,
    n_threads: int | None = None,
) -> np.ndarray | np.floating:
    """Soft threshold: ``sign(x) * max(|x| - t, 0)``, the proximal map of ``t * |x|``.

    Contiguous float32 and float64 arrays with one threshold for all run in a vectorized
    kernel without temporaries, large ones past the caches; anything else goes through
    NumPy.

    Parameters
    ----------
    x : array-like of any shape, dtype and strides
        Real numbers.
    t : float or array-like that broadcasts to the shape of `x`
        Thresholds, >= 0.
    out : ndarray of the shape of `x`, optional
        Where to write; may be `x` itself, but not overlap it otherwise.
    n_threads : int, optional
        Threads of the vectorized kernel.  Default: the physical cores.

    Returns
    -------
    ndarray of the shape of `x`
        `out` if given.  The dtype is that of `x` for floating numbers, float64 for
        integers and booleans.  A scalar for a scalar `x`.

    Raises
    ------
    ValueError
        A threshold is negative or NaN, or the shapes do not fit.
    TypeError
        `x` or `t` does not hold real numbers, or `out` cannot hold the result.
    """
    x = np.asarray(x)
    t = np.asarray(t)
    for name, array in (("x", x), ("t", t)):
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"{name} has dtype {array.dtype}; it must hold real numbers"
            )
    if not np.all(t >= 0):
        raise ValueError("t must not be negative or NaN")
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    if out is not None:
        if not isinstance(out, np.ndarray):
            raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
        if out.shape != x.shape:
            raise ValueError(f"out has shape {out.shape}, x has {x.shape}")
        if not np.can_cast(dtype, out.dtype, "same_kind"):
            raise TypeError(f"out of dtype {out.dtype} cannot hold {dtype} values")
    if np.broadcast_shapes(x.shape, t.shape) != x.shape:
        raise ValueError(f"t of shape {t.shape} does not broadcast to x, {x.shape}")

    result = np.empty_like(x, dtype=dtype, subok=False) if out is None else out
    flat = _flat(x, result) if x.dtype in _IN_KERNEL and t.ndim == 0 else None
    if flat is not None:
        threads = _runtime.resolve_threads(n_threads)
        _runtime.soft_threshold(flat[0], t.item(), flat[1], threads)
    else:
        t = t.astype(dtype, copy=False)
        shrunk = np.subtract(x, np.clip(x, -t, t), dtype=dtype)
        np.copyto(result, shrunk, casting="same_kind")
    return result if out is not None or result.ndim else result[()]


def _flat(x: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """One-dimensional views of both in memory order, or None."""
    if x.dtype != out.dtype or not (x.flags.aligned and out.flags.aligned):
        return None
    orders: tuple[Literal["C"], Literal["F"]] = ("C", "F")
    for order in orders:
        if x.flags[order] and out.flags[order]:
            return x.reshape(-1, order=order), out.reshape(-1, order=order)
    return None
