"""Cross-validated logistic regression in scikit-learn's interface (extra ``sklearn``).

The attributes have both layouts of scikit-learn 1.9, see `use_legacy_attributes`.
"""

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1._public import public
from fastl1.estimators.base import (
    COUNT,
    NON_NEGATIVE,
    ConvergenceWarning,
    check_choice,
    check_numbers,
    route,
    solve_one,
    tell,
    threads_of,
)
from fastl1.estimators.logistic import (
    PENALTY_DEPRECATED,
    SOLVERS,
    ProbabilisticClassifier,
    warn_future,
)
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sklearn_base import BaseEstimator
from fastl1.fit.result import PathResult
from fastl1.problem.problem import Problem, check_problem
from fastl1.select.cv import CVPathResult, run_folds, warn_unconverged
from fastl1.select.folds import Folds
from fastl1.select.scoring import Scoring
from fastl1.select.splits import check_splits

require("sklearn", extra="sklearn")

from sklearn.metrics import get_scorer  # noqa: E402
from sklearn.model_selection import check_cv  # noqa: E402
from sklearn.utils import check_scalar  # noqa: E402
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402


def _with_intercepts(path: PathResult) -> np.ndarray:
    """Coefficients of a path, the intercepts last: (K, n_outputs, n_features + 1)."""
    coefs = path.coefs if isinstance(path.coefs, tuple) else (path.coefs,)
    parts = zip(coefs, np.atleast_2d(path.intercepts), strict=True)
    return np.stack([np.column_stack([c.toarray().T, b]) for c, b in parts], axis=1)


@public
@parameters
class LogisticRegressionCV(ProbabilisticClassifier, BaseEstimator):
    """Logistic regression with C and l1_ratio chosen by cross-validation.

    Minimizes, over ``w`` and the intercept ``b``,

    ``C · Σ s_i log(1 + exp(−(2y_i − 1)(x_i·w + b))) + l1_ratio · ‖w‖₁
    + (1 − l1_ratio) / 2 · ‖w‖²``

    or, for more than two classes, the softmax loss of one linear predictor per class,
    as ``sklearn.linear_model.LogisticRegressionCV`` does.  The paths of all folds are
    solved in this process on one copy of X, with a duality gap for every C.

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
    dual : bool, default False
        Accepted for scikit-learn's sake: there is one solver, with a duality gap.
    solver : {"lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"}, \
default "lbfgs"
        There is one solver.  "liblinear", which penalizes the intercept, is refused
        unless ``fit_intercept=False``.
    verbose : int, default 0
        Above 0 a line tells of the fit on all rows.
    intercept_scaling : float, default 1.0
        Without effect: it is for "liblinear" alone.
    random_state : int, RandomState or None, default None
        Accepted for scikit-learn's sake: nothing is random.
    penalty : {"l1", "l2", "elasticnet"}, deprecated
        Use `l1_ratios`.
    scoring : str, callable or None
        Any scorer; those that take `labels` get ``classes_``.  None, the default of
        scikit-learn 1.9, means accuracy; it will change to "neg_log_loss" there.
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
        are arrays, ``coefs_paths_`` and ``scores_`` dicts with the classes as keys (of
        two, the second).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (n_outputs, n_features)
        Of every class; of the second alone (n_outputs = 1) where there are two.
    sparse_coef_ : sparse matrix of shape (n_outputs, n_features)
    intercept_ : ndarray of shape (n_outputs,)
    Cs_ : ndarray of shape (n_cs,)
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
    C_, l1_ratio_ : float, or with legacy attributes ndarray of shape (n_outputs,)
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_cs)
        With legacy attributes ``{class: (n_folds, n_cs[, n_l1_ratios])}``, the same for
        every class.
    n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_cs)
        With legacy attributes (1, n_folds, n_cs[, n_l1_ratios]).
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_cs, n_outputs, n_dof)
        Coefficients of all folds, the intercept last, made dense on each access.  With
        legacy attributes ``{class: (n_folds, n_cs[, n_l1_ratios], n_dof)}``.
    dual_gap_ : float
        Duality gap of the fit on all rows, in the unit of the objective; the largest of
        the chosen ones with ``refit=False``.
    relative_gap_ : float
        The gap divided by the objective of the null model: what `tol` bounds.
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
    >>> from fastl1 import LogisticRegressionCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 5))
    >>> model = LogisticRegressionCV(
    ...     l1_ratios=(1.0,), scoring="neg_log_loss", use_legacy_attributes=False
    ... ).fit(X, X[:, 0] + rng.normal(size=100) > 0)
    >>> model.predict([[3.0, 0, 0, 0, 0]])
    array([ True])
    """

    # sample_weight has its own argument in `score`; it is not requested by default.
    __metadata_request__score: ClassVar = {"sample_weight": UNUSED}

    Cs: Any = 10
    l1_ratios: Any = "warn"
    fit_intercept: bool = True
    cv: Any = None
    dual: bool = False
    penalty: str | None = "deprecated"
    scoring: Any = "warn"
    solver: str = "lbfgs"
    tol: float = 1e-4
    max_iter: int = 100
    class_weight: dict[Any, float] | str | None = None
    n_jobs: int | None = None
    verbose: bool | int = 0
    refit: bool = True
    intercept_scaling: float = 1.0
    random_state: Any = None
    use_legacy_attributes: bool | str = "warn"

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
            Two or more labels of any type.
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
        check_choice(self, solver=SOLVERS)
        if self.solver == "liblinear" and self.fit_intercept:
            raise ValueError(
                "LogisticRegressionCV: solver='liblinear' penalizes the intercept and "
                "is not supported; use another solver, fit_intercept=False, or "
                "LogisticRegression(solver='liblinear') in a GridSearchCV"
            )
        l1_ratios = self._check_l1_ratios()
        legacy = self._check_sentinels()
        X, y, codes, weight, train_weight = self._check_data(X, y, sample_weight)
        problem = check_problem(
            X,
            codes,
            loss="multinomial" if len(self.classes_) > 2 else "logistic",
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
            self._average(result, Cs, order, values, fold_total)
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
        tell(self, fit)
        self.coef_ = np.atleast_2d(fit.coef.T)
        self.intercept_ = np.atleast_1d(np.asarray(fit.intercept))
        self.relative_gap_ = fit.gap
        self.dual_gap_ = fit.dual_gap * float(Cs[c]) * total
        self.C_: Any = float(Cs[c])
        self.l1_ratio_: Any = self._value(r)

    def _average(
        self,
        result: CVPathResult,
        Cs: np.ndarray,
        order: np.ndarray,
        values: np.ndarray,
        fold_total: np.ndarray,
    ) -> None:
        """Average coefficients and C of each fold's best score."""
        chosen, picked, ratios, gaps, dual_gaps = [], [], [], [], []
        for f in range(result.scores.shape[2]):
            table = np.empty(result.scores.shape[1::-1])
            table[order] = result.scores[:, :, f].T
            c, r = np.unravel_index(np.argmax(table), table.shape)
            index = int(np.flatnonzero(order == c)[0])
            path = result.paths[r][f]
            assert path is not None
            chosen.append(_with_intercepts(path)[index])
            picked.append(Cs[c])
            ratios.append(values[r])
            gaps.append(path.dual_gaps[index])
            unit = path.info.null_objective * Cs[c] * fold_total[f]
            dual_gaps.append(gaps[-1] * unit)
        mean = np.mean(chosen, axis=0)
        self.coef_, self.intercept_ = mean[:, :-1], mean[:, -1]
        self.relative_gap_, self.dual_gap_ = float(max(gaps)), float(max(dual_gaps))
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
        self.scores_: Any = np.moveaxis(scores, 2, 0)
        self.n_iter_ = np.moveaxis(n_iter, 2, 0)
        if self._legacy:
            keys = self._keys()
            self.C_ = np.repeat(self.C_, len(keys))
            self.l1_ratio_ = np.repeat(self.l1_ratio_, len(keys))
            self.n_iter_ = self._legacy_layout(self.n_iter_)[None, ...]
            self.scores_ = {key: self._legacy_layout(self.scores_) for key in keys}
        elif self.l1_ratio_ is None:
            self.l1_ratio_ = 0.0

    def _legacy_layout(self, table: np.ndarray) -> np.ndarray:
        """(n_folds, n_ratios, n_cs, ...) to (n_folds, n_cs[, n_ratios], ...)."""
        table = np.swapaxes(table, 1, 2)
        return table[:, :, 0] if self.l1_ratios_[0] is None else table

    def _keys(self) -> np.ndarray:
        """The classes that have coefficients."""
        return self.classes_ if len(self.classes_) > 2 else self.classes_[1:]

    @property
    def coefs_paths_(self) -> Any:
        """Coefficients of every fold, l1_ratio and C, the intercept last."""
        check_is_fitted(self)
        paths, order = self._cv_result.paths, self._cv_order
        n_ratios, n_cs, n_folds = self._cv_result.scores.shape
        n_dof, keys = self.n_features_in_ + bool(self.fit_intercept), self._keys()
        table = np.empty((n_folds, n_ratios, n_cs, len(keys), n_dof))
        for r in range(n_ratios):
            for f in range(n_folds):
                table[f, r, order] = _with_intercepts(paths[r][f])[..., :n_dof]
        if self._legacy:
            parts = np.moveaxis(table, 3, 0)
            layouts = (self._legacy_layout(part) for part in parts)
            return dict(zip(keys, layouts, strict=True))
        return table

    def score(  # type: ignore[override]
        self,
        X: Any,
        y: Any,
        *,
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
            warn_future(
                "The default value for l1_ratios will change from None to (0.0,) in "
                "scikit-learn 1.10. To silence this warning, set l1_ratios=(0,)."
            )
            l1_ratios = None
        elif l1_ratios is None and self.penalty == "deprecated":
            warn_future(
                "'l1_ratios=None' was deprecated in scikit-learn 1.8 and will trigger "
                "an error in 1.10. Use an array-like with values in [0, 1] instead."
            )
        if self.penalty != "deprecated":
            warn_future(PENALTY_DEPRECATED)
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
            warn_future(
                "The default value of the parameter 'scoring' will change from None, "
                "i.e. accuracy, to 'neg_log_loss' in scikit-learn 1.11. To silence "
                "this warning, set scoring='neg_log_loss' or scoring='accuracy'."
            )
        if isinstance(self.use_legacy_attributes, str):
            warn_future(
                "The default value of use_legacy_attributes will change from True to "
                "False in scikit-learn 1.10. Set use_legacy_attributes=False to get "
                "the new attributes now, or True to silence this warning."
            )
            return True
        return bool(self.use_legacy_attributes)
