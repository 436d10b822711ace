"""Logistic regression in scikit-learn's interface (extra ``sklearn``).

What differs from scikit-learn is said in `linear_model`; more than two classes are
fitted by the multinomial loss.
"""

import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._estimators import (
    COUNT,
    FLOATS,
    NON_NEGATIVE,
    POSITIVE,
    UNIT,
    ConvergenceWarning,
    SparseCoef,
    as_csr,
    check_numbers,
    check_weight,
    route,
    solve_one,
    threads_of,
)
from fastl1._extras import require
from fastl1._validation import Problem, check_problem
from fastl1.cv import CVPathResult, run_folds, warn_unconverged
from fastl1.folds import Folds
from fastl1.scoring import Scoring
from fastl1.splits import check_splits

require("sklearn", extra="sklearn")

from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402
from sklearn.metrics import get_scorer  # noqa: E402
from sklearn.model_selection import check_cv  # noqa: E402
from sklearn.utils import check_scalar  # noqa: E402
from sklearn.utils.class_weight import compute_class_weight  # noqa: E402
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping  # noqa: E402
from sklearn.utils.multiclass import check_classification_targets, type_of_target  # noqa: E402
from sklearn.utils.validation import check_is_fitted, validate_data  # noqa: E402


class _LinearClassifier(SparseCoef, ClassifierMixin):
    """Targets and predictions of the classifiers."""

    # whether more than two classes are fitted, by the multinomial loss
    _multinomial: ClassVar[bool] = False

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
        tags.classifier_tags.multi_class = self._multinomial
        return tags

    def _check_data(
        self, X: Any, y: Any, sample_weight: ArrayLike | None
    ) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]:
        """Validated X, y, weights, class weights applied; sets ``classes_``.

        Returns X, y (labels), codes (float64, from 0), sample weights, training
        weights.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csc", dtype=FLOATS, ensure_all_finite=False
        )
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) > 2 and not self._multinomial:
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
        self.classes_ = classes
        weight = train_weight = check_weight(sample_weight, X)
        if self.class_weight is not None:
            per_class = compute_class_weight(
                self.class_weight, classes=classes, y=y, sample_weight=weight
            )
            train_weight = per_class[codes] * (1.0 if weight is None else weight)
        return X, y, codes.astype(np.float64), weight, train_weight


def _dense(coef: Any) -> Any:
    return coef.toarray() if hasattr(coef, "toarray") else coef


def _warn_future(message: str) -> None:
    warnings.warn(message, FutureWarning, stacklevel=3)


_PENALTY_DEPRECATED = (
    "'penalty' was deprecated in scikit-learn 1.8 and will be removed in 1.10. Leave "
    "it at its default and use l1_ratio=0 instead of penalty='l2', l1_ratio=1 instead "
    "of penalty='l1', 0 < l1_ratio < 1 instead of penalty='elasticnet', and C=np.inf "
    "instead of penalty=None."
)


class LogisticRegression(_LinearClassifier, BaseEstimator):
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
    dual : ignored
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    fit_intercept : bool, default True
    intercept_scaling : ignored
        The intercept is not penalized.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes, multiplied with `sample_weight`.
    random_state, solver, verbose : ignored
    max_iter : int, default 100
        Limit of outer iterations.
    warm_start : bool, default False
        Start from the coefficients of the previous fit.
    n_jobs : ignored, deprecated

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1, n_features), or (n_classes, n_features) for more than 2
    sparse_coef_ : sparse matrix of the shape of ``coef_``
    intercept_ : ndarray of shape (1,) or (n_classes,)
    relative_gap_ : float
        Duality gap divided by the objective of the null model; with ``C=np.inf`` the
        relative norm of the gradient.
    n_iter_ : ndarray of shape (1,)
        Outer iterations.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    Examples
    --------
    >>> from fastl1 import LogisticRegression
    >>> X, y = [[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"]
    >>> LogisticRegression(l1_ratio=1.0).fit(X, y).predict([[3.0]])
    array(['yes'], dtype='<U3')
    """

    _multinomial = True

    def __init__(
        self,
        penalty: str | None = "deprecated",
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        dual: bool = False,
        tol: float = 1e-4,
        fit_intercept: bool = True,
        intercept_scaling: float = 1,
        class_weight: dict[Any, float] | str | None = None,
        random_state: Any = None,
        solver: str = "lbfgs",
        max_iter: int = 100,
        verbose: bool | int = 0,
        warm_start: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

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
        if self.n_jobs is not None:
            _warn_future(
                "'n_jobs' has no effect since scikit-learn 1.8 and will be removed in "
                f"1.10. You provided n_jobs={self.n_jobs}, please leave it unspecified."
            )
        X, y, codes, weight, train_weight = self._check_data(X, y, sample_weight)
        several = len(self.classes_) > 2
        problem = check_problem(
            X,
            codes,
            loss="multinomial" if several else "logistic",
            l1_ratio=l1_ratio,
            fit_intercept=bool(self.fit_intercept),
            sample_weight=train_weight,
        )
        total = len(codes) if train_weight is None else train_weight.sum()
        start: Any = None
        intercept: Any = None
        if self.warm_start and hasattr(self, "coef_"):
            coef = _dense(self.coef_)
            start = coef.T if several else np.ravel(coef)
            intercept = self.intercept_ if several else float(self.intercept_[0])
        fit = solve_one(
            problem, 1.0 / (C * total), self.tol, self.max_iter, start, intercept
        )
        self.coef_ = np.atleast_2d(fit.coef.T)
        self.intercept_ = np.array(fit.intercept, dtype=X.dtype, ndmin=1)
        self.relative_gap_ = fit.gap
        self.n_iter_ = np.array([fit.n_iter], dtype=np.int32)
        return self

    def _penalty(self) -> tuple[float, float]:
        """(l1_ratio, C) after scikit-learn's deprecated ways of saying them."""
        check_numbers(self, C=POSITIVE, tol=NON_NEGATIVE, max_iter=COUNT)
        l1_ratio, C = self.l1_ratio, float(self.C)
        if l1_ratio is None:
            _warn_future(
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
            _warn_future(_PENALTY_DEPRECATED)
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


class LogisticRegressionCV(_LinearClassifier, BaseEstimator):
    """Binary logistic regression with C and l1_ratio chosen by cross-validation.

    Parameters
    ----------
    Cs : int or sequence of float, default 10
        Values of C, or how many on a logarithmic scale from 1e-4 to 1e4.
    l1_ratios : sequence of float
        Values of l1_ratio to try.  scikit-learn 1.9's default, None, means the ridge
        penalty and is deprecated there.
    fit_intercept : bool, default True
    cv : int, splitter or iterable, default None
        As in scikit-learn: None is 5 stratified folds.
    dual, solver, verbose, intercept_scaling, random_state : ignored
    penalty : {"l1", "l2", "elasticnet"}, deprecated
        Use `l1_ratios`.
    scoring : str, callable or None
        Any scorer.  None, the default of scikit-learn 1.9, means accuracy; it will
        change to "neg_log_loss" there.
    tol : float, default 1e-4
        Every fit stops when its relative duality gap is at most `tol`.
    max_iter : int, default 100
        Limit of outer iterations per C.
    class_weight : dict, "balanced" or None, default None
        "balanced" is computed on all rows.
    n_jobs : int, default None
        Number of threads, which solve one fold each: None and -1 mean all that this
        process may use, -2 all but one.  The result does not depend on it.
    refit : bool, default True
        Fit on all rows at the C with the best mean score; else average the coefficients
        and C of each fold's best.
    use_legacy_attributes : bool
        True, the default of scikit-learn 1.9 (it will change): ``C_`` and ``l1_ratio_``
        are arrays, ``coefs_paths_`` and ``scores_`` dicts with the positive class as
        key.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    coef_ : ndarray of shape (1, n_features)
    sparse_coef_ : sparse matrix of shape (1, n_features)
    intercept_ : ndarray of shape (1,)
    Cs_ : ndarray of shape (n_cs,)
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
    C_, l1_ratio_ : float, or with legacy attributes ndarray of shape (1,)
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_cs)
        With legacy attributes ``{classes_[1]: (n_folds, n_cs[, n_l1_ratios])}``.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_cs)
        With legacy attributes (1, n_folds, n_cs[, n_l1_ratios]).
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_cs, 1, n_dof)
        Coefficients of all folds, the intercept last, made dense on each access.  With
        legacy attributes ``{classes_[1]: (n_folds, n_cs[, n_l1_ratios], n_dof)}``.
    relative_gap_ : float
        Of the fit on all rows, as in `LogisticRegression`; the largest of the chosen
        ones with ``refit=False``.
    n_features_in_, feature_names_in_
        As in `LogisticRegression`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import LogisticRegressionCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 5))
    >>> model = LogisticRegressionCV(
    ...     l1_ratios=(1.0,), scoring="neg_log_loss", use_legacy_attributes=False
    ... ).fit(X, X[:, 0] + rng.normal(size=100) > 0)
    >>> model.predict([[3.0, 0, 0, 0, 0]])
    array([ True])
    """

    C_: Any
    l1_ratio_: Any
    scores_: Any

    # sample_weight has its own argument in `score`; it is not requested by default.
    __metadata_request__score: ClassVar = {"sample_weight": UNUSED}

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Any = "warn",
        fit_intercept: bool = True,
        cv: Any = None,
        dual: bool = False,
        penalty: str | None = "deprecated",
        scoring: Any = "warn",
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 100,
        class_weight: dict[Any, float] | str | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        random_state: Any = None,
        use_legacy_attributes: bool | str = "warn",
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.solver = solver
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes

    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, **params: Any
    ) -> Self:
        """Choose C (and l1_ratio) by cross-validation, then fit on all rows.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Fortran-ordered float64 or float32 arrays and CSC matrices are used without
            a copy, for the folds too.
        y : array-like of shape (n_samples,)
            Two labels of any type.
        sample_weight : array-like of shape (n_samples,), optional
            Used in training, and in scoring where the scorer takes it.
        **params : dict
            Parameters of the splitter and the scorer, when metadata routing is on.

        Returns
        -------
        self
        """
        routed = route(self, "fit", params, sample_weight)
        check_numbers(self, tol=NON_NEGATIVE, max_iter=COUNT)
        l1_ratios = self._check_l1_ratios()
        legacy = self._check_sentinels()
        X, y, codes, weight, train_weight = self._check_data(X, y, sample_weight)
        problem = check_problem(
            X,
            codes,
            loss="logistic",
            fit_intercept=bool(self.fit_intercept),
            sample_weight=train_weight,
            n_threads=threads_of(self.n_jobs),
        )
        problem = replace(problem, classes=self.classes_)
        Cs = self._check_Cs()
        splitter = check_cv(self.cv, y, classifier=True)
        split_params = routed.splitter.split if routed else {}
        splits = check_splits(list(splitter.split(X, y, **split_params)), len(y))
        base = np.ones(len(codes)) if train_weight is None else train_weight
        total = base.sum()
        fold_total = np.array([base[train].sum() for train, _ in splits])
        scoring = Scoring.resolve(self._scoring(), problem.family)
        if routed is not None:
            # With routing on, the scorer gets what it requests and nothing else.
            scoring.params = dict(routed.scorer.score)
            weight = scoring.params.get("sample_weight")
        order = np.argsort(Cs, kind="stable")
        with np.errstate(divide="ignore"):
            grid = 1.0 / (Cs[order] * total)
        values = np.array([0.0 if v is None else v for v in l1_ratios])
        result = run_folds(
            Folds(problem, splits, len(values), score_weight=weight),
            values,
            np.tile(grid, (len(values), 1)),
            scoring,
            fold_scale=total / fold_total,
            tol=self.tol,
            max_iter=self.max_iter,
        )
        warn_unconverged(result, self.tol, ConvergenceWarning)
        self.Cs_ = Cs
        self.l1_ratios_ = np.asarray(l1_ratios)
        self._cv_result, self._cv_order = result, order
        self._legacy = legacy
        if self.refit:
            self._refit(problem, result, Cs, order, values, total)
        else:
            self._average(result, Cs, order, values)
        self.coef_ = self.coef_.astype(X.dtype, copy=False)
        self.intercept_ = self.intercept_.astype(X.dtype, copy=False)
        self._set_tables()
        return self

    def _refit(
        self,
        problem: Problem,
        result: CVPathResult,
        Cs: np.ndarray,
        order: np.ndarray,
        values: np.ndarray,
        total: float,
    ) -> None:
        """Fit on all rows at the best mean score (ties: first C, then first ratio)."""
        means = np.empty_like(result.mean_scores.T)
        means[order] = result.mean_scores.T
        c, r = np.unravel_index(np.argmax(means), means.shape)
        fit = solve_one(
            replace(problem, l1_ratio=float(values[r])),
            1.0 / (Cs[c] * total),
            self.tol,
            self.max_iter,
            stacklevel=4,
        )
        self.coef_, self.intercept_ = fit.coef[None, :], np.array([fit.intercept])
        self.relative_gap_ = fit.gap
        self.C_, self.l1_ratio_ = float(Cs[c]), self._value(r)

    def _average(
        self,
        result: CVPathResult,
        Cs: np.ndarray,
        order: np.ndarray,
        values: np.ndarray,
    ) -> None:
        """Average coefficients and C of each fold's best score."""
        n_folds = result.scores.shape[2]
        coefs, intercepts, picked, ratios, gaps = [], [], [], [], []
        for f in range(n_folds):
            table = np.empty(result.scores.shape[1::-1])
            table[order] = result.scores[:, :, f].T
            c, r = np.unravel_index(np.argmax(table), table.shape)
            index = int(np.flatnonzero(order == c)[0])
            path = result.paths[r][f]
            coefs.append(path.coefs[:, [index]].toarray().ravel())
            intercepts.append(path.intercepts[index])
            gaps.append(path.dual_gaps[index])
            picked.append(Cs[c])
            ratios.append(values[r])
        self.coef_ = np.mean(coefs, axis=0)[None, :]
        self.intercept_ = np.array([np.mean(intercepts)])
        self.relative_gap_ = float(max(gaps))
        self.C_, self.l1_ratio_ = float(np.mean(picked)), float(np.mean(ratios))

    def _value(self, r: Any) -> float | None:
        value = self.l1_ratios_[r]
        return None if value is None else float(value)

    def _set_tables(self) -> None:
        """scores_ and n_iter_ in the shapes of scikit-learn."""
        order, result = self._cv_order, self._cv_result
        scores = np.empty(result.scores.shape)
        scores[:, order] = result.scores
        n_iter = np.empty(result.scores.shape, dtype=np.int32)
        for r, paths in enumerate(result.paths):
            for f, path in enumerate(paths):
                n_iter[r, order, f] = path.n_iters
        # (n_ratios, n_cs, n_folds) -> (n_folds, n_ratios, n_cs)
        self.scores_ = np.moveaxis(scores, 2, 0)
        self.n_iter_ = np.moveaxis(n_iter, 2, 0)
        if self._legacy:
            self.C_, self.l1_ratio_ = np.array([self.C_]), np.array([self.l1_ratio_])
            self.n_iter_ = self._legacy_layout(self.n_iter_)[None, ...]
            self.scores_ = {self.classes_[1]: self._legacy_layout(self.scores_)}
        elif self.l1_ratio_ is None:
            self.l1_ratio_ = 0.0

    def _legacy_layout(self, table: np.ndarray) -> np.ndarray:
        """(n_folds, n_ratios, n_cs, ...) to (n_folds, n_cs[, n_ratios], ...)."""
        table = np.swapaxes(table, 1, 2)
        return table[:, :, 0] if self.l1_ratios_[0] is None else table

    @property
    def coefs_paths_(self) -> Any:
        """Coefficients of every fold, l1_ratio and C, the intercept last."""
        check_is_fitted(self)
        paths, order = self._cv_result.paths, self._cv_order
        n_ratios, n_cs, n_folds = self._cv_result.scores.shape
        n_dof = self.n_features_in_ + bool(self.fit_intercept)
        table = np.empty((n_folds, n_ratios, n_cs, n_dof))
        for r in range(n_ratios):
            for f in range(n_folds):
                block = paths[r][f].coefs.toarray().T
                table[f, r, order, : self.n_features_in_] = block
                if self.fit_intercept:
                    table[f, r, order, -1] = paths[r][f].intercepts
        if self._legacy:
            return {self.classes_[1]: self._legacy_layout(table)}
        return table[:, :, :, None, :]

    def score(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        **score_params: Any,
    ) -> Any:
        """Score with the `scoring` of this estimator.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        **score_params : dict
            Parameters of the scorer, when metadata routing is on.

        Returns
        -------
        float
        """
        routed = route(self, "score", score_params, sample_weight)
        if routed is not None:
            score_params = routed.scorer.score
        elif sample_weight is not None:
            score_params = {"sample_weight": sample_weight}
        return get_scorer(self._scoring())(self, X, y, **score_params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Routing of metadata: `fit` to splitter and scorer, `score` to the scorer.

        Returns
        -------
        MetadataRouter
        """
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(
                splitter=check_cv(self.cv, classifier=True),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
            .add(
                scorer=get_scorer(self._scoring()),
                method_mapping=MethodMapping()
                .add(caller="score", callee="score")
                .add(caller="fit", callee="score"),
            )
        )

    def _scoring(self) -> Any:
        undecided = isinstance(self.scoring, str) and self.scoring == "warn"
        return "accuracy" if undecided or self.scoring is None else self.scoring

    def _check_Cs(self) -> np.ndarray:
        if isinstance(self.Cs, Integral):
            check_scalar(self.Cs, "Cs", Integral, min_val=1)
            return np.logspace(-4, 4, self.Cs)
        for k, C in enumerate(self.Cs):
            check_scalar(C, f"Cs[{k}]", Real, min_val=0, include_boundaries="neither")
        return np.asarray(self.Cs, dtype=np.float64)

    def _check_l1_ratios(self) -> list[Any]:
        """Values of l1_ratio, [None] for the deprecated default."""
        l1_ratios = self.l1_ratios
        if isinstance(l1_ratios, str) and l1_ratios == "warn":
            _warn_future(
                "The default value for l1_ratios will change from None to (0.0,) in "
                "scikit-learn 1.10. To silence this warning, set l1_ratios=(0,)."
            )
            l1_ratios = None
        elif l1_ratios is None and self.penalty == "deprecated":
            _warn_future(
                "'l1_ratios=None' was deprecated in scikit-learn 1.8 and will trigger "
                "an error in 1.10. Use an array-like with values in [0, 1] instead."
            )
        if self.penalty != "deprecated":
            _warn_future(_PENALTY_DEPRECATED)
            if self.penalty not in ("l1", "l2", "elasticnet"):
                raise ValueError(
                    f"penalty must be 'l1', 'l2' or 'elasticnet', got {self.penalty!r}"
                )
        if self.penalty in ("l1", "l2"):
            return [1.0 if self.penalty == "l1" else 0.0]
        if l1_ratios is None and self.penalty == "deprecated":
            return [None]
        numbers = [] if l1_ratios is None else list(l1_ratios)
        if not numbers or not all(isinstance(v, Real) for v in numbers):
            numbers = [np.nan]
        if not all(0 <= v <= 1 for v in numbers):
            raise ValueError(
                "l1_ratios must be an array-like of numbers between 0 and 1; got "
                f"(l1_ratios={l1_ratios!r})"
            )
        return [float(v) for v in numbers]

    def _check_sentinels(self) -> bool:
        """Warn about the defaults that change in scikit-learn; return `legacy`."""
        if isinstance(self.scoring, str) and self.scoring == "warn":
            _warn_future(
                "The default value of the parameter 'scoring' will change from None, "
                "i.e. accuracy, to 'neg_log_loss' in scikit-learn 1.11. To silence "
                "this warning, set scoring='neg_log_loss' or scoring='accuracy'."
            )
        if isinstance(self.use_legacy_attributes, str):
            _warn_future(
                "The default value of use_legacy_attributes will change from True to "
                "False in scikit-learn 1.10. Set use_legacy_attributes=False to get "
                "the new attributes now, or True to silence this warning."
            )
            return True
        return bool(self.use_legacy_attributes)
