"""scikit-learn's LinearSVC: a penalized intercept, and one class against the rest."""

import warnings
from dataclasses import field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from fastl1._extras import require
from fastl1._public import public
from fastl1.estimators.base import (
    COUNT,
    NON_NEGATIVE,
    POSITIVE,
    check_choice,
    check_numbers,
    solve_one,
    tell,
    warn_changes,
    with_intercept_column,
)
from fastl1.estimators.logistic import LinearClassifier
from fastl1.estimators.parameters import parameters
from fastl1.estimators.sklearn_base import BaseEstimator
from fastl1.estimators.sparse import SparseClassifier
from fastl1.problem.problem import check_problem

require("sklearn", extra="sklearn")

from sklearn.utils.class_weight import compute_class_weight  # noqa: E402

# Parameters of scikit-learn, which a call of fastl1 0.1 could not give; those of 0.1,
# which scikit-learn does not have.
_LATER = (
    *("penalty", "loss", "dual", "C", "multi_class", "intercept_scaling", "verbose"),
    "random_state",
)
_FORMER = (
    *("alpha", "l1_ratio", "penalty_factor", "lower", "upper", "positive"),
    *("standardize", "warm_start"),
)


@public
@parameters
class LinearSVC(LinearClassifier, BaseEstimator):
    """Linear support-vector classification with the squared hinge loss.

    Minimizes for each class, over ``w`` and the intercept ``b``,

    ``C · Σ s_i max(0, 1 − t_i (x_i·w + b))² + P(w, b / intercept_scaling)``

    with ``t_i`` 1 in the class and −1 elsewhere (of two classes, for the second alone)
    and ``P`` half the sum of squares or the sum of absolute values: the intercept is
    penalized as the coefficient of a column of `intercept_scaling`.  This is
    ``sklearn.svm.LinearSVC``.  A support-vector machine with a free intercept, penalty
    factors or offsets is ``SparseClassifier("squared_hinge")``.

    Parameters
    ----------
    penalty : {"l1", "l2"}, default "l2"
    loss : {"squared_hinge"}, default "squared_hinge"
        "hinge" is refused: its corner is for another solver.
    dual : "auto" or bool, default "auto"
        Accepted for scikit-learn's sake: both are solved, and the gap tells.
    tol : float, default 1e-4
        The fit stops when the relative duality gap is at most `tol`.
    C : float, default 1.0
        Weight of the loss against the penalty, > 0.
    multi_class : {"ovr"}, default "ovr"
        One class against the rest; "crammer_singer" is refused.
    fit_intercept : bool, default True
    intercept_scaling : float, default 1
        The larger it is, the less the intercept is penalized; > 0.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes, multiplied with `sample_weight`.  With more than two,
        that of the class which is told from the rest, which has weight 1.
    verbose : int, default 0
        Above 0 a line tells of each fit: iterations and gap.
    random_state : int, RandomState or None, default None
        Accepted for scikit-learn's sake: nothing is random.
    max_iter : int, default 1000
        Limit of outer iterations (working sets or Newton steps).
    alpha, l1_ratio, penalty_factor, lower, upper, positive, standardize, warm_start : \
deprecated
        Parameters of fastl1 0.1: with one of them, and a FutureWarning, the estimator
        is ``SparseClassifier("squared_hinge")``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : ndarray of shape (1, n_features), or (n_classes, n_features) for more than 2
    sparse_coef_ : sparse matrix of the shape of ``coef_``
    intercept_ : ndarray of shape (1,) or (n_classes,), or 0.0 without an intercept
    dual_gap_ : float or ndarray of shape (n_classes,)
        Duality gap at the returned coefficients, in the unit of the objective.
    relative_gap_ : float or ndarray of shape (n_classes,)
        The gap divided by the objective of the null model: what `tol` bounds.
    n_iter_ : int
        Outer iterations, the most of any class.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        When X has feature names that are all strings.

    References
    ----------
    Fan, R.-E., Chang, K.-W., Hsieh, C.-J., Wang, X.-R. and Lin, C.-J. (2008).
    LIBLINEAR: a library for large linear classification. Journal of Machine Learning
    Research 9, 1871-1874.

    Examples
    --------
    >>> from fastl1 import LinearSVC
    >>> X, y = [[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"]
    >>> LinearSVC(penalty="l1").fit(X, y).predict([[3.0]])
    array(['yes'], dtype='<U3')
    """

    penalty: str = field(default="l2", kw_only=False)
    loss: str = field(default="squared_hinge", kw_only=False)
    dual: bool | str = "auto"
    tol: float = 1e-4
    C: float = 1.0
    multi_class: str = "ovr"
    fit_intercept: bool = True
    intercept_scaling: float = 1
    class_weight: dict[Any, float] | str | None = None
    verbose: int = 0
    random_state: Any = None
    max_iter: int = 1000
    alpha: float | None = None
    l1_ratio: float | None = None
    penalty_factor: ArrayLike | None = None
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    positive: bool = False
    standardize: bool = False
    warm_start: bool = False

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            It is copied once, for the column of the intercept.
        y : array-like of shape (n_samples,)
            Two or more labels of any type.
        sample_weight : float or array-like of shape (n_samples,), optional
            They multiply C.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For bad input or hyperparameters, naming them; for one class.
        """
        if self._gives(_FORMER):
            return self._fit_former(X, y, sample_weight)
        check_numbers(self, C=POSITIVE, tol=NON_NEGATIVE, max_iter=COUNT)
        check_choice(self, penalty=("l1", "l2"), dual=("auto", True, False))
        for name, known in (("loss", "squared_hinge"), ("multi_class", "ovr")):
            value = getattr(self, name)
            if value != known:
                raise ValueError(
                    f"LinearSVC: {name}={value!r} is not supported, only {known!r}; "
                    "sklearn.svm.LinearSVC has it"
                )
        if self.fit_intercept:
            check_numbers(self, intercept_scaling=POSITIVE)
        changes = [
            "C=1 weighs a sum, the penalty is L2, and of the intercept too, where it "
            "had alpha=0.01 and l1_ratio=1"
        ]
        warn_changes(self, changes, _LATER, stacklevel=3)
        X, y, codes, weight = self._check_labels(X, y, sample_weight)
        per_class = compute_class_weight(
            self.class_weight, classes=self.classes_, y=y, sample_weight=weight
        )
        dtype, several = X.dtype, len(self.classes_) > 2
        if self.fit_intercept:
            X = with_intercept_column(X, float(self.intercept_scaling))
        problem = check_problem(
            X,
            codes > 0,
            loss="squared_hinge",
            l1_ratio=float(self.penalty == "l1"),
            fit_intercept=False,
        )
        base = np.ones(len(codes)) if weight is None else weight
        fits, units = [], []
        for k in range(len(self.classes_)) if several else [1]:
            rest = 1.0 if several else per_class[0]
            each = base * np.where(codes == k, per_class[k], rest)
            units.append(2.0 * float(self.C) * each.sum())
            one = replace(problem, y=(codes == k).astype(float), sample_weight=each)
            fits.append(solve_one(one, 1.0 / units[-1], self.tol, self.max_iter))
            tell(self, fits[-1])
        coef = np.array([fit.coef for fit in fits])
        self.coef_, self.intercept_ = coef, 0.0
        if self.fit_intercept:
            self.coef_ = np.ascontiguousarray(coef[:, :-1])
            self.intercept_ = (coef[:, -1] * self.intercept_scaling).astype(dtype)
        gaps = np.array([fit.gap for fit in fits])
        dual_gaps = np.array([fit.dual_gap for fit in fits]) * units
        self.relative_gap_ = gaps if several else float(gaps[0])
        self.dual_gap_ = dual_gaps if several else float(dual_gaps[0])
        self.n_iter_ = max(fit.n_iter for fit in fits)
        return self

    def _gives(self, names: tuple[str, ...]) -> list[str]:
        """Those of the parameters that are not at their default."""
        kind = type(self)
        return [n for n in names if getattr(self, n) is not getattr(kind, n)]

    def former(self) -> SparseClassifier:
        """The model that these parameters gave with fastl1 0.1.

        Returns
        -------
        SparseClassifier

        Raises
        ------
        ValueError
            If parameters of scikit-learn are given as well.
        """
        if self._gives(_LATER):
            raise ValueError(
                f"LinearSVC: {self._gives(_FORMER)[0]} is a parameter of fastl1 0.1 "
                f"and does not go with scikit-learn's {self._gives(_LATER)[0]}; "
                "SparseClassifier('squared_hinge') has it"
            )
        kept = {
            *_FORMER,
            *("fit_intercept", "class_weight", "max_iter", "tol"),
        }
        given = {name: getattr(self, name) for name in kept}
        given["alpha"] = 0.01 if self.alpha is None else self.alpha
        given["l1_ratio"] = 1.0 if self.l1_ratio is None else self.l1_ratio
        return SparseClassifier("squared_hinge", **given)

    def _fit_former(self, X: Any, y: Any, sample_weight: Any) -> Self:
        model = self.former()
        warnings.warn(
            f"LinearSVC({self._gives(_FORMER)[0]}=...) is deprecated and will go with "
            f"fastl1 0.3. This fits SparseClassifier('squared_hinge', "
            f"alpha={model.alpha}, l1_ratio={model.l1_ratio}), as fastl1 0.1 did.",
            FutureWarning,
            stacklevel=3,
        )
        if self.warm_start and hasattr(self, "coef_"):
            model.coef_, model.intercept_ = self.coef_, self.intercept_
        fitted = vars(model.fit(X, y, sample_weight))
        vars(self).update({k: v for k, v in fitted.items() if k.endswith("_")})
        return self
