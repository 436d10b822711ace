"""Fewer bits and fewer coefficients, with a bound on what that changes; numpy only.

Let d = w' - w be the change of the coefficients of one output.  For features within
low <= x <= high the change of the linear predictor, d.x, lies in

    [sum_j min(d_j low_j, d_j high_j), sum_j max(d_j low_j, d_j high_j)],

and both ends are attained, so the larger magnitude is the least bound that these
ranges allow.  To it belongs the rounding of the two float64 sums themselves, at most
n eps sum_j |w_j| max |x_j| each.  The link carries the bound on by its slope; for the
log link the relative change is at most exp(bound) - 1.
"""

import math
from typing import Any

import numpy as np

from fastl1.artifact.weights import LARGEST_CODE, STORED, Weights
from fastl1.loss.links import LINKS

PRECISIONS = (
    "float32",
    *(name for name in STORED if name not in ("float64", "float32")),
)


def quantize(weights: Weights, precision: str) -> Weights:
    """The coefficients rounded to a precision, int8 and int4 with a scale an output.

    Raises
    ------
    ValueError
        Unknown precision, or coefficients beyond the range of float16 or float32.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}"
        )
    values = weights.values.astype(np.float64)
    if precision in LARGEST_CODE:
        top = LARGEST_CODE[precision]
        largest = np.zeros(weights.n_outputs)
        np.maximum.at(largest, weights.outputs, np.abs(values))
        if largest.max(initial=0) > np.finfo(np.float32).max:
            raise ValueError(f"a coefficient of {largest.max():.3g} exceeds float32")
        smallest = float(np.finfo(np.float32).tiny)
        scales = np.where(largest > 0, np.maximum(largest / top, smallest), 1.0)
        scales = scales.astype(np.float32)
        codes = np.rint(values / scales.astype(np.float64)[weights.outputs])
        codes = np.clip(codes, -top, top).astype(np.int8)
        return weights.replace(codes, precision, scales)
    with np.errstate(over="ignore"):
        codes = values.astype(STORED[precision])
    if not np.isfinite(codes).all():
        i = int(np.argmax(~np.isfinite(codes)))
        raise ValueError(
            f"the coefficient {values[i]:.6g} of feature {weights.feature_of[i]} "
            f"exceeds the range of {precision}"
        )
    return weights.replace(codes, precision)


def select(weights: Weights, kept: np.ndarray) -> Weights:
    """The coefficients where `kept` (nnz,) is true, codes and scales as they are."""
    return Weights(
        weights.places[kept],
        weights.codes[kept],
        weights.n_features,
        weights.n_outputs,
        weights.precision,
        weights.scales,
    )


def link_bound(
    before: Weights, after: Weights, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Largest change of the linear predictor, by output, for features in a box.

    Parameters
    ----------
    before, after : Weights
        The coefficients of `after` stand at places of `before`.
    low, high : float64 arrays (n_slots,)
        The box, for ``before.features``.

    Returns
    -------
    ndarray (n_outputs,), float64
    """
    old = before.values.astype(np.float64)
    new = np.zeros(len(old))
    new[np.searchsorted(before.places, after.places)] = after.values
    slot = np.repeat(np.arange(len(before.features)), np.diff(before.indptr))
    change, lo, hi = new - old, low[slot], high[slot]
    ends = change * lo, change * hi

    def total(part):
        return np.bincount(before.outputs, part, before.n_outputs)

    bound = np.maximum(total(np.maximum(*ends)), -total(np.minimum(*ends)))
    size = total(np.maximum(np.abs(old), np.abs(new)) * np.maximum(abs(lo), abs(hi)))
    terms = total(np.ones(len(old))) + 2
    return bound + 2 * np.finfo(np.float64).eps * terms * size


def response_bound(link: str, bound: float) -> float:
    """Bound on the change of the response; relative to the response for "log"."""
    slope = LINKS[link].slope
    return math.expm1(min(bound, 700.0)) if slope is None else slope * bound


def ranges(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest value of each column of a dense array or SciPy matrix."""
    if not X.shape[0]:
        return np.zeros(X.shape[1]), np.zeros(X.shape[1])
    low, high = X.min(axis=0), X.max(axis=0)
    if hasattr(X, "tocsr"):
        low, high = low.toarray().ravel(), high.toarray().ravel()
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("X holds NaN or infinity in a feature that the model uses")
    return low.astype(np.float64), high.astype(np.float64)


def spread(X: Any) -> np.ndarray:
    """Standard deviation of each column of a dense array or SciPy csc matrix."""
    if not hasattr(X, "tocsr"):
        return X.std(axis=0)
    n, stored = X.shape[0], np.diff(X.indptr)
    mean = np.asarray(X.mean(axis=0)).ravel()
    # around the mean, entry by entry: no cancellation for columns far from zero
    column = np.repeat(np.arange(X.shape[1]), stored)
    inside = np.bincount(column, (X.data - mean[column]) ** 2, X.shape[1])
    return np.sqrt((inside + (n - stored) * mean**2) / n)


def importance(weights: Weights) -> np.ndarray:
    """Largest |coefficient| of each slot over the outputs, float64 (n_slots,)."""
    if not weights.nnz:
        return np.zeros(0)
    size = np.abs(weights.values.astype(np.float64))
    return np.maximum.reduceat(size, weights.indptr[:-1])
