"""How far a model is from stationary: what judges it where there is no duality gap."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem


def stationarity(
    problem: Problem, alphas: Sequence[float], coefs: Any, intercepts: np.ndarray
) -> np.ndarray:
    """Largest distance of a column's correlation from where optimality wants it.

    With the loss L of unit total weight, the correlation of column j in the scale of
    its penalty is c_j = -(dL/dw_j + alpha (1 - l1_ratio) f_j w_j).  It is to be
    alpha l1_ratio f_j sign(w_j) where w_j is not 0, and within +-alpha l1_ratio f_j
    where it is; at a bound it may point outwards; and dL/db = 0.

    Parameters
    ----------
    problem : Problem
        Of one output.
    alphas : sequence of K floats
    coefs : SciPy CSC (p, K)
        On the original scale.
    intercepts : ndarray (K,)

    Returns
    -------
    ndarray (K,), in units of alpha
    """
    import scipy.sparse as sp

    X = problem.X
    if isinstance(X, CSC):
        X = sp.csc_array((X.data, X.indices, X.indptr), shape=X.shape)
    n, p = X.shape
    weight = problem.sample_weight
    s = np.full(n, 1.0 / n) if weight is None else weight / weight.sum()
    factor = problem.penalty_factor
    factor = np.ones(p) if factor is None else factor
    scale = _deviations(X, s) if problem.standardize else np.ones(p)
    used = np.isfinite(factor) & (scale > 0)
    out = np.empty(len(alphas))
    for k, alpha in enumerate(alphas):
        w = np.asarray(coefs[:, [k]].toarray()[:, 0], dtype=np.float64)
        eta = X @ w + intercepts[k]
        if problem.offset is not None:
            eta = eta + problem.offset
        with np.errstate(invalid="ignore", over="ignore"):
            slope = s * problem.family.slope(problem.y, eta)
        slope[s == 0.0] = 0.0
        limit = alpha * problem.l1_ratio * np.where(used, factor, 0.0)
        smooth = alpha * (1.0 - problem.l1_ratio) * np.where(used, factor, 0.0)
        c = np.where(used, -(X.T @ slope) / np.where(used, scale, 1.0), 0.0)
        c -= smooth * w * scale
        distance = np.where(
            w == 0.0, np.maximum(np.abs(c) - limit, 0.0), c - limit * np.sign(w)
        )
        if problem.lower is not None:
            held = (w <= problem.lower) & (c < 0)
            distance = np.where(held, 0.0, distance)
        if problem.upper is not None:
            held = (w >= problem.upper) & (c > 0)
            distance = np.where(held, 0.0, distance)
        out[k] = np.abs(distance[used]).max(initial=0.0)
        if problem.fit_intercept:
            out[k] = max(out[k], abs(slope.sum()))
    return out


def _deviations(X: Any, s: np.ndarray) -> np.ndarray:
    """Standard deviations of the columns under weights of sum 1."""
    mean = X.T @ s
    square = X.multiply(X).T @ s if hasattr(X, "multiply") else (X * X).T @ s
    return np.sqrt(np.maximum(square - mean * mean, 0.0))
