"""Cross-validation of any estimator of a loss: one estimator that is given another."""

import inspect
import warnings
from dataclasses import field, replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1._public import public
from fastl1.estimators.base import (
    POSITIVE,
    ConvergenceWarning,
    check_numbers,
    check_weight,
    route,
    solve_one,
    threads_of,
    warn_changes,
)
from fastl1.estimators.huber import HuberRegressor
from fastl1.estimators.loss_model import LossModel
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sklearn_base import BaseEstimator, MetaEstimatorMixin
from fastl1.estimators.svm import LinearSVC
from fastl1.select.cv import make_grids, run_folds, warn_unconverged
from fastl1.select.folds import Folds
from fastl1.select.scoring import Scoring
from fastl1.select.splits import check_splits

require("sklearn", extra="sklearn")

from sklearn.base import clone, is_classifier  # noqa: E402
from sklearn.model_selection import check_cv  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping  # noqa: E402
from sklearn.utils.metaestimators import available_if  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402


def _decides(estimator: Any) -> bool:
    return hasattr(estimator.estimator, "decision_function")


def _arguments(model: Any, method: str, **rows: Any) -> dict[str, Any]:
    """Those of the optional arguments of rows that are given.

    Raises
    ------
    TypeError
        The method of the model does not take one of them.
    """
    given = {name: value for name, value in rows.items() if value is not None}
    known = inspect.signature(getattr(model, method)).parameters
    for name in given:
        if name not in known:
            raise TypeError(f"{type(model).__name__}.{method} takes no {name}")
    return given


@public
@parameters
class PathCV(MetaEstimatorMixin, BaseEstimator):
    """An estimator of a loss, its alpha and l1_ratio chosen by cross-validation.

    The paths of all folds are solved in this process on one copy of X, each with warm
    starts and a duality gap for every alpha.

    Parameters
    ----------
    estimator : SparseRegressor, SparseClassifier, PoissonRegressor, GammaRegressor, \
TweedieRegressor, QuantileRegressor or CoxPHRegressor
        Loss and settings; its `alpha` is not used.
    l1_ratios : float or sequence of float, optional
        Values to try; by default that of the estimator, or 1 where the estimator has
        None.  0 needs explicit `alphas`.
    alphas : int or array-like, default 100
        Size of the automatic grid, or the alphas themselves.
    eps : float, default 1e-3
        Ratio of the smallest to the largest alpha of the automatic grid.
    cv : int, splitter or iterable, default None
        As in scikit-learn: None is 5 folds, contiguous, or stratified by class or, for
        survival times, by event.
    scoring : str, callable or None
        Any scorer, or "concordance" for survival times; None is the mean deviance of
        held-out rows (of their partial likelihood, see `cross_validate_path`).
    n_jobs : int, default None
        Number of threads, which solve one fold each: None and -1 mean all that this
        process may use, -2 all but one.  The result does not depend on it.

    Attributes
    ----------
    estimator_ : estimator
        Fitted on all rows with the penalty chosen.
    alpha_, l1_ratio_ : float
    alphas_ : ndarray of shape (n_l1_ratios, n_alphas)
    cv_result_ : CVPathResult
        Scores of every l1_ratio, alpha and fold, and the paths behind them.
    coef_, sparse_coef_, intercept_, n_iter_, dual_gap_, relative_gap_, classes_
        Those of `estimator_`.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import PathCV, PoissonRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> y = rng.poisson(np.exp(X[:, 0]))
    >>> model = PathCV(PoissonRegressor(), alphas=20).fit(X, y)
    >>> model.score(X, y) > 0.5
    True
    """

    estimator: Any = field(kw_only=False)
    l1_ratios: Any = None
    alphas: Any = 100
    eps: float = 1e-3
    cv: Any = None
    scoring: Any = None
    n_jobs: int | None = None

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        entry: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Choose the penalty by cross-validation, then fit on all rows.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Fortran-ordered float64 or float32 arrays and CSC matrices are used without
            a copy, for the folds too.
        y : array-like of shape (n_samples,)
        sample_weight : float or array-like of shape (n_samples,), optional
            Used in training and for the held-out scores; those of the folds are
            averaged without weights.
        offset, exposure, strata, entry : array-like of shape (n_samples,), optional
            As `fit` of the estimator takes them, used in training and for the scores.
        **params : dict
            Parameters of the splitter (such as `groups`), when metadata routing is on.

        Returns
        -------
        self
        """
        routed = route(self, "fit", params, sample_weight)
        check_numbers(self, eps=POSITIVE)
        model = self._model()
        rows = _arguments(
            model,
            "fit",
            offset=offset,
            exposure=exposure,
            strata=strata,
            entry=entry,
        )
        problem = model._problem(
            X, y, sample_weight, **rows, n_threads=threads_of(self.n_jobs)
        )
        given = model.l1_ratio if self.l1_ratios is None else self.l1_ratios
        l1_ratios = np.atleast_1d(given).astype(np.float64)
        split_params = routed.splitter.split if routed else {}
        apart = problem.family.labels or problem.survival is not None
        splits = check_cv(self.cv, problem.y, classifier=apart).split(
            X, problem.y, **split_params
        )
        score_weight: Any = "training"
        if model.class_weight is not None:  # it is not for scores
            score_weight = check_weight(sample_weight, problem.y)
        folds = Folds(
            problem,
            check_splits(list(splits), len(problem.y)),
            len(l1_ratios),
            score_weight,
        )
        result = run_folds(
            folds,
            l1_ratios,
            self._grids(folds, l1_ratios),
            Scoring.resolve(self.scoring, problem.family),
            tol=model.tol,
            max_iter=model.max_iter,
        )
        warn_unconverged(result, model.tol, ConvergenceWarning)
        best = result.best
        model.set_params(alpha=best.alpha, l1_ratio=best.l1_ratio)
        problem = replace(problem, l1_ratio=best.l1_ratio)
        model._keep(problem, solve_one(problem, best.alpha, model.tol, model.max_iter))
        self.estimator_: Any = model
        self.cv_result_ = result
        self.alpha_, self.l1_ratio_, self.alphas_ = (
            best.alpha,
            best.l1_ratio,
            result.alphas,
        )
        for name in ("n_features_in_", "feature_names_in_", "classes_"):
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        return self

    def _model(self) -> Any:
        """An estimator to fit, its l1_ratio decided."""
        former = isinstance(self.estimator, HuberRegressor | LinearSVC)
        if not (former or isinstance(self.estimator, LossModel)):
            raise TypeError(
                "PathCV takes an estimator of one loss, such as PoissonRegressor(); "
                f"got {self.estimator!r}"
            )
        model = self.estimator.former() if former else clone(self.estimator)
        if former:
            warnings.warn(
                f"PathCV({type(self.estimator).__name__}()) will go with fastl1 0.3: "
                f"take PathCV({type(model).__name__}({model.loss!r})), which is fitted "
                "here, as fastl1 0.1 did",
                FutureWarning,
                stacklevel=3,
            )
        if model.l1_ratio is None:
            model.set_params(l1_ratio=1.0)
        model._check_parameters()
        warn_changes(model, model._changes(), model.later, stacklevel=4)
        return model

    def _grids(self, folds: Folds, l1_ratios: np.ndarray) -> np.ndarray:
        """Decreasing alphas of each l1_ratio: (n_ratios, n_alphas)."""
        ratios = l1_ratios.tolist()
        if isinstance(self.alphas, Integral):
            return make_grids(folds, ratios, None, int(self.alphas), float(self.eps))
        return make_grids(folds, ratios, np.sort(self.alphas)[::-1])

    def predict(
        self,
        X: Any,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> Any:
        """Predict with the model chosen.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset, exposure : array-like of shape (n_samples,), optional
            As `predict` of the estimator takes them.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        model = self.estimator_
        rows = _arguments(model, "predict", offset=offset, exposure=exposure)
        return model.predict(X, **rows)

    @available_if(_decides)
    def decision_function(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Linear predictor of the model chosen.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to it.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X, offset=offset)

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        entry: ArrayLike | None = None,
    ) -> float:
        """Score of the model chosen, as the estimator defines it.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        offset, exposure, strata, entry : array-like of shape (n_samples,), optional
            As `score` of the estimator takes them.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        model = self.estimator_
        rows = _arguments(
            model,
            "score",
            offset=offset,
            exposure=exposure,
            strata=strata,
            entry=entry,
        )
        return model.score(X, y, sample_weight, **rows)

    @property
    def coef_(self) -> Any:
        """Coefficients of ``estimator_``."""
        return self.estimator_.coef_

    @property
    def sparse_coef_(self) -> Any:
        """Sparse representation of ``coef_``, (1, n_features)."""
        return self.estimator_.sparse_coef_

    @property
    def intercept_(self) -> Any:
        """Intercept of ``estimator_``."""
        return self.estimator_.intercept_

    @property
    def n_iter_(self) -> Any:
        """Outer iterations of the fit on all rows."""
        return self.estimator_.n_iter_

    @property
    def dual_gap_(self) -> Any:
        """Duality gap of the fit on all rows, in the unit of the objective."""
        return self.estimator_.dual_gap_

    @property
    def relative_gap_(self) -> Any:
        """The gap divided by the objective of the null model."""
        return self.estimator_.relative_gap_

    def get_metadata_routing(self) -> MetadataRouter:
        """Routing of metadata: `fit` passes parameters to the splitter.

        Returns
        -------
        MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                splitter=check_cv(self.cv, classifier=is_classifier(self.estimator)),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = inner.classifier_tags
        tags.regressor_tags = inner.regressor_tags
        tags.target_tags = inner.target_tags
        tags.input_tags = inner.input_tags
        return tags
