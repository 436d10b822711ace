"""The one judge: primal value and duality gap of coefficients, in float64 NumPy.

No solver's own stopping value is believed.  For ``W`` of shape (features, K) and one
alpha per column, with ``r = y - X w``::

    squared    P(w) = r.r / 2n               + a1 |w|_1 + a2/2 w.w
    logistic   P(w) = mean log(1 + exp(-y Xw)) + a1 |w|_1             y in {-1, 1}
    multinomial  P(w) = mean -log softmax(Xw)_y + a1 |w|_1      w has a column a class

with ``a1 = alpha l1_ratio`` and ``a2 = alpha (1 - l1_ratio)``; there is no intercept.
The dual point is made from the coefficients alone: a multiple of the residual, scaled
into the feasible set.  Everything is returned relative to P(0), the value at w = 0.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class Certificate:
    """Judgement of K coefficient vectors; every field but ``null`` has shape (K,)."""

    primal: np.ndarray
    gap: np.ndarray  # relative: (primal - dual) / null
    nnz: np.ndarray
    null: float  # P(0)

    @property
    def worst(self):
        """The largest relative gap, which is the one a path is judged by."""
        return float(self.gap.max())


def certify(loss, X, y, W, alphas, l1_ratio=1.0):
    """Certificate of the columns of ``W`` (dense or sparse, (features, K)).

    Those of the multinomial loss hold the coefficients of one class after another.
    """
    alphas = np.atleast_1d(np.asarray(alphas, dtype=np.float64))
    W = np.asarray(W.toarray() if sp.issparse(W) else W, dtype=np.float64)
    outputs = len(np.unique(y)) if loss == "multinomial" else 1
    W = W.reshape(X.shape[1] * outputs, -1)
    if W.shape[1] != alphas.size:
        raise ValueError(f"{W.shape[1]} coefficient vectors for {alphas.size} alphas")
    if loss == "squared":
        primal, dual, null = _squared(X, y, W, alphas, l1_ratio)
    elif loss == "logistic":
        if l1_ratio != 1.0:
            raise ValueError("the logistic certificate has no l2 part")
        primal, dual, null = _logistic(X, y, W, alphas)
    elif loss == "multinomial":
        if l1_ratio != 1.0:
            raise ValueError("the multinomial certificate has no l2 part")
        primal, dual, null = _multinomial(X, y, W, alphas)
    else:
        raise ValueError(f"unknown loss {loss!r}")
    return Certificate(
        primal, (primal - dual) / null, np.count_nonzero(W, axis=0), null
    )


def alpha_max(loss, X, y, l1_ratio=1.0):
    """The least alpha at which w = 0 is optimal."""
    if loss == "multinomial":
        Y = _one_hot(y)
        return float(np.abs(X.T @ (Y - 1 / Y.shape[1])).max() / len(y))
    scale = {"squared": 1.0, "logistic": 0.5}[loss]
    return float(scale * np.abs(X.T @ y).max() / len(y) / l1_ratio)


def _linear_predictor(X, W):
    rows = np.flatnonzero(W.any(axis=1))
    return X[:, rows] @ W[rows]


def _squared(X, y, W, alphas, l1_ratio):
    n = len(y)
    a1, a2 = alphas * l1_ratio, alphas * (1 - l1_ratio)
    R = y[:, None] - _linear_predictor(X, W)
    rr, yr, ww = (R * R).sum(axis=0), y @ R, (W * W).sum(axis=0)
    primal = rr / (2 * n) + a1 * np.abs(W).sum(axis=0) + a2 / 2 * ww
    XtR = X.T @ R
    # the lasso bound of the design with sqrt(n a2) I stacked below X and zeros below y
    largest = np.abs(XtR - n * a2 * W).max(axis=0)
    limit = n * a1 / np.maximum(largest, np.finfo(float).tiny)
    norm2 = np.maximum(rr + n * a2 * ww, np.finfo(float).tiny)
    s = np.clip(yr / norm2, -limit, limit)
    dual = (s * yr - s * s * norm2 / 2) / n
    if l1_ratio < 1:  # the bound whose penalty conjugate is quadratic, at the residual
        excess = np.maximum(np.abs(XtR) / n - a1, 0.0)
        conjugate = (excess * excess).sum(axis=0) / (2 * a2)
        dual = np.maximum(dual, (yr - rr / 2) / n - conjugate)
    return primal, dual, y @ y / (2 * n)


def _logistic(X, y, W, alphas):
    n = len(y)
    margin = y[:, None] * _linear_predictor(X, W)
    primal = np.logaddexp(0, -margin).mean(axis=0) + alphas * np.abs(W).sum(axis=0)
    u = np.exp(-np.logaddexp(0, margin))  # 1 - probability of the label seen
    largest = np.abs(X.T @ (y[:, None] * u)).max(axis=0) / n
    u *= np.minimum(1.0, alphas / np.maximum(largest, np.finfo(float).tiny))
    dual = -(_xlogx(u) + _xlogx(1 - u)).mean(axis=0)
    return primal, dual, np.log(2.0)


def _one_hot(y):
    return (y[:, None] == np.unique(y)).astype(np.float64)


def _multinomial(X, y, W, alphas):
    """The dual point is q = y + s (p - y): of the simplex, as p and y are."""
    Y = _one_hot(y)
    classes = Y.shape[1]
    primal, dual = np.empty_like(alphas), np.empty_like(alphas)
    for k, alpha in enumerate(alphas):
        w = W[:, k].reshape(classes, -1).T
        eta = _linear_predictor(X, w)
        eta = eta - eta.max(axis=1, keepdims=True)
        log_p = eta - np.log(np.exp(eta).sum(axis=1, keepdims=True))
        primal[k] = -(Y * log_p).sum(axis=1).mean() + alpha * np.abs(w).sum()
        p = np.exp(log_p)
        largest = np.abs(X.T @ (Y - p)).max() / len(y)
        q = Y + min(1.0, alpha / max(largest, np.finfo(float).tiny)) * (p - Y)
        dual[k] = -_xlogx(q).sum(axis=1).mean()
    return primal, dual, np.log(classes)


def _xlogx(u):
    return u * np.log(np.where(u > 0, u, 1.0))
