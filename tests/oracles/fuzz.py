"""Hard random problems, and the truth about an answer in long double.

`make` draws what users meet rarely and solvers dislike: weights over 12 orders and 0,
large offsets, penalty factors of 0, infinity and 1e±8, bounds, columns on scales 12
orders apart, near-duplicates, means of 1e6 deviations, float32, two rows, more columns
than rows, separated classes.  `Truth` is the objective as the problem states it; any
point bounds the optimum from above, hence no solver is trusted.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

import fastl1

LONG = np.longdouble
EPS = float(np.finfo(float).eps)


def _exp(x):
    with np.errstate(over="ignore"):
        return np.exp(x)


def _log1pexp(m):
    return np.maximum(m, 0) + np.log1p(np.exp(-np.abs(m)))


def _hinge(y, eta):
    return np.maximum(1 - (2 * y - 1) * eta, 0)


def _tweedie(power):
    a, b = LONG(power) - 1, 2 - LONG(power)

    def down(y, eta):
        return np.where(y > 0, y * _exp(-a * np.where(y > 0, eta, 0)), 0)

    return (
        lambda y, eta: (down(y, eta) / a, _exp(b * eta) / b),
        lambda y, eta: _exp(b * eta) - down(y, eta),
    )


def _huber(delta):
    def value(y, eta):
        r = np.abs(y - eta)
        return (np.where(r <= delta, r * r / 2, delta * (r - LONG(delta) / 2)),)

    return value, lambda y, eta: np.clip(eta - y, -delta, delta)


def _quantile(q):
    q = LONG(q)
    return (
        lambda y, eta: (np.where(y > eta, q, q - 1) * (y - eta),),
        lambda y, eta: np.where(y > eta, -q, 1 - q),
    )


# Terms of the loss that are added up, and its slope.
LOSSES = {
    "squared": (lambda y, eta: ((y - eta) ** 2 / 2,), lambda y, eta: eta - y),
    "logistic": (
        lambda y, eta: (_log1pexp(-(2 * y - 1) * eta),),
        lambda y, eta: 1 / (1 + _exp(-eta)) - y,
    ),
    "poisson": (lambda y, eta: (_exp(eta), -y * eta), lambda y, eta: _exp(eta) - y),
    "gamma": (
        lambda y, eta: (y * _exp(-eta), eta),
        lambda y, eta: 1 - y * _exp(-eta),
    ),
    "squared_hinge": (
        lambda y, eta: (_hinge(y, eta) ** 2 / 2,),
        lambda y, eta: -(2 * y - 1) * _hinge(y, eta),
    ),
    **{f"tweedie {power}": _tweedie(power) for power in (1.001, 1.5, 1.99, 1.999)},
    **{f"huber {delta}": _huber(delta) for delta in (0.01, 1.0)},
    **{f"quantile {q}": _quantile(q) for q in (0.01, 0.5)},
    "multinomial": None,
}


def _as_loss(name):
    kind, _, number = name.partition(" ")
    makers = {
        "tweedie": fastl1.Tweedie,
        "huber": fastl1.Huber,
        "quantile": fastl1.Quantile,
    }
    return makers[kind](float(number)) if number else name


def _target(name, signal, rng):
    kind = name.split()[0]
    n = len(signal)
    clipped = np.clip(signal, -8, 8)
    if kind in ("logistic", "squared_hinge"):
        y = (signal + 0.3 * rng.logistic(size=n) * rng.integers(2) > 0).astype(float)
        y[:2] = 0, 1
        return y
    if kind == "multinomial":
        y = rng.integers(0, int(rng.integers(3, 5)), n).astype(float)
        if rng.random() < 0.3:  # separated
            y = np.digitize(signal, np.quantile(signal, [0.3, 0.7])).astype(float)
        y[:3] = 0, 1, 2
        return y
    if kind == "poisson":
        y = rng.poisson(np.exp(0.5 * clipped)).astype(float)
        y[0] += y.sum() == 0
        return y
    if kind == "gamma":
        return np.exp(0.5 * clipped) * rng.gamma(2.0, 0.5, n)
    if kind == "tweedie":
        y = np.exp(0.5 * clipped) * rng.gamma(2.0, 0.5, n)
        y[1:] *= rng.random(n - 1) > 0.4
        return y
    return signal + rng.standard_t(2.0, n)


class Case(NamedTuple):
    """Arguments of fastl1.path."""

    loss: str
    X: Any
    y: np.ndarray
    alphas: tuple[float, ...]
    keywords: dict[str, Any]


def _design(rng, n, p):
    X = rng.standard_normal((n, p))
    if rng.random() < 0.3:
        X += rng.standard_normal((n, 1))
    if rng.random() < 0.3:
        X *= 10.0 ** rng.uniform(-6, 6, p)
    if rng.random() < 0.25 and p > 2:
        j = int(rng.integers(1, p))
        X[:, j] = X[:, 0] * (1 + 10.0 ** -rng.uniform(2, 12) * rng.standard_normal(n))
    if rng.random() < 0.25:
        X += X.std(axis=0) * 10.0 ** rng.uniform(0, 6) * (rng.random(p) < 0.7)
    if rng.random() < 0.2:
        X[rng.random((n, p)) < 0.7] = 0.0
        X = sparse.csc_matrix(X)
    return X.astype(np.float32) if rng.random() < 0.15 else X


def make(seed):
    """Problem number `seed`."""
    rng = np.random.default_rng([17, seed])
    loss = list(LOSSES)[seed % len(LOSSES)]
    n = (
        int(rng.choice([4, 8, 20, 40, 80]))
        if loss == "multinomial"
        else int(rng.choice([2, 3, 8, 20, 40, 80]))
    )
    p = int(rng.choice([1, 3, 10, 30, 60]))
    X = _design(rng, n, p)
    scale = np.asarray(
        abs(X).max(axis=0).todense() if sparse.issparse(X) else abs(X).max(axis=0),
        dtype=float,
    ).ravel()
    w = rng.standard_normal(p) * (rng.random(p) < 0.4) / np.where(scale > 0, scale, 1)
    signal = np.asarray(X @ w, dtype=float)
    signal = (signal - signal.mean()) * rng.choice([1.0, 5.0])
    y = _target(loss, signal, rng)
    keywords = {"l1_ratio": float(rng.choice([1.0, 1.0, 0.5, 0.1, 0.01, 0.0]))}
    if rng.random() < 0.3:
        s = (
            10.0 ** rng.uniform(-6, 6, n)
            if rng.random() < 0.5
            else rng.uniform(0, 2, n)
        )
        s *= rng.random(n) > 0.1
        if loss in ("logistic", "squared_hinge", "multinomial", "poisson") or (
            loss.startswith("tweedie") or not s.any()
        ):
            s[s == 0] = 1e-6
        keywords["sample_weight"] = s
    if rng.random() < 0.2:
        shape = (n, len(np.unique(y))) if loss == "multinomial" else n
        keywords["offset"] = rng.uniform(-1, 1, shape) * rng.choice([1.0, 30.0])
    if rng.random() < 0.35:
        pf = np.ones(p)
        pf[rng.random(p) < 0.3] = rng.choice([0.0, np.inf, 1e8, 1e-8])
        if not np.isfinite(pf).any() or not pf.any():
            pf[0] = 1.0
        keywords["penalty_factor"] = pf
    if rng.random() < 0.2:
        bound = 10.0 ** rng.uniform(-3, 1)
        keywords["lower"] = 0.0 if rng.random() < 0.5 else -bound
        keywords["upper"] = bound
    keywords["fit_intercept"] = bool(rng.random() < 0.7)
    keywords["standardize"] = bool(rng.random() < 0.3)
    shares = 10.0 ** -np.sort(rng.uniform(0, 4, 2))
    return Case(loss, X, y, tuple(shares), keywords)


class Truth:
    """The objective of a case in long double, at coefficients on the original scale."""

    def __init__(self, case):
        kw = case.keywords
        X = case.X.toarray() if sparse.issparse(case.X) else case.X
        self.X = X.astype(LONG)
        n, p = X.shape
        s = np.asarray(kw.get("sample_weight", np.ones(n))).astype(LONG)
        self.s = s / s.sum()
        self.loss = case.loss
        self.y = case.y.astype(LONG)
        self.n_outputs = len(np.unique(case.y)) if case.loss == "multinomial" else 1
        self.offset = np.zeros((n, self.n_outputs), LONG)
        if "offset" in kw:
            self.offset += np.asarray(kw["offset"]).reshape(n, -1)
        self.pf = np.asarray(kw.get("penalty_factor", np.ones(p))).astype(LONG)
        self.sd = np.ones(p, LONG)
        if kw["standardize"]:
            mean = self.s @ self.X
            self.sd = np.sqrt(self.s @ (self.X - mean) ** 2)
        self.l1_ratio = LONG(kw["l1_ratio"])

    def predictor(self, coef, intercept):
        return self.X @ coef + intercept + self.offset

    def terms(self, eta, k=0):
        if self.loss != "multinomial":
            return LOSSES[self.loss][0](self.y, eta[:, 0])
        top = eta.max(axis=1)
        return (
            np.log(np.exp(eta - top[:, None]).sum(axis=1)),
            top - eta[np.arange(len(eta)), self.y.astype(int)],
        )

    def slope(self, eta):
        """(n, K)"""
        if self.loss != "multinomial":
            return LOSSES[self.loss][1](self.y, eta[:, 0])[:, None]
        e = np.exp(eta - eta.max(axis=1, keepdims=True))
        e /= e.sum(axis=1, keepdims=True)
        e[np.arange(len(eta)), self.y.astype(int)] -= 1
        return e

    def penalty(self, coef, alpha):
        w = np.abs(coef) * self.sd[:, None]
        use = w > 0
        pf = np.broadcast_to(self.pf[:, None], w.shape)[use]
        w = w[use]
        return (
            LONG(alpha)
            * (pf * (self.l1_ratio * w + (1 - self.l1_ratio) / 2 * w * w)).sum()
        )

    def objective(self, coef, intercept, alpha):
        eta = self.predictor(coef, intercept)
        value = sum((self.s * t).sum() for t in self.terms(eta))
        return value + self.penalty(coef, alpha)

    def rounding(self, coef, intercept, alpha):
        """64 eps times the terms of the objective, those of the linear predictor
        times the slope that they meet."""
        eta = self.predictor(coef, intercept)
        size = sum((self.s * np.abs(t)).sum() for t in self.terms(eta))
        inner = np.abs(self.X) @ np.abs(coef) + np.abs(intercept) + np.abs(self.offset)
        size += (self.s[:, None] * np.abs(self.slope(eta)) * inner).sum()
        return 64 * EPS * (size + self.penalty(coef, alpha))


def solve(case, alphas, **keywords):
    """The path, and its models as (p, K) coefficients and (K,) intercepts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = fastl1.path(
            case.X,
            case.y,
            loss=_as_loss(case.loss),
            alphas=alphas,
            **{**case.keywords, **keywords},
        )
    models = []
    for k in range(len(result)):
        coef, intercept = result.coefs, result.intercepts[..., k]
        if case.loss == "multinomial":
            coef = np.stack([np.asarray(c[:, [k]].todense())[:, 0] for c in coef], 1)
        else:
            coef = np.asarray(coef[:, [k]].todense())
        models.append((coef.astype(LONG), np.atleast_1d(intercept).astype(LONG)))
    return result, models


def _curvatures(truth, eta):
    """(n, K, K) second derivatives of the loss in eta."""
    n, K = eta.shape
    if truth.loss == "multinomial":
        P = truth.slope(eta)
        P[np.arange(n), truth.y.astype(int)] += 1
        return P[:, :, None] * (np.eye(K) - P[:, None, :])
    step = LONG(1e-6) * (1 + np.abs(eta))
    rise = truth.slope(eta + step) - truth.slope(eta - step)
    return (rise / (2 * step))[:, :, None]


def polish(truth, case, coef, intercept, alpha, steps=4):
    """A point no worse: Newton steps on the support, signs as they are, each as long as
    the objective in long double goes down."""
    best = truth.objective(coef, intercept, alpha)
    K = truth.n_outputs
    centre = case.keywords["fit_intercept"]
    for _ in range(steps):
        eta = truth.predictor(coef, intercept)
        slope, curve = truth.slope(eta), _curvatures(truth, eta)
        ones = np.ones((len(eta), 1 if centre else 0), LONG)
        blocks, gradient, ridge, size = [], [], [], []
        for k in range(K):
            on = np.flatnonzero(coef[:, k])
            Z = np.hstack([truth.X[:, on], ones])
            sd, pf = truth.sd[on], truth.pf[on]
            l2 = LONG(alpha) * (1 - truth.l1_ratio) * pf * sd * sd
            l1 = LONG(alpha) * truth.l1_ratio * pf * sd
            g = Z.T @ (truth.s * slope[:, k])
            g[: len(on)] += l1 * np.sign(coef[on, k]) + l2 * coef[on, k]
            blocks.append(Z)
            gradient.append(g)
            ridge.append(np.concatenate([l2, np.zeros(ones.shape[1], LONG)]))
            size.append((on, len(on) + ones.shape[1]))
        g = np.concatenate(gradient)
        if not len(g):
            return best
        H = np.block(
            [
                [
                    blocks[a].T @ (blocks[b] * (truth.s * curve[:, a, b])[:, None])
                    for b in range(K)
                ]
                for a in range(K)
            ]
        ) + np.diag(np.concatenate(ridge))
        unit = np.sqrt(np.maximum(np.diag(H), 1e-300))
        with np.errstate(all="ignore"):
            scaled = np.asarray(H / unit[:, None] / unit, float)
            if not np.isfinite(scaled).all():
                return best
            d = np.linalg.lstsq(scaled, np.asarray(-g / unit, float), 1e-14)[0] / unit
        moved = False
        for t in 0.25 ** np.arange(5):
            new_coef, new_intercept, at = coef.copy(), intercept.copy(), 0
            for k, (on, length) in enumerate(size):
                step = t * d[at : at + length]
                w = coef[on, k] + step[: len(on)]
                new_coef[on, k] = np.where(w * coef[on, k] > 0, w, 0)
                if centre:
                    new_intercept[k] += step[-1]
                at += length
            new_coef = (
                np.clip(
                    new_coef.T, case.keywords.get("lower"), case.keywords.get("upper")
                ).T
                if "lower" in case.keywords
                else new_coef
            )
            with np.errstate(all="ignore"):
                value = truth.objective(new_coef, new_intercept, alpha)
            if value < best:
                best, coef, intercept, moved = value, new_coef, new_intercept, True
                break
        if not moved:
            break
    return best


class Verdict(NamedTuple):
    """Of one model; all but `converged` relative to the null objective."""

    converged: bool
    gap: float
    suboptimality: float
    rounding: float
    beyond_null: float  # how much worse than coefficients of 0


def audit(case, tol=1e-7, tight=1e-13):
    """A verdict for every alpha of the case; empty where the package refuses it."""
    try:
        first, (null,) = solve(case, [1e130], l1_ratio=1.0)
    except ValueError:
        return []
    zero = np.zeros_like(null[0])
    try:
        _, ((_, at_zero),) = solve(
            case, [1e130], l1_ratio=1.0, penalty_factor=None, lower=None, upper=None
        )
        top = solve(case, [1.0], max_iter=1)[0].info["alpha_max"]
        top = top if np.isfinite(top) and top > 0 else 1.0
        alphas = [top * share for share in case.alphas]
        result, models = solve(case, alphas, tol=tol)
        close, tighter = solve(case, alphas, tol=tight)
    except ValueError:
        return []
    truth = Truth(case)
    scale = first.info["null_objective"] or 1.0
    verdicts = []
    for k, (coef, intercept) in enumerate(models):
        alpha = result.alphas[k]
        with np.errstate(all="ignore"):
            value = truth.objective(coef, intercept, alpha)
            at_null = truth.objective(zero, at_zero, alpha)
            best = min(value, at_null)
            for start in (models[k], tighter[k]):
                if np.isfinite(truth.objective(*start, alpha)):
                    best = min(best, polish(truth, case, *start, alpha))
            rounding = truth.rounding(coef, intercept, alpha) / scale
        verdicts.append(
            Verdict(
                bool(result.converged[k]),
                float(result.dual_gaps[k]),
                float((value - best) / scale),
                float(rounding),
                float((value - at_null) / scale),
            )
        )
    return verdicts
