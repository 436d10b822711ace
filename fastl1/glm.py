"""scikit-learn estimators of the other losses.

A class here says which loss it has, how it scores and what it calls the parameter of
its loss; `LossModel` does the rest.

Objective, `tol`, `max_iter` and the attributes are those of `linear_model`, with the
mean of the loss in place of the squared error.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._estimators import (
    COUNT,
    FLOATS,
    NON_NEGATIVE,
    UNIT,
    Fit,
    SparseCoef,
    check_numbers,
    check_weight,
    solve_one,
)
from fastl1._extras import require
from fastl1._validation import Problem, check_problem
from fastl1.losses import Gamma, Huber, Loss, Poisson, Quantile, SquaredHinge, Tweedie

require("sklearn", extra="sklearn")

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin  # noqa: E402
from sklearn.metrics import d2_pinball_score, d2_tweedie_score  # noqa: E402
from sklearn.utils.multiclass import check_classification_targets, type_of_target  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402

# --------------------------------------------------------------------------------------
# What all losses share
# --------------------------------------------------------------------------------------


class LossModel(SparseCoef, BaseEstimator):
    """A penalized linear predictor; subclasses give the loss."""

    class_weight: Any = None

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        l1_ratio: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
    ) -> None:
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.positive = positive

    def _loss(self) -> Loss:
        """The loss with its parameters."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Fortran-ordered float64 or float32 arrays and CSC matrices are used without
            a copy.
        y : array-like of shape (n_samples,)
            In the range of the loss.
        sample_weight : float or array-like of shape (n_samples,), optional
            Only the proportions matter; a single number changes nothing.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For bad input or hyperparameters, naming them.
        """
        check_numbers(self, alpha=NON_NEGATIVE)
        problem = self._problem(X, y, sample_weight, defer_values=True)
        start = intercept = None
        if self.warm_start and hasattr(self, "coef_"):
            start, intercept = np.ravel(self.coef_), float(np.ravel(self.intercept_)[0])
            if len(start) != problem.shape[1]:
                raise ValueError(
                    f"warm_start: the previous fit had {len(start)} features, this one "
                    f"has {problem.shape[1]}"
                )
        fit = solve_one(
            problem, float(self.alpha), self.tol, self.max_iter, start, intercept
        )
        self._keep(problem, fit)
        return self

    def _problem(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, **options: Any
    ) -> Problem:
        """The validated problem, `options` being keywords of `check_problem`."""
        check_numbers(self, l1_ratio=UNIT, tol=NON_NEGATIVE, max_iter=COUNT)
        loss = self._loss()
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csc",
            dtype=FLOATS,
            y_numeric=not loss.labels,
            ensure_all_finite=False,
        )
        return check_problem(
            X,
            self._check_targets(y),
            loss=loss,
            l1_ratio=float(self.l1_ratio),
            lower=0.0 if self.positive else None,
            fit_intercept=bool(self.fit_intercept),
            sample_weight=check_weight(sample_weight, X),
            class_weight=self.class_weight,
            **options,
        )

    def _check_targets(self, y: Any) -> Any:
        return y

    def _keep(self, problem: Problem, fit: Fit) -> None:
        """Set the attributes of a fitted model."""
        self.coef_: Any = fit.coef
        self.intercept_: Any = (
            problem.dtype.type(fit.intercept) if self.fit_intercept else 0.0
        )
        self.relative_gap_, self.dual_gap_ = fit.gap, fit.dual_gap
        # where the start is the solution, seeing so counts as one, as in scikit-learn
        self.n_iter_: Any = max(fit.n_iter, 1)

    def _eta(self, X: Any) -> Any:
        """Linear predictors, (n_samples,)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse=["csr", "csc", "coo"], dtype=FLOATS, reset=False
        )
        return X @ np.ravel(self.coef_) + self.intercept_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


# --------------------------------------------------------------------------------------
# Regressors
# --------------------------------------------------------------------------------------


class _LossRegressor(RegressorMixin, LossModel):
    """A loss of numbers."""

    def predict(self, X: Any) -> Any:
        """Predict on the scale of y.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._loss().inverse_link(self._eta(X))


class _LogLinkRegressor(_LossRegressor):
    """A loss of the Tweedie family: its deviance is its score."""

    _power: float

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Share of the deviance explained, D².

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at a perfect prediction, 0 where the mean of y does as well.
        """
        return d2_tweedie_score(
            y, self.predict(X), sample_weight=sample_weight, power=self._power
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


class PoissonRegressor(_LogLinkRegressor):
    """Poisson regression of counts or rates, with L1 and L2 penalties.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i d(y_i, exp(x_i·w + b)) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    with ``d`` half the unit deviance.  With ``l1_ratio=0`` this is
    ``sklearn.linear_model.PoissonRegressor``.  For counts over different exposures fit
    the rates, ``y / exposure``, with ``sample_weight=exposure``.

    Parameters
    ----------
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    l1_ratio : float, default 1.0
        Share of the L1 penalty, in [0, 1].
    fit_intercept : bool, default True
        The intercept is never penalized.
    max_iter : int, default 1000
        Limit of outer iterations.
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    positive : bool, default False
        Force the coefficients to be >= 0.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    sparse_coef_ : sparse matrix of shape (1, n_features)
    intercept_ : float
    dual_gap_ : float
        Duality gap at the returned coefficients, in the unit of the objective.
    relative_gap_ : float
        The gap divided by the objective of the null model: what `tol` bounds.
    n_iter_ : int
        Outer iterations.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    Examples
    --------
    >>> from fastl1 import PoissonRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1, 2, 4, 8]
    >>> PoissonRegressor(alpha=0.0, tol=1e-9).fit(X, y).predict([[4.0]]).round(3)
    array([16.])
    """

    _power = 1.0

    def _loss(self) -> Loss:
        return Poisson()


class GammaRegressor(_LogLinkRegressor):
    """Gamma regression of positive amounts, with L1 and L2 penalties and log link.

    Parameters and attributes are those of `PoissonRegressor`; with ``l1_ratio=0`` this
    is ``sklearn.linear_model.GammaRegressor``.
    """

    _power = 2.0

    def _loss(self) -> Loss:
        return Gamma()


class TweedieRegressor(_LogLinkRegressor):
    """Regression with the deviance of variance mu^power, log link, L1 and L2 penalties.

    With ``l1_ratio=0`` this is ``sklearn.linear_model.TweedieRegressor`` with
    ``link="log"``.

    Parameters
    ----------
    power : float in [1, 2], default 1.5
        1 is Poisson, 2 Gamma; between them y may be 0 or a positive amount.
    alpha, l1_ratio, fit_intercept, max_iter, tol, warm_start, positive
        As in `PoissonRegressor`, and so are the attributes.
    """

    def __init__(
        self,
        *,
        power: float = 1.5,
        alpha: float = 1.0,
        l1_ratio: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
    ) -> None:
        super().__init__(
            alpha=alpha,
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
        )
        self.power = power

    @property
    def _power(self) -> float:  # type: ignore[override]
        return float(self.power)

    def _loss(self) -> Loss:
        return Tweedie(self.power)


class HuberRegressor(_LossRegressor):
    """Robust regression: squared errors up to `delta`, absolute ones beyond.

    `delta` is in units of y.  (``sklearn.linear_model.HuberRegressor`` estimates the
    scale of the errors as well, and counts its `epsilon` in units of that.)

    Parameters
    ----------
    delta : float > 0, default 1.345
    alpha, l1_ratio, fit_intercept, max_iter, tol, warm_start, positive
        As in `PoissonRegressor`, and so are the attributes.
    """

    def __init__(
        self,
        *,
        delta: float = 1.345,
        alpha: float = 1.0,
        l1_ratio: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
    ) -> None:
        super().__init__(
            alpha=alpha,
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
        )
        self.delta = delta

    def _loss(self) -> Loss:
        return Huber(self.delta)


class QuantileRegressor(_LossRegressor):
    """Regression of a quantile of y, with L1 and L2 penalties.

    With ``l1_ratio=1`` this is ``sklearn.linear_model.QuantileRegressor``; the duality
    gap is that of the pinball loss itself, not of a smooth one.

    Parameters
    ----------
    quantile : float in (0, 1), default 0.5
    alpha, l1_ratio, fit_intercept, max_iter, tol, warm_start, positive
        As in `PoissonRegressor`, and so are the attributes.
    """

    def __init__(
        self,
        *,
        quantile: float = 0.5,
        alpha: float = 1.0,
        l1_ratio: float = 1.0,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
    ) -> None:
        super().__init__(
            alpha=alpha,
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
        )
        self.quantile = quantile

    def _loss(self) -> Loss:
        return Quantile(self.quantile)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Share of the pinball loss explained, D².

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at a perfect prediction, 0 where the quantile of y does as well.
        """
        return d2_pinball_score(
            y, self.predict(X), sample_weight=sample_weight, alpha=self.quantile
        )


# --------------------------------------------------------------------------------------
# Classifiers
# --------------------------------------------------------------------------------------


class LinearSVC(ClassifierMixin, LossModel):
    """Binary support-vector classification with the squared hinge loss.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / (2 Σs) · Σ s_i max(0, 1 − (2y_i − 1)(x_i·w + b))² + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    ``sklearn.svm.LinearSVC``, which penalizes the intercept too, has
    ``alpha = 1 / (2 C Σs)``.  For more than two classes, wrap the estimator in
    ``sklearn.multiclass.OneVsRestClassifier``.

    Parameters
    ----------
    alpha : float, default 0.01
        Strength of the penalty, >= 0.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes, multiplied with `sample_weight`.
    l1_ratio, fit_intercept, max_iter, tol, warm_start, positive
        As in `PoissonRegressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    coef_ : ndarray of shape (1, n_features)
    intercept_ : ndarray of shape (1,)
    sparse_coef_, dual_gap_, relative_gap_, n_iter_, n_features_in_, feature_names_in_
        As in `PoissonRegressor`.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.01,
        l1_ratio: float = 1.0,
        fit_intercept: bool = True,
        class_weight: dict[Any, float] | str | None = None,
        max_iter: int = 1000,
        tol: float = 1e-4,
        warm_start: bool = False,
        positive: bool = False,
    ) -> None:
        super().__init__(
            alpha=alpha,
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            max_iter=max_iter,
            tol=tol,
            warm_start=warm_start,
            positive=positive,
        )
        self.class_weight = class_weight

    def _loss(self) -> Loss:
        return SquaredHinge()

    def _check_targets(self, y: Any) -> Any:
        check_classification_targets(y)
        classes = np.unique(y)
        if len(classes) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}: wrap the estimator in "
                "sklearn.multiclass.OneVsRestClassifier."
            )
        if len(classes) < 2:
            raise ValueError(
                "This solver needs samples of at least 2 classes in the data, but the "
                f"data contains only one class: {classes[0]!r}"
            )
        return y

    def _keep(self, problem: Problem, fit: Fit) -> None:
        super()._keep(problem, fit)
        self.classes_ = problem.classes
        self.coef_, self.intercept_ = self.coef_[None, :], np.array([self.intercept_])

    def decision_function(self, X: Any) -> Any:
        """Linear predictor: positive means ``classes_[1]``.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._eta(X)

    def predict(self, X: Any) -> Any:
        """Predict class labels.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        second = self._loss().decide(self._eta(X))
        return self.classes_[second.astype(np.intp)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
