"""Many fits at the price of few: targets that share X, and problems stacked in rows.

`fit_many` hands its problems to `_batch.Batch`, which advances them together and reads
X once for all (those of two losses go one by one, see `_each`); `fit_ragged` hands its
own to `_ragged.Stack`, which solves each in the cache of one thread.
"""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastl1 import _runtime
from fastl1._public import public
from fastl1.exceptions import ConvergenceWarning, FitInterrupted
from fastl1.fit.each import check_each, goes_alone, joined, solve_each, split_targets
from fastl1.fit.paths import PathResult
from fastl1.kernels.many._batch import Batch
from fastl1.kernels.many._ragged import Stack
from fastl1.loss.losses import Loss, as_loss
from fastl1.problem.validation import (
    Problem,
    check_flag,
    check_int,
    check_per_target,
    check_problem,
    check_real,
    check_stack,
    check_stack_target,
    check_targets,
    check_vector,
    check_X,
    class_weights_per_target,
)

MAX_ITER = 500

# Memory that `fit_many` takes for the problems in work, at most; a single one may take
# more.  Answers and, with few columns, the Gram matrix (128 MB) come on top.
MEMORY = 1 << 29

# What a status means; 4 and above concern problems of `fit_ragged`.
STATUS = {
    0: "converged",
    1: "the gap is above tol, after max_iter iterations or at a standstill",
    2: "not solved: the fit was stopped before",
    3: "a numerical failure",
    4: "NaN, infinity or a value beyond 1e140, or a negative weight",
    5: "no rows of positive weight",
    6: "one class only",
    7: "values of y that the loss is not defined for",
}
CONVERGED, UNCONVERGED, NOT_SOLVED, FAILED = range(4)
OUTSIDE_DOMAIN = 7

Callback = Callable[[int, dict[str, Any]], Any]


@dataclass(repr=False)
class _Fits:
    """What the results of many fits share; the subclasses say what it means."""

    _problems: ClassVar[str]
    _feature_axis: ClassVar[int]  # of coefs

    coefs: Any
    intercepts: np.ndarray
    alphas: np.ndarray
    alpha_max: np.ndarray
    dual_gaps: np.ndarray
    n_iters: np.ndarray
    status: np.ndarray
    classes: np.ndarray | None = None
    loss: str = "squared"
    feature_names: list[str] | None = None
    info: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.alphas)

    def __repr__(self) -> str:
        first = self.coefs[0] if isinstance(self.coefs, tuple) else self.coefs
        p = first.shape[self._feature_axis]
        return (
            f"<{type(self).__name__}: {self.loss}, {len(self)} {self._problems}, {p} "
            f"features, {_outcome(self.status, self.dual_gaps)}>"
        )

    @property
    def converged(self) -> np.ndarray:
        """Whether the gap of each is within `tol`."""
        return self.status == CONVERGED


@public
class FitManyResult(_Fits):
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


@public
class FitRaggedResult(_Fits):
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


def _outcome(status: np.ndarray, gaps: np.ndarray) -> str:
    good = status == CONVERGED
    text = f"{int(good.sum())} converged"
    return text + (f", worst gap of these {gaps[good].max():.1e}" if good.any() else "")


def _check_penalties(
    alpha: ArrayLike | None, alpha_ratio: ArrayLike | None, count: int, l1_ratio: float
) -> tuple[np.ndarray, bool]:
    """(penalties (count,), whether they are fractions of each alpha_max)."""
    if (alpha is None) == (alpha_ratio is None):
        raise ValueError("give exactly one of alpha and alpha_ratio")
    name = "alpha_ratio" if alpha is None else "alpha"
    value: Any = alpha_ratio if alpha is None else alpha
    if alpha is None and l1_ratio == 0:
        raise ValueError(
            "l1_ratio=0 (ridge) has no alpha_max for alpha_ratio to be a fraction of: "
            "pass alpha"
        )
    if np.ndim(value) == 0:
        values = np.full(count, check_real(name, value, 0.0))
    else:
        values = check_vector(name, value, count, of="position")
        if (values < 0).any():
            j = int(np.argmax(values < 0))
            raise ValueError(f"{name}[{j}] is negative: {values[j]}")
    return values, alpha is None


def _check_run(
    tol: float, max_iter: int, callback: Callback | None
) -> tuple[float, int]:
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    limit = int(np.iinfo(np.int32).max)
    return check_real("tol", tol, 0.0), min(check_int("max_iter", max_iter, 1), limit)


def _progress(
    callback: Callback | None, status: np.ndarray, gaps: np.ndarray, start: float
) -> Callable[[int], Any] | None:
    """What the kernels call with the number of problems done."""
    if callback is None:
        return None

    def report(n_done: int) -> Any:
        solved = np.isfinite(gaps)
        return callback(
            n_done,
            {
                "n_problems": len(status),
                "n_unconverged": int(np.sum(solved & (status != CONVERGED))),
                "worst_gap": float(gaps[solved].max()) if solved.any() else np.nan,
                "seconds": time.perf_counter() - start,
            },
        )

    return report


def _run_info(
    stopped: str, start: float, tol: float, max_iter: int, n_threads: int
) -> dict[str, Any]:
    return {
        "stopped": stopped,
        "seconds": time.perf_counter() - start,
        "tol": tol,
        "max_iter": max_iter,
        "n_threads": n_threads,
        "isa": _runtime.isa,
    }


def _warn(result: FitManyResult | FitRaggedResult, what: str) -> None:
    """One `ConvergenceWarning` for models that missed the tolerance."""
    bad = (result.status == UNCONVERGED) | (result.status == FAILED)
    if not bad.any():
        return
    gaps = np.where(bad, np.nan_to_num(result.dual_gaps, nan=np.inf), 0.0)
    worst, info = int(np.argmax(gaps)), result.info
    warnings.warn(
        f"{int(bad.sum())} of {len(bad)} {what} did not reach the relative duality gap "
        f"tol={info['tol']:g}; the worst is {what[:-1]} {worst} with a gap of "
        f"{result.dual_gaps[worst]:.3g} after {int(result.n_iters[worst])} of "
        f"max_iter={info['max_iter']} iterations. See result.status and "
        "result.dual_gaps.",
        ConvergenceWarning,
        stacklevel=3,
    )


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


def _common_problem(X: Any, feature_names: list[str] | None, **options: Any) -> Problem:
    """What the problems share; X has been checked."""
    problem = check_problem(X, np.zeros(X.shape[0]), check_input=False, **options)
    problem.feature_names = feature_names
    return problem


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
def fit_many(
    X: Any,
    Y: ArrayLike,
    *,
    loss: str | Loss = "squared",
    alpha: ArrayLike | None = None,
    alpha_ratio: ArrayLike | None = None,
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
    n_threads: int | None = None,
    coef_init: "ArrayLike | FitManyResult | None" = None,
    callback: Callback | None = None,
    check_input: bool = True,
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
    loss : str or Loss
        As in `path`.
    alpha : float or array-like of shape (k,)
        The penalty, of all targets or of each.
    alpha_ratio : float or array-like of shape (k,)
        Instead of `alpha`: the penalty as a fraction of each target's own alpha_max.
    sample_weight, offset : array-like of shape (n,) or (n, k), optional
        Of all targets, or of each.  With weights of their own the targets share neither
        the statistics of the columns nor a Gram matrix.  The offset of the multinomial
        loss is (n, classes), of all targets.
    class_weight : dict or "balanced", optional
        As in `path`, which gives each target weights of its own.
    strata : array-like of shape (n,), optional
        For the Cox loss, of all targets.
    coef_init : FitManyResult or array-like of shape (p, k), optional
        Where to start: a previous result, such as yesterday's, or coefficients (not of
        the multinomial loss).
    callback : callable, optional
        ``callback(n_done, info)`` as targets are finished, with a dict of n_problems,
        n_unconverged, worst_gap (so far) and seconds; a true return value stops with
        what is done.
    l1_ratio, penalty_factor, lower, upper, fit_intercept, standardize, tol, max_iter, \
n_threads, check_input
        As in `path`, the same for all targets.

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
    tol, max_iter = _check_run(tol, max_iter, callback)
    family = as_loss(loss)
    check_input = check_flag("check_input", check_input)
    options: dict[str, Any] = {
        "l1_ratio": l1_ratio,
        "penalty_factor": penalty_factor,
        "lower": lower,
        "upper": upper,
        "fit_intercept": fit_intercept,
        "standardize": standardize,
        "n_threads": n_threads,
    }
    if goes_alone(family):
        return _fit_each(
            X,
            Y,
            family,
            start,
            alpha=alpha,
            alpha_ratio=alpha_ratio,
            sample_weight=sample_weight,
            offset=offset,
            coef_init=coef_init,
            callback=callback,
            tol=tol,
            max_iter=max_iter,
            class_weight=class_weight,
            strata=strata,
            check_input=check_input,
            **options,
        )
    if strata is not None:
        raise ValueError(f"strata go with loss='cox' only, not {family.name!r}")
    problem = _common_problem(*check_X(X, check_input=check_input), **options)
    n = problem.shape[0]
    targets, classes = check_targets(Y, n, family, check_input=check_input)
    k = targets.shape[1]
    penalties, relative = _check_penalties(alpha, alpha_ratio, k, problem.l1_ratio)
    weight = check_per_target(
        "sample_weight", sample_weight, n, k, check_input=check_input
    )
    if class_weight is not None:
        weight = class_weights_per_target(
            class_weight, targets, classes, weight, family
        )
    offset = check_per_target("offset", offset, n, k, check_input=check_input)
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
        report = _progress(
            callback, answers["status"][:, 0], answers["dual_gaps"][:, 0], start
        )
        stopped = batch.run(report)
    except KeyboardInterrupt:
        pass
    result = None
    if batch is not None:
        result = _many_result(batch, problem, family, classes)
        result.info |= _run_info(stopped, start, tol, max_iter, problem.n_threads)
    if result is None or stopped == "interrupted":
        n_done = 0 if result is None else int(np.sum(result.status != NOT_SOLVED))
        raise FitInterrupted(
            f"the fit was interrupted after {n_done} of {k} targets", result
        )
    _warn(result, "targets")
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
    penalties, relative = _check_penalties(alpha, alpha_ratio, k, first.l1_ratio)
    status, gaps = np.full(k, NOT_SOLVED, dtype=np.int8), np.full(k, np.inf)
    report = _progress(callback, status, gaps, start)
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
            **_run_info(stopped, start, tol, max_iter, first.n_threads),
        },
    )
    if interrupted:
        raise FitInterrupted(
            f"the fit was interrupted after {done} of {k} targets", result
        )
    _warn(result, "targets")
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
def fit_ragged(
    X: Any,
    y: ArrayLike,
    indptr: ArrayLike,
    *,
    loss: str | Loss = "squared",
    alpha: ArrayLike | None = None,
    alpha_ratio: ArrayLike | None = None,
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int = MAX_ITER,
    n_threads: int | None = None,
    coef_init: "ArrayLike | FitRaggedResult | None" = None,
    callback: Callback | None = None,
    check_input: bool = True,
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
    loss, l1_ratio, penalty_factor, lower, upper, fit_intercept, standardize, tol, \
max_iter, n_threads
        As in `path`, the same for all problems.

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
    tol, max_iter = _check_run(tol, max_iter, callback)
    family = as_loss(loss)
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
    problem = _common_problem(
        np.zeros((1, p), order="F"),
        feature_names,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        n_threads=n_threads,
    )
    penalties, relative = _check_penalties(alpha, alpha_ratio, count, problem.l1_ratio)
    vectors = {
        name: None
        if value is None
        else check_vector(name, value, rows, check_values=False)
        for name, value in (("sample_weight", sample_weight), ("offset", offset))
    }
    status = np.full(count, NOT_SOLVED, dtype=np.int8)
    if check_flag("check_input", check_input):
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
            _progress(callback, status, solver.arrays["dual_gaps"], start)
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
        info=_run_info(stopped, start, tol, max_iter, problem.n_threads)
        | {"n_small": solver.n_small},
    )
    if stopped == "interrupted":
        raise FitInterrupted(
            f"the fit was interrupted after {int(np.sum(status != NOT_SOLVED))} of "
            f"{count} problems",
            result,
        )
    _warn(result, "problems")
    return result
