"""Solution paths: the functional API over the compiled solver.

`path` validates (check_problem), runs `solve_path` and warns about what did not
converge; callers that have validated already, such as cross-validation and the
estimators, use `solve_path` and `warn_unconverged` themselves.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import FitInterrupted
from fastl1.kernels.design._moments import Moments
from fastl1.loss.losses import Loss, Multinomial
from fastl1.problem.problem import Problem, check_problem
from fastl1.problem.scalars import check_flag, check_int, check_real
from fastl1.problem.vectors import check_vector

if TYPE_CHECKING:
    pass
from fastl1.fit.collect import Collector
from fastl1.fit.grid import check_alphas, default_grid
from fastl1.fit.result import PathResult, warn_unconverged
from fastl1.fit.solver import make_solver, zero_alpha
from fastl1.fit.status import MAX_ITER, NOT_SOLVED, Callback


def _check_start(coef_init: ArrayLike, problem: Problem) -> np.ndarray:
    """Initial coefficients within the bounds, one class after another."""
    p, n_outputs = problem.shape[1], problem.n_outputs
    if problem.family.name == Multinomial.name:
        coef_init = np.asarray(coef_init)
        if coef_init.shape != (p, n_outputs):
            raise ValueError(
                f"coef_init has shape {coef_init.shape}; {p} columns and {n_outputs} "
                f"classes make ({p}, {n_outputs})"
            )
        coef_init = coef_init.ravel(order="F")
    start = check_vector("coef_init", coef_init, p * n_outputs, of="column")
    if problem.lower is not None:
        start = np.maximum(start, np.tile(problem.lower, n_outputs))
    if problem.upper is not None:
        start = np.minimum(start, np.tile(problem.upper, n_outputs))
    return start


def _check_intercept(intercept_init: Any, problem: Problem) -> Any:
    if problem.family.name == Multinomial.name:
        n_outputs = problem.n_outputs
        return check_vector("intercept_init", intercept_init, n_outputs, of="position")
    return check_real("intercept_init", intercept_init)


def solve_path(
    problem: Problem,
    *,
    alphas: ArrayLike | None = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
    tol: float = 1e-6,
    max_iter: int = MAX_ITER,
    max_features: int | None = None,
    coef_init: ArrayLike | None = None,
    intercept_init: Any = None,
    callback: Callback | None = None,
    moments: Moments | None = None,
) -> PathResult:
    """`path` on a problem that has been validated; does not warn.

    Parameters
    ----------
    problem : Problem
        From `check_problem`.
    intercept_init : float, or array-like of shape (classes,), optional
        Goes with `coef_init`; by default that of the null model.
    moments : Moments, optional
        Of the rows of the problem, if they are known.
    alphas, n_alphas, alpha_min_ratio, tol, max_iter, max_features, coef_init, callback
        As in `path`.

    Returns
    -------
    PathResult

    Raises
    ------
    FitInterrupted
        Ctrl-C; `result` holds the alphas that were done.
    """
    tol = check_real("tol", tol, 0.0)
    max_iter = min(check_int("max_iter", max_iter, 1), np.iinfo(np.int32).max)
    if max_features is not None:
        max_features = check_int("max_features", max_features, 0)
    grid = None if alphas is None else check_alphas(alphas)
    if grid is None and problem.l1_ratio == 0:
        default_grid(problem, np.nan)
    if coef_init is not None:
        coef_init = _check_start(coef_init, problem)
    if intercept_init is not None:
        intercept_init = _check_intercept(intercept_init, problem)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")

    done = None
    try:
        solver = make_solver(problem, moments)
        done = Collector(problem, solver, tol, max_iter)
        if grid is None:
            grid = default_grid(
                problem, zero_alpha(solver, problem.loss), n_alphas, alpha_min_ratio
            )
        if coef_init is not None:
            start: Any = solver.intercept if intercept_init is None else intercept_init
            solver.set_coef(coef_init, start)
        if len(grid) > 1 and max_features is None and problem.n_outputs == 1:
            solver.expect(float(grid[-1]))
        return done.result(_run(done, grid, max_features, callback))
    except KeyboardInterrupt:
        result = None if done is None else done.result("interrupted")
    raise FitInterrupted(
        f"the fit was interrupted after {len(result) if result else 0} of "
        f"{n_alphas if grid is None else len(grid)} alphas",
        result,
    )


def _run(
    done: Collector,
    grid: np.ndarray,
    max_features: int | None,
    callback: Callback | None,
) -> str:
    """Solve along the grid; why it stopped."""
    solver = done.solver
    # room for the cast
    inner = done.tol * (0.9 if done.problem.dtype == np.float32 else 1.0)
    for k, alpha in enumerate(grid.tolist()):
        status = solver.solve(alpha, inner, done.max_iter)
        if status == NOT_SOLVED:
            raise KeyboardInterrupt
        done.add(alpha, status)
        n_nonzero = done.n_nonzero()
        if callback is not None and callback(
            k,
            {
                "alpha": alpha,
                "n_alphas": len(grid),
                "gap": solver.gap,
                "n_iter": solver.n_iter,
                "n_nonzero": n_nonzero,
                "converged": solver.gap <= done.tol,
                "intercept": done.intercepts[-1],
                "seconds": time.perf_counter() - done.start,
            },
        ):
            return "callback"
        if max_features is not None and n_nonzero > max_features:
            return "max_features"
    return "end"


@public
def path(
    X: Any,
    y: ArrayLike,
    *,
    loss: str | Loss = "squared",
    alphas: ArrayLike | None = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    strata: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int = MAX_ITER,
    max_features: int | None = None,
    n_threads: int | None = None,
    coef_init: ArrayLike | None = None,
    intercept_init: ArrayLike | None = None,
    callback: Callback | None = None,
    check_input: bool = True,
) -> PathResult:
    """Certified sparse linear models along a grid of penalties.

    Minimizes over w and b, for every alpha of a decreasing grid::

        (1/sum(s)) sum_i s_i loss(y_i, x_i.w + b + offset_i)
            + alpha sum_j pf_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2)
        subject to lower_j <= w_j <= upper_j

    and proves each result by a duality gap.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, pandas or polars frame of shape (n, p)
        float32 and float64 in Fortran order are used in place, read-only memory maps
        included, and so is sorted CSC with int32 indices.  C order, integers and
        booleans are copied once; CSR and other sparse formats are converted to CSC.
        float32 stays float32, with all sums in float64.
    y : array-like of shape (n,)
        Numbers in the range of the loss, or any two labels (multinomial: any number).
    loss : str or Loss
        Half the unit deviance, of eta = x.w + b + offset: "squared", "huber" and
        "quantile" of real y; "poisson", "gamma" and "tweedie" of y >= 0 with mean
        exp(eta) (an exposure e is ``offset=log(e)``); "logistic", "probit", "cloglog"
        and "squared_hinge" of two labels; "multinomial" of any number, with a linear
        predictor each and a penalty on every coefficient; "cox" of times to an event, y
        being a structured array (event, time[, entry]) or such columns.  Parameters go
        with an object, such as ``loss=fastl1.Tweedie(1.5)``, ``Cox("efron")``,
        ``Huber(delta)`` or ``Quantile(q)``, whose docstrings define them.
    alphas : array-like of shape (K,), optional
        Decreasing penalties >= 0; 0 is allowed as the last one.  By default `n_alphas`
        values, evenly spaced in the logarithm, from the least alpha at which every
        penalized coefficient is 0 down to `alpha_min_ratio` times that.
    n_alphas : int
    alpha_min_ratio : float in (0, 1), optional
        By default 1e-4 if n > p, else 1e-2.
    l1_ratio : float in [0, 1]
        1 is the lasso; 0 is ridge, which needs explicit `alphas`.
    penalty_factor : scalar or array-like of shape (p,), optional
        Used as given: 1 by default, 0 never penalizes, inf excludes the column.
    lower, upper : scalar or array-like of shape (p,), optional
        lower <= 0 <= upper, on the original scale of the coefficients.
    fit_intercept : bool
        Whether to fit b, which is not penalized.
    standardize : bool
        Penalize the coefficients of the columns divided by their standard deviation
        (weighted, population).  Coefficients are returned on the original scale;
        constant columns get 0.  Sparse X is not made dense.
    sample_weight : array-like of shape (n,), optional
        >= 0; 0 acts as if the row were absent.
    class_weight : dict or "balanced", optional
        For losses of labels: factors on the weights of the rows, by label (1 where
        none is given), or in inverse proportion to the number of rows of each.
    strata : array-like of shape (n,), optional
        For the Cox loss: rows compare with rows of the same label only.
    offset : array-like of shape (n,), optional
        A known part of the linear predictor; (n, classes) for the multinomial loss.
    tol : float
        Relative duality gap at which a model counts as solved.
    max_iter : int
        Outer iterations for each alpha.
    max_features : int, optional
        Stop once more features than this have a nonzero coefficient.  The model that
        went over the limit is the last one kept, as in glmnet's ``dfmax``.
    n_threads : int, optional
        By default as many as there are physical cores.  The result has the same bits
        for any number.
    coef_init : array-like of shape (p,), or (p, classes) (multinomial), optional
        Where to start at the first alpha; see also `warm_start_from`.
    intercept_init : float, or array-like of shape (classes,), optional
        Goes with `coef_init`; by default that of the null model.
    callback : callable, optional
        ``callback(k, info)`` after each alpha, with a dict of its alpha, gap, n_iter,
        n_nonzero, converged, intercept, seconds, and n_alphas; a true return value
        stops the path with what is done.
    check_input : bool
        False skips the passes over the values: only for data known to be finite, sparse
        X in sorted CSC form without duplicates, labels in {0.0, 1.0}.

    Returns
    -------
    PathResult

    Raises
    ------
    ValueError, TypeError
        On bad input; the message names the offending row and column.
    FitInterrupted
        On Ctrl-C; its `result` holds the alphas that were done.

    Warns
    -----
    ConvergenceWarning
        Some gap is above `tol` after `max_iter` iterations.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 5] + 0.1 * rng.standard_normal(100)
    >>> result = fastl1.path(X, y, n_alphas=10)
    >>> np.flatnonzero(result.coef_at(result.alphas[4])[0]).tolist()
    [0, 5]
    """
    problem = check_problem(
        X,
        y,
        loss=loss,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        sample_weight=sample_weight,
        class_weight=class_weight,
        strata=strata,
        offset=offset,
        n_threads=n_threads,
        check_input=check_flag("check_input", check_input),
        defer_values=True,
    )
    result = solve_path(
        problem,
        alphas=alphas,
        n_alphas=n_alphas,
        alpha_min_ratio=alpha_min_ratio,
        tol=tol,
        max_iter=max_iter,
        max_features=max_features,
        coef_init=coef_init,
        intercept_init=intercept_init,
        callback=callback,
    )
    warn_unconverged(result, stacklevel=2)
    return result


@public
def alpha_max(
    X: Any,
    y: ArrayLike,
    *,
    loss: str | Loss = "squared",
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    n_threads: int | None = None,
    check_input: bool = True,
) -> float:
    """The least alpha at which every penalized coefficient is 0.

    Exact for every option: it is taken after the intercept and the unpenalized columns
    have been fitted, and it counts only the directions that the bounds leave open.

    Parameters
    ----------
    X, y, loss, l1_ratio, penalty_factor, lower, upper, fit_intercept, standardize, \
sample_weight, strata, offset, n_threads, check_input
        As in `path`.

    Returns
    -------
    float
        0 for a constant y and when nothing is penalized.

    Raises
    ------
    ValueError, TypeError
        On bad input, and where there is no such alpha: for l1_ratio = 0, and where
        the unpenalized columns separate the labels (or the rows with y = 0), or put
        events in their order.
    """
    if l1_ratio == 0:
        raise ValueError("l1_ratio=0 (ridge): no alpha makes all coefficients 0")
    problem = check_problem(
        X,
        y,
        loss=loss,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        sample_weight=sample_weight,
        strata=strata,
        offset=offset,
        n_threads=n_threads,
        check_input=check_input,
        defer_values=True,
    )
    return zero_alpha(make_solver(problem), problem.loss)
