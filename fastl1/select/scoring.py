"""Scores of held-out rows: all models of a path at once.

Own metrics work on the linear predictors of all models, (m, K), or on the moments of
the held-out rows; any scorer of scikit-learn's kind sees one fitted model after
another, whose predictions on the held-out rows are known.  The Cox loss is no sum over
rows: its deviance is what held-out rows add to that of the training rows.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastl1.fit.result import PathResult
from fastl1.kernels.design._moments import Moments
from fastl1.loss.links import LINKS
from fastl1.loss.losses import Loss
from fastl1.metrics.concordance import structured
from fastl1.metrics.metrics import METRICS, partial_deviance
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem

Array = Any
Weight = np.ndarray | None

# Columns of X gathered at once when held-out rows are scored: bounds the scratch memory
# at (held-out rows) × COLUMN_BLOCK.
COLUMN_BLOCK = 512


# scikit-learn's names, which mean what they mean there (greater is better): the metric,
# and its sign.  The names of our own are errors, smaller is better, but concordance.
SCORERS = {
    "neg_mean_squared_error": ("mse", -1),
    "neg_root_mean_squared_error": ("rmse", -1),
    "neg_mean_absolute_error": ("mae", -1),
    "r2": ("r2", 1),
    "neg_log_loss": ("log_loss", -1),
    "neg_brier_score": ("brier", -1),
    "accuracy": ("accuracy", 1),
}
ERRORS = ("mse", "mae", "log_loss", "deviance")
OWN = (*ERRORS, "concordance")

# What a metric is where the mean squared error of each model is known.
OF_SQUARED_ERROR: dict[str, Callable[[Array], Array]] = {
    "mse": lambda mse: mse,
    "rmse": np.sqrt,
}


@dataclass(slots=True)
class Scoring:
    """How held-out rows are scored: by one of `METRICS`, times a sign, any scorer's
    callable, or (`needs_training`) `by_likelihood`, in view of the training rows."""

    name: str
    greater_is_better: bool
    metric: str | None = None
    sign: int = 1
    needs_training: bool = False
    scorer: Any = None
    takes_weight: bool = False
    params: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def resolve(cls, scoring: Any, family: Loss) -> "Scoring":
        """Scoring from what the user gave: None, a name, a scorer or a callable."""
        if scoring is None:
            scoring = family.default_score
        if isinstance(scoring, str):
            if scoring == "deviance" and family.survival:
                return cls(scoring, False, needs_training=True)
            metric, sign = SCORERS.get(scoring, (scoring, 1))
            known = scoring in OWN or scoring in SCORERS
            if known and METRICS[metric].suits(family):
                return cls(scoring, scoring not in ERRORS, metric, sign)
            if scoring in OWN:
                raise ValueError(
                    f"scoring={scoring!r} is not defined for loss={family.name!r}"
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

    @property
    def needs_moments_only(self) -> bool:
        """Whether `by_moments` can take the place of predictions."""
        return self.metric in OF_SQUARED_ERROR

    def by_moments(self, path: PathResult, held_out: Moments) -> Array:
        """Scores (K,) of a path's models from the moments of their held-out rows."""
        rows = path.coefs.tocsr().astype(np.float64, copy=False)
        used = np.flatnonzero(np.diff(rows.indptr))
        mse = held_out.squared_error(used, rows[used].toarray(), path.intercepts)
        return self.sign * OF_SQUARED_ERROR[self.metric](mse)

    def by_likelihood(
        self, problem: Problem, path: PathResult, train: Array, test: Array
    ) -> Array:
        """Scores (K,) of a path's models: by how much held-out rows raise the deviance
        of Cox's partial likelihood, per event.

        Their own likelihood would compare few rows with each other; so that of training
        and held-out rows together is taken, less that of the training rows alone
        (Verweij & van Houwelingen 1993).

        Parameters
        ----------
        train, test : ndarray (n_samples,)
            Weights of the training and of the held-out rows, 0 elsewhere.
        """
        rows = np.flatnonzero(train + test > 0)
        eta = linear_predictors(problem.X, rows, path, problem.offset)
        survival = problem.survival.take(rows)
        both, alone = (
            partial_deviance(problem.family, survival, eta, weight[rows])
            for weight in (train + test, train)
        )
        return (both - alone) / (test @ problem.y)

    def __call__(
        self,
        problem: Problem,
        path: PathResult,
        rows: np.ndarray,
        eta: Array,
        weight: Weight,
    ) -> Array:
        """Scores (K,) of the models of one fold's path on its held-out rows.

        Parameters
        ----------
        eta : ndarray (len(rows), K), or (len(rows), K, classes)
            Their linear predictors there, from `linear_predictors`.
        weight : ndarray (n_samples,) or None
        """
        w = None if weight is None else weight[rows]
        survival = problem.survival
        y: Any = problem.y[rows] if survival is None else survival.take(rows)
        if self.metric is not None:
            compute = METRICS[self.metric].compute
            return self.sign * compute(problem.family, y, eta, w)
        X, scorer = _take_rows(problem.X, rows), self.scorer
        if survival is not None:
            y = structured(y)
        elif problem.classes is not None:
            y = problem.classes[y.astype(np.intp)]
            scorer = _knowing_labels(scorer, problem.classes)
        n = len(problem.y)
        params = {k: _rows_of(v, n, rows) for k, v in self.params.items()}
        if w is not None and self.takes_weight:
            params.setdefault("sample_weight", w)
        point = _point_class(problem.family.labels, survival is not None)
        return np.array(
            [
                scorer(point(path, k, X, column), X, y, **params)
                for k, column in enumerate(np.moveaxis(eta, 1, 0))
            ]
        )


def _knowing_labels(scorer: Any, classes: np.ndarray) -> Any:
    """A scorer of scikit-learn's that takes them is told all labels, which held-out
    rows may not have, and that the second of two is the positive one."""
    score = getattr(scorer, "_score_func", None)
    parameters = {} if score is None else inspect.signature(score).parameters
    if "labels" not in parameters:
        return scorer
    from fastl1._extras import require

    known: dict[str, Any] = {"labels": classes}
    if len(classes) == 2 and "pos_label" in parameters:
        known["pos_label"] = classes[1]
    return require("sklearn.metrics", extra="sklearn").make_scorer(
        score,
        greater_is_better=scorer._sign > 0,
        response_method=scorer._response_method,
        **{**known, **scorer._kwargs},
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

    def __init__(self, path: PathResult, k: int, X: Any, eta: Array) -> None:
        self.path, self.k, self.X, self.eta = path, k, X, eta
        self.intercept_ = path.intercepts[..., k]
        self.n_features_in_ = X.shape[1]
        if path.classes is not None:
            self.classes_ = path.classes

    @property
    def coef_(self) -> Array:
        coefs = self.path.coefs
        if isinstance(coefs, tuple):  # a row for each class
            return np.vstack([part[:, [self.k]].toarray().T for part in coefs])
        return coefs[:, [self.k]].toarray()[:, 0]

    def _eta(self, X: Any) -> Array:
        return self.eta if X is self.X else X @ self.coef_.T + self.intercept_


class _RegressorPoint(_Point):
    def predict(self, X: Any) -> Array:
        return self.path.family.inverse_link(self._eta(X))


class _RiskPoint(_Point):
    def predict(self, X: Any) -> Array:
        return self._eta(X)


class _ClassifierPoint(_Point):
    def decision_function(self, X: Any) -> Array:
        return self._eta(X)

    def predict(self, X: Any) -> Array:
        return self.classes_[self.path.family.decide(self._eta(X)).astype(np.intp)]

    def predict_proba(self, X: Any) -> Array:
        eta = self._eta(X)
        family = self.path.family
        second = family.inverse_link(eta)
        if LINKS[family.link].symmetric:  # without rounding near 0
            return np.column_stack([family.inverse_link(-eta), second])
        if eta.ndim == 2:  # of every class
            return second
        return np.column_stack([1.0 - second, second])


@functools.cache
def _point_class(labels: bool, survival: bool) -> Any:
    """Class of the fitted model a scorer sees: scikit-learn's kind, if there is one."""
    own: Any = _ClassifierPoint if labels else _RegressorPoint
    own = _RiskPoint if survival else own
    try:
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    except ImportError:
        return own
    if survival:
        return type("FoldModel", (own, BaseEstimator), {})
    kind = ClassifierMixin if labels else RegressorMixin
    return type("FoldModel", (own, kind, BaseEstimator), {})


def linear_predictors(
    X: Any, rows: np.ndarray, path: PathResult, offset: Weight
) -> Array:
    """eta (len(rows), K) = X[rows] @ coefs + intercepts + offset[rows]; for the
    multinomial loss (len(rows), K, classes).

    Only the columns that carry a coefficient are touched.  The products are SciPy's
    single-threaded ones: the same bits whatever the number of threads.
    """
    if isinstance(path.coefs, tuple):
        parts = [
            _products(X, rows, *part, None)
            for part in zip(path.coefs, path.intercepts, strict=True)
        ]
        eta = np.stack(parts, axis=-1)
        return eta if offset is None else eta + offset[rows][:, None]
    return _products(X, rows, path.coefs, path.intercepts, offset)


def _products(
    X: Any, rows: np.ndarray, coefs: Any, intercepts: Array, offset: Weight
) -> Array:
    coefs = coefs.tocsr().astype(np.float64, copy=False)
    used = np.flatnonzero(np.diff(coefs.indptr))
    eta = np.empty((len(rows), coefs.shape[1]), order="F")
    eta[:] = intercepts
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
