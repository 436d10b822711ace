"""scikit-learn estimators of the other losses.

A class here says which loss it has, how it scores and what it calls the parameter of
its loss; `LossModel` does the rest.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1._public import public
from fastl1.estimators.base import Fit
from fastl1.estimators.loss_model import LossModel
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sklearn_base import ClassifierMixin, RegressorMixin
from fastl1.loss.losses import (
    Gamma,
    Huber,
    Loss,
    Poisson,
    Quantile,
    SquaredHinge,
    Tweedie,
)
from fastl1.problem.problem import Problem

require("sklearn", extra="sklearn")

from sklearn.metrics import (  # noqa: E402
    accuracy_score,
    d2_pinball_score,
    d2_tweedie_score,
    r2_score,
)
from sklearn.utils.multiclass import check_classification_targets, type_of_target  # noqa: E402

# --------------------------------------------------------------------------------------
# Regressors
# --------------------------------------------------------------------------------------


class _LossRegressor(RegressorMixin, LossModel):
    """A loss of numbers."""

    def predict(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Predict on the scale of y.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._loss().inverse_link(self._eta(X, offset))

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
    ) -> float:
        """Share of the variance explained, R².

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at a perfect prediction, 0 where the mean of y does as well.
        """
        return r2_score(y, self.predict(X, offset=offset), sample_weight=sample_weight)


class _LogLinkRegressor(_LossRegressor):
    """A loss of the Tweedie family: its deviance is its score, and rows may have
    exposures."""

    _power: float

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> Self:
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
        offset : array-like of shape (n_samples,), optional
            A known part of the linear predictor.  Predictions take their own.
        exposure : array-like of shape (n_samples,), optional
            Time at risk, area or number of trials behind each y, > 0: the mean of y is
            in proportion to it, as its logarithm is added to the linear predictor.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For bad input or hyperparameters, naming them.
        """
        return self._fit(X, y, sample_weight, offset=offset, exposure=exposure)

    def predict(
        self,
        X: Any,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> Any:
        """Predict the mean of y.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the linear predictor.
        exposure : array-like of shape (n_samples,), optional
            Multiplies the prediction; without it a model fitted with exposures predicts
            rates.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._loss().inverse_link(self._eta(X, offset, exposure))

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
    ) -> float:
        """Share of the deviance explained, D².

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset, exposure : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at a perfect prediction, 0 where the mean of y does as well.
        """
        mean = self.predict(X, offset=offset, exposure=exposure)
        return d2_tweedie_score(y, mean, sample_weight=sample_weight, power=self._power)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags


@public
@parameters
class PoissonRegressor(_LogLinkRegressor):
    """Poisson regression of counts or rates, with L1 and L2 penalties.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i d(y_i, exp(x_i·w + b)) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    with ``d`` half the unit deviance.  With ``l1_ratio=0`` this is
    ``sklearn.linear_model.PoissonRegressor``.  Counts over different times or areas
    are fitted with ``fit(X, y, exposure=...)``.

    Parameters
    ----------
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    l1_ratio : float, default 1.0
        Share of the L1 penalty, in [0, 1].
    penalty_factor : float or array-like of shape (n_features,), optional
        Factors on the penalty of each coefficient: 0 never penalizes, inf excludes.
    lower, upper : float or array-like of shape (n_features,), optional
        Bounds of the coefficients, ``lower <= 0 <= upper``.
    positive : bool, default False
        Force the coefficients to be >= 0.
    fit_intercept : bool, default True
        The intercept is never penalized.
    standardize : bool, default False
        Penalize the coefficients of the columns divided by their standard deviation;
        ``coef_`` is on the scale of X.
    max_iter : int, default 1000
        Limit of outer iterations.
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.

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

    alpha: float = 1.0
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False

    _power = 1.0

    def _loss(self) -> Loss:
        return Poisson()


@public
@parameters
class GammaRegressor(_LogLinkRegressor):
    """Gamma regression of positive amounts, with L1 and L2 penalties and log link.

    Parameters and attributes are those of `PoissonRegressor`; with ``l1_ratio=0`` this
    is ``sklearn.linear_model.GammaRegressor``.
    """

    alpha: float = 1.0
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False

    _power = 2.0

    def _loss(self) -> Loss:
        return Gamma()


@public
@parameters
class TweedieRegressor(_LogLinkRegressor):
    """Regression with the deviance of variance mu^power, log link, L1 and L2 penalties.

    With ``l1_ratio=0`` this is ``sklearn.linear_model.TweedieRegressor`` with
    ``link="log"``.

    Parameters
    ----------
    power : float in [1, 2], default 1.5
        1 is Poisson, 2 Gamma; between them y may be 0 or a positive amount.
    alpha, l1_ratio, penalty_factor, lower, upper, positive, fit_intercept, \
standardize, max_iter, tol, warm_start
        As in `PoissonRegressor`, and so are the attributes.
    """

    power: float = 1.5
    alpha: float = 1.0
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False

    @property
    def _power(self) -> float:  # type: ignore[override]
        return float(self.power)

    def _loss(self) -> Loss:
        return Tweedie(self.power)


@public
@parameters
class HuberRegressor(_LossRegressor):
    """Robust regression: squared errors up to `delta`, absolute ones beyond.

    `delta` is in units of y.  (``sklearn.linear_model.HuberRegressor`` estimates the
    scale of the errors as well, and counts its `epsilon` in units of that.)

    Parameters
    ----------
    delta : float > 0, default 1.345
    alpha, l1_ratio, penalty_factor, lower, upper, positive, fit_intercept, \
standardize, max_iter, tol, warm_start
        As in `PoissonRegressor`, and so are the attributes.
    """

    delta: float = 1.345
    alpha: float = 1.0
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False

    def _loss(self) -> Loss:
        return Huber(self.delta)


@public
@parameters
class QuantileRegressor(_LossRegressor):
    """Regression of a quantile of y, with L1 and L2 penalties.

    With ``l1_ratio=1`` this is ``sklearn.linear_model.QuantileRegressor``; the duality
    gap is that of the pinball loss itself, not of a smooth one.

    Parameters
    ----------
    quantile : float in (0, 1), default 0.5
    alpha, l1_ratio, penalty_factor, lower, upper, positive, fit_intercept, \
standardize, max_iter, tol, warm_start
        As in `PoissonRegressor`, and so are the attributes.
    """

    quantile: float = 0.5
    alpha: float = 1.0
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False

    def _loss(self) -> Loss:
        return Quantile(self.quantile)

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
    ) -> float:
        """Share of the pinball loss explained, D².

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at a perfect prediction, 0 where the quantile of y does as well.
        """
        return d2_pinball_score(
            y,
            self.predict(X, offset=offset),
            sample_weight=sample_weight,
            alpha=self.quantile,
        )


# --------------------------------------------------------------------------------------
# Classifiers
# --------------------------------------------------------------------------------------


@public
@parameters
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
    l1_ratio, penalty_factor, lower, upper, positive, fit_intercept, standardize, \
max_iter, tol, warm_start
        As in `PoissonRegressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    coef_ : ndarray of shape (1, n_features)
    intercept_ : ndarray of shape (1,)
    sparse_coef_, dual_gap_, relative_gap_, n_iter_, n_features_in_, feature_names_in_
        As in `PoissonRegressor`.
    """

    alpha: float = 0.01
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False
    class_weight: dict[Any, float] | str | None = None

    def _loss(self) -> Loss:
        return SquaredHinge()

    def _check_data(self, X: Any, y: Any) -> tuple[Any, Any]:
        X, y = super()._check_data(X, y)
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
        return X, y

    def _keep(self, problem: Problem, fit: Fit) -> None:
        super()._keep(problem, fit)
        self.classes_ = problem.classes
        self.coef_, self.intercept_ = self.coef_[None, :], np.array([self.intercept_])

    def decision_function(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Linear predictor: positive means ``classes_[1]``.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._eta(X, offset)

    def predict(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Predict class labels.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        second = self._loss().decide(self._eta(X, offset))
        return self.classes_[second.astype(np.intp)]

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
    ) -> float:
        """Share of the rows whose label is predicted.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset : array-like of shape (n_samples,), optional

        Returns
        -------
        float
        """
        labels = self.predict(X, offset=offset)
        return accuracy_score(y, labels, sample_weight=sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
