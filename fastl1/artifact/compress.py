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

from fastl1.artifact.weights import LARGEST_CODE, LARGEST_EXPONENT, STORED, Weights
from fastl1.loss.links import LINKS

PRECISIONS = (
    "float32",
    *(name for name in STORED if name not in ("float64", "float32")),
)

NO_LOSS = 1e-3  # share of what a model explains that one unit for all may cost


def quantize(
    weights: Weights, precision: str, std: np.ndarray | None = None
) -> Weights:
    """The coefficients rounded to a precision, int8 and int4 with a scale an output.

    Parameters
    ----------
    weights : Weights
    precision : str
        One of `PRECISIONS`.
    std : float64 array (n_slots,), optional
        Of int8 and int4: how much each feature varies, NaN where that is not known.
        Unless all is known and one unit for all features costs next to nothing
        (`NO_LOSS`), the unit of each is 1 / std, to a power of 2; where `std` is not
        known or 0, the one that keeps most digits.

    Raises
    ------
    ValueError
        Unknown precision, or coefficients beyond the range of float16 or float32.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}"
        )
    if precision in LARGEST_CODE:
        plain = _in_codes(weights, precision)
        if std is None or not weights.nnz:
            return plain
        if np.isfinite(std).all() and lost_share(weights, plain, std) <= NO_LOSS:
            return plain
        return _in_codes(weights, precision, _exponents(weights, std))
    values = weights.values.astype(np.float64)
    with np.errstate(over="ignore"):
        codes = values.astype(STORED[precision])
    if not np.isfinite(codes).all():
        i = int(np.argmax(~np.isfinite(codes)))
        raise ValueError(
            f"the coefficient {values[i]:.6g} of feature {weights.feature_of[i]} "
            f"exceeds the range of {precision}"
        )
    return weights.replace(codes, precision)


def _in_codes(weights, precision, exponents=None):
    """int8 or int4 codes, in the unit 2 ** exponent of each coefficient."""
    values = weights.values.astype(np.float64)
    if exponents is not None:
        values = np.ldexp(values, -exponents.astype(np.intc))
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
    return weights.replace(codes, precision, scales, exponents)


def _exponents(weights, std):
    """Powers of 2 in which the coefficients of each feature are told, int8 (nnz,)."""
    size = importance(weights)
    known = np.isfinite(std) & (std > 0)
    most = (size * std)[known].max(initial=0.0) or size.max()
    unit = np.where(known, 1 / np.where(known, std, 1.0), size / most)
    # of a feature with no known std the largest coefficient must not exceed `most`
    power = np.where(known, np.rint(np.log2(unit)), np.ceil(np.log2(unit)))
    power = np.clip(power, -LARGEST_EXPONENT, LARGEST_EXPONENT).astype(np.int8)
    return np.repeat(power, np.diff(weights.indptr))


def select(weights: Weights, kept: np.ndarray) -> Weights:
    """The coefficients where `kept` (nnz,) is true, codes and scales as they are."""
    return Weights(
        weights.places[kept],
        weights.codes[kept],
        weights.n_features,
        weights.n_outputs,
        weights.precision,
        weights.scales,
        None if weights.exponents is None else weights.exponents[kept],
    )


def _changes(before, after):
    """Old and new values of the coefficients of `before`, and their slots."""
    old = before.values.astype(np.float64)
    new = np.zeros(len(old))
    new[np.searchsorted(before.places, after.places)] = after.values
    return old, new, np.repeat(np.arange(len(before.features)), np.diff(before.indptr))


def lost_share(
    before: Weights, after: Weights, std: np.ndarray, centred: bool = False
) -> float:
    """Share of the variance of the linear predictor that a change of it has.

    To second order, it is the share of what a model explains that it loses.

    Parameters
    ----------
    before, after : Weights
        The coefficients of `after` stand at places of `before`.
    std : float64 array (n_slots,)
        Standard deviations of the features, which are taken to be uncorrelated.
    centred : bool
        Whether only differences between outputs count.

    Returns
    -------
    float
        0 where nothing varies.
    """
    old, new, slot = _changes(before, after)

    def variance(part):
        # relative to the largest, so that squares neither overflow nor vanish
        total = np.sum(part**2)
        if centred:
            total -= np.sum(np.bincount(slot, part) ** 2) / before.n_outputs
        return total

    size = np.abs(old * std[slot])
    most = size.max(initial=0.0)
    if not most > 0:
        return 0.0
    spread = std[slot] / most
    explained = variance(old * spread)
    return float(variance((new - old) * spread) / explained) if explained > 0 else 0.0


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
    old, new, slot = _changes(before, after)
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
    if slope is None:
        return math.expm1(min(bound, 700.0))
    return min(1.0, slope * bound) if LINKS[link].probability else slope * bound


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
