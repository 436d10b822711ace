"""Second fits on what a first one has found: the relaxed and the adaptive lasso."""

import time
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import FitInterrupted
from fastl1.fit.keywords import (
    OF_THE_FIT,
    FitKeywords,
    PathKeywords,
    spelled_out,
    split_keywords,
)
from fastl1.fit.path import solve_path
from fastl1.fit.result import PathResult, problem_of, warn_unconverged
from fastl1.fit.status import Callback
from fastl1.penalty.penalties import need_columns
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem, check_problem
from fastl1.problem.scalars import check_int, check_real
from fastl1.problem.vectors import check_vector
from fastl1.select.cv import cross_validate_path

GAMMAS = (0.0, 0.25, 0.5, 0.75, 1.0)


@public
@dataclass(repr=False)
class RelaxedResult:
    """A path and the unpenalized fits on its supports.

    Attributes
    ----------
    penalized : PathResult
        The path.
    refit : PathResult
        Model k is the minimizer of the loss alone over the columns of model k of the
        path.  Its ``dual_gaps`` are relative gradient norms, as at alpha = 0.
        ``info["n_refits"]`` counts the different supports.
    gammas : ndarray (G,)
    """

    penalized: PathResult
    refit: PathResult
    gammas: np.ndarray

    def __repr__(self) -> str:
        return (
            f"<RelaxedResult: {self.refit.loss}, {len(self.refit)} alphas, "
            f"{len(self.gammas)} gammas, {self.refit.info['n_refits']} refits>"
        )

    def path(self, gamma: float) -> PathResult:
        """The models gamma w + (1 - gamma) w_refit.

        Parameters
        ----------
        gamma : float in [0, 1]
            1 is the penalized path, 0 the refit.

        Returns
        -------
        PathResult
            Between 0 and 1 a blend minimizes nothing; its ``dual_gaps`` are the worse
            of the two models it is made of.
        """
        gamma = check_real("gamma", gamma, 0.0, 1.0)
        one, other = self.penalized, self.refit
        if gamma in (0.0, 1.0):
            return one if gamma else other
        coefs = (gamma * one.coefs + (1 - gamma) * other.coefs).tocsc()
        return replace(
            one,
            coefs=coefs.astype(one.coefs.dtype, copy=False),
            intercepts=gamma * one.intercepts + (1 - gamma) * other.intercepts,
            dual_gaps=np.maximum(one.dual_gaps, other.dual_gaps),
            converged=one.converged & other.converged,
            info={**one.info, "gamma": gamma},
            _problem=None,
        )

    @property
    def paths(self) -> list[PathResult]:
        """`path` of each of `gammas`."""
        return [self.path(gamma) for gamma in self.gammas.tolist()]


@public
@spelled_out(default=OF_THE_FIT)
def relaxed_path(
    result: PathResult,
    X: Any,
    y: ArrayLike,
    gamma: float | ArrayLike = GAMMAS,
    *,
    tol: float | None = None,
    max_iter: int | None = None,
    callback: Callback | None = None,
    **keywords: Unpack[FitKeywords],
) -> RelaxedResult:
    """The relaxed lasso: each model of a path, and the fit without penalty on its
    support.

    Model k of the path has the support A_k and the coefficients w_k; the refit is::

        v_k = argmin  sum_i s_i loss(y_i, x_i.v + b + offset_i)
              subject to  v_j = 0 outside of A_k,  lower <= v <= upper

    with any signs, and the relaxed models are gamma w_k + (1 - gamma) v_k, as in
    glmnet [2]_; Meinshausen's relaxed lasso [1]_ has a smaller penalty on A_k in place
    of the blend.  A support that repeats is fitted once, others start from the refit
    before them.  Where the columns of a support are dependent one
    of the minimizers is returned; separable classes have none, and the refit ends where
    the gradient is within the tolerance.

    The problem of the fit (`sample_weight`, `offset`, bounds, ...) is known while the
    result has its data; for a result that was unpickled, what is not at the default of
    `path` has to be given again.

    Parameters
    ----------
    result : PathResult
    X, y
        What the path was fitted on.
    gamma : float or array-like of float in [0, 1]
        Blends to list in `RelaxedResult.paths`; `RelaxedResult.path` gives any other at
        no cost.
    tol : float, optional
        Relative gradient norm of the refits; by default the `tol` of the path.
    max_iter : int, optional
        By default that of the path.
    callback : callable, optional
        ``callback(k, info)`` after each alpha, with a dict of "alpha", "n_nonzero",
        "refit" (whether its support was new), "gap", "n_alphas" and "seconds"; a true
        return value stops with what is done.
    **keywords
        What defined the problem of the fit.

    Returns
    -------
    RelaxedResult

    Raises
    ------
    ValueError, TypeError
        On bad input, and for the multinomial loss.
    FitInterrupted
        On Ctrl-C; its `result` is the RelaxedResult of the alphas that were done.

    Warns
    -----
    ConvergenceWarning
        Some refit is above `tol`.

    References
    ----------
    .. [1] Meinshausen, N. (2007). Relaxed lasso. Computational Statistics & Data
       Analysis, 52(1), 374-393.
    .. [2] Hastie, T., Tibshirani, R., & Tibshirani, R. (2020). Best subset, forward
       stepwise or lasso? Statistical Science, 35(4), 579-592.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 5] + 0.1 * rng.standard_normal(100)
    >>> result = fastl1.path(X, y, n_alphas=10)
    >>> relaxed = fastl1.relaxed_path(result, X, y).path(0.0)
    >>> relaxed.coefs[:, [3]].toarray()[[0, 5], 0].round(1).tolist()
    [3.0, -2.0]
    """
    gammas = np.array([check_real("gamma", g, 0.0, 1.0) for g in np.atleast_1d(gamma)])
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    problem = problem_of(relaxed_path, result, X, y, keywords)
    need_columns(
        "relaxed_path",
        problem.penalty,
        "fit the columns of its support by path with alphas=[0]",
    )
    _refuse_classes("relaxed_path", problem)
    refits = _Refits(problem, result, tol, max_iter)
    interrupted = False
    try:
        for k in range(len(result)):
            if refits.add(k, callback):
                break
    except KeyboardInterrupt:
        interrupted = True
    found = RelaxedResult(_head(result, len(refits)), refits.result(), gammas)
    if interrupted:
        raise FitInterrupted(
            f"interrupted after {len(refits)} of {len(result)} alphas", found
        )
    warn_unconverged(found.refit, stacklevel=2)
    return found


def _refuse_classes(function: str, problem: Problem) -> None:
    if problem.n_outputs > 1:
        raise ValueError(
            f"{function} works feature by feature, but loss={problem.loss!r} has a "
            "coefficient for each class; fit one class against the others instead, "
            "with loss='logistic'"
        )


class _Refits:
    """Unpenalized fits on the supports of a path, one after another."""

    def __init__(
        self,
        problem: Problem,
        path: PathResult,
        tol: float | None,
        max_iter: int | None,
    ) -> None:
        self.problem, self.path = problem, path
        self.tol = path.info["tol"] if tol is None else check_real("tol", tol, 0.0)
        self.max_iter = path.info["max_iter"]
        if max_iter is not None:
            self.max_iter = check_int("max_iter", max_iter, 1)
        factor = problem.penalty_factor
        self.free = np.flatnonzero(factor == 0) if factor is not None else None
        self.parts: list[tuple[np.ndarray, PathResult]] = []
        self.known: dict[bytes, PathResult] = {}
        self.start = time.perf_counter()

    def __len__(self) -> int:
        return len(self.parts)

    def add(self, k: int, callback: Callback | None) -> Any:
        """Refit model k, or take the refit of an earlier one with the same support."""
        indptr = self.path.coefs.indptr
        support = self.path.coefs.indices[indptr[k] : indptr[k + 1]]
        if self.free is not None:
            support = np.union1d(support, self.free)
        key = support.astype(np.int64).tobytes()
        fresh = key not in self.known
        if fresh:
            self.known[key] = self._fit(support)
        fit = self.known[key]
        self.parts.append((support, fit))
        if callback is None:
            return False
        info = {
            "alpha": float(self.path.alphas[k]),
            "n_alphas": len(self.path),
            "n_nonzero": len(support),
            "refit": fresh,
            "gap": float(fit.dual_gaps[0]),
            "seconds": time.perf_counter() - self.start,
        }
        return callback(k, info)

    def _fit(self, support: np.ndarray) -> PathResult:
        """The path of one model, at alpha = 0, on the columns of `support`."""
        problem = self.problem
        columns = support if len(support) else np.zeros(1, dtype=np.intp)
        bounds = {
            name: None if (bound := getattr(problem, name)) is None else bound[columns]
            for name in ("lower", "upper")
        }
        if not len(support):  # the intercept alone: a column that stays at 0
            bounds = {"lower": np.zeros(1), "upper": np.zeros(1)}
        start, intercept = None, None
        if self.parts:
            before, fit = self.parts[-1]
            full = np.zeros(problem.shape[1])
            full[before] = fit.coefs.toarray()[: len(before), 0]
            start, intercept = full[columns], float(fit.intercepts[0])
        part = _take_columns(problem.X, columns)
        fit = solve_path(
            replace(problem, X=part, penalty_factor=None, l1_ratio=1.0, **bounds),
            alphas=[0.0],
            tol=self.tol,
            max_iter=self.max_iter,
            coef_init=start,
            intercept_init=intercept,
        )
        fit._problem = None  # the columns are a copy
        return fit

    def result(self) -> PathResult:
        """The refits as a path along the same alphas."""
        import scipy.sparse as sp

        path, fits = self.path, [fit for _, fit in self.parts]
        indices = [support[f.coefs.indices] for support, f in self.parts]
        coefs = sp.csc_array(
            (
                np.concatenate(
                    [np.empty(0, path.coefs.dtype), *(f.coefs.data for f in fits)]
                ),
                np.concatenate([np.empty(0, np.int32), *indices]),
                np.cumsum([0, *(f.coefs.nnz for f in fits)]),
            ),
            shape=(path.coefs.shape[0], len(fits)),
        )
        return replace(
            _head(path, len(fits)),
            coefs=coefs,
            intercepts=np.array([f.intercepts[0] for f in fits]),
            dual_gaps=np.array([f.dual_gaps[0] for f in fits]),
            n_iters=np.array([f.n_iters[0] for f in fits], dtype=np.intp),
            converged=np.array([f.converged[0] for f in fits], dtype=bool),
            info={
                **path.info,
                "tol": self.tol,
                "max_iter": self.max_iter,
                "n_failed": sum(fit.info["n_failed"] for fit in fits),
                "n_refits": len(self.known),
                "gamma": 0.0,
                "seconds": time.perf_counter() - self.start,
            },
            _problem=None,
        )


def _head(path: PathResult, count: int) -> PathResult:
    """The first models of a path."""
    if count == len(path):
        return path
    return replace(
        path,
        alphas=path.alphas[:count],
        coefs=path.coefs[:, :count],
        intercepts=path.intercepts[:count],
        dual_gaps=path.dual_gaps[:count],
        n_iters=path.n_iters[:count],
        converged=path.converged[:count],
    )


def _take_columns(X: np.ndarray | CSC, columns: np.ndarray) -> np.ndarray | CSC:
    """Canonical X of some columns."""
    if isinstance(X, np.ndarray):
        return np.asfortranarray(X[:, columns])
    sizes = np.diff(X.indptr)[columns]
    spans = [slice(X.indptr[j], X.indptr[j + 1]) for j in columns]
    return CSC(
        np.concatenate([X.data[span] for span in spans]),
        np.concatenate([X.indices[span] for span in spans]),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        (X.shape[0], len(columns)),
    )


@public
@spelled_out()
def adaptive_path(
    X: Any,
    y: ArrayLike,
    *,
    initial: Literal["ridge", "lasso"] | ArrayLike = "ridge",
    exponent: float = 1.0,
    cv: Any = 5,
    callback: Callback | None = None,
    **keywords: Unpack[PathKeywords],
) -> PathResult:
    """The adaptive lasso: a path whose penalties are the smaller, the larger the
    coefficients of a first fit.

    ``penalty_factor`` of column j is multiplied by::

        1 / |w_j|^exponent                                                      [1]_

    with the first coefficients w, of columns divided by their standard deviation when
    ``standardize=True``; a column whose coefficient is 0 is excluded.

    Parameters
    ----------
    X, y
        As in `path`.
    initial : {"ridge", "lasso"} or array-like of shape (p,)
        The first fit: ridge or lasso on standardized columns, its alpha chosen by
        cross-validation, or its coefficients on the original scale.
    exponent : float > 0
    cv : int, splitter or iterable
        Folds of the first fit, as in `cross_validate_path`.
    callback : callable, optional
        As in `path`, for the second fit.
    **keywords
        What defines the problem, the same in both fits; and the grid and the solver of
        the second one.

    Returns
    -------
    PathResult
        ``info["penalty_factor"]`` (p,) has the factors, ``info["initial_alpha"]`` the
        alpha of the first fit (None for an array).

    Raises
    ------
    ValueError, TypeError
        On bad input, when all first coefficients are 0, and for the multinomial loss.
    FitInterrupted
        On Ctrl-C; its `result` is a PathResult of the alphas that were done, None
        during the first fit.

    Warns
    -----
    ConvergenceWarning
        As in `path`.

    References
    ----------
    .. [1] Zou, H. (2006). The adaptive lasso and its oracle properties. Journal of the
       American Statistical Association, 101(476), 1418-1429.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 5] + rng.standard_normal(100)
    >>> result = fastl1.adaptive_path(X, y, n_alphas=20)
    >>> np.flatnonzero(result.coefs[:, [9]].toarray()[:, 0]).tolist()
    [0, 5]
    """
    given, grid, solver = split_keywords(adaptive_path, keywords)
    exponent = check_real("exponent", exponent, 0.0, open_low=True)
    problem = check_problem(X, y, **given)
    need_columns(
        "adaptive_path", problem.penalty, "give GroupL1 weights that a first fit tells"
    )
    _refuse_classes("adaptive_path", problem)
    if isinstance(initial, str):
        if initial not in ("ridge", "lasso"):
            raise ValueError(
                f"initial must be ridge, lasso or coefficients; got {initial!r}"
            )
        try:
            first, alpha = _first_fit(X, y, problem, initial, cv, given)
        except FitInterrupted as error:
            raise FitInterrupted(str(error)) from None
    else:
        first = check_vector("initial", initial, problem.shape[1], of="column")
        alpha = None
    factor = _adaptive_factor(problem, first, exponent)
    result = solve_path(
        replace(problem, penalty_factor=factor), callback=callback, **grid, **solver
    )
    result.info |= {"penalty_factor": factor, "initial_alpha": alpha}
    warn_unconverged(result, stacklevel=2)
    return result


RIDGE_ALPHAS = 20


def _first_fit(
    X: Any,
    y: ArrayLike,
    problem: Problem,
    initial: str,
    cv: Any,
    given: dict[str, Any],
) -> tuple[np.ndarray, float]:
    """Coefficients of ridge or lasso at the cross-validated alpha."""
    n, p = problem.shape
    ratio, alphas = 1.0, None
    if initial == "ridge":
        # on standardized columns the eigenvalues are at most p, and p / n on average
        ratio = 0.0
        alphas = max(1.0, p / n) * np.geomspace(1e2, 1e-4, RIDGE_ALPHAS)
    args = {**given, "standardize": True}
    del args["l1_ratio"]
    choice = cross_validate_path(
        X, y, cv=cv, l1_ratios=(ratio,), alphas=alphas, tol=1e-4, **args
    )
    grid = choice.alphas[0][: choice.best.index + 1]
    fit = solve_path(
        replace(problem, l1_ratio=ratio, standardize=True), alphas=grid, tol=1e-6
    )
    return fit.coefs[:, [-1]].toarray()[:, 0].astype(np.float64), choice.best.alpha


def _adaptive_factor(
    problem: Problem, first: np.ndarray, exponent: float
) -> np.ndarray:
    size = np.abs(first)
    if problem.standardize:
        size = size * _deviations(problem)
    if not size.any():
        raise ValueError(
            "the first coefficients are all 0, so every column would be excluded"
        )
    with np.errstate(divide="ignore", over="ignore"):
        factor = size**-exponent
    if problem.penalty_factor is not None:
        free = problem.penalty_factor == 0
        factor = np.where(free, 0.0, factor)
        factor[~free] *= problem.penalty_factor[~free]
    return factor


def _deviations(problem: Problem) -> np.ndarray:
    """Weighted population standard deviation of every column."""
    X, weight = problem.X, problem.sample_weight
    n = problem.shape[0]
    share = np.full(n, 1 / n) if weight is None else weight / weight.sum()
    if isinstance(X, np.ndarray):
        mean = share @ X
        return np.sqrt(
            [share @ (X[:, j] - mean[j]) ** 2 for j in range(problem.shape[1])]
        )
    from scipy.sparse import csc_array

    whole = csc_array((X.data, X.indices, X.indptr), shape=X.shape)
    mean = share @ whole
    outside = 1.0 - share @ csc_array(
        (np.ones_like(X.data, dtype=np.float64), X.indices, X.indptr), shape=X.shape
    )
    column = np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))
    inside = np.bincount(
        column,
        share[X.indices] * (X.data - mean[column]) ** 2,
        minlength=X.shape[1],
    )
    return np.sqrt(inside + np.maximum(outside, 0.0) * mean**2)
