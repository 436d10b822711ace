"""The one judge: primal value and duality gap of coefficients, in float64 NumPy.

No solver's own stopping value is believed.  For ``W`` of shape (features, K) and one
alpha per column, with ``r = y - X w``::

    squared    P(w) = r.r / 2n               + a1 |w|_1 + a2/2 w.w
    logistic   P(w) = mean log(1 + exp(-y Xw)) + a1 |w|_1             y in {-1, 1}
    multinomial  P(w) = mean -log softmax(Xw)_y + a1 |w|_1      w has a column a class
    poisson    P(w) = mean (e^Xw - y Xw + y log y - y) + a1 |w|_1
    tweedie    P(w) = mean (2 e^(Xw/2) + 2 y e^(-Xw/2) - 4 sqrt y) + a1 |w|_1  power 1.5
    cox        P(w) = sum over deaths log sum over rows at risk of e^(Xw) - (Xw)_death,
                      / n - constant + a1 |w|_1       y: event, time; Breslow's ties

The last three, as half deviances, are 0 at a perfect fit.  In all of them,
with ``a1 = alpha l1_ratio`` and ``a2 = alpha (1 - l1_ratio)``; there is no intercept.
The dual point is made from the coefficients alone: a multiple of the residual (of the
slopes of the loss), scaled into the feasible set.  Everything is returned relative to
P(0), the value at w = 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

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
    if loss not in _JUDGES:
        raise ValueError(f"unknown loss {loss!r}")
    judge = _JUDGES[loss]
    if loss == "squared":
        judge = partial(judge, l1_ratio=l1_ratio)
    elif l1_ratio != 1.0:
        raise ValueError(f"the {loss} certificate has no l2 part")
    with np.errstate(over="ignore", invalid="ignore"):
        primal, dual, null = judge(X, y, W, alphas)
    gap = (primal - dual) / null
    gap[np.isnan(gap)] = np.inf  # the objective overflows there
    return Certificate(primal, gap, np.count_nonzero(W, axis=0), null)


def alpha_max(loss, X, y, l1_ratio=1.0):
    """The least alpha at which w = 0 is optimal."""
    if loss == "multinomial":
        Y = _one_hot(y)
        slopes = Y - 1 / Y.shape[1]
    elif loss == "cox":
        sets, slopes = _RiskSets(y), np.zeros(len(y))
        slopes[sets.order] = sets.slopes(slopes)
    elif loss in _SCALAR:
        slopes = _SCALAR[loss].slope(y, np.zeros(len(y)))
    else:
        slopes = y if loss == "squared" else y / 2
    return float(np.abs(X.T @ slopes).max() / len(y) / l1_ratio)


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


class _Scalar(NamedTuple):
    """A loss of one row: its value and slope at (y, eta); its conjugate at (y, t)."""

    value: Callable
    slope: Callable
    conjugate: Callable


def _judge_scalar(loss):
    value, slope, conjugate = _SCALAR[loss]

    def judge(X, y, W, alphas):
        Y, eta = y[:, None], _linear_predictor(X, W)
        primal = value(Y, eta).mean(axis=0) + alphas * np.abs(W).sum(axis=0)
        t = slope(Y, eta)
        largest = np.abs(X.T @ t).max(axis=0) / len(y)
        t *= np.minimum(1.0, alphas / np.maximum(largest, np.finfo(float).tiny))
        dual = -conjugate(Y, t).mean(axis=0)
        return primal, dual, value(y, np.zeros(len(y))).mean()

    return judge


def _poisson_conjugate(y, t):
    v = np.maximum(y + t, 0.0)  # between y and mu
    return _xlogx(v) - v - _xlogx(y) + y


def _tweedie_conjugate(y, t):
    """t eta - f(eta) where f'(eta) = u - y / u is t, with u = exp(eta / 2)."""
    root, floor = np.sqrt(t * t + 4 * y), np.finfo(float).tiny
    u = np.where(t > 0, (root + t) / 2, 2 * y / np.maximum(root - t, floor))
    u = np.maximum(u, floor)
    return 2 * t * np.log(u) - 2 * u - 2 * y / u + 4 * np.sqrt(y)


_SCALAR = {
    "poisson": _Scalar(
        lambda y, eta: np.exp(eta) - y * eta + _xlogx(y) - y,
        lambda y, eta: np.exp(eta) - y,
        _poisson_conjugate,
    ),
    "tweedie": _Scalar(
        lambda y, eta: 2 * (np.exp(eta / 2) + y * np.exp(-eta / 2) - 2 * np.sqrt(y)),
        lambda y, eta: np.exp(eta / 2) - y * np.exp(-eta / 2),
        _tweedie_conjugate,
    ),
}


class _RiskSets:
    """Rows by falling time: those at risk at a time of death are the first so many."""

    def __init__(self, y):
        event, time = y.T
        self.order = np.argsort(-time, kind="stable")
        self.event = event[self.order] > 0
        falling = -time[self.order]
        times, group = np.unique(falling[self.event], return_inverse=True)
        self.group = group.ravel()  # of each death
        self.last = np.searchsorted(falling, times, side="right") - 1
        self.deaths = np.bincount(self.group).astype(np.float64)

    def hazards(self, eta):
        """exp(eta) up to a factor, and its sum over the rows at risk at each time."""
        e = np.exp(eta - eta.max())
        return e, np.cumsum(e)[self.last]

    def value(self, eta):
        """The half deviance, times n, of `eta` by falling time."""
        _, at_risk = self.hazards(eta)
        logs = np.log(at_risk) + eta.max() - np.log(self.deaths)
        return self.deaths @ logs - eta[self.event].sum()

    def slopes(self, eta):
        e, at_risk = self.hazards(eta)
        rates = np.zeros(len(eta))
        rates[self.last] = self.deaths / at_risk
        return e * np.cumsum(rates[::-1])[::-1] - self.event

    def dual(self, eta, kappa):
        """Minus the conjugate at kappa slopes(eta): deaths times an entropy each.

        That of kappa p + (1 - kappa) u, p being the chances of the rows at risk to be
        next and u equal shares of those who were.
        """
        e, at_risk = self.hazards(eta)
        log_p = np.cumsum(e * (eta - eta.max()))[self.last] / at_risk - np.log(at_risk)
        own = e[self.event] / at_risk[self.group]
        mixed = kappa * own + (1 - kappa) / self.deaths[self.group]

        def total(x):
            return np.bincount(self.group, x, len(self.deaths))

        rest = kappa * (log_p - total(_xlogx(own)))
        rest += _xlogx(np.float64(kappa)) * (1 - total(own))
        entropy = -rest - total(_xlogx(mixed))
        return self.deaths @ (entropy - np.log(self.deaths))


def _cox(X, y, W, alphas):
    sets, n = _RiskSets(y), len(y)
    Eta, X = _linear_predictor(X, W)[sets.order], X[sets.order]
    primal, dual = alphas * np.abs(W).sum(axis=0), np.empty_like(alphas)
    for k, eta in enumerate(Eta.T):
        primal[k] += sets.value(eta) / n
        largest = np.abs(X.T @ sets.slopes(eta)).max() / n
        kappa = min(1.0, alphas[k] / max(largest, np.finfo(float).tiny))
        dual[k] = sets.dual(eta, kappa) / n
    return primal, dual, sets.value(np.zeros(n)) / n


_JUDGES = {
    "squared": _squared,
    "logistic": _logistic,
    "multinomial": _multinomial,
    "cox": _cox,
    **{loss: _judge_scalar(loss) for loss in _SCALAR},
}


def _xlogx(u):
    return u * np.log(np.where(u > 0, u, 1.0))
