"""Cox's proportional hazards in scikit-learn's interface (extra ``sklearn``)."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1._public import public
from fastl1.estimators.base import FLOATS, Fit
from fastl1.estimators.loss_model import LossModel
from fastl1.estimators.parameters import parameters
from fastl1.loss.losses import Cox, Loss
from fastl1.metrics.concordance import Baseline, concordance_index, structured
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem
from fastl1.problem.survival import Survival, check_survival
from fastl1.problem.vectors import check_vector

require("sklearn", extra="sklearn")

from sklearn.utils.validation import validate_data  # noqa: E402


@public
@parameters
class CoxPHRegressor(LossModel):
    """Cox's proportional hazards model with L1 and L2 penalties.

    Minimizes over ``w``

    ``−1 / Σs · log partial likelihood(w) + alpha · l1_ratio · ‖w‖₁
    + alpha · (1 − l1_ratio) / 2 · ‖w‖²``

    for hazards ``exp(x·w)`` times one that is common to the rows of a stratum.  There
    is no intercept.  y is what scikit-survival takes, and so are the predictions.

    Parameters
    ----------
    alpha : float, default 0.01
        Strength of the penalty, >= 0.
    l1_ratio : float, default 1.0
        Share of the L1 penalty, in [0, 1].
    ties : {"breslow", "efron"}, default "breslow"
        How events at one time count.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
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
        Logarithms of hazard ratios.
    intercept_ : float
        0.
    event_times_ : ndarray of shape (n_event_times,)
        Times at which some row has its event, ascending.
    strata_ : ndarray of shape (n_strata,) or None
        Labels of the strata.
    sparse_coef_ : sparse matrix of shape (1, n_features)
    dual_gap_ : float
        Duality gap at the returned coefficients, in the unit of the objective, which is
        counted from the least value that the partial likelihood can take, where those
        who die are always those of greatest hazard.
    relative_gap_ : float
        The gap divided by the objective of the null model: what `tol` bounds.
    n_iter_ : int
        Outer iterations.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Cox, D. R. (1972). Regression models and life-tables. Journal of the Royal
    Statistical Society B 34, 187-220.

    Simon, N., Friedman, J., Hastie, T. and Tibshirani, R. (2011). Regularization paths
    for Cox's proportional hazards model via coordinate descent. Journal of Statistical
    Software 39(5).

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import CoxPHRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 5))
    >>> time, censored = rng.exponential(np.exp(-X[:, 0])), rng.exponential(3, 200)
    >>> y = np.array(
    ...     list(zip(time <= censored, np.minimum(time, censored))),
    ...     dtype=[("event", bool), ("time", float)],
    ... )
    >>> model = CoxPHRegressor(alpha=0.05).fit(X, y)
    >>> np.flatnonzero(model.coef_).tolist()
    [0]
    >>> model.predict_survival_function(X[:2], times=[0.5, 2.0]).shape
    (2, 2)
    """

    fit_intercept = False

    alpha: float = 0.01
    l1_ratio: float | None = 1.0
    ties: str = "breslow"
    max_iter: int = 1000
    tol: float = 1e-4
    warm_start: bool = False

    def _loss(self) -> Loss:
        return Cox(self.ties)

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        entry: ArrayLike | None = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Fortran-ordered float64 or float32 arrays and CSC matrices are used without
            a copy.
        y : structured array of shape (n_samples,), or array-like of 2 or 3 columns
            (event, time[, entry]), in this order, but for a field of booleans, which is
            the event wherever it stands.
        sample_weight : float or array-like of shape (n_samples,), optional
            Only the proportions matter; a single number changes nothing.
        offset : array-like of shape (n_samples,), optional
            A known part of the linear predictor.
        strata : array-like of shape (n_samples,), optional
            Rows compare with rows of the same label only.
        entry : array-like of shape (n_samples,), optional
            When observation began: a row is at risk in (entry, time].  Instead of such
            a field in y.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For bad input or hyperparameters, naming them.
        """
        return self._fit(X, y, sample_weight, offset=offset, strata=strata, entry=entry)

    def _problem(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        *,
        strata: ArrayLike | None = None,
        entry: ArrayLike | None = None,
        **options: Any,
    ) -> Problem:
        y = _with_entry(y, entry)
        problem = super()._problem(X, y, sample_weight, strata=strata, **options)
        self.strata_: Any = None if strata is None else np.unique(np.asarray(strata))
        return problem

    def _check_data(self, X: Any, y: Any) -> tuple[Any, Any]:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None"
            )
        X = validate_data(
            self, X, accept_sparse="csc", dtype=FLOATS, ensure_all_finite=False
        )
        return X, y

    def _keep(self, problem: Problem, fit: Fit) -> None:
        super()._keep(problem, fit)
        assert problem.survival is not None
        eta = _scipy_like(problem.X) @ fit.coef
        if problem.offset is not None:
            eta = eta + problem.offset
        self._baseline = Baseline.of(
            problem.survival, eta.astype(np.float64), problem.sample_weight, self.ties
        )
        self.event_times_: Any = np.unique(self._baseline.times)

    def predict(self, X: Any, *, offset: ArrayLike | None = None) -> Any:
        """Predict the logarithm of the relative hazard: higher means an earlier event.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        offset : array-like of shape (n_samples,), optional
            Added to it.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self._eta(X, offset)

    def predict_cumulative_hazard_function(
        self,
        X: Any,
        times: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        strata: ArrayLike | None = None,
    ) -> Any:
        """Predict cumulative hazards: Breslow's estimate of the baseline, or Efron's
        where that is how `ties` count, times the relative hazard.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        times : array-like of shape (n_times,), optional
            By default ``event_times_``.
        offset : array-like of shape (n_samples,), optional
        strata : array-like of shape (n_samples,), optional
            Needed where the model was fitted with strata.

        Returns
        -------
        ndarray of shape (n_samples, n_times)
            A step function of time, constant after the last event of the stratum.

        Raises
        ------
        ValueError
            For a label that is no stratum of the fit, and where strata are missing.
        """
        eta = np.asarray(self._eta(X, offset), dtype=np.float64)
        grid = self.event_times_
        if times is not None:
            grid = np.atleast_1d(times)
            grid = check_vector("times", grid, len(grid), of="position")
        return self._baseline.at(grid, eta, self._codes(strata, len(eta)))

    def predict_survival_function(
        self,
        X: Any,
        times: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        strata: ArrayLike | None = None,
    ) -> Any:
        """Predict probabilities to be without the event at each time: exp of minus the
        cumulative hazard.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        times : array-like of shape (n_times,), optional
            By default ``event_times_``.
        offset : array-like of shape (n_samples,), optional
        strata : array-like of shape (n_samples,), optional
            Needed where the model was fitted with strata.

        Returns
        -------
        ndarray of shape (n_samples, n_times)
        """
        return np.exp(
            -self.predict_cumulative_hazard_function(
                X, times, offset=offset, strata=strata
            )
        )

    def _codes(self, strata: ArrayLike | None, n: int) -> np.ndarray:
        if self.strata_ is None:
            if strata is not None:
                raise ValueError("strata were given, but the model has none")
            return np.zeros(n, np.intp)
        if strata is None:
            raise ValueError("the model was fitted with strata: give those of the rows")
        labels = np.asarray(strata)
        if labels.shape != (n,):
            raise ValueError(
                f"strata has shape {labels.shape}, one per row makes ({n},)"
            )
        known = np.isin(labels, self.strata_)
        if not known.all():
            i = int(np.argmin(known))
            raise ValueError(
                f"strata: {labels.tolist()[i]!r} at row {i} is no stratum of the fit"
            )
        return np.searchsorted(self.strata_, labels)

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        entry: ArrayLike | None = None,
    ) -> float:
        """Harrell's concordance: the share of comparable pairs in the order predicted.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : structured array of shape (n_samples,), or array-like of 2 or 3 columns
        sample_weight, offset, strata, entry : array-like of shape (n_samples,), \
optional
            With strata, rows compare with rows of their own only.

        Returns
        -------
        float
            1 for the right order throughout, 0.5 for a constant.
        """
        return concordance_index(
            _with_entry(y, entry),
            self.predict(X, offset=offset),
            sample_weight=sample_weight,
            strata=strata,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _with_entry(y: Any, entry: ArrayLike | None) -> Any:
    """y with the times of entry as its third part."""
    if entry is None:
        return y
    survival = check_survival(y, len(y), None)
    if survival.entry is not None:
        raise ValueError("entry is given, and y has it too")
    start = check_vector("entry", entry, len(y))
    return structured(Survival(survival.event, survival.time, start))


def _scipy_like(X: Any) -> Any:
    if not isinstance(X, CSC):
        return X
    from scipy.sparse import csc_array

    return csc_array((X.data, X.indices, X.indptr), shape=X.shape)
