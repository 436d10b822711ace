"""scikit-learn's HuberRegressor: coefficients and the scale of the errors together."""

import warnings
from numbers import Real
from typing import Any

import numpy as np

from fastl1._public import public
from fastl1.estimators.base import (
    NON_NEGATIVE,
    ConvergenceWarning,
    Fit,
    check_numbers,
    check_weight,
    tell,
    warn_changes,
)
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sparse import LossRegressor, SparseRegressor
from fastl1.fit.scale import solve_with_scale
from fastl1.loss.losses import Huber, Loss


@public
@parameters
class HuberRegressor(LossRegressor):
    """Robust regression that estimates the scale of the errors as well.

    Minimizes, over ``w``, the intercept ``b`` and the scale ``σ > 0``,

    ``Σ s_i (σ / 2 + σ h((y_i − x_i·w − b) / σ)) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    with ``h(z) = z² / 2`` for ``|z| <= epsilon`` and ``epsilon |z| − epsilon² / 2``
    beyond.  By default it is ``sklearn.linear_model.HuberRegressor``, whose objective
    is twice this.  With a threshold in units of y, and no scale to estimate, there is
    ``SparseRegressor(fastl1.Huber(delta))``.

    Parameters
    ----------
    epsilon : float >= 1, default 1.35
        From how many scales on an error counts as an outlier.
    max_iter : int, default 100
        Limit of outer iterations (working sets or Newton steps).
    alpha : float, default 1e-4
        Strength of the penalty, >= 0; the errors are summed, not averaged.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    tol : float, default 1e-5
        The fit stops when the relative duality gap is at most `tol`.
    l1_ratio : float, default None
        Share of the L1 penalty, in [0, 1].  None is 0, the ridge penalty of
        scikit-learn; fastl1 0.1 had 1, and a FutureWarning says so until 0.3.
    penalty_factor : float or array-like of shape (n_features,), default None
        Factors on the penalty of each coefficient: 0 never penalizes, inf excludes.
    lower, upper : float or array-like of shape (n_features,), default None
        Bounds of the coefficients, ``lower <= 0 <= upper``.
    positive : bool, default False
        Force the coefficients to be >= 0.
    standardize : bool, default False
        Penalize the coefficients of the columns divided by their standard deviation;
        ``coef_`` is on the scale of X.
    delta : float, deprecated
        The parameter of fastl1 0.1: with it, and a FutureWarning, the estimator is
        ``SparseRegressor(fastl1.Huber(delta))``, `l1_ratio` None being 1.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
    sparse_coef_ : sparse matrix of shape (1, n_features)
    intercept_ : float
    scale_ : float
        The scale ``σ``.
    outliers_ : ndarray of bool of shape (n_samples,)
        Rows whose error is above ``epsilon · scale_``.
    dual_gap_ : float
        Duality gap of coefficients and scale together, in the unit of the objective.
    relative_gap_ : float
        The gap divided by the objective of the model without coefficients: what `tol`
        bounds.
    n_iter_ : int
        Outer iterations, of all scales that were tried.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Huber, P. J. and Ronchetti, E. M. (2009). Robust Statistics, section 7.7. Wiley,
    second edition.

    Owen, A. B. (2007). A robust hybrid of lasso and ridge regression. Contemporary
    Mathematics 443, 59-72.

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import HuberRegressor
    >>> X = np.arange(20.0)[:, None]
    >>> y = 3 * X[:, 0] + np.tile([-0.1, 0.1], 10)
    >>> y[4] = 1000.0
    >>> model = HuberRegressor(l1_ratio=0.0, epsilon=1.5).fit(X, y)
    >>> model.coef_.round(2), np.flatnonzero(model.outliers_)
    (array([3.]), array([4]))
    """

    epsilon: float = 1.35
    max_iter: int = 100
    alpha: float = 1e-4
    warm_start: bool = False
    fit_intercept: bool = True
    tol: float = 1e-5
    l1_ratio: float | None = None
    delta: float | None = None

    later = ("epsilon",)

    def _loss(self) -> Loss:
        return Huber(1.345 if self.delta is None else self.delta)

    def _changes(self) -> list[str]:
        return [
            "it estimates the scale of the errors, epsilon being in units of it and "
            "alpha against a sum, where it had a fixed delta, alpha=1 and l1_ratio=1"
        ]

    def former(self) -> SparseRegressor:
        """The model that these parameters gave with fastl1 0.1.

        Returns
        -------
        SparseRegressor
        """
        given = self.get_params()
        for name in ("epsilon", "delta"):
            del given[name]
        if self.l1_ratio is None:
            given["l1_ratio"] = 1.0
        return SparseRegressor(self._loss(), **given)

    def _fit(self, X: Any, y: Any, sample_weight: Any, **rows: Any) -> Any:
        if self.delta is not None:
            return self._fit_former(X, y, sample_weight, **rows)
        check_numbers(self, epsilon=(Real, 1, None, "left"), alpha=NON_NEGATIVE)
        self._check_parameters()
        warn_changes(self, self._changes(), self.later, stacklevel=4)
        problem = self._problem(X, y, sample_weight, **rows)
        problem.sample_weight = check_weight(sample_weight, y, total=True)
        coef, intercept = self._start(problem)
        scale = getattr(self, "scale_", None)
        found = solve_with_scale(
            problem,
            float(self.epsilon),
            float(self.alpha),
            tol=self.tol,
            max_iter=self.max_iter,
            start=None if coef is None or scale is None else (coef, intercept, scale),
        )
        if found.gap > self.tol:
            warnings.warn(
                "Objective did not converge. You might want to increase the number of "
                f"iterations. Relative duality gap: {found.gap:.3e}, tolerance: "
                f"{self.tol:.3e}. Increase max_iter or tol, or rescale the columns.",
                ConvergenceWarning,
                stacklevel=3,
            )
        fit = Fit(found.coef, found.intercept, *found[5:])
        tell(self, fit)
        self._keep(problem, fit)
        self.scale_ = found.scale
        self.outliers_ = np.abs(found.residual) > found.scale * self.epsilon
        return self

    def _fit_former(self, X: Any, y: Any, sample_weight: Any, **rows: Any) -> Any:
        model = self.former()
        warnings.warn(
            "HuberRegressor(delta=...) is deprecated and will go with fastl1 0.3. This "
            f"fits SparseRegressor(fastl1.{model.loss}, alpha={self.alpha}, "
            f"l1_ratio={model.l1_ratio}); with fastl1 0.1 alpha was 1 by default.",
            FutureWarning,
            stacklevel=3,
        )
        if self.warm_start and hasattr(self, "coef_"):
            model.coef_, model.intercept_ = self.coef_, self.intercept_
        fitted = vars(model.fit(X, y, sample_weight, **rows))
        vars(self).update({k: v for k, v in fitted.items() if k.endswith("_")})
        return self
