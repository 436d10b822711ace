"""Estimators of any loss, and what those of one loss share with them.

`SparseRegressor` and `SparseClassifier` are fastl1's own: the L1 penalty is their
default.  The classes of scikit-learn's names, in `glm`, have scikit-learn's defaults.
"""

from contextlib import suppress
from dataclasses import field
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1._public import public
from fastl1.estimators.base import Fit
from fastl1.estimators.loss_model import LossModel
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sklearn_base import ClassifierMixin, RegressorMixin
from fastl1.loss.links import LINKS
from fastl1.loss.losses import Cox, Huber, Loss, Multinomial, Quantile, as_loss
from fastl1.problem.problem import Problem

require("sklearn", extra="sklearn")

from sklearn.metrics import (  # noqa: E402
    accuracy_score,
    d2_pinball_score,
    d2_tweedie_score,
    r2_score,
)
from sklearn.utils.metaestimators import available_if  # noqa: E402
from sklearn.utils.multiclass import check_classification_targets, type_of_target  # noqa: E402

# Powers of the variance of losses that are deviances of the Tweedie family.
_POWERS = {"squared": 0.0, "poisson": 1.0, "gamma": 2.0}


def _explained(loss: Loss, y: Any, mean: Any, weight: ArrayLike | None) -> float:
    """Share of the loss of the best constant that the predictions save."""
    if isinstance(loss, Quantile):
        return d2_pinball_score(y, mean, sample_weight=weight, alpha=loss.q)
    power = getattr(loss, "power", _POWERS.get(loss.name))
    if power is None or isinstance(loss, Huber):
        return r2_score(y, mean, sample_weight=weight)
    return d2_tweedie_score(y, mean, sample_weight=weight, power=power)


class LossRegressor(RegressorMixin, LossModel):
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
        """Share explained: of the pinball loss (D²) where a quantile is predicted, else
        of the variance (R²).

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at a perfect prediction, 0 where the best constant does as well.
        """
        mean = self.predict(X, offset=offset)
        return _explained(self._loss(), y, mean, sample_weight)


class LogLinkRegressor(LossRegressor):
    """A loss whose rows may have exposures."""

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
            in proportion to it, as its logarithm is added to the linear predictor.  For
            losses with a log link.

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
            rates.  For losses with a log link.

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
        """Share of the deviance explained, D² (R² for losses without a deviance).

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight, offset, exposure : array-like of shape (n_samples,), optional

        Returns
        -------
        float
            1 at a perfect prediction, 0 where the best constant does as well.
        """
        mean = self.predict(X, offset=offset, exposure=exposure)
        return _explained(self._loss(), y, mean, sample_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        with suppress(ValueError, TypeError):  # which `fit` raises, for a parameter
            tags.target_tags.positive_only = self._loss().link == "log"
        return tags


@public
@parameters
class SparseRegressor(LogLinkRegressor):
    """Regression with any loss of numbers, sparse by default.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i loss(y_i, x_i·w + b) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    for the losses of `fastl1.path`.

    Parameters
    ----------
    loss : str or Loss, default "squared"
        "squared", "poisson", "gamma", ``fastl1.Tweedie(power)``,
        ``fastl1.Huber(delta)`` with delta in units of y, or ``fastl1.Quantile(q)``.
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    l1_ratio : float, default 1.0
        Share of the L1 penalty, in [0, 1].
    penalty_factor : float or array-like of shape (n_features,), default None
        Factors on the penalty of each coefficient: 0 never penalizes, inf excludes.
    lower, upper : float or array-like of shape (n_features,), default None
        Bounds of the coefficients, ``lower <= 0 <= upper``.
    positive : bool, default False
        Force the coefficients to be >= 0.
    standardize : bool, default False
        Penalize the coefficients of the columns divided by their standard deviation;
        ``coef_`` is on the scale of X.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
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

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. (2010). Regularization paths for
    generalized linear models via coordinate descent. Journal of Statistical Software
    33(1).

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import Huber, SparseRegressor
    >>> X = np.random.default_rng(0).normal(size=(100, 4))
    >>> y = 2 * X[:, 1]
    >>> y[0] = 1000.0
    >>> SparseRegressor(Huber(0.5), alpha=0.1).fit(X, y).coef_.round(1) + 0.0
    array([0. , 1.9, 0. , 0. ])
    """

    loss: str | Loss = field(default="squared", kw_only=False)
    alpha: float = 1.0
    fit_intercept: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False
    l1_ratio: float | None = 1.0

    def _loss(self) -> Loss:
        loss = as_loss(self.loss)
        if loss.labels or isinstance(loss, Cox):
            other = "CoxPHRegressor" if isinstance(loss, Cox) else "SparseClassifier"
            raise ValueError(
                f"SparseRegressor takes a loss of numbers, not {loss.name!r}; "
                f"{other} has that"
            )
        return loss


def _has_probabilities(model: Any) -> bool:
    return LINKS[model._loss().link].probability


@public
@parameters
class SparseClassifier(ClassifierMixin, LossModel):
    """Classification of two labels with any loss of labels, sparse by default.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i loss(y_i, x_i·w + b) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    for the losses of `fastl1.path`.  For more than two labels there is
    `LogisticRegression`, or ``sklearn.multiclass.OneVsRestClassifier`` around this
    estimator.

    Parameters
    ----------
    loss : str or Loss, default "logistic"
        One of two labels, such as "logistic" or "squared_hinge", the loss of
        support-vector machines, which has no probabilities.
    alpha : float, default 0.01
        Strength of the penalty, >= 0.
    l1_ratio : float, default 1.0
        Share of the L1 penalty, in [0, 1].
    penalty_factor : float or array-like of shape (n_features,), default None
        Factors on the penalty of each coefficient: 0 never penalizes, inf excludes.
    lower, upper : float or array-like of shape (n_features,), default None
        Bounds of the coefficients, ``lower <= 0 <= upper``.
    positive : bool, default False
        Force the coefficients to be >= 0.
    standardize : bool, default False
        Penalize the coefficients of the columns divided by their standard deviation;
        ``coef_`` is on the scale of X.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes, multiplied with `sample_weight`.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    coef_ : ndarray of shape (1, n_features)
    sparse_coef_ : sparse matrix of shape (1, n_features)
    intercept_ : ndarray of shape (1,)
    dual_gap_ : float
        Duality gap at the returned coefficients, in the unit of the objective.
    relative_gap_ : float
        The gap divided by the objective of the null model: what `tol` bounds.
    n_iter_ : int
        Outer iterations.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. (2010). Regularization paths for
    generalized linear models via coordinate descent. Journal of Statistical Software
    33(1).

    Examples
    --------
    >>> from fastl1 import SparseClassifier
    >>> X, y = [[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"]
    >>> SparseClassifier("squared_hinge").fit(X, y).predict([[3.0]])
    array(['yes'], dtype='<U3')
    """

    loss: str | Loss = field(default="logistic", kw_only=False)
    alpha: float = 0.01
    fit_intercept: bool = True
    class_weight: dict[Any, float] | str | None = None
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False
    l1_ratio: float | None = 1.0

    def _loss(self) -> Loss:
        loss = as_loss(self.loss)
        if not loss.labels or isinstance(loss, Multinomial):
            other = "SparseRegressor"
            if isinstance(loss, Multinomial):
                other = "LogisticRegression"
            raise ValueError(
                f"SparseClassifier takes a loss of two labels, not {loss.name!r}; "
                f"{other} has that"
            )
        return loss

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
        """Linear predictor: the larger, the likelier is ``classes_[1]``.

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

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Predict class probabilities; not for loss="squared_hinge", which has none.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to the linear predictor.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            In the order of ``classes_``.
        """
        second = self._loss().inverse_link(self._eta(X, offset))
        return np.column_stack([1.0 - second, second])

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
