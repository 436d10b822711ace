"""Cross-validated paths: every fold × penalty on one copy of the data.

A fold is the same problem with the weights of its held-out rows set to zero, so no row
is ever copied for training, and the grid of penalties is common to all folds: objective
and alpha are averages over rows, so one alpha means the same in a fold as on the full
data. Each fold is one warm-started path; all its alphas are scored on the held-out rows
in one matrix product.

Everything here works without scikit-learn; its splitters and scorers are accepted where
they are given.  The public functions will grow in the next release (fold Gram matrices
by downdating, shared screening); the signature and the meaning of the result stay.
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1._validation import CSC, Problem, check_problem, check_real
from fastl1.exceptions import ConvergenceWarning, FitInterrupted
from fastl1.paths import (
    MAX_ITER,
    Callback,
    PathResult,
    check_alphas,
    default_grid,
    make_solver,
    solve_path,
)

Splits = list[tuple[np.ndarray, np.ndarray]]

# Columns of X gathered at once when held-out rows are scored: bounds the scratch memory
# at (held-out rows) × COLUMN_BLOCK.
COLUMN_BLOCK = 512


# --------------------------------------------------------------------------------------
# Splits
# --------------------------------------------------------------------------------------


def kfold_splits(
    n_samples: int,
    n_splits: int = 5,
    *,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    seed: int | None = 0,
) -> Splits:
    """Split rows into K folds of nearly equal size.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    n_splits : int, default 5
        Number of folds, at least 2.
    stratify : array-like of shape (n_samples,), optional
        Class labels; every fold gets the same share of each class (to one row).
    groups : array-like of shape (n_samples,), optional
        Rows with the same value always share a fold; fold sizes are balanced greedily.
        Not combined with `stratify`.
    seed : int or None, default 0
        Seed of the shuffle; None keeps the order of the rows (contiguous folds).

    Returns
    -------
    list of (train, test)
        Index arrays, each sorted.

    Raises
    ------
    ValueError
        If there are fewer rows (or groups) than folds, or lengths differ.
    """
    if n_splits < 2 or n_splits != int(n_splits):
        raise ValueError(f"the number of folds must be an integer >= 2, got {n_splits}")
    if groups is not None and stratify is not None:
        raise ValueError("give groups or stratify, not both")
    rng = None if seed is None else np.random.default_rng(seed)
    if groups is not None:
        fold = _fold_of_groups(_codes(groups, n_samples, "groups"), n_splits, rng)
    else:
        if n_samples < n_splits:
            raise ValueError(f"{n_splits} folds need as many rows, got {n_samples}")
        order = np.arange(n_samples) if rng is None else rng.permutation(n_samples)
        fold = np.empty(n_samples, dtype=np.intp)
        if stratify is not None:
            codes = _codes(stratify, n_samples, "stratify")
            order = order[np.argsort(codes[order], kind="stable")]
            fold[order] = np.arange(n_samples) % n_splits
        else:
            fold[order] = np.arange(n_samples) * n_splits // n_samples
    return [
        (np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_splits)
    ]


def time_splits(times: ArrayLike, n_splits: int = 5) -> Splits:
    """Split rows in time order: train on the past, test on the block that follows.

    Parameters
    ----------
    times : array-like of shape (n_samples,)
        Anything that sorts: numbers or datetimes.  Rows with equal times stay together.
    n_splits : int, default 5
        Number of test blocks; the rows are cut into ``n_splits + 1`` blocks and the
        first one is only ever trained on.

    Returns
    -------
    list of (train, test)
        Index arrays; every training row is strictly older than every test row.

    Raises
    ------
    ValueError
        If a time is missing, or there are too few distinct times.
    """
    times = np.asarray(times)
    missing = np.flatnonzero(times != times)
    if missing.size:
        raise ValueError(f"times has a missing value in row {missing[0]}")
    too_few = ValueError(
        f"{n_splits} time-ordered folds need {n_splits + 1} distinct times of similar "
        f"frequency, got {len(np.unique(times))} in {len(times)} rows"
    )
    if n_splits < 1 or len(times) <= n_splits:
        raise too_few
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    cuts = np.arange(1, n_splits + 1) * len(times) // (n_splits + 1)
    cuts = np.append(np.searchsorted(ordered, ordered[cuts]), len(times))
    if np.any(np.diff(cuts, prepend=0) <= 0):
        raise too_few
    return [
        (np.sort(order[:start]), np.sort(order[start:stop]))
        for start, stop in zip(cuts[:-1], cuts[1:], strict=True)
    ]


def _codes(values: ArrayLike, n_samples: int, name: str) -> np.ndarray:
    codes = np.unique(np.asarray(values), return_inverse=True)[1].ravel()
    if len(codes) != n_samples:
        raise ValueError(f"{name} has {len(codes)} values for {n_samples} rows")
    return codes


def _fold_of_groups(
    codes: np.ndarray, n_splits: int, rng: np.random.Generator | None
) -> np.ndarray:
    """Fold of each row: groups by decreasing size, each into the lightest fold."""
    sizes = np.bincount(codes)
    if len(sizes) < n_splits:
        raise ValueError(f"{n_splits} folds need as many groups, got {len(sizes)}")
    order = np.arange(len(sizes)) if rng is None else rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of_group = np.empty(len(sizes), dtype=np.intp)
    load = np.zeros(n_splits)
    for group in order:
        lightest = int(np.argmin(load))
        fold_of_group[group] = lightest
        load[lightest] += sizes[group]
    fold: np.ndarray = fold_of_group[codes]
    return fold


def _make_splits(
    cv: Any, X: Any, y: Any, groups: Any, problem: Problem, seed: int | None
) -> Splits:
    """Index arrays of every fold, from any form `cv` may take."""
    n = len(problem.y)
    if cv is None:
        cv = 5
    if isinstance(cv, Integral):
        stratify = problem.y if problem.loss == "logistic" and groups is None else None
        splits = kfold_splits(n, int(cv), stratify=stratify, groups=groups, seed=seed)
    elif hasattr(cv, "split") and not isinstance(cv, str):
        splits = list(cv.split(X, y, groups))
    elif isinstance(cv, Iterable) and not isinstance(cv, str):
        splits = list(cv)
    else:
        raise TypeError(
            "cv must be a number of folds, a splitter with a split method, or an "
            f"iterable of (train, test) index arrays, got {cv!r}"
        )
    return check_splits(splits, n)


def check_splits(splits: Any, n: int) -> Splits:
    """Row numbers of every fold, from row numbers or masks; range checked."""
    if not splits:
        raise ValueError("cv has no folds")
    return [
        (_rows(train, n, f"training rows of fold {k}"), _rows(test, n, f"fold {k}"))
        for k, (train, test) in enumerate(splits)
    ]


def _rows(index: ArrayLike, n: int, what: str) -> np.ndarray:
    index = np.asarray(index)
    if index.dtype == bool:
        if len(index) != n:
            raise ValueError(f"{what}: mask of length {len(index)} for {n} rows")
        index = np.flatnonzero(index)
    if index.size == 0:
        raise ValueError(f"{what}: empty")
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise TypeError(f"{what}: expected a one-dimensional array of row numbers")
    if index.min() < 0 or index.max() >= n:
        raise ValueError(f"{what}: row number outside 0 to {n - 1}")
    return index.astype(np.intp, copy=False)


# --------------------------------------------------------------------------------------
# Scores: all alphas of a fold at once.  y (m,), eta (m, K), w (m,) or None -> (K,)
# --------------------------------------------------------------------------------------


Array = Any
Weight = np.ndarray | None


def _average(values: Array, w: Weight) -> Array:
    if w is None:
        return values.mean(axis=0)
    return (w / w.sum()) @ values


def _squared_error(y: Array, eta: Array, w: Weight) -> Array:
    return _average((eta - y[:, None]) ** 2, w)


def _root_squared_error(y: Array, eta: Array, w: Weight) -> Array:
    return np.sqrt(_squared_error(y, eta, w))


def _absolute_error(y: Array, eta: Array, w: Weight) -> Array:
    return _average(np.abs(eta - y[:, None]), w)


def _r2(y: Array, eta: Array, w: Weight) -> Array:
    mean = np.average(y, weights=w)
    return 1 - _squared_error(y, eta, w) / np.average((y - mean) ** 2, weights=w)


def _log_loss(y: Array, eta: Array, w: Weight) -> Array:
    return _average(np.logaddexp(0, eta) - y[:, None] * eta, w)


def _accuracy(y: Array, eta: Array, w: Weight) -> Array:
    return _average(((eta > 0) == (y[:, None] > 0)).astype(float), w)


def _brier(y: Array, eta: Array, w: Weight) -> Array:
    return _average((_sigmoid(eta) - y[:, None]) ** 2, w)


def _sigmoid(eta: Array) -> Array:
    e = np.exp(-np.abs(eta))
    return np.where(eta >= 0, 1.0, e) / (1.0 + e)


# name: (loss it is for, function, sign).  The names of scikit-learn mean what they mean
# there (greater is better); the three of our own are errors, smaller is better.
METRICS: dict[str, tuple[str, Callable[[Array, Array, Weight], Array], int]] = {
    "mse": ("squared", _squared_error, 1),
    "mae": ("squared", _absolute_error, 1),
    "log_loss": ("logistic", _log_loss, 1),
    "neg_mean_squared_error": ("squared", _squared_error, -1),
    "neg_root_mean_squared_error": ("squared", _root_squared_error, -1),
    "neg_mean_absolute_error": ("squared", _absolute_error, -1),
    "r2": ("squared", _r2, 1),
    "neg_log_loss": ("logistic", _log_loss, -1),
    "neg_brier_score": ("logistic", _brier, -1),
    "accuracy": ("logistic", _accuracy, 1),
}
ERRORS = ("mse", "mae", "log_loss")
DEFAULT_METRIC = {"squared": "mse", "logistic": "log_loss"}


@dataclass(slots=True)
class Scoring:
    """How held-out rows are scored: a vectorised metric, or any scorer's callable."""

    name: str
    greater_is_better: bool
    metric: Callable[[Array, Array, Weight], Array] | None = None
    sign: int = 1
    scorer: Any = None
    takes_weight: bool = False
    params: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def resolve(cls, scoring: Any, loss: str) -> "Scoring":
        """Scoring from what the user gave: None, a name, a scorer or a callable."""
        if scoring is None:
            scoring = DEFAULT_METRIC[loss]
        if isinstance(scoring, str):
            if scoring in METRICS and METRICS[scoring][0] == loss:
                _, metric, sign = METRICS[scoring]
                return cls(scoring, scoring not in ERRORS, metric, sign)
            if scoring in ERRORS:
                raise ValueError(
                    f"scoring={scoring!r} is not defined for loss={loss!r}"
                )
            from fastl1._extras import require

            name = scoring
            scoring = require("sklearn.metrics", extra="sklearn").get_scorer(scoring)
        elif callable(scoring):
            name = getattr(scoring, "__name__", repr(scoring))
        else:
            raise TypeError(f"scoring must be None, a name or a callable: {scoring!r}")
        target = getattr(scoring, "_score_func", scoring)
        takes_weight = "sample_weight" in inspect.signature(target).parameters
        return cls(name, True, scorer=scoring, takes_weight=takes_weight)

    def __call__(
        self,
        problem: Problem,
        path: PathResult,
        rows: np.ndarray,
        eta: Array,
        weight: Weight,
    ) -> Array:
        """Scores (K,) of the models of one fold's path on its held-out rows."""
        w = None if weight is None else weight[rows]
        if self.metric is not None:
            return self.sign * self.metric(problem.y[rows], eta, w)
        X = _take_rows(problem.X, rows)
        y = problem.y[rows]
        if problem.classes is not None:
            y = problem.classes[y.astype(np.intp)]
        n = len(problem.y)
        params = {k: _rows_of(v, n, rows) for k, v in self.params.items()}
        if w is not None and self.takes_weight:
            params.setdefault("sample_weight", w)
        point = _point_class(problem.loss)
        return np.array(
            [
                self.scorer(point(path, k, X, column, problem.classes), X, y, **params)
                for k, column in enumerate(eta.T)
            ]
        )


def _rows_of(value: Any, n: int, rows: np.ndarray) -> Any:
    if hasattr(value, "__len__") and not isinstance(value, str) and len(value) == n:
        return np.asarray(value)[rows]
    return value


def _take_rows(X: Any, rows: np.ndarray) -> Any:
    if isinstance(X, CSC):
        return _scipy_csc(X)[rows].tocsr()
    return X[rows]


def _scipy_csc(X: CSC) -> Any:
    from scipy.sparse import csc_array

    return csc_array((X.data, X.indices, X.indptr), shape=X.shape)


class _Point:
    """One (fold, alpha) model; its predictions on the held-out rows are known."""

    def __init__(
        self, path: PathResult, k: int, X: Any, eta: Array, classes: Array | None
    ) -> None:
        self.path, self.k, self.X, self.eta = path, k, X, eta
        self.intercept_ = path.intercepts[k]
        self.n_features_in_ = X.shape[1]
        if classes is not None:
            self.classes_ = classes

    @property
    def coef_(self) -> Array:
        return self.path.coefs[:, [self.k]].toarray()[:, 0]

    def _eta(self, X: Any) -> Array:
        return self.eta if X is self.X else X @ self.coef_ + self.intercept_


class _RegressorPoint(_Point):
    def predict(self, X: Any) -> Array:
        return self._eta(X)


class _ClassifierPoint(_Point):
    def decision_function(self, X: Any) -> Array:
        return self._eta(X)

    def predict(self, X: Any) -> Array:
        return self.classes_[(self._eta(X) > 0).astype(np.intp)]

    def predict_proba(self, X: Any) -> Array:
        eta = self._eta(X)
        return np.column_stack([_sigmoid(-eta), _sigmoid(eta)])


@functools.cache
def _point_class(loss: str) -> Any:
    """Class of the fitted model a scorer sees: scikit-learn's kind, if there is one."""
    own = _ClassifierPoint if loss == "logistic" else _RegressorPoint
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    except ImportError:
        return own
    kind = ClassifierMixin if loss == "logistic" else RegressorMixin
    return type("FoldModel", (own, kind, BaseEstimator), {})


def _link(X: Any, rows: np.ndarray, path: PathResult, offset: Weight) -> Array:
    """eta (len(rows), K) = X[rows] @ coefs + intercepts + offset[rows].

    Only the columns that carry a coefficient are touched.  The products are SciPy's
    single-threaded ones: the same bits whatever the number of threads.
    """
    coefs = path.coefs.tocsr().astype(np.float64, copy=False)
    used = np.flatnonzero(np.diff(coefs.indptr))
    eta = np.empty((len(rows), coefs.shape[1]), order="F")
    eta[:] = path.intercepts
    if offset is not None:
        eta += offset[rows][:, None]
    sparse = _scipy_csc(X) if isinstance(X, CSC) else None
    for start in range(0, len(used), COLUMN_BLOCK):
        columns = used[start : start + COLUMN_BLOCK]
        block = coefs[columns]
        if sparse is None:
            eta += (block.T.tocsr() @ X.T[np.ix_(columns, rows)]).T
        else:
            eta += sparse[:, columns].tocsr()[rows] @ block.toarray()
    return eta


# --------------------------------------------------------------------------------------
# Result
# --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One point of the grid: its place, its penalty, mean score and standard error."""

    ratio: int
    index: int
    l1_ratio: float
    alpha: float
    score: float
    se: float


@dataclass(repr=False)
class CVPathResult:
    """Scores of every l1_ratio × alpha × fold, and the fold paths behind them.

    Attributes
    ----------
    l1_ratios : ndarray of shape (n_ratios,)
    alphas : ndarray of shape (n_ratios, K)
        Decreasing grid of each l1_ratio, common to all folds.
    scores : ndarray of shape (n_ratios, K, n_folds)
        The per-fold table.  NaN where a fold's path stopped before that alpha.
    scoring : str
        Name of the score.
    greater_is_better : bool
        Direction of `scores`: False for the default errors, True for every scorer.
    paths : list (n_ratios) of list (n_folds) of PathResult
        The training paths: ``paths[r][f].coefs[:, k]`` with
        ``paths[r][f].dual_gaps[k]`` as its certificate on the training rows of fold f.
    splits : list (n_folds) of (train, test)
        Row numbers of each fold.
    oof : ndarray of shape (n_ratios, n_samples, K) or None
        With ``return_oof=True``: out-of-fold predictions (for logistic the probability
        of ``classes[1]``), averaged over the folds that held a row out, NaN for rows
        that never were.
    """

    l1_ratios: np.ndarray
    alphas: np.ndarray
    scores: np.ndarray
    scoring: str
    greater_is_better: bool
    paths: list[list[PathResult]]
    splits: Splits
    oof: Any = None

    @property
    def mean_scores(self) -> Any:
        """Mean over folds, every fold counting the same: (n_ratios, K)."""
        return self.scores.mean(axis=2)

    @property
    def standard_errors(self) -> Any:
        """Standard error of the mean over folds: (n_ratios, K); 0 with a single
        fold."""
        n_folds = self.scores.shape[2]
        if n_folds < 2:
            return np.zeros(self.scores.shape[:2])
        return self.scores.std(axis=2, ddof=1) / np.sqrt(n_folds)

    @property
    def dual_gaps(self) -> np.ndarray:
        """Relative duality gaps on the training rows, in the layout of `scores`."""
        gaps = np.full(self.scores.shape, np.nan)
        for r, paths in enumerate(self.paths):
            for f, path in enumerate(paths):
                gaps[r, : len(path.dual_gaps), f] = path.dual_gaps
        return gaps

    @property
    def best(self) -> Choice:
        """The `Choice` with the best mean score (ties: the larger penalty)."""
        return self.select("min")

    @property
    def best_1se(self) -> Choice:
        """The `Choice` of the largest penalty within one standard error of the best."""
        return self.select("1se")

    def select(self, rule: str = "min") -> Choice:
        """Choose an alpha.

        Parameters
        ----------
        rule : {"min", "1se"}
            "min": the best mean score.  "1se": in the grid of the best l1_ratio, the
            largest alpha (so the sparser model) whose mean score is not worse than the
            best one by more than the best one's standard error.

        Returns
        -------
        Choice

        Raises
        ------
        ValueError
            If the rule is unknown, or no alpha was scored on every fold.
        """
        if rule not in ("min", "1se"):
            raise ValueError(f'rule must be "min" or "1se", got {rule!r}')
        means = self.mean_scores
        errors = -means if self.greater_is_better else means
        if not np.any(np.isfinite(errors)):
            raise ValueError("no alpha has a finite score on every fold")
        errors = np.where(np.isfinite(errors), errors, np.inf)
        r, k = np.unravel_index(np.argmin(errors), errors.shape)
        se = self.standard_errors
        if rule == "1se":
            k = np.flatnonzero(errors[r] <= errors[r, k] + se[r, k])[0]
        return Choice(
            int(r),
            int(k),
            float(self.l1_ratios[r]),
            float(self.alphas[r, k]),
            float(means[r, k]),
            float(se[r, k]),
        )

    def __repr__(self) -> str:
        n_ratios, n_alphas, n_folds = self.scores.shape
        size = f"{n_ratios} l1_ratio x {n_alphas} alphas x {n_folds} folds"
        if not np.any(np.isfinite(self.mean_scores)):
            return f"<CVPathResult {size}, incomplete>"
        best = self.best
        return (
            f"<CVPathResult {size}, best {self.scoring} {best.score:.6g} at "
            f"alpha={best.alpha:.4g}, l1_ratio={best.l1_ratio:g}>"
        )


# --------------------------------------------------------------------------------------
# Cross-validation
# --------------------------------------------------------------------------------------


def cross_validate_path(
    X: Any,
    y: ArrayLike,
    *,
    cv: Any = 5,
    groups: ArrayLike | None = None,
    l1_ratios: Sequence[float] = (1.0,),
    scoring: Any = None,
    return_oof: bool = False,
    seed: int | None = 0,
    loss: str = "squared",
    alphas: ArrayLike | None = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int = MAX_ITER,
    max_features: int | None = None,
    n_threads: int | None = None,
    callback: Callback | None = None,
    check_input: bool = True,
) -> CVPathResult:
    """Regularization paths on every training fold, scored on the held-out rows.

    This function will grow in the next release; its signature and the fields of its
    result stay.

    Parameters
    ----------
    X : array-like, data frame or sparse array of shape (n_samples, n_features)
        As for `fastl1.path`.
    y : array-like of shape (n_samples,)
        Target; two labels for the logistic loss.
    cv : int, splitter or iterable of (train, test), default 5
        Number of folds (shuffled by `seed`; stratified for the logistic loss; whole
        groups if `groups` is given), an object with ``split(X, y, groups)`` such as
        scikit-learn's splitters, or the index arrays (or boolean masks) themselves.  A
        row number that occurs twice in a training index counts twice.  See also
        `kfold_splits` and `time_splits`.
    groups : array-like of shape (n_samples,), optional
        Groups for the splitter.
    l1_ratios : sequence of float, default (1.0,)
        Values of l1_ratio, each with its own grid of alphas.
    scoring : None, str or callable, default None
        None: "mse" for the squared loss, "log_loss" for the logistic one (errors,
        smaller is better).  Else one of the own names ("mse", "mae", "log_loss"), the
        name of any scikit-learn scorer, or a callable ``scorer(model, X, y)`` (greater
        is better). Held-out rows are weighted with `sample_weight` wherever the score
        takes weights.
    return_oof : bool, default False
        Keep the out-of-fold predictions (n_ratios × n_samples × K numbers).
    seed : int or None, default 0
        Shuffle of the built-in folds; None keeps the order of the rows.
    loss, n_alphas, alpha_min_ratio, penalty_factor, lower, upper, fit_intercept, \
    standardize, sample_weight, offset, tol, max_iter, max_features, n_threads,
    check_input
        As for `fastl1.path`.
    alphas : array-like of shape (K,) or (n_ratios, K), optional
        Decreasing grid (for all, or one per l1_ratio).  Default: from alpha_max of the
        full data, per l1_ratio.
    callback : callable, optional
        ``callback(done, info)`` after every alpha of every fold, `info` a dict with
        "total", "ratio", "fold", "index" and what the path reports.  Returning True
        stops with what is done.

    Returns
    -------
    CVPathResult

    Raises
    ------
    ValueError, TypeError
        For bad input, naming the place; among them a fold whose training rows have no
        weight or a single class.
    FitInterrupted
        On Ctrl-C; its ``result`` is the CVPathResult of what is done.

    Warns
    -----
    ConvergenceWarning
        Once, if any fold's alpha did not reach `tol`.

    Notes
    -----
    Memory: one copy of X (none if it is Fortran-ordered or CSC), the nonzeros of all
    fold paths, and (held-out rows × K) numbers while a fold is scored.  The result does
    not depend on `n_threads`.
    """
    problem = check_problem(
        X,
        y,
        loss=loss,
        penalty_factor=penalty_factor,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        sample_weight=sample_weight,
        offset=offset,
        n_threads=n_threads,
        check_input=check_input,
    )
    ratios = [check_real("l1_ratios", value, 0.0, 1.0) for value in l1_ratios]
    if not ratios:
        raise ValueError("l1_ratios is empty")
    result = run_folds(
        problem,
        _make_splits(cv, X, y, groups, problem, seed),
        np.array(ratios),
        _grids(problem, ratios, alphas, n_alphas, alpha_min_ratio),
        Scoring.resolve(scoring, loss),
        return_oof=return_oof,
        callback=callback,
        tol=tol,
        max_iter=max_iter,
        max_features=max_features,
    )
    warn_unconverged(result, tol, stacklevel=3)
    return result


def _grids(
    problem: Problem,
    l1_ratios: list[float],
    alphas: ArrayLike | None,
    n_alphas: int,
    alpha_min_ratio: float | None,
) -> np.ndarray:
    """Decreasing alphas of every l1_ratio: (n_ratios, K)."""
    if alphas is not None:
        rows = np.atleast_2d(np.asarray(alphas))
        if rows.ndim != 2 or len(rows) not in (1, len(l1_ratios)):
            raise ValueError(
                f"alphas has shape {np.shape(alphas)}; it must be one grid, or one row "
                f"for each of the {len(l1_ratios)} values of l1_ratio"
            )
        grids = [check_alphas(row) for row in rows]
        return np.array(grids * (len(l1_ratios) // len(grids)))
    grids = []
    for l1_ratio in l1_ratios:
        part = replace(problem, l1_ratio=l1_ratio)
        top = make_solver(part).alpha_max if l1_ratio > 0 else np.nan
        grids.append(default_grid(part, top, n_alphas, alpha_min_ratio))
    return np.array(grids)


def run_folds(
    problem: Problem,
    splits: Splits,
    l1_ratios: np.ndarray,
    grids: np.ndarray,
    scoring: Scoring,
    *,
    fold_scale: np.ndarray | None = None,
    score_weight: Any = "training",
    return_oof: bool = False,
    callback: Callback | None = None,
    **path_params: Any,
) -> CVPathResult:
    """Solve and score every fold of a validated problem (the engine of this module).

    Parameters
    ----------
    problem : Problem
        From `check_problem`; its l1_ratio is not used.
    splits : list of (train, test)
        Valid index arrays.
    l1_ratios : ndarray of shape (n_ratios,)
    grids : ndarray of shape (n_ratios, K)
        Decreasing alphas.
    scoring : Scoring
    fold_scale : ndarray of shape (n_folds,), optional
        Factors on the alphas of each fold (scikit-learn's C is on the scale of a sum
        over the training rows, so its alpha depends on the fold).
    score_weight : ndarray of shape (n_samples,) or None
        Weights of the held-out rows; by default those of the training.
    path_params
        Keywords of `solve_path`.
    """
    if isinstance(score_weight, str):
        score_weight = problem.sample_weight
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    weights = _fold_weights(problem, splits, score_weight)
    n, (n_ratios, K), n_folds = len(problem.y), grids.shape, len(splits)
    result = CVPathResult(
        l1_ratios=l1_ratios,
        alphas=grids,
        scores=np.full((n_ratios, K, n_folds), np.nan),
        scoring=scoring.name,
        greater_is_better=scoring.greater_is_better,
        paths=[[] for _ in range(n_ratios)],
        splits=splits,
    )
    if return_oof:
        result.oof = np.zeros((n_ratios, n, K))
        held_out = np.zeros((n_ratios, n, K), dtype=np.int32)
    progress = _Progress(callback, n_ratios * n_folds * K)

    def keep(path: PathResult, r: int, f: int) -> None:
        # what coef_at(exact=True) would need: the weights of every fold
        path._problem = None
        rows = splits[f][1]
        result.paths[r].append(path)
        K_done = len(path)
        if not K_done:
            return
        eta = _link(problem.X, rows, path, problem.offset)
        if return_oof:
            response = _sigmoid(eta) if problem.loss == "logistic" else eta
            # a row may be held out twice, so not result.oof[r, rows] += response
            np.add.at(result.oof[r, :, :K_done], rows, response)
            np.add.at(held_out[r, :, :K_done], rows, 1)
        result.scores[r, :K_done, f] = scoring(problem, path, rows, eta, score_weight)

    interrupted = False
    try:
        for r, rho in enumerate(l1_ratios):
            for f in range(n_folds):
                if progress.stopped:
                    break
                fold = replace(problem, l1_ratio=float(rho), sample_weight=weights(f))
                scale = 1.0 if fold_scale is None else fold_scale[f]
                path = solve_path(
                    fold,
                    alphas=grids[r] * scale,
                    callback=progress.of_fold(r, f),
                    **path_params,
                )
                keep(path, r, f)
    except FitInterrupted as error:
        interrupted = True
        if error.result is not None:
            keep(error.result, r, f)
    except KeyboardInterrupt:
        interrupted = True
    if return_oof:
        with np.errstate(invalid="ignore"):
            result.oof /= held_out
    if interrupted:
        raise FitInterrupted("cross-validation interrupted", result=result)
    return result


class _Progress:
    """Turns the callback of a path into the callback of the whole cross-validation."""

    def __init__(self, callback: Callback | None, total: int) -> None:
        self.callback, self.total = callback, total
        self.done, self.stopped = 0, False

    def of_fold(self, r: int, f: int) -> Callback | None:
        callback = self.callback
        if callback is None:
            return None

        def report(k: int, info: dict[str, Any]) -> bool:
            self.done += 1
            place = {"total": self.total, "ratio": r, "fold": f, "index": k}
            self.stopped = bool(callback(self.done, {**info, **place}))
            return self.stopped

        return report


def _fold_weights(
    problem: Problem, splits: Splits, score_weight: Any
) -> Callable[[int], np.ndarray]:
    """Check the folds' weights and classes; return f -> training weights of fold f."""
    n = len(problem.y)
    base = np.ones(n) if problem.sample_weight is None else problem.sample_weight

    def weights(f: int) -> np.ndarray:
        return base * np.bincount(splits[f][0], minlength=n)

    for f, (_, test) in enumerate(splits):
        trained = weights(f) > 0
        if not trained.any():
            raise ValueError(f"fold {f}: no training row has positive weight")
        if problem.loss == "logistic":
            positive = problem.y[trained] > 0
            if positive.all() or not positive.any():
                assert problem.classes is not None
                label = problem.classes[int(positive[0])]
                raise ValueError(
                    f"fold {f}: all training rows are of one class ({label!r}); use "
                    "fewer or stratified folds"
                )
        if score_weight is not None and not np.any(score_weight[test] > 0):
            raise ValueError(f"fold {f}: no held-out row has positive weight")
    return weights


def warn_unconverged(
    result: CVPathResult,
    tol: float,
    category: type[Warning] = ConvergenceWarning,
    stacklevel: int = 3,
) -> None:
    """One warning for all folds and alphas that did not reach `tol`."""
    gaps = [
        gap
        for paths in result.paths
        for path in paths
        for gap in path.dual_gaps[~path.converged]
    ]
    if gaps:
        warnings.warn(
            "Objective did not converge. You might want to increase the number of "
            f"iterations. {len(gaps)} of {result.scores.size} fits of the "
            f"cross-validation ended with a relative duality gap above tol={tol:g}, "
            f"the largest with {max(gaps):.3g}. Increase max_iter or tol, or end the "
            "grid at a larger alpha.",
            category,
            stacklevel=stacklevel,
        )
