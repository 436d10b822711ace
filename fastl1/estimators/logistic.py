"""Logistic regression in scikit-learn's interface (extra ``sklearn``).

docs/scikit-learn.md says what differs from it; more than two classes are fitted by the
multinomial loss.
"""

import warnings
from dataclasses import field
from typing import Any, Self

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
    SparseCoef,
    as_csr,
    check_choice,
    check_numbers,
    check_weight,
    solve_one,
    tell,
    with_intercept_column,
)
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sklearn_base import BaseEstimator, ClassifierMixin
from fastl1.problem.problem import check_problem

require("sklearn", extra="sklearn")

from sklearn.utils.class_weight import compute_class_weight  # noqa: E402
from sklearn.utils.multiclass import check_classification_targets  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402


class LinearClassifier(SparseCoef, ClassifierMixin):
    """Targets and predictions of the classifiers."""

    class_weight: Any

    def decision_function(self, X: Any) -> Any:
        """Linear predictor: positive means ``classes_[1]``; of every class if there are
        more than two.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        scores = X @ self.coef_.T
        if hasattr(scores, "toarray"):
            scores = scores.toarray()
        scores = scores + self.intercept_
        return scores if len(self.classes_) > 2 else scores.ravel()

    def predict(self, X: Any) -> Any:
        """Predict class labels.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        scores = self.decision_function(X)
        if scores.ndim == 2:
            return self.classes_[scores.argmax(axis=1)]
        return self.classes_[(scores > 0).astype(np.intp)]

    def sparsify(self) -> Self:
        """Turn ``coef_`` into a sparse matrix; prediction still works.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.coef_ = as_csr(_dense(self.coef_))
        return self

    def densify(self) -> Self:
        """Turn ``coef_`` back into a dense array.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        self.coef_ = _dense(self.coef_)
        return self

    @property
    def sparse_coef_(self) -> Any:
        """Sparse representation of the fitted ``coef_``, of the same shape."""
        return as_csr(_dense(self.coef_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_labels(
        self, X: Any, y: Any, sample_weight: ArrayLike | None
    ) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray | None]:
        """Validated X, y (labels), codes (from 0) and weights; sets ``classes_``."""
        X, y = validate_data(
            self, X, y, accept_sparse="csc", dtype=FLOATS, ensure_all_finite=False
        )
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                "This solver needs samples of at least 2 classes in the data, but the "
                f"data contains only one class: {classes[0]!r}"
            )
        self.classes_ = classes
        return X, y, codes, check_weight(sample_weight, X, total=True)


class ProbabilisticClassifier(LinearClassifier):
    """Classifiers of the logistic loss, whose scores are probabilities."""

    def predict_proba(self, X: Any) -> Any:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        from scipy.special import expit, softmax

        eta = self.decision_function(X)
        if eta.ndim == 2:
            return softmax(eta, axis=1)
        return np.column_stack([expit(-eta), expit(eta)])

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithm of class probabilities.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        from scipy.special import log_softmax

        eta = self.decision_function(X)
        if eta.ndim == 2:
            return log_softmax(eta, axis=1)
        return -np.column_stack([np.logaddexp(0, eta), np.logaddexp(0, -eta)])

    def _check_data(
        self, X: Any, y: Any, sample_weight: ArrayLike | None
    ) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Validated X, y, weights, class weights applied; sets ``classes_``.

        Returns X, y (labels), codes (float64, from 0), sample weights, training
        weights.
        """
        X, y, codes, weight = self._check_labels(X, y, sample_weight)
        train_weight = weight
        if self.class_weight is not None:
            per_class = compute_class_weight(
                self.class_weight, classes=self.classes_, y=y, sample_weight=weight
            )
            train_weight = per_class[codes] * (1.0 if weight is None else weight)
        return X, y, codes.astype(np.float64), weight, train_weight


def _dense(coef: Any) -> Any:
    return coef.toarray() if hasattr(coef, "toarray") else coef


def warn_future(message: str) -> None:
    warnings.warn(message, FutureWarning, stacklevel=3)


SOLVERS = ("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")

PENALTY_DEPRECATED = (
    "'penalty' was deprecated in scikit-learn 1.8 and will be removed in 1.10. Leave "
    "it at its default and use l1_ratio=0 instead of penalty='l2', l1_ratio=1 instead "
    "of penalty='l1', 0 < l1_ratio < 1 instead of penalty='elasticnet', and C=np.inf "
    "instead of penalty=None."
)


@public
@parameters
class LogisticRegression(ProbabilisticClassifier, BaseEstimator):
    """Logistic regression with L1, L2 or elastic-net penalty.

    Minimizes, over ``w`` and the intercept ``b``,

    ``C · Σ s_i log(1 + exp(−(2y_i − 1)(x_i·w + b))) + l1_ratio · ‖w‖₁
    + (1 − l1_ratio) / 2 · ‖w‖²``

    as ``sklearn.linear_model.LogisticRegression`` does; fastl1's alpha is ``1 / (C
    Σs)``. For more than two classes the loss is that of the softmax of one linear
    predictor per class, and the penalty the sum over all classes.

    Parameters
    ----------
    penalty : {"l1", "l2", "elasticnet", None}, deprecated
        As in scikit-learn 1.9: use `l1_ratio` and `C`.
    C : float, default 1.0
        Inverse strength of the penalty, > 0; ``np.inf`` means no penalty.
    l1_ratio : float, default 0.0
        Share of the L1 penalty, in [0, 1]; the default is the ridge penalty.
    dual : bool, default False
        Accepted for scikit-learn's sake: there is one solver, with a duality gap.
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    fit_intercept : bool, default True
    intercept_scaling : float, default 1
        With ``solver="liblinear"`` alone: the intercept is penalized as the coefficient
        of a column of this value, > 0.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes, multiplied with `sample_weight`.
    random_state : int, RandomState or None, default None
        Accepted for scikit-learn's sake: nothing is random.
    solver : {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"}, \
default "lbfgs"
        There is one solver.  "liblinear" changes the model as in scikit-learn: it
        penalizes the intercept, and takes two classes only.
    verbose : int, default 0
        Above 0 a line tells of each fit: iterations and gap.
    max_iter : int, default 100
        Limit of outer iterations.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    n_jobs : None, deprecated
        As in scikit-learn 1.9: it has no effect.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1, n_features), or (n_classes, n_features) for more than 2
    sparse_coef_ : sparse matrix of the shape of ``coef_``
    intercept_ : ndarray of shape (1,) or (n_classes,)
    dual_gap_ : float
        Duality gap at the returned coefficients, in the unit of the objective above;
        nan for ``C=np.inf``.
    relative_gap_ : float
        The gap divided by the objective of the null model: what `tol` bounds.  With
        ``C=np.inf`` the relative norm of the gradient.
    n_iter_ : ndarray of shape (1,)
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
    >>> from fastl1 import LogisticRegression
    >>> X, y = [[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"]
    >>> LogisticRegression(l1_ratio=1.0).fit(X, y).predict([[3.0]])
    array(['yes'], dtype='<U3')
    """

    penalty: str | None = field(default="deprecated", kw_only=False)
    C: float = 1.0
    l1_ratio: float = 0.0
    dual: bool = False
    tol: float = 1e-4
    fit_intercept: bool = True
    intercept_scaling: float = 1
    class_weight: dict[Any, float] | str | None = None
    random_state: Any = None
    solver: str = "lbfgs"
    max_iter: int = 100
    verbose: bool | int = 0
    warm_start: bool = False
    n_jobs: int | None = None

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Fortran-ordered float64 or float32 arrays and CSC matrices are used without
            a copy.
        y : array-like of shape (n_samples,)
            Two or more labels of any type.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For bad input or hyperparameters, naming them; for one class.
        """
        l1_ratio, C = self._penalty()
        check_choice(self, solver=SOLVERS)
        if self.n_jobs is not None:
            warn_future(
                "'n_jobs' has no effect since scikit-learn 1.8 and will be removed in "
                f"1.10. You provided n_jobs={self.n_jobs}, please leave it unspecified."
            )
        X, y, codes, weight, train_weight = self._check_data(X, y, sample_weight)
        several, dtype = len(self.classes_) > 2, X.dtype
        scaled = self.solver == "liblinear" and bool(self.fit_intercept)
        if self.solver == "liblinear" and several:
            raise ValueError(
                "The 'liblinear' solver does not support multiclass classification "
                "(n_classes >= 3). Either use another solver or wrap the estimator in "
                "a OneVsRestClassifier to keep applying a one-versus-rest scheme."
            )
        if scaled:
            check_numbers(self, intercept_scaling=POSITIVE)
            X = with_intercept_column(X, float(self.intercept_scaling))
        problem = check_problem(
            X,
            codes,
            loss="multinomial" if several else "logistic",
            l1_ratio=l1_ratio,
            fit_intercept=bool(self.fit_intercept) and not scaled,
            sample_weight=train_weight,
        )
        total = float(len(codes) if train_weight is None else train_weight.sum())
        start: Any = None
        intercept: Any = None
        if self.warm_start and hasattr(self, "coef_"):
            coef = _dense(self.coef_)
            features = X.shape[1] - scaled  # without the column of the intercept
            wanted = (len(self.classes_) if several else 1, features)
            if coef.shape != wanted:
                raise ValueError(
                    f"warm_start: coef_ of the previous fit has shape {coef.shape}, "
                    f"{len(self.classes_)} classes and {features} features need "
                    f"{wanted}"
                )
            start = coef.T if several else np.ravel(coef)
            intercept = self.intercept_ if several else float(self.intercept_[0])
            if scaled:
                start = np.append(start, intercept / self.intercept_scaling)
        fit = solve_one(
            problem, 1.0 / (C * total), self.tol, self.max_iter, start, intercept
        )
        tell(self, fit)
        coef, bias = fit.coef, fit.intercept
        if scaled:
            coef, bias = coef[:-1], coef[-1] * self.intercept_scaling
        self.coef_ = np.atleast_2d(coef.T)
        self.intercept_ = np.array(bias, dtype=dtype, ndmin=1)
        self.relative_gap_ = fit.gap
        self.dual_gap_ = fit.dual_gap * C * total if np.isfinite(C) else np.nan
        self.n_iter_ = np.array([fit.n_iter], dtype=np.int32)
        return self

    def _penalty(self) -> tuple[float, float]:
        """(l1_ratio, C) after scikit-learn's deprecated ways of saying them."""
        check_numbers(self, C=POSITIVE, tol=NON_NEGATIVE, max_iter=COUNT)
        l1_ratio, C = self.l1_ratio, float(self.C)
        if l1_ratio is None:
            warn_future(
                "'l1_ratio=None' was deprecated in scikit-learn 1.8 and will trigger "
                "an error in 1.10. Use 0<=l1_ratio<=1 instead."
            )
            if self.penalty == "elasticnet":
                raise ValueError(
                    "l1_ratio must be specified when penalty is elasticnet."
                )
            l1_ratio = 0.0
        else:
            check_numbers(self, l1_ratio=UNIT)
        if not (isinstance(self.penalty, str) and self.penalty == "deprecated"):
            warn_future(PENALTY_DEPRECATED)
            if self.penalty is None:
                C = np.inf
            elif self.penalty == "l1":
                l1_ratio = 1.0
            elif self.penalty == "l2":
                l1_ratio = 0.0
            elif self.penalty != "elasticnet":
                raise ValueError(
                    "penalty must be 'l1', 'l2', 'elasticnet' or None, got "
                    f"{self.penalty!r}"
                )
        return float(l1_ratio), C
