"""scikit-learn's generalized linear models and its quantile regression.

A class here says which loss it has; `sparse` does the rest.  Defaults are
those of scikit-learn 1.9, and so is the order of the parameters.
"""

from typing import Any, ClassVar

from fastl1._public import public
from fastl1.estimators.base import check_choice
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sparse import LogLinkRegressor, LossRegressor
from fastl1.loss.losses import Gamma, Loss, Poisson, Quantile, Squared, Tweedie

_GLM_SOLVERS = ("lbfgs", "newton-cholesky")


class _GLM(LogLinkRegressor):
    """A generalized linear model of scikit-learn."""

    solver: str
    later: ClassVar[tuple[str, ...]] = ("solver", "verbose")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice(self, solver=_GLM_SOLVERS)


@public
@parameters
class PoissonRegressor(_GLM):
    """Poisson regression of counts or rates, with L1 and L2 penalties.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i d(y_i, exp(x_i·w + b)) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    with ``d`` half the unit deviance, ``y log(y / mu) − y + mu``.  By default it is
    ``sklearn.linear_model.PoissonRegressor``.  Counts over different times or areas are
    fitted with ``fit(X, y, exposure=...)``.

    Parameters
    ----------
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    solver : {"lbfgs", "newton-cholesky"}, default "lbfgs"
        Accepted for scikit-learn's sake: there is one solver.
    max_iter : int, default 100
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    verbose : int, default 0
        Above 0 a line tells of each fit: iterations and gap.
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
    Nelder, J. A. and Wedderburn, R. W. M. (1972). Generalized linear models. Journal of
    the Royal Statistical Society A 135, 370-384.

    Examples
    --------
    >>> from fastl1 import PoissonRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1, 2, 4, 8]
    >>> PoissonRegressor(alpha=0.0, tol=1e-9).fit(X, y).predict([[4.0]]).round(3)
    array([16.])
    """

    alpha: float = 1.0
    fit_intercept: bool = True
    solver: str = "lbfgs"
    max_iter: int = 100
    tol: float = 1e-4
    warm_start: bool = False
    verbose: int = 0

    def _loss(self) -> Loss:
        return Poisson()


@public
@parameters
class GammaRegressor(_GLM):
    """Gamma regression of positive amounts, with L1 and L2 penalties and log link.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i d(y_i, exp(x_i·w + b)) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    with ``d`` half the unit deviance, ``y / mu − 1 − log(y / mu)``.  By default it is
    ``sklearn.linear_model.GammaRegressor``.

    Parameters
    ----------
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    solver : {"lbfgs", "newton-cholesky"}, default "lbfgs"
        Accepted for scikit-learn's sake: there is one solver.
    max_iter : int, default 100
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    verbose : int, default 0
        Above 0 a line tells of each fit: iterations and gap.
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
    McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, chapter 8.
    Chapman and Hall, second edition.

    Examples
    --------
    >>> from fastl1 import GammaRegressor
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 9.0]
    >>> GammaRegressor(alpha=0.0, tol=1e-9).fit(X, y).predict([[3.0]]).round(3)
    array([27.])
    """

    alpha: float = 1.0
    fit_intercept: bool = True
    solver: str = "lbfgs"
    max_iter: int = 100
    tol: float = 1e-4
    warm_start: bool = False
    verbose: int = 0

    def _loss(self) -> Loss:
        return Gamma()


@public
@parameters
class TweedieRegressor(_GLM):
    """Regression with the deviance of variance mu^power, with L1 and L2 penalties.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i d(y_i, h(x_i·w + b)) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    with ``d`` half the unit deviance of the Tweedie distribution and ``h`` the inverse
    of the link.  By default it is ``sklearn.linear_model.TweedieRegressor``.

    Parameters
    ----------
    power : float, 0 or in [1, 2], default 0.0
        0 is the normal distribution, 1 Poisson, 2 gamma; between 1 and 2 y may be 0 or
        a positive amount.  With other powers, which scikit-learn knows, the objective
        is not convex, and they are refused.  fastl1 0.1 had 1.5, and a FutureWarning
        says so until 0.3.
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    link : {"auto", "identity", "log"}, default "auto"
        The identity for power 0, the logarithm for the others; nothing else is convex.
    solver : {"lbfgs", "newton-cholesky"}, default "lbfgs"
        Accepted for scikit-learn's sake: there is one solver.
    max_iter : int, default 100
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    verbose : int, default 0
        Above 0 a line tells of each fit: iterations and gap.
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
    Jørgensen, B. (1987). Exponential dispersion models. Journal of the Royal
    Statistical Society B 49, 127-162.

    Examples
    --------
    >>> from fastl1 import TweedieRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 0.0, 9.0]
    >>> TweedieRegressor(power=1.5, alpha=0.1, l1_ratio=1.0).fit(X, y).coef_.round(1)
    array([1.1])
    """

    power: float = 0.0
    alpha: float = 1.0
    fit_intercept: bool = True
    link: str = "auto"
    solver: str = "lbfgs"
    max_iter: int = 100
    tol: float = 1e-4
    warm_start: bool = False
    verbose: int = 0

    later = ("link", "solver", "verbose")

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice(self, link=("auto", "identity", "log"))
        identity = self.power == 0
        if self.link != "auto" and (self.link == "identity") != identity:
            raise ValueError(
                f"TweedieRegressor: link={self.link!r} with power={self.power} is not "
                "convex, so not supported: power=0 goes with link='identity', a power "
                "in [1, 2] with link='log', and both with 'auto'"
            )
        if not identity and not 1 <= self.power <= 2:
            raise ValueError(
                f"TweedieRegressor: power={self.power} is not supported, because its "
                "deviance is not convex: power must be 0 or in [1, 2]"
            )

    def _changes(self) -> list[str]:
        power = ["power=0, where it had 1.5"] if self.power == 0 else []
        return power + super()._changes()

    def _loss(self) -> Loss:
        return Squared() if self.power == 0 else Tweedie(self.power)


@public
@parameters
class QuantileRegressor(LossRegressor):
    """Regression of a quantile of y, with L1 and L2 penalties.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / Σs · Σ s_i ρ(y_i − x_i·w − b) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    with the pinball loss ``ρ(r) = quantile · r`` for ``r >= 0`` and
    ``(quantile − 1) · r`` below.  By default it is
    ``sklearn.linear_model.QuantileRegressor``; the duality gap is that of the pinball
    loss itself, not of a smooth one.

    Parameters
    ----------
    quantile : float in (0, 1), default 0.5
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    solver : {"highs", "highs-ds", "highs-ipm", "interior-point", \
"revised simplex"}, default "highs"
        Accepted for scikit-learn's sake: there is one solver.
    solver_options : None
        Anything else is refused, because it is meant for a solver of SciPy.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
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
    Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46, 33-50.

    Belloni, A. and Chernozhukov, V. (2011). L1-penalized quantile regression in
    high-dimensional sparse models. Annals of Statistics 39, 82-130.

    Examples
    --------
    >>> from fastl1 import QuantileRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [4.0]], [0.0, 1.0, 2.0, 3.0, 40.0]
    >>> QuantileRegressor(alpha=0.01).fit(X, y).coef_.round(2)
    array([1.])
    """

    quantile: float = 0.5
    alpha: float = 1.0
    fit_intercept: bool = True
    solver: str = "highs"
    solver_options: dict[str, Any] | None = None
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False
    l1_ratio: float | None = 1.0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_choice(
            self,
            solver=(
                *("highs", "highs-ds", "highs-ipm"),
                *("interior-point", "revised simplex"),
            ),
        )
        if self.solver_options is not None:
            raise ValueError(
                "QuantileRegressor: solver_options are options of SciPy's linear "
                "programs, which are not used here; use tol and max_iter, or None"
            )

    def _loss(self) -> Loss:
        return Quantile(self.quantile)
