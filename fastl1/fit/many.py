"""Many fits at the price of few: targets that share X, and problems stacked in rows.

`fit_many` hands its problems to `_batch.Batch`, which advances them together and reads
X once for all (those of two losses go one by one, see `_each`); `fit_ragged` hands its
own to `_ragged.Stack`, which solves each in the cache of one thread.
"""

import time
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import FitInterrupted
from fastl1.fit.each import check_each, goes_alone, joined, solve_each, split_targets
from fastl1.fit.fits import (
    Fits,
    check_penalties,
    check_run,
    common_problem,
    progress_of,
    run_info,
    warn_unfinished,
)
from fastl1.fit.keywords import ManyKeywords, spelled_out, split_keywords
from fastl1.fit.result import PathResult
from fastl1.fit.status import (
    CONVERGED,
    FAILED,
    NOT_SOLVED,
    UNCONVERGED,
    Callback,
)
from fastl1.kernels.many._batch import Batch
from fastl1.loss.losses import Loss, as_loss
from fastl1.penalty.penalties import need_columns
from fastl1.problem.matrix import check_X
from fastl1.problem.problem import Problem
from fastl1.problem.scalars import check_flag
from fastl1.problem.target import (
    check_per_target,
    check_targets,
    class_weights_per_target,
)

# Memory that `fit_many` takes for the problems in work, at most; a single one may take
# more.  Answers and, with few columns, the Gram matrix (128 MB) come on top.
MEMORY = 1 << 29


@public
class FitManyResult(Fits):
    """Models of k targets on one X.

    Attributes
    ----------
    coefs : scipy.sparse.csc_array (p, k)
        Coefficients on the original scale; float32 when X was float32.  For the
        multinomial loss a tuple of such arrays, one per class.
    intercepts : ndarray (k,), float64, or (classes, k) for the multinomial loss
    alphas : ndarray (k,)
        The penalty of each target.
    alpha_max : ndarray (k,)
        The least alpha at which every penalized coefficient of the target is 0; nan for
        l1_ratio = 0 and for targets that were not begun.
    dual_gaps : ndarray (k,)
        Certificate of each model, as in `PathResult`; inf where not solved.
    n_iters : ndarray (k,), int
        Outer iterations.
    status : ndarray (k,), int8
        0 converged; 1 the gap is above `tol`; 2 not solved, the fit was stopped before;
        3 a numerical failure.
    classes : ndarray (2,), or of any length (multinomial), or None
        Labels, for losses that have them.
    loss : str
    feature_names : list of str or None
    info : dict
        Counters of the solver summed over targets, and: ``regime``: "gram" (the Gram
        matrix of all columns was shared), "products" (X was read by matrix products
        with all residuals) or "each" (one by one: cox and multinomial, without
        counters); ``stopped``: "end", "callback" or "interrupted";
        ``seconds``; ``tol``; ``max_iter``; ``n_threads``; ``isa``.
    """

    _problems = "targets"
    _feature_axis = 0


def _start_columns(
    coef_init: Any, problem: Problem, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None] | None:
    """Coefficients to start from as (indptr, indices, values, intercepts or None)."""
    import scipy.sparse as sp

    if coef_init is None:
        return None
    intercepts = None
    if isinstance(coef_init, FitManyResult):
        intercepts = np.ascontiguousarray(coef_init.intercepts, dtype=np.float64)
        coef_init = coef_init.coefs
    if not sp.issparse(coef_init):
        coef_init = np.asarray(coef_init, dtype=np.float64)
    p = problem.shape[1]
    if coef_init.shape != (p, k):
        raise ValueError(
            f"coef_init has shape {coef_init.shape}, features and targets make {(p, k)}"
        )
    coefs = sp.csc_array(coef_init)
    values = coefs.data.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("coef_init must be finite")
    indices = coefs.indices.astype(np.int32)
    if problem.lower is not None:
        np.maximum(values, problem.lower[indices], out=values)
    if problem.upper is not None:
        np.minimum(values, problem.upper[indices], out=values)
    return coefs.indptr.astype(np.int64), indices, values, intercepts


def _many_result(
    batch: Batch, problem: Problem, family: Loss, classes: np.ndarray | None
) -> FitManyResult:
    import scipy.sparse as sp

    indptr, indices, values = batch.result()
    answers = batch.arrays
    shape = (problem.shape[1], len(indptr) - 1)
    coefs = sp.csc_array((values.astype(problem.dtype), indices, indptr), shape=shape)
    coefs.sort_indices()
    return FitManyResult(
        coefs=coefs,
        intercepts=answers["intercepts"][:, 0],
        alphas=answers["alphas"][:, 0],
        alpha_max=answers["alpha_max"],
        dual_gaps=answers["dual_gaps"][:, 0],
        n_iters=answers["n_iters"][:, 0],
        status=answers["status"][:, 0],
        classes=classes,
        loss=family.name,
        feature_names=problem.feature_names,
        info={**batch.counters, "regime": "gram" if batch.shares_gram else "products"},
    )


@public
@spelled_out()
def fit_many(
    X: Any,
    Y: ArrayLike,
    *,
    alpha: ArrayLike | None = None,
    alpha_ratio: ArrayLike | None = None,
    coef_init: "ArrayLike | FitManyResult | None" = None,
    callback: Callback | None = None,
    **keywords: Unpack[ManyKeywords],
) -> FitManyResult:
    """Certified sparse models of many targets on one X.

    The problem of each column of Y is that of `path` at one alpha.  They are solved
    together: X is read once for all of them at a time, by matrix products, or turned
    into one Gram matrix where it has few columns.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, pandas or polars frame of shape (n, p)
        As in `path`.
    Y : array-like of shape (n, k)
        A target a column.  Labels are the same in every column.  For the Cox loss a
        structured array (n, k) of (event, time[, entry]), or numbers (n, k, 2 or 3).
    alpha : float or array-like of shape (k,)
        The penalty, of all targets or of each.
    alpha_ratio : float or array-like of shape (k,)
        Instead of `alpha`: the penalty as a fraction of each target's own alpha_max.
    sample_weight, offset : array-like of shape (n,) or (n, k), optional
        Of all targets, or of each.  With weights of their own the targets share neither
        the statistics of the columns nor a Gram matrix.  The offset of the multinomial
        loss is (n, classes), of all targets.
    class_weight : dict or "balanced", optional
        For losses of labels: factors on the weights of the rows, by label (1 where none
        is given), or in inverse proportion to the number of rows of each, which gives
        each target weights of its own.
    strata : array-like of shape (n,), optional
        For the Cox loss, of all targets.
    coef_init : FitManyResult or array-like of shape (p, k), optional
        Where to start: a previous result, such as yesterday's, or coefficients (not of
        the multinomial loss).
    callback : callable, optional
        ``callback(n_done, info)`` as targets are finished, with a dict of n_problems,
        n_unconverged, worst_gap (so far) and seconds; a true return value stops with
        what is done.
    **keywords
        What defines the problems and the solver, the same for all targets.

    Returns
    -------
    FitManyResult

    Raises
    ------
    ValueError, TypeError
        On bad input; the message names the offending row and column.
    FitInterrupted
        On Ctrl-C; its `result` holds the targets that were done.

    Warns
    -----
    ConvergenceWarning
        Some gap is above `tol` after `max_iter` iterations.

    Notes
    -----
    Memory: up to 64 targets (256 with a shared Gram matrix) are in work at a time, each
    with about 13 n + 14 p numbers of 8 bytes and what its working set takes, as many as
    fit into 512 MB (one always runs).  The Gram matrix of at most 4000 columns, 128 MB,
    comes on top, and so do X, Y and the coefficients.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> Y = X[:, :3] + 0.1 * rng.standard_normal((100, 3))
    >>> result = fastl1.fit_many(X, Y, alpha_ratio=0.5)
    >>> result.coefs.indices.tolist()
    [0, 1, 2]
    """
    start = time.perf_counter()
    given, _, run = split_keywords(fit_many, keywords)
    tol, max_iter = check_run(**run, callback=callback)
    family = as_loss(given.pop("loss"))
    if given["penalty"] is not None:
        need_columns("fit_many", given["penalty"], "call fastl1.path for each problem")
    check_input = check_flag("check_input", given.pop("check_input"))
    if goes_alone(family):
        return _fit_each(
            X,
            Y,
            family,
            start,
            alpha=alpha,
            alpha_ratio=alpha_ratio,
            coef_init=coef_init,
            callback=callback,
            tol=tol,
            max_iter=max_iter,
            check_input=check_input,
            **given,
        )
    own = {name: given.pop(name) for name in ("sample_weight", "offset")}
    class_weight, strata = given.pop("class_weight"), given.pop("strata")
    if strata is not None:
        raise ValueError(f"strata go with loss='cox' only, not {family.name!r}")
    problem = common_problem(*check_X(X, check_input=check_input), **given)
    n = problem.shape[0]
    targets, classes = check_targets(Y, n, family, check_input=check_input)
    k = targets.shape[1]
    penalties, relative = check_penalties(alpha, alpha_ratio, k, problem.l1_ratio)
    weight, offset = (
        check_per_target(name, value, n, k, check_input=check_input)
        for name, value in own.items()
    )
    if class_weight is not None:
        weight = class_weights_per_target(
            class_weight, targets, classes, weight, family
        )
    init = _start_columns(coef_init, problem, k)

    batch, stopped = None, "interrupted"
    try:
        batch = Batch(
            problem.X,
            targets,
            penalties[:, None],
            relative=relative,
            loss=family.name,
            loss_params=family.params(),
            l1_ratio=problem.l1_ratio,
            penalty_factor=problem.penalty_factor,
            lower=problem.lower,
            upper=problem.upper,
            fit_intercept=problem.fit_intercept,
            standardize=problem.standardize,
            sample_weight=weight,
            offset=offset,
            tol=tol,
            max_iter=max_iter,
            start=init,
            n_threads=problem.n_threads,
            memory=MEMORY,
        )
        answers = batch.arrays
        report = progress_of(
            callback, answers["status"][:, 0], answers["dual_gaps"][:, 0], start
        )
        stopped = batch.run(report)
    except KeyboardInterrupt:
        pass
    result = None
    if batch is not None:
        result = _many_result(batch, problem, family, classes)
        result.info |= run_info(stopped, start, tol, max_iter, problem.n_threads)
    if result is None or stopped == "interrupted":
        n_done = 0 if result is None else int(np.sum(result.status != NOT_SOLVED))
        raise FitInterrupted(
            f"the fit was interrupted after {n_done} of {k} targets", result
        )
    warn_unfinished(result, "targets")
    return result


def _fit_each(
    X: Any,
    Y: Any,
    family: Loss,
    start: float,
    *,
    alpha: ArrayLike | None,
    alpha_ratio: ArrayLike | None,
    sample_weight: ArrayLike | None,
    offset: ArrayLike | None,
    coef_init: Any,
    callback: Callback | None,
    tol: float,
    max_iter: int,
    check_input: bool,
    **options: Any,
) -> FitManyResult:
    """`fit_many` of the losses that go one by one."""
    canonical, feature_names = check_X(X, check_input=check_input, check_values=False)
    n = canonical.shape[0]
    targets = split_targets(Y, family, n)
    k = len(targets)
    weight = check_per_target(
        "sample_weight", sample_weight, n, k, check_input=check_input
    )
    problems = check_each(
        canonical,
        targets,
        loss=family,
        sample_weight=weight,
        offset=None if offset is None else np.asarray(offset),
        check_input=check_input,
        **options,
    )
    first = problems[0]
    penalties, relative = check_penalties(alpha, alpha_ratio, k, first.l1_ratio)
    status, gaps = np.full(k, NOT_SOLVED, dtype=np.int8), np.full(k, np.inf)
    report = progress_of(callback, status, gaps, start)
    done = 0

    def tell(j: int, path: PathResult) -> Any:
        nonlocal done
        done += 1
        status[j], gaps[j] = CONVERGED, path.dual_gaps[0]
        if not path.converged[0]:
            status[j] = FAILED if path.info["n_failed"] else UNCONVERGED
        return report is not None and report(done)

    results, interrupted = solve_each(
        problems,
        penalties,
        relative=relative,
        starts=_start_each(coef_init, first, k),
        tell=tell,
        n_threads=first.n_threads,
        tol=tol,
        max_iter=max_iter,
    )
    stopped = "interrupted" if interrupted else "end" if all(results) else "callback"
    result = FitManyResult(
        **joined(results, first, penalties),
        status=status,
        classes=first.classes,
        loss=family.name,
        feature_names=feature_names,
        info={
            "regime": "each",
            **run_info(stopped, start, tol, max_iter, first.n_threads),
        },
    )
    if interrupted:
        raise FitInterrupted(
            f"the fit was interrupted after {done} of {k} targets", result
        )
    warn_unfinished(result, "targets")
    return result


def _start_each(coef_init: Any, problem: Problem, k: int) -> list[Any] | None:
    """Coefficients and intercept (or None) of each target to start from."""
    if coef_init is None:
        return None
    intercepts: Any = [None] * k
    if isinstance(coef_init, FitManyResult):
        several = isinstance(coef_init.coefs, tuple)
        outputs = coef_init.coefs if several else (coef_init.coefs,)
        intercepts = coef_init.intercepts.T
    else:
        outputs = (np.asarray(coef_init, dtype=np.float64),)
    shapes = {part.shape for part in outputs}
    if shapes != {(problem.shape[1], k)} or len(outputs) != problem.n_outputs:
        raise ValueError(
            f"coef_init has {len(outputs)} outputs of shape {outputs[0].shape}; "
            f"features and targets make {problem.n_outputs} of "
            f"{(problem.shape[1], k)}"
        )
    starts = []
    for j in range(k):
        columns = [part[:, [j]] for part in outputs]
        dense = [
            c.toarray() if hasattr(c, "toarray") else np.asarray(c) for c in columns
        ]
        coef = np.hstack(dense).astype(np.float64)
        starts.append((coef if len(outputs) > 1 else coef[:, 0], intercepts[j]))
    return starts
