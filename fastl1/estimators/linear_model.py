"""Lasso and elastic net in scikit-learn's interface (extra ``sklearn``).

Names, defaults and attributes are those of scikit-learn 1.9; docs/scikit-learn.md says
what differs.
"""

import warnings
from dataclasses import field, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1._public import public
from fastl1.estimators.base import (
    COUNT,
    FLOATS,
    NON_NEGATIVE,
    POSITIVE,
    UNIT,
    ConvergenceWarning,
    SparseCoef,
    check_numbers,
    check_weight,
    route,
    solve_one,
    tell,
    threads_of,
)
from fastl1.estimators.parameters import parameters
from fastl1.estimators.paths import enet_path, lasso_path
from fastl1.estimators.sklearn_base import (
    BaseEstimator,
    MultiOutputMixin,
    RegressorMixin,
)
from fastl1.problem.problem import check_problem
from fastl1.select.cv import run_folds, warn_unconverged
from fastl1.select.folds import Folds
from fastl1.select.scoring import Scoring
from fastl1.select.splits import check_splits

require("sklearn", extra="sklearn")

from sklearn.model_selection import check_cv  # noqa: E402
from sklearn.utils import check_array, check_scalar, column_or_1d  # noqa: E402
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping  # noqa: E402
from sklearn.utils.validation import (  # noqa: E402
    check_consistent_length,
    check_is_fitted,
    validate_data,
)


class _LinearRegressor(SparseCoef, RegressorMixin):
    """Prediction of the squared-loss estimators."""

    def predict(self, X: Any) -> Any:
        """Predict using the linear model.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse=["csr", "csc", "coo"], dtype=FLOATS, reset=False
        )
        return X @ self.coef_.T + self.intercept_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


# --------------------------------------------------------------------------------------
# Lasso and elastic net
# --------------------------------------------------------------------------------------


@public
@parameters
class ElasticNet(_LinearRegressor, MultiOutputMixin, BaseEstimator):
    """Linear regression with combined L1 and L2 penalties.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / (2 Σs) · Σ s_i (y_i − x_i·w − b)² + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    as ``sklearn.linear_model.ElasticNet`` does.

    Parameters
    ----------
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    l1_ratio : float, default 0.5
        Share of the L1 penalty, in [0, 1].
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    positive : bool, default False
        Force the coefficients to be >= 0.
    precompute, copy_X, random_state, selection
        Accepted for scikit-learn's sake: there is one solver, which decides by itself
        when a Gram matrix pays, draws nothing at random and never writes to X.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    sparse_coef_ : sparse matrix of shape (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    dual_gap_ : float or ndarray of shape (n_targets,)
        Duality gap at the returned coefficients, in the unit of the objective.
    relative_gap_ : float or ndarray of shape (n_targets,)
        The gap divided by the objective of the null model: what `tol` bounds.  With
        ``alpha=0`` it is the relative norm of the gradient.
    n_iter_ : int or list of int
        Outer iterations.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Zou, H. and Hastie, T. (2005). Regularization and variable selection via the elastic
    net. Journal of the Royal Statistical Society B 67, 301-320.

    Examples
    --------
    >>> from fastl1 import ElasticNet
    >>> model = ElasticNet(alpha=0.1).fit([[0, 0], [1, 1], [2, 2]], [0, 1, 2])
    >>> model.predict([[1.0, 1.0]])
    array([1.])
    """

    # check_input is a door for callers that have validated already, not metadata.
    __metadata_request__fit: ClassVar = {"check_input": UNUSED}

    path = staticmethod(enet_path)

    alpha: float = field(default=1.0, kw_only=False)
    l1_ratio: float = 0.5
    fit_intercept: bool = True
    precompute: Any = False
    max_iter: int = 1000
    copy_X: bool = True
    tol: float = 1e-4
    warm_start: bool = False
    positive: bool = False
    random_state: Any = None
    selection: str = "cyclic"

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        check_input: bool = True,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Fortran-ordered float64 or float32 arrays and CSC matrices are used without
            a copy.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Several targets are fitted one by one.
        sample_weight : float or array-like of shape (n_samples,), optional
            Only the proportions matter; a single number changes nothing.
        check_input : bool, default True
            False skips validation: X is then Fortran-ordered float64 or float32, or
            CSC.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For bad input or hyperparameters, naming them.
        """
        check_numbers(self, alpha=NON_NEGATIVE, l1_ratio=UNIT, tol=NON_NEGATIVE)
        if self.max_iter is not None:
            check_numbers(self, max_iter=COUNT)
        if self.alpha == 0:
            warnings.warn(
                "With alpha=0, this algorithm does not converge well. You are advised "
                "to use the LinearRegression estimator",
                stacklevel=2,
            )
        if check_input:
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse="csc",
                dtype=FLOATS,
                multi_output=True,
                y_numeric=True,
                ensure_all_finite=False,
            )
            y = check_array(
                y,
                dtype=FLOATS,
                ensure_2d=False,
                ensure_all_finite=False,
                input_name="y",
            )
        elif isinstance(X, np.ndarray) and not X.flags.f_contiguous:
            raise ValueError("with check_input=False X must be Fortran-contiguous")
        weight = check_weight(sample_weight, X)
        Y = np.asarray(y, dtype=np.float64)
        Y = Y[:, None] if Y.ndim == 1 else Y
        n_targets = Y.shape[1]
        problem = check_problem(
            X,
            Y[:, 0],
            l1_ratio=float(self.l1_ratio),
            lower=0.0 if self.positive else None,
            fit_intercept=bool(self.fit_intercept),
            sample_weight=weight,
            check_input=check_input,
            defer_values=True,
        )
        start: Any = [None] * n_targets
        if self.warm_start and hasattr(self, "coef_"):
            start = np.atleast_2d(self.coef_)
            if start.shape != (n_targets, X.shape[1]):
                raise ValueError(
                    f"warm_start: coef_ of the previous fit has shape {start.shape}, "
                    f"this fit needs {(n_targets, X.shape[1])}"
                )
        max_iter = 1000 if self.max_iter is None else self.max_iter
        fits = []
        for k in range(n_targets):
            target = replace(problem, y=np.ascontiguousarray(Y[:, k]))
            fits.append(
                solve_one(target, float(self.alpha), self.tol, max_iter, start[k])
            )
        self.coef_ = np.array([fit.coef for fit in fits])
        self.relative_gap_ = np.array([fit.gap for fit in fits])
        self.dual_gap_ = np.array([fit.dual_gap for fit in fits])
        self.n_iter_ = [fit.n_iter for fit in fits]
        self.intercept_ = np.array([fit.intercept for fit in fits], dtype=X.dtype)
        if n_targets == 1:
            self.coef_ = self.coef_[0]
            self.relative_gap_ = self.relative_gap_[0]
            self.dual_gap_ = self.dual_gap_[0]
            self.n_iter_ = self.n_iter_[0]
            if y.ndim == 1:
                self.intercept_ = self.intercept_[0]
        if not self.fit_intercept:
            self.intercept_ = 0.0
        return self


@public
@parameters
class Lasso(ElasticNet):
    """Linear regression with an L1 penalty.

    Minimizes, over ``w`` and the intercept ``b``,

    ``1 / (2 Σs) · Σ s_i (y_i − x_i·w − b)² + alpha · ‖w‖₁``

    as ``sklearn.linear_model.Lasso`` does.

    Parameters
    ----------
    alpha : float, default 1.0
        Strength of the penalty, >= 0.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    positive : bool, default False
        Force the coefficients to be >= 0.
    precompute, copy_X, random_state, selection
        Accepted for scikit-learn's sake: there is one solver, which decides by itself
        when a Gram matrix pays, draws nothing at random and never writes to X.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
    sparse_coef_ : sparse matrix of shape (n_targets, n_features)
    intercept_ : float or ndarray of shape (n_targets,)
    dual_gap_ : float or ndarray of shape (n_targets,)
        Duality gap at the returned coefficients, in the unit of the objective.
    relative_gap_ : float or ndarray of shape (n_targets,)
        The gap divided by the objective of the null model: what `tol` bounds.  With
        ``alpha=0`` it is the relative norm of the gradient.
    n_iter_ : int or list of int
        Outer iterations.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Tibshirani, R. (1996). Regression shrinkage and selection via the lasso. Journal of
    the Royal Statistical Society B 58, 267-288.

    Examples
    --------
    >>> from fastl1 import Lasso
    >>> model = Lasso(alpha=0.1).fit([[-1], [0], [1]], [-1, 0, 1])
    >>> model.coef_
    array([0.85])
    """

    alpha: float = field(default=1.0, kw_only=False)
    fit_intercept: bool = True
    precompute: Any = False
    copy_X: bool = True
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False
    positive: bool = False
    random_state: Any = None
    selection: str = "cyclic"
    l1_ratio: float = field(default=1.0, init=False)


class _RegressorCV(_LinearRegressor, BaseEstimator):
    """What LassoCV and ElasticNetCV share; each lists the parameters itself."""

    eps: float
    alphas: Any
    fit_intercept: bool
    max_iter: int
    tol: float
    cv: Any
    n_jobs: int | None
    positive: bool
    verbose: bool | int

    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:
        """Choose alpha (and l1_ratio) by cross-validation, then fit on all rows.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Fortran-ordered float64 or float32 arrays and CSC matrices are used without
            a copy, for the folds too.
        y : array-like of shape (n_samples,)
        sample_weight : float or array-like of shape (n_samples,), optional
            Used in training and for the held-out error; the errors of the folds are
            averaged without weights.
        **params : dict
            Parameters of the splitter (such as `groups`), when metadata routing is on.

        Returns
        -------
        self
        """
        routed = route(self, "fit", params, sample_weight)
        check_numbers(self, eps=POSITIVE, tol=NON_NEGATIVE, max_iter=COUNT)
        X, y = validate_data(
            self,
            X,
            y,
            validate_separately=(
                {"accept_sparse": "csc", "dtype": FLOATS, "ensure_all_finite": False},
                {"dtype": FLOATS, "ensure_2d": False, "ensure_all_finite": False},
            ),
        )
        check_consistent_length(X, y)
        if y.ndim > 1 and y.shape[1] > 1:
            raise ValueError(
                f"{type(self).__name__} takes one target, got {y.shape[1]}: wrap it in "
                "sklearn.multioutput.MultiOutputRegressor, or loop over the targets"
            )
        y = column_or_1d(y, warn=True)
        weight = check_weight(sample_weight, X)
        problem = check_problem(
            X,
            y,
            lower=0.0 if self.positive else None,
            fit_intercept=bool(self.fit_intercept),
            sample_weight=weight,
            n_threads=threads_of(self.n_jobs),
        )
        l1_ratios = np.atleast_1d(self._l1_ratios()).astype(np.float64)
        for l1_ratio in l1_ratios:
            check_scalar(float(l1_ratio), "l1_ratio", Real, min_val=0, max_val=1)
        splitter = check_cv(self.cv)
        split_params = routed.splitter.split if routed else {}
        splits = check_splits(list(splitter.split(X, y, **split_params)), len(y))
        folds = Folds(problem, splits, len(l1_ratios))
        grids = self._grids(folds, l1_ratios)
        result = run_folds(
            folds,
            l1_ratios,
            grids,
            Scoring.resolve(None, problem.family),
            tol=self.tol,
            max_iter=self.max_iter,
        )
        warn_unconverged(result, self.tol, ConvergenceWarning)
        best = result.best
        fit = solve_one(
            replace(problem, l1_ratio=best.l1_ratio),
            best.alpha,
            self.tol,
            self.max_iter,
            moments=folds.whole,
        )
        tell(self, fit)
        self.alpha_ = best.alpha
        self._keep_l1_ratio(best.l1_ratio)
        one = len(l1_ratios) == 1 or not isinstance(self.alphas, Integral)
        self.alphas_ = grids[0] if one else grids
        self.mse_path_ = np.squeeze(result.scores)
        self.coef_ = fit.coef
        self.intercept_ = X.dtype.type(fit.intercept) if self.fit_intercept else 0.0
        self.relative_gap_ = fit.gap
        self.dual_gap_ = fit.dual_gap
        self.n_iter_ = fit.n_iter
        return self

    def _l1_ratios(self) -> ArrayLike:
        return 1.0

    def _keep_l1_ratio(self, l1_ratio: float) -> None:
        pass

    def _grids(self, folds: Folds, l1_ratios: np.ndarray) -> np.ndarray:
        """Decreasing alphas of each l1_ratio: (n_ratios, n_alphas)."""
        if isinstance(self.alphas, Integral):
            check_scalar(self.alphas, "alphas", Integral, min_val=1)
            if np.any(l1_ratios == 0):
                raise ValueError(
                    "Automatic alpha grid generation is not supported for l1_ratio=0. "
                    "Please supply a grid by providing your estimator with the "
                    "appropriate `alphas=` argument."
                )
            return np.array(
                [self._automatic_grid(folds.alpha_max / rho) for rho in l1_ratios]
            )
        for k, alpha in enumerate(self.alphas):
            check_scalar(alpha, f"alphas[{k}]", Real, min_val=0.0)
        grid = np.sort(np.asarray(self.alphas, dtype=np.float64))[::-1]
        return np.tile(grid, (len(l1_ratios), 1))

    def _automatic_grid(self, top: float) -> np.ndarray:
        tiny = np.finfo(np.float64).resolution
        if top <= tiny:
            return np.full(self.alphas, tiny)
        return np.geomspace(top, top * self.eps, num=self.alphas)

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
                splitter=check_cv(self.cv),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        )


@public
@parameters
class LassoCV(_RegressorCV):
    """Lasso with alpha chosen by cross-validated squared error.

    Minimizes ``1 / (2 Σs) · Σ s_i (y_i − x_i·w − b)² + alpha · ‖w‖₁``, as
    ``sklearn.linear_model.LassoCV`` does.  All folds are solved in this process on one
    copy of X, with a duality gap for every alpha.

    Parameters
    ----------
    eps : float, default 1e-3
        Ratio of the smallest to the largest alpha of the automatic grid.
    alphas : int or array-like, default 100
        Size of the automatic grid, or the alphas themselves.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    cv : int, splitter or iterable, default None
        As in scikit-learn: None is 5 contiguous folds.
    n_jobs : int, default None
        Number of threads, which solve one fold each: None and -1 mean all that this
        process may use, -2 all but one.  The result does not depend on it.
    positive : bool, default False
        Force the coefficients to be >= 0.
    verbose : bool or int, default False
        Above 0 a line tells of the fit on all rows.
    precompute, copy_X, random_state, selection
        Accepted for scikit-learn's sake: there is one solver, which decides by itself
        when a Gram matrix pays, draws nothing at random and never writes to X.

    Attributes
    ----------
    alpha_ : float
    alphas_ : ndarray of shape (n_alphas,)
    mse_path_ : ndarray of shape (n_alphas, n_folds)
        Mean squared error on the held-out rows.
    coef_ : ndarray of shape (n_features,)
    sparse_coef_ : sparse matrix of shape (1, n_features)
    intercept_ : float
    dual_gap_ : float
        Duality gap of the fit on all rows, in the unit of the objective.
    relative_gap_ : float
        The gap divided by the objective of the null model: what `tol` bounds.
    n_iter_ : int
        Outer iterations of the fit on all rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Tibshirani, R. (1996). Regression shrinkage and selection via the lasso. Journal of
    the Royal Statistical Society B 58, 267-288.

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import LassoCV
    >>> X = np.random.default_rng(0).normal(size=(100, 5))
    >>> model = LassoCV(cv=5, tol=1e-8).fit(X, X[:, 0])
    >>> model.coef_.round(2)
    array([1., 0., 0., 0., 0.])
    """

    path = staticmethod(lasso_path)

    eps: float = 1e-3
    alphas: Any = 100
    fit_intercept: bool = True
    precompute: Any = "auto"
    max_iter: int = 1000
    tol: float = 1e-4
    copy_X: bool = True
    cv: Any = None
    verbose: bool | int = False
    n_jobs: int | None = None
    positive: bool = False
    random_state: Any = None
    selection: str = "cyclic"


@public
@parameters
class ElasticNetCV(_RegressorCV):
    """Elastic net with alpha and l1_ratio chosen by cross-validated squared error.

    Minimizes ``1 / (2 Σs) · Σ s_i (y_i − x_i·w − b)² + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``, as ``sklearn.linear_model.ElasticNetCV``
    does.  All folds are solved in this process on one copy of X, with a duality gap for
    every alpha.

    Parameters
    ----------
    l1_ratio : float or sequence of float, default 0.5
        Value or values to try, in [0, 1].  0 needs explicit `alphas`.
    eps : float, default 1e-3
        Ratio of the smallest to the largest alpha of the automatic grid.
    alphas : int or array-like, default 100
        Size of the automatic grid, or the alphas themselves.
    fit_intercept : bool, default True
        Whether there is an intercept, which is never penalized.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    cv : int, splitter or iterable, default None
        As in scikit-learn: None is 5 contiguous folds.
    n_jobs : int, default None
        Number of threads, which solve one fold each: None and -1 mean all that this
        process may use, -2 all but one.  The result does not depend on it.
    positive : bool, default False
        Force the coefficients to be >= 0.
    verbose : bool or int, default 0
        Above 0 a line tells of the fit on all rows.
    precompute, copy_X, random_state, selection
        Accepted for scikit-learn's sake: there is one solver, which decides by itself
        when a Gram matrix pays, draws nothing at random and never writes to X.

    Attributes
    ----------
    alpha_ : float
    l1_ratio_ : float
    alphas_ : ndarray of shape (n_alphas,) or (n_l1_ratio, n_alphas)
    mse_path_ : ndarray of shape (n_alphas, n_folds) or (n_l1_ratio, n_alphas, n_folds)
        Mean squared error on the held-out rows.
    coef_ : ndarray of shape (n_features,)
    sparse_coef_ : sparse matrix of shape (1, n_features)
    intercept_ : float
    dual_gap_ : float
        Duality gap of the fit on all rows, in the unit of the objective.
    relative_gap_ : float
        The gap divided by the objective of the null model: what `tol` bounds.
    n_iter_ : int
        Outer iterations of the fit on all rows.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Zou, H. and Hastie, T. (2005). Regularization and variable selection via the elastic
    net. Journal of the Royal Statistical Society B 67, 301-320.

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import ElasticNetCV
    >>> X = np.random.default_rng(0).normal(size=(100, 5))
    >>> model = ElasticNetCV(l1_ratio=[0.5, 0.9], alphas=20).fit(X, X[:, 0] - X[:, 1])
    >>> model.coef_.round(1) + 0.0
    array([ 1., -1.,  0.,  0.,  0.])
    """

    path = staticmethod(enet_path)

    l1_ratio: float = 0.5
    eps: float = 1e-3
    alphas: Any = 100
    fit_intercept: bool = True
    precompute: Any = "auto"
    max_iter: int = 1000
    tol: float = 1e-4
    cv: Any = None
    copy_X: bool = True
    verbose: bool | int = 0
    n_jobs: int | None = None
    positive: bool = False
    random_state: Any = None
    selection: str = "cyclic"

    def _l1_ratios(self) -> ArrayLike:
        return self.l1_ratio

    def _keep_l1_ratio(self, l1_ratio: float) -> None:
        self.l1_ratio_ = l1_ratio
