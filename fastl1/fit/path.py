"""Solution paths: the functional API over the compiled solver.

`path` validates (check_problem), runs `solve_path` and warns about what did not
converge; callers that have validated already, such as cross-validation and the
estimators, use `solve_path` and `warn_unconverged` themselves.
"""

import time
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import FitInterrupted
from fastl1.fit.collect import Collector
from fastl1.fit.grid import check_alphas, default_grid
from fastl1.fit.keywords import (
    PathKeywords,
    ProblemKeywords,
    spelled_out,
    split_keywords,
)
from fastl1.fit.result import PathResult, warn_unconverged
from fastl1.fit.solver import make_solver, zero_alpha
from fastl1.fit.status import MAX_ITER, NOT_SOLVED, Callback
from fastl1.kernels.design._moments import Moments
from fastl1.problem.problem import Problem, check_problem
from fastl1.problem.scalars import check_int, check_real
from fastl1.problem.vectors import check_vector


def _check_start(coef_init: ArrayLike, problem: Problem) -> np.ndarray:
    """Initial coefficients within the bounds, one class after another."""
    p, n_outputs = problem.shape[1], problem.n_outputs
    if problem.family.by_class:
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
    if problem.family.by_class:
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
                problem, zero_alpha(solver, problem.family), n_alphas, alpha_min_ratio
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
@spelled_out()
def path(
    X: Any,
    y: ArrayLike,
    *,
    callback: Callback | None = None,
    **keywords: Unpack[PathKeywords],
) -> PathResult:
    """Certified sparse linear models along a grid of penalties.

    Minimizes over w and b, for every alpha of a decreasing grid::

        (1/sum(s)) sum_i s_i loss(y_i, x_i.w + b + offset_i)
            + alpha sum_j pf_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2)
        subject to lower_j <= w_j <= upper_j

    or with another `penalty` in the second line, and proves each result by a duality
    gap.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, pandas or polars frame of shape (n, p)
        float32 and float64 in Fortran order are used in place, read-only memory maps
        included, and so is sorted CSC with int32 indices.  C order, integers and
        booleans are copied once; CSR and other sparse formats are converted to CSC.
        float32 stays float32, with all sums in float64.
    y : array-like of shape (n,)
        Numbers in the range of the loss, or any two labels (multinomial: any number).
    callback : callable, optional
        ``callback(k, info)`` after each alpha, with a dict of its alpha, gap, n_iter,
        n_nonzero, converged, intercept, seconds, and n_alphas; a true return value
        stops the path with what is done.
    **keywords
        What defines the problem, the grid and the solver.

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
    given, grid, solver = split_keywords(path, keywords)
    problem = check_problem(X, y, **given, defer_values=True)
    result = solve_path(problem, callback=callback, **grid, **solver)
    warn_unconverged(result, stacklevel=2)
    return result


@public
@spelled_out()
def alpha_max(X: Any, y: ArrayLike, **keywords: Unpack[ProblemKeywords]) -> float:
    """The least alpha at which every penalized coefficient is 0.

    Exact for every option: it is taken after the intercept and the unpenalized columns
    have been fitted, and it counts only the directions that the bounds leave open.

    Parameters
    ----------
    X, y
        As in `path`.
    **keywords
        What defines the problem.

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
    given, _, _ = split_keywords(alpha_max, keywords)
    problem = check_problem(X, y, **given, defer_values=True)
    if problem.l1_ratio == 0:
        raise ValueError("l1_ratio=0 (ridge): no alpha makes all coefficients 0")
    return zero_alpha(make_solver(problem), problem.family)
