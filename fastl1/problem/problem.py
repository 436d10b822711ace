"""Validation, once per call: what the user has becomes canonical arrays or an error.

What reaches the solver is `Problem`: X as a Fortran-ordered float array or a `CSC`
tuple with sorted, unique, in-range row indices; everything else float64 vectors.

Cost.  Fortran-ordered float32/float64 is taken as it is, and so is a canonical CSC
matrix with int32 indices; C order is copied once, in blocks of rows.  Values are
checked by one pass, a sum of squares at memory speed, or by the solver's own first
pass; the search for the offending cell runs only when that sum is suspicious.  SciPy's
sparse module is not imported unless the caller has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1 import _runtime
from fastl1.loss.losses import Loss, as_loss
from fastl1.penalty.penalties import L1, GroupL1, Penalty, as_penalty
from fastl1.problem.matrix import (
    CSC,
    check_dense_values,
    check_sparse_values,
    check_X,
)
from fastl1.problem.per_column import check_bounds, check_penalty_factor
from fastl1.problem.scalars import check_flag, check_real
from fastl1.problem.survival import Survival, check_survival
from fastl1.problem.target import (
    apply_class_weight,
    check_labels,
    check_offset,
    check_row_weight,
    check_weighted_classes,
)
from fastl1.problem.vectors import check_vector


@dataclass(slots=True)
class Problem:
    """One validated problem: what the solver's constructor takes, and what comes back.

    Attributes
    ----------
    X : ndarray (n, p) in Fortran order, float32 or float64, or CSC
    y : ndarray (n,), float64; index into `classes` for losses of labels
    loss : str
        Name of `family`.
    l1_ratio : float
        1 for penalties of groups.
    penalty_factor, lower, upper : ndarray (p,), float64, or None
        The factor of a column of a group is the weight of the group.
    fit_intercept, standardize : bool
    sample_weight, offset : ndarray (n,), float64, or None
        The offset of the multinomial loss has a column for each class.
    classes : ndarray (2,), or of any length for the multinomial loss, or None
        The labels, sorted; None for losses of numbers.
    feature_names : list of str or None
        Column names of the data frame that X was.
    dtype : numpy.dtype
        float32 or float64: that of X and of the coefficients to return.
    n_threads : int
    family : Loss
        The loss with its parameters, its link and its deviance.
    survival : Survival or None
        Times and strata, for the Cox loss; y is the event then.
    group_penalty : GroupL1 or None
        None where single columns are penalized.
    groups : ndarray (p,), intp, or None
        The number of each column's group.
    deferred : bool
        The values of X are still to be checked, by the solver's first pass.
    """

    X: Any
    y: np.ndarray
    loss: str
    l1_ratio: float
    penalty_factor: np.ndarray | None
    lower: np.ndarray | None
    upper: np.ndarray | None
    fit_intercept: bool
    standardize: bool
    sample_weight: np.ndarray | None
    offset: np.ndarray | None
    classes: np.ndarray | None
    feature_names: list[str] | None
    dtype: np.dtype
    n_threads: int
    family: Loss
    survival: Survival | None = None
    group_penalty: GroupL1 | None = None
    groups: np.ndarray | None = None
    deferred: bool = False

    @property
    def penalty(self) -> Penalty:
        """What alpha multiplies, but for the factors of the columns."""
        return self.group_penalty or L1(self.l1_ratio)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, p)."""
        return self.X.shape

    def check_values(self) -> None:
        """Raise a ValueError that names the first value of X that is not finite or too
        large."""
        if isinstance(self.X, CSC):
            check_sparse_values(self.X)
        else:
            check_dense_values(self.X, self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Linear predictors of a row: one per class if multinomial, else 1."""
        return len(self.classes) if self.family.by_class else 1


def check_problem(
    X: Any,
    y: ArrayLike,
    *,
    loss: str | Loss = "squared",
    l1_ratio: float = 1.0,
    penalty: Penalty | None = None,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    strata: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    n_threads: int | None = None,
    check_input: bool = True,
    defer_values: bool = False,
) -> Problem:
    """Validate everything that defines a problem, once.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, CSC, pandas or polars frame of shape (n, p)
        Fortran-ordered float32/float64 and canonical CSC with int32 indices are used in
        place, read-only memory maps included; anything else is converted once.
    y : array-like of shape (n,)
        Numbers in the range of the loss, or any two labels (multinomial: any number).
    loss : str or Loss
    l1_ratio : float in [0, 1]
        Short for penalty=L1(l1_ratio).
    penalty : Penalty, optional
    penalty_factor : scalar or array-like of shape (p,), >= 0
        0 never penalizes, inf excludes.
    lower, upper : scalar or array-like of shape (p,)
        Bounds of the coefficients on the original scale, lower <= 0 <= upper.
    fit_intercept, standardize : bool
    sample_weight : array-like of shape (n,), >= 0, not all 0
    class_weight : dict or "balanced", optional
        For losses of labels, as in `fastl1.path`.
    strata : array-like of shape (n,), optional
        For the Cox loss.
    offset : array-like of shape (n,), or (n, K) for K classes of the multinomial loss
    n_threads : int, optional
    check_input : bool
        False skips the passes over values and indices: the caller vouches that X and
        the vectors are finite, a sparse X canonical, and y (logistic) in {0.0, 1.0}.
    defer_values : bool
        True leaves the values of X to `fastl1.fit.solver.make_solver`, whose first pass
        over X finds what is wrong with them: for callers who do nothing else with X
        first.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError, TypeError
        Naming the argument and, where there is one, the row and column.
    """
    family = as_loss(loss)
    penalty = as_penalty(penalty, check_real("l1_ratio", l1_ratio, 0.0, 1.0))
    penalty.refuse(family.name, penalty_factor=penalty_factor, lower=lower, upper=upper)
    fit_intercept = check_flag("fit_intercept", fit_intercept)
    standardize = check_flag("standardize", standardize)
    check_input = check_flag("check_input", check_input)
    n_threads = _runtime.resolve_threads(n_threads)
    X, feature_names = check_X(
        X, check_input=check_input, check_values=not defer_values
    )
    n, p = X.shape
    classes = None
    if y is None:
        raise ValueError("y is None; a target is required")
    survival = None
    if strata is not None and not family.survival:
        raise ValueError(f"strata go with loss='cox' only, not {family.name!r}")
    if family.survival:
        survival = check_survival(y, n, strata)
        y = survival.event.astype(np.float64)
        fit_intercept = False
    elif not family.labels:
        y = check_vector("y", y, n, check_values=check_input)
        if check_input:
            family.check_values(y)
    elif check_input:
        y, classes = check_labels(y, n, family)
    else:
        y = check_vector("y", y, n, check_values=False)
        classes = np.arange(2.0)
        if family.by_class:
            classes = np.arange(max(float(y.max()) + 1.0, 2.0))
    weight = check_row_weight(sample_weight, n, check_input)
    if check_input and weight is not None and classes is not None:
        check_weighted_classes(y[weight > 0].astype(np.intp), classes, family)
    if class_weight is not None:
        weight = apply_class_weight(class_weight, y, classes, weight, family)
    if survival is not None and weight is not None and not (weight @ y > 0):
        raise ValueError("no event has a positive sample_weight: loss='cox' needs one")
    if offset is not None:
        offset = check_offset(offset, n, classes, family, check_input)
    lower, upper = check_bounds(lower, upper, p)
    factor, groups = check_penalty_factor(penalty_factor, p), None
    if isinstance(penalty, GroupL1):
        groups, factor = penalty.of_columns(p, feature_names)
    return Problem(
        X=X,
        y=y,
        loss=family.name,
        l1_ratio=penalty.l1_ratio if isinstance(penalty, L1) else 1.0,
        penalty_factor=factor,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        sample_weight=weight,
        offset=offset,
        classes=classes,
        feature_names=feature_names,
        dtype=X.data.dtype if isinstance(X, CSC) else X.dtype,
        n_threads=n_threads,
        family=family,
        survival=survival,
        group_penalty=penalty if isinstance(penalty, GroupL1) else None,
        groups=groups,
        deferred=defer_values and check_input,
    )
