"""`fit_ragged`: small problems stacked in rows, each solved by one thread."""

import time
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import FitInterrupted
from fastl1.fit.each import goes_alone
from fastl1.fit.fits import (
    Fits,
    check_penalties,
    check_run,
    common_problem,
    progress_of,
    run_info,
    warn_unfinished,
)
from fastl1.fit.keywords import RaggedKeywords, spelled_out, split_keywords
from fastl1.fit.status import FAILED, NOT_SOLVED, OUTSIDE_DOMAIN, Callback
from fastl1.kernels.many._ragged import Stack
from fastl1.loss.losses import Loss, as_loss
from fastl1.penalty.penalties import need_columns
from fastl1.problem.matrix import check_stack
from fastl1.problem.scalars import check_flag
from fastl1.problem.target import check_stack_target
from fastl1.problem.vectors import check_vector


@public
class FitRaggedResult(Fits):
    """Models of many small problems.

    Attributes
    ----------
    coefs : ndarray (problems, p)
        Coefficients on the original scale; float32 when X was float32.  0 for problems
        that could not be solved.
    intercepts, alphas, alpha_max, dual_gaps : ndarray (problems,)
        As in `FitManyResult`; inf gaps, and nan alphas where alpha_ratio was given, for
        problems that could not be solved.
    n_iters : ndarray (problems,), int
        Outer iterations; Newton steps for those solved on a Gram matrix of all columns.
    status : ndarray (problems,), int8
        0 converged; 1 the gap is above `tol`; 2 not solved, the fit was stopped before;
        3 a numerical failure; 4 NaN, infinity or a value beyond 1e140 in X, y,
        sample_weight or offset; 5 no rows of positive weight; 6 one class only; 7
        values of y that the loss is not defined for.
    classes : ndarray (2,) or None
    loss : str
    feature_names : list of str or None
    info : dict
        ``stopped``, ``seconds``, ``tol``, ``max_iter``, ``n_threads``, ``isa``, and
        ``n_small``, how many problems were solved on a Gram matrix of all columns.
    """

    _problems = "problems"
    _feature_axis = 1


def _start_rows(
    coef_init: Any, count: int, p: int
) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Coefficients (count, p) to start from, and intercepts or None."""
    if coef_init is None:
        return None
    intercepts = None
    if isinstance(coef_init, FitRaggedResult):
        intercepts = np.ascontiguousarray(coef_init.intercepts, dtype=np.float64)
        coef_init = coef_init.coefs
    coefs = np.ascontiguousarray(coef_init, dtype=np.float64)
    if coefs.shape != (count, p):
        raise ValueError(
            f"coef_init has shape {coefs.shape}, problems and features make "
            f"{(count, p)}"
        )
    if not np.isfinite(coefs).all():
        raise ValueError("coef_init must be finite")
    return coefs, intercepts


def _check_boundaries(indptr: ArrayLike, rows: int) -> np.ndarray:
    """Where problems begin, (count + 1,) int64."""
    values = np.asarray(indptr)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"indptr must be a vector of problems + 1 numbers, got shape {values.shape}"
        )
    if values.dtype.kind not in "iu":
        raise TypeError(f"indptr must hold integers, got dtype {values.dtype}")
    values = np.ascontiguousarray(values, dtype=np.int64)
    if values[0] != 0 or values[-1] != rows:
        raise ValueError(
            f"indptr must go from 0 to the number of rows, {rows}; "
            f"it goes from {values[0]} to {values[-1]}"
        )
    falls = np.diff(values) < 0
    if falls.any():
        b = int(falls.argmax())
        raise ValueError(f"indptr falls from {values[b]} to {values[b + 1]} at {b + 1}")
    return values


def _outside_domain(
    family: Loss, y: np.ndarray, indptr: np.ndarray, status: np.ndarray
) -> None:
    """Mark problems whose y the loss is not defined for; one by one only if need be."""
    finite = np.where(np.isfinite(y), y, 1.0)
    try:
        family.check_values(finite)
        return
    except ValueError:
        pass
    for b in range(len(status)):
        try:
            family.check_values(finite[indptr[b] : indptr[b + 1]])
        except ValueError:
            status[b] = OUTSIDE_DOMAIN


@public
@spelled_out()
def fit_ragged(
    X: Any,
    y: ArrayLike,
    indptr: ArrayLike,
    *,
    alpha: ArrayLike | None = None,
    alpha_ratio: ArrayLike | None = None,
    coef_init: "ArrayLike | FitRaggedResult | None" = None,
    callback: Callback | None = None,
    **keywords: Unpack[RaggedKeywords],
) -> FitRaggedResult:
    """Certified sparse models of very many small problems, stacked by rows.

    Problem b is that of `path` at one alpha on the rows ``indptr[b]`` to
    ``indptr[b + 1]`` of X and y: a model per customer, sensor, gene or shop.  What is
    wrong with one problem (NaN, no rows, one class only) goes into its status, and the
    others are solved.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, pandas or polars frame of shape (rows, p)
        float32 and float64 in C order are used in place; other orders and dtypes are
        converted once, sparse formats to CSR.  Sparse problems are made dense one at a
        time.
    y : array-like of shape (rows,)
    indptr : array-like of shape (problems + 1,), int
        Where each problem begins, as in CSR: from 0 to the number of rows.
    alpha : float or array-like of shape (problems,)
        The penalty, of all problems or of each.
    alpha_ratio : float or array-like of shape (problems,)
        Instead of `alpha`: the penalty as a fraction of each problem's own alpha_max.
    sample_weight, offset : array-like of shape (rows,), optional
    coef_init : FitRaggedResult or array-like of shape (problems, p), optional
        Where to start.
    callback : callable, optional
        ``callback(n_done, info)`` now and then, with a dict of n_problems,
        n_unconverged, worst_gap (so far) and seconds; a true return value stops with
        what is done.
    check_input : bool
        False skips the search for values of y that the loss is not defined for.
    **keywords
        What defines the problems and the solver, the same for all problems.

    Returns
    -------
    FitRaggedResult

    Raises
    ------
    ValueError, TypeError
        On arguments of a wrong shape or type.
    FitInterrupted
        On Ctrl-C; its `result` holds the problems that were done.

    Warns
    -----
    ConvergenceWarning
        Some gap is above `tol` after `max_iter` iterations.  Problems that could not be
        solved do not warn: see `status`.

    Notes
    -----
    Memory: each thread has a desk for the largest problem, of about n (p + 20) + 2 p^2
    numbers of 8 bytes; X, y and the coefficients come on top.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((300, 5))
    >>> y = X[:, 0] + 0.1 * rng.standard_normal(300)
    >>> result = fastl1.fit_ragged(X, y, [0, 100, 200, 300], alpha_ratio=0.5)
    >>> (result.coefs != 0).sum(axis=0).tolist()
    [3, 0, 0, 0, 0]
    """
    start = time.perf_counter()
    given, _, run = split_keywords(fit_ragged, keywords)
    tol, max_iter = check_run(**run, callback=callback)
    family = as_loss(given.pop("loss"))
    if given["penalty"] is not None:
        need_columns(
            "fit_ragged", given["penalty"], "call fastl1.path for each problem"
        )
    if goes_alone(family):
        raise ValueError(
            "fit_ragged takes losses of one linear predictor and independent rows, not "
            f"loss={family.name!r}; call fastl1.path for each problem"
        )
    stack, feature_names = check_stack(X)
    rows, p = stack.shape if isinstance(stack, np.ndarray) else stack[-1]
    boundaries = _check_boundaries(indptr, rows)
    count = len(boundaries) - 1
    target, classes = check_stack_target(y, rows, family)
    check_input = check_flag("check_input", given.pop("check_input"))
    own = {name: given.pop(name) for name in ("sample_weight", "offset")}
    problem = common_problem(np.zeros((1, p), order="F"), feature_names, **given)
    penalties, relative = check_penalties(alpha, alpha_ratio, count, problem.l1_ratio)
    vectors = {
        name: None
        if value is None
        else check_vector(name, value, rows, check_values=False)
        for name, value in own.items()
    }
    status = np.full(count, NOT_SOLVED, dtype=np.int8)
    if check_input:
        _outside_domain(family, target, boundaries, status)
    solver = Stack(
        stack,
        target,
        boundaries,
        penalties,
        relative=relative,
        loss=family.name,
        loss_params=family.params(),
        labels=family.labels,
        l1_ratio=problem.l1_ratio,
        penalty_factor=problem.penalty_factor,
        lower=problem.lower,
        upper=problem.upper,
        fit_intercept=problem.fit_intercept,
        standardize=problem.standardize,
        **vectors,
        tol=tol,
        max_iter=max_iter,
        start=_start_rows(coef_init, count, p),
        status=status,
        n_threads=problem.n_threads,
    )
    try:
        stopped = solver.solve(
            progress_of(callback, status, solver.arrays["dual_gaps"], start)
        )
    except KeyboardInterrupt:
        stopped = "interrupted"
    answers = solver.arrays
    missing = (status == NOT_SOLVED) | (status > FAILED)
    answers["alphas"][missing & relative] = np.nan
    answers["dual_gaps"][missing] = np.inf
    dtype = (stack if isinstance(stack, np.ndarray) else stack[0]).dtype
    result = FitRaggedResult(
        coefs=answers["coefs"].astype(dtype, copy=False),
        intercepts=answers["intercepts"],
        alphas=answers["alphas"],
        alpha_max=answers["alpha_max"],
        dual_gaps=answers["dual_gaps"],
        n_iters=answers["n_iters"],
        status=status,
        classes=classes,
        loss=family.name,
        feature_names=feature_names,
        info=run_info(stopped, start, tol, max_iter, problem.n_threads)
        | {"n_small": solver.n_small},
    )
    if stopped == "interrupted":
        raise FitInterrupted(
            f"the fit was interrupted after {int(np.sum(status != NOT_SOLVED))} of "
            f"{count} problems",
            result,
        )
    warn_unfinished(result, "problems")
    return result
