"""What the estimators of any loss share: hyperparameters, fit and linear predictors.

Objective, `tol`, `max_iter` and the attributes are those of `linear_model`, with the
mean of the loss in place of the squared error.
"""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1.estimators.base import (
    COUNT,
    FLOATS,
    NON_NEGATIVE,
    UNIT,
    Fit,
    SparseCoef,
    check_numbers,
    check_weight,
    solve_one,
    tell,
    warn_changes,
)
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sklearn_base import BaseEstimator
from fastl1.loss.losses import Loss
from fastl1.problem.problem import Problem, check_problem
from fastl1.problem.vectors import check_vector

require("sklearn", extra="sklearn")

from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402


class _Listed:
    """Parameters that each estimator lists itself, with its own defaults."""

    alpha: float
    fit_intercept: bool
    max_iter: int
    tol: float
    warm_start: bool
    class_weight: Any = None
    verbose: int = 0


@parameters
class LossModel(_Listed, SparseCoef, BaseEstimator):
    """A penalized linear predictor; subclasses give the loss, and the arguments of
    `fit` and `predict` that belong to rows."""

    l1_ratio: float | None = None
    penalty_factor: ArrayLike | None = None
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    positive: bool = False
    standardize: bool = False

    # Parameters that fastl1 0.1 did not have.
    later: ClassVar[tuple[str, ...]] = ()

    def _loss(self) -> Loss:
        """The loss with its parameters."""
        raise NotImplementedError

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
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

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For bad input or hyperparameters, naming them.
        """
        return self._fit(X, y, sample_weight, offset=offset)

    def _check_parameters(self) -> None:
        """Refuse hyperparameters that no data would make right."""
        check_numbers(self, tol=NON_NEGATIVE, max_iter=COUNT)
        if self.l1_ratio is not None:
            check_numbers(self, l1_ratio=UNIT)
        if self.positive and self.lower is not None:
            raise ValueError("positive=True is lower=0: give one of them")

    def _changes(self) -> list[str]:
        """How this model differs from what the same call gave with fastl1 0.1."""
        if self.l1_ratio is None and self.alpha > 0:
            return ["l1_ratio=0, where it had 1"]
        return []

    def _fit(self, X: Any, y: Any, sample_weight: Any, **rows: Any) -> Self:
        check_numbers(self, alpha=NON_NEGATIVE)
        self._check_parameters()
        warn_changes(self, self._changes(), self.later, stacklevel=4)
        problem = self._problem(X, y, sample_weight, **rows, defer_values=True)
        fit = solve_one(
            problem,
            float(self.alpha),
            self.tol,
            self.max_iter,
            *self._start(problem),
            stacklevel=4,
        )
        tell(self, fit)
        self._keep(problem, fit)
        return self

    def _start(self, problem: Problem) -> tuple[Any, Any]:
        """Coefficients and intercept of the previous fit, or None twice."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return None, None
        start = np.ravel(self.coef_)
        if len(start) != problem.shape[1]:
            raise ValueError(
                f"warm_start: the previous fit had {len(start)} features, this one "
                f"has {problem.shape[1]}"
            )
        return start, float(np.ravel(self.intercept_)[0])

    def _problem(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        *,
        offset: ArrayLike | None = None,
        exposure: ArrayLike | None = None,
        **options: Any,
    ) -> Problem:
        """The validated problem, `options` being keywords of `check_problem`."""
        X, y = self._check_data(X, y)
        return check_problem(
            X,
            y,
            loss=self._loss(),
            l1_ratio=0.0 if self.l1_ratio is None else float(self.l1_ratio),
            penalty_factor=self.penalty_factor,
            lower=0.0 if self.positive else self.lower,
            upper=self.upper,
            fit_intercept=bool(self.fit_intercept),
            standardize=bool(self.standardize),
            sample_weight=check_weight(sample_weight, X),
            class_weight=self.class_weight,
            offset=self._shift(offset, exposure, X.shape[0]),
            **options,
        )

    def _check_data(self, X: Any, y: Any) -> tuple[Any, Any]:
        """X and y as scikit-learn validates them; values are checked later."""
        return validate_data(
            self,
            X,
            y,
            accept_sparse="csc",
            dtype=FLOATS,
            y_numeric=not self._loss().labels,
            ensure_all_finite=False,
        )

    def _keep(self, problem: Problem, fit: Fit) -> None:
        """Set the attributes of a fitted model."""
        self.coef_: Any = fit.coef
        self.intercept_: Any = (
            problem.dtype.type(fit.intercept) if self.fit_intercept else 0.0
        )
        self.relative_gap_, self.dual_gap_ = fit.gap, fit.dual_gap
        # where the start is the solution, seeing so counts as one, as in scikit-learn
        self.n_iter_: Any = max(fit.n_iter, 1)

    def _eta(
        self, X: Any, offset: ArrayLike | None, exposure: ArrayLike | None = None
    ) -> Any:
        """Linear predictors, (n_samples,)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse=["csr", "csc", "coo"], dtype=FLOATS, reset=False
        )
        eta = X @ np.ravel(self.coef_) + self.intercept_
        shift = self._shift(offset, exposure, X.shape[0])
        return eta if shift is None else eta + check_vector("offset", shift, len(eta))

    def _shift(self, offset: Any, exposure: ArrayLike | None, n: int) -> Any:
        """The offset plus the logarithm of the exposure; either may be None."""
        if exposure is None:
            return offset
        loss = self._loss()
        if loss.link != "log":
            raise ValueError(
                f"exposure goes with a log link, and loss={loss.name!r} has none; "
                "a known part of the linear predictor is an offset"
            )
        values = check_vector("exposure", exposure, n)
        if (values <= 0).any():
            i = int(np.argmax(values <= 0))
            raise ValueError(f"exposure must be > 0, but is {values[i]} at row {i}")
        shift = np.log(values)
        return shift if offset is None else shift + check_vector("offset", offset, n)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
