"""Huber's location and scale together, certified.

With residuals r, weights s and N = Σs, the objective is half of scikit-learn's,

    J(w, b, σ) = N σ / 2 + σ Σ s_i h(r_i / σ) + alpha Ω(w),    σ > 0,

where h(z) is z²/2 up to epsilon and linear beyond, and Ω the elastic net.  It is convex
in (w, b, σ) together (the terms are perspectives of h).  For fixed σ it is a problem of
the Huber loss with delta = epsilon σ; for fixed residuals the best σ is in closed form.
Both in turn, the steps of log σ by the secant method within the interval that the signs
leave, end at the joint optimum, and a dual point of the joint problem says how near.

Owen, A. B. (2007). A robust hybrid of lasso and ridge regression. Contemporary
Mathematics 443, 59-72.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fastl1.fit.path import solve_path
from fastl1.fit.result import only_model
from fastl1.loss.losses import Huber
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem

Array = np.ndarray
# As scikit-learn bounds it: rows that are fitted exactly leave no scale.
LEAST_SCALE = 10 * np.finfo(np.float64).eps
_LEAST_TOL = 1e-16
_LONGEST_STEP = 5.0  # of log(scale)
_BLOCK = 1 << 22  # entries of X that are made float64 at a time


class ScaleFit(NamedTuple):
    """A model with its scale; gaps are those of the joint problem."""

    coef: Array
    intercept: float
    scale: float
    residual: Array
    objective: float
    gap: float
    dual_gap: float
    n_iter: int


def solve_with_scale(
    problem: Problem,
    epsilon: float,
    alpha: float,
    *,
    tol: float,
    max_iter: int,
    start: tuple[Array, float, float] | None = None,
) -> ScaleFit:
    """Minimize J over coefficients, intercept and scale.

    Parameters
    ----------
    problem : Problem
        From `check_problem`; its loss is replaced.  The sum of its weights counts.
    epsilon : float >= 1
        From how many scales on a row counts as an outlier.
    alpha : float >= 0
    tol : float
        Of the relative gap: the joint duality gap divided by J of the model without
        coefficients.
    max_iter : int
        Outer iterations of the solver, over all scales.
    start : (coef, intercept, scale), optional

    Returns
    -------
    ScaleFit
    """
    joint = _Joint(problem, epsilon, alpha)
    empty = replace(
        problem, X=np.zeros((len(problem.y), 1), order="F"), feature_names=None
    )
    for name in ("penalty_factor", "lower", "upper"):
        empty = replace(empty, **{name: None})
    null = _alternate(_Joint(empty, epsilon, 0.0), None, 1e-6, None, 1000)
    return _alternate(joint, start, tol, null.objective, max_iter)


class _Joint:
    """The joint problem: its solution at one scale, its objective, its dual bound."""

    def __init__(self, problem: Problem, epsilon: float, alpha: float) -> None:
        self.problem, self.epsilon, self.alpha = problem, epsilon, alpha
        n, p = problem.shape
        weight = problem.sample_weight
        self.weight = np.ones(n) if weight is None else weight.astype(np.float64)
        self.total = float(self.weight.sum())
        offset = problem.offset
        self.y = problem.y if offset is None else problem.y - offset
        factor = problem.penalty_factor
        factor = np.ones(p) if factor is None else factor.copy()
        unit = np.ones(p)
        if problem.standardize:
            unit = _deviations(problem.X, self.weight / self.total)
            factor[unit == 0] = np.inf  # constant columns are left out
        # What a coefficient of 1 costs, once and squared; a column without a penalty
        # that is finite cannot have one, and costs nothing.
        out = np.isinf(factor)
        factor[out] = 0.0
        self.first = alpha * problem.l1_ratio * factor * unit
        self.second = alpha * (1.0 - problem.l1_ratio) * factor * unit**2
        self.lower = np.full(p, -np.inf) if problem.lower is None else problem.lower
        self.upper = np.full(p, np.inf) if problem.upper is None else problem.upper
        self.lower = np.where(out, 0.0, self.lower)
        self.upper = np.where(out, 0.0, self.upper)

    def at(
        self, scale: float, coef: Any, intercept: Any, tol: float, max_iter: int
    ) -> tuple[Array, float, int]:
        """Coefficients, intercept and iterations for one scale."""
        path = solve_path(
            replace(self.problem, loss=Huber.name, family=Huber(self.epsilon * scale)),
            alphas=[self.alpha * scale / self.total],
            tol=tol,
            max_iter=max_iter,
            coef_init=coef,
            intercept_init=intercept,
        )
        coef, intercept = only_model(path.coefs, path.intercepts)
        return coef.astype(np.float64), float(intercept), int(path.n_iters[0])

    def residual(self, coef: Array, intercept: float) -> Array:
        return self.y - _times(self.problem.X, coef) - intercept

    def best_scale(self, residual: Array) -> float:
        """The scale that minimizes J for these residuals."""
        size = np.abs(residual)
        order = np.argsort(size)
        size, weight = size[order], self.weight[order]
        size, weight = size[size > 0], weight[size > 0]
        # Where the k smallest rows are within epsilon scales, the best is the root of
        # `inner` / `room`; the slope of J at the scale that lets the next one in tells
        # whether that is so.
        inner = np.r_[0.0, np.cumsum(weight * size**2)]
        outer = weight.sum() - np.r_[0.0, np.cumsum(weight)]
        room = self.total - self.epsilon**2 * np.maximum(outer, 0.0)
        if room[0] >= 0:
            return LEAST_SCALE
        slope = room[1:] - inner[1:] * (self.epsilon / size) ** 2
        k = int(np.argmax(slope >= 0)) if (slope >= 0).any() else len(size)
        return max(float(np.sqrt(inner[k] / room[k])), LEAST_SCALE)

    def objective(self, coef: Array, residual: Array, scale: float) -> float:
        """J."""
        z = np.abs(residual) / scale
        inside = np.minimum(z, self.epsilon)
        loss = np.dot(self.weight, inside * (z - 0.5 * inside))
        penalty = np.abs(coef) @ self.first + 0.5 * coef**2 @ self.second
        return float(scale * (0.5 * self.total + loss) + penalty)

    def bound(self, z: Array) -> float:
        """A lower bound of J, from the residuals of a model in units of its scale.

        For u with |u| ≤ epsilon and Σ s u² ≤ N, Σ s_i u_i y_i − Σ_j P*_j(X_j' s u) is
        one, P* being conjugates of the penalty within the bounds, if u is orthogonal to
        the intercept and to the columns that nothing holds.
        """
        X, s = self.problem.X, self.weight
        u = np.clip(z, -self.epsilon, self.epsilon)
        free = (self.first == 0) & (self.second == 0)
        free &= np.isinf(self.lower) & np.isinf(self.upper)
        held = [np.ones((len(u), 1))] if self.problem.fit_intercept else []
        held += [_columns(X, free)] if free.any() else []
        if held:
            root, Z = np.sqrt(s), np.hstack(held)
            u = u - Z @ np.linalg.lstsq(Z * root[:, None], root * u, rcond=None)[0]
        v = np.where(free, 0.0, _transposed_times(X, s * u))
        # Where an L1 penalty holds a column alone, v is bounded too; one factor
        # for all that must not be exceeded.
        alone = np.isinf(np.where(v > 0, self.upper, self.lower))
        alone &= (self.second == 0) & (self.first > 0)
        over = max(
            1.0,
            np.abs(u).max() / self.epsilon,
            np.sqrt(np.dot(s, u**2) / self.total),
            (np.abs(v[alone]) / self.first[alone]).max(initial=0.0),
        )
        u, v = u / over, v / over
        # Of each column the coefficient that v and the penalty agree on.
        beyond = np.maximum(np.abs(v) - self.first, 0.0)
        far = np.where(self.second > 0, self.second, np.finfo(np.float64).tiny)
        with np.errstate(over="ignore"):
            at = np.where(alone, 0.0, np.sign(v) * beyond / far)
        size = np.abs(np.clip(at, self.lower, self.upper))
        conjugate = np.sum(size * (beyond - 0.5 * self.second * size))
        return float(np.dot(s * u, self.y) - conjugate)


def _alternate(
    joint: _Joint,
    start: tuple[Array, float, float] | None,
    tol: float,
    unit: float | None,
    max_iter: int,
) -> ScaleFit:
    """Scale and coefficients in turn, until the gap is at most `tol` times `unit`,
    which is by default the objective itself."""
    coef: Any = None
    intercept: Any = None
    if start is None:
        centre = np.median(joint.y) if joint.problem.fit_intercept else 0.0
        residual = joint.y - centre
        spread = float(np.sqrt(np.average(residual**2, weights=joint.weight)))
        scale = max(joint.best_scale(residual), 0.01 * spread)
    else:
        coef, intercept, scale = start
    low, high = -np.inf, np.inf  # of log(scale)
    before: tuple[float, float] | None = None
    inner, count, bound = 0.1 * tol, 0, -np.inf
    best: ScaleFit | None = None
    while True:
        coef, intercept, steps = joint.at(
            scale, coef, intercept, inner, max_iter - count
        )
        count += max(steps, 1)
        residual = joint.residual(coef, intercept)
        target = joint.best_scale(residual)
        # Every bound holds for all coefficients and scales; that of the scale for which
        # the coefficients were found is the tighter one until both scales are equal.
        bound = max(
            bound, joint.bound(residual / scale), joint.bound(residual / target)
        )
        objective = joint.objective(coef, residual, target)
        if best is None or objective < best.objective:
            best = ScaleFit(
                *(coef, intercept, target, residual), *(objective, np.inf, np.inf, 0)
            )
        dual_gap = max(best.objective - bound, 0.0)
        share = dual_gap / (best.objective if unit is None else unit)
        best = best._replace(gap=share, dual_gap=dual_gap)
        if best.gap <= tol or count >= max_iter:
            return best._replace(n_iter=count)
        t = np.log(scale)
        miss = np.log(target) - t
        # J over the scale alone is convex: its least is on the side of the step.
        low, high = (t, high) if miss > 0 else (low, t)
        step = t + miss
        if before is not None and before[1] != miss:
            step = t - miss * (t - before[0]) / (miss - before[1])
        if not low < step < high:
            step = t + miss
        if not low < step < high and high - low < np.inf:
            step = 0.5 * (low + high)
        # Where rows can be fitted exactly the scale goes to 0, and J is certified on
        # the way, before residuals in units of it are nothing but rounding.
        step = min(max(step, t - _LONGEST_STEP), t + _LONGEST_STEP)
        before = (t, miss)
        moves = low < step < high and abs(step - t) > 1e-15
        # An error of log(scale) counts by its square: from here on it is the
        # coefficients that have to be better, and what they said of the side goes.
        settled = miss**2 <= 0.01 * tol or not moves
        if settled and inner > _LEAST_TOL:
            inner, low, high = max(0.01 * inner, _LEAST_TOL), -np.inf, np.inf
        elif not moves:
            return best._replace(n_iter=count)
        if moves:
            scale = max(float(np.exp(step)), LEAST_SCALE)


# --------------------------------------------------------------------------------------
# X of either form, in float64
# --------------------------------------------------------------------------------------


def _scipy(X: CSC) -> Any:
    from scipy.sparse import csc_array

    return csc_array((X.data, X.indices, X.indptr), shape=X.shape)


def _blocks(X: Array) -> Any:
    """Columns, as many at a time as may be copied; the slice that they are."""
    width = max(_BLOCK // max(X.shape[0], 1), 1)
    for start in range(0, X.shape[1], width):
        part = slice(start, start + width)
        yield part, X[:, part].astype(np.float64, copy=False)


def _times(X: Any, coef: Array) -> Array:
    """X w."""
    if isinstance(X, CSC):
        return _scipy(X) @ coef
    out = np.zeros(X.shape[0])
    for part, block in _blocks(X):
        out += block @ coef[part]
    return out


def _transposed_times(X: Any, v: Array) -> Array:
    """X'v."""
    if isinstance(X, CSC):
        return _scipy(X).T @ v
    return np.concatenate([block.T @ v for _, block in _blocks(X)])


def _columns(X: Any, which: Array) -> Array:
    """Some columns, dense."""
    if isinstance(X, CSC):
        return _scipy(X)[:, np.flatnonzero(which)].toarray().astype(np.float64)
    return X[:, which].astype(np.float64)


def _deviations(X: Any, share: Array) -> Array:
    """Standard deviations of the columns, the rows having these shares."""
    if isinstance(X, CSC):
        sparse = _scipy(X).astype(np.float64)
        mean, square = sparse.T @ share, sparse.power(2).T @ share
        return np.sqrt(np.maximum(square - mean**2, 0.0))
    out = [np.sqrt(share @ (block - share @ block) ** 2) for _, block in _blocks(X)]
    return np.concatenate(out)
