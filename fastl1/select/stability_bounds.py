"""Bounds on the number of features that stability selection selects by mistake.

A procedure selects, on a subsample of at most half of the rows, q of p features (on the
average).  A feature that is selected in a share of at least tau of the subsamples is
called stable.  Then the expected number of stable features among those that a subsample
selects with probability at most q / p is at most

    none        q^2 / ((2 tau - 1) p)                                                [1]
    unimodal    q^2 / p * C(tau, B), if simultaneous selection proportions are unimodal
                C = 1 / (2 (2 tau - 1 - 1/(2B)))            for tau <= 3/4
                C = 4 (1 - tau + 1/(2B)) / (1 + 1/B)        above                    [2]
    r-concave   p min(D(q^2/p^2, 2 tau - 1, B, -1/2), D(q/p, tau, 2B, -1/4)), if they
                are -1/2-concave and the selection proportions -1/4-concave          [2]

with B complementary pairs.  D(theta, t, B, r) is the largest P(Z >= t) of all r-concave
distributions on {0, 1/B, ..., 1} of mean at most theta.

[1] Meinshausen & Bühlmann (2010), Stability selection. J. R. Statist. Soc. B 72.
[2] Shah & Samworth (2013), Variable selection with error control: another look at
    stability selection. J. R. Statist. Soc. B 75.
"""

from functools import lru_cache

import numpy as np

ASSUMPTIONS = ("none", "unimodal", "r-concave")


def error_bound(
    q: float, p: int, threshold: float, n_pairs: int, assumption: str
) -> float:
    """Bound on the expected number of falsely selected features, at most p.

    Parameters
    ----------
    q : float
        Features that a subsample selects.
    p : int
        Features that it chooses from.
    threshold : float in (0.5, 1]
        Share of subsamples from which a feature is selected.
    n_pairs : int
        Complementary pairs of subsamples (not used for "none").
    assumption : {"none", "unimodal", "r-concave"}
    """
    if q <= 0:
        return 0.0
    if threshold <= 0.5:
        return float(p)
    theta, trivial = q / p, float(p)
    bound = q * theta / (2 * threshold - 1)
    if assumption == "unimodal":
        bound = q * theta * _unimodal_factor(theta, threshold, n_pairs)
    elif assumption == "r-concave":
        # the threshold as a whole number of subsamples
        count = int(np.ceil(round(threshold * 2 * n_pairs, 9)))
        bound = p * min(
            _tail(theta**2, count - n_pairs, n_pairs, -0.5),
            _tail(theta, count, 2 * n_pairs, -0.25),
        )
    return float(min(bound, trivial))


def _unimodal_factor(theta: float, threshold: float, n_pairs: int) -> float:
    half = 1 / (2 * n_pairs)
    least = 0.5 + min(theta**2, half + 0.75 * theta**2)
    if theta > 1 / np.sqrt(3) or threshold <= least:
        return np.inf
    if threshold <= 0.75:
        room = 2 * threshold - 1 - half
        return 1 / (2 * room) if room > 0 else np.inf
    return 4 * (1 - threshold + half) / (1 + 2 * half)


def smallest_threshold(
    q: float, p: int, pfer: float, n_subsamples: int, assumption: str
) -> float:
    """Least multiple of 1 / n_subsamples at which the bound is at most `pfer`.

    Raises
    ------
    ValueError
        There is none.
    """
    low, high = n_subsamples // 2 + 1, n_subsamples
    n_pairs = n_subsamples // 2
    if error_bound(q, p, 1.0, n_pairs, assumption) > pfer:
        raise ValueError(
            f"no threshold keeps the bound ({assumption}) at pfer={pfer:g} when "
            f"q={q:g} of {p} features are selected: lower q or raise pfer"
        )
    while low < high:
        middle = (low + high) // 2
        if error_bound(q, p, middle / n_subsamples, n_pairs, assumption) <= pfer:
            high = middle
        else:
            low = middle + 1
    return low / n_subsamples


def largest_q(
    threshold: float, p: int, pfer: float, n_pairs: int, assumption: str
) -> int:
    """Most features a subsample may select for the bound to be at most `pfer`.

    Raises
    ------
    ValueError
        Even one is too many.
    """

    def allowed(q: int) -> bool:
        return error_bound(q, p, threshold, n_pairs, assumption) <= pfer

    if not allowed(1):
        raise ValueError(
            f"threshold={threshold:g} cannot keep the bound ({assumption}) at "
            f"pfer={pfer:g} with {p} features: raise one of them"
        )
    low, high = 1, 2
    while high <= p and allowed(high):
        low, high = high, 2 * high
    high = min(high, p + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if allowed(middle) else (low, middle)
    return low


# An r-concave mass function f has f^r convex (r < 0).  The one with the largest tail is
# (a + i)^(1/r) on 0..k, as heavy as that allows, and has what is left of its mass at
# k + 1; the mean fixes that rest.  For k = B there is no rest, and the mean fixes a.


@lru_cache(maxsize=64)
def _shapes(mean: float, size: int, r: float) -> np.ndarray:
    """log a (size + 1,) at which (a + i)^(1/r) on 0..k has the mean; NaN below 2
    mean."""
    from scipy.optimize import brentq

    def excess(log_a: float) -> float:
        weight = (np.exp(log_a) + i) ** (1 / r)
        return float(i @ weight / weight.sum() - mean)

    shapes = np.full(size + 1, np.nan)
    upper = np.log(1e5)
    for k in range(int(np.ceil(2 * mean)) + 1, size + 1):
        i = np.arange(k + 1.0)
        if excess(upper) < 0:  # as good as uniform
            shapes[k] = upper
        else:
            upper = shapes[k] = brentq(excess, -60.0, upper, xtol=1e-12)
    return shapes


def _tail(theta: float, count: int, size: int, r: float) -> float:
    """D(theta, count / size, size, r): the largest P(Z >= count / size)."""
    from scipy.optimize import minimize_scalar

    mean = theta * size
    start = int(np.ceil(2 * mean)) + 1
    if count < start or start > size:
        return 1.0
    shapes = _shapes(mean, size, r)

    def below(log_a: float, k: int) -> float:
        """P(Z < count / size), up to sign the objective."""
        i = np.arange(k + 1.0)
        weight = (np.exp(log_a) + i) ** (1 / r)
        return (k + 1 - mean) * weight[:count].sum() / ((k + 1 - i) @ weight)

    i = np.arange(size + 1.0)
    weight = (np.exp(shapes[size]) + i) ** (1 / r)
    best = weight[count:].sum() / weight.sum()
    for k in range(max(start, count - 1), size):
        found = minimize_scalar(
            below,
            bounds=(shapes[k + 1], shapes[k]),
            args=(k,),
            method="bounded",
            options={"xatol": 1e-8},
        )
        best = max(best, 1.0 - found.fun)
    return min(float(best), 1.0)
