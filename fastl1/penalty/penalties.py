"""Penalties as objects: what they add to the loss, and what goes with them.

A fit minimizes loss + alpha (Omega(w) + l2/2 |w|^2); a penalty is what alpha
multiplies.
`csrc/penalties.inc` computes it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.loss.losses import check_param
from fastl1.penalty.groups import are_lists, resolve_groups


@public
@dataclass(frozen=True)
class Penalty:
    """What all penalties have; `L1` and `GroupL1` are those there are.

    Attributes
    ----------
    takes_factors : bool
        Whether a `penalty_factor` of the columns goes with it.
    takes_bounds : bool
        Whether `lower` and `upper` bounds of the coefficients do.
    losses : frozenset of str, or None
        The losses that it is implemented for; None for all.
    """

    takes_factors: ClassVar[bool] = False
    takes_bounds: ClassVar[bool] = False
    losses: ClassVar[frozenset[str] | None] = None

    def refuse(self, loss: str, **facts: Any) -> None:
        """Refuse a loss that it is not made for, and facts of the columns
        (penalty_factor, lower, upper) that do not go with it.

        Raises
        ------
        ValueError
            Saying what to do instead.
        """
        name = type(self).__name__
        if self.losses is not None and loss not in self.losses:
            raise ValueError(
                f"{name} is for loss={' and '.join(map(repr, sorted(self.losses)))}, "
                f"not {loss!r}; fastl1.L1() goes with every loss"
            )
        if facts["penalty_factor"] is not None and not self.takes_factors:
            raise ValueError(
                f"{name} takes no penalty_factor; its weights are factors of groups"
            )
        for bound in ("lower", "upper"):
            if facts[bound] is not None and not self.takes_bounds:
                raise ValueError(f"{name} takes no bounds, but {bound} is given")

    def value(self, coef: ArrayLike, feature_names: list[str] | None = None) -> float:
        """The penalty of coefficients, at alpha = 1.

        Parameters
        ----------
        coef : array-like of shape (p,)
        feature_names : list of str, optional
            Needed where groups name their columns.
        """
        raise NotImplementedError


@public
@dataclass(frozen=True)
class L1(Penalty):
    """l1_ratio sum_j |w_j| + (1 - l1_ratio)/2 sum_j w_j^2: lasso, elastic net, ridge.

    ``path(X, y, l1_ratio=r)`` is short for ``path(X, y, penalty=L1(r))``.  Each term is
    multiplied by the column's `penalty_factor`; bounds go with it.

    Parameters
    ----------
    l1_ratio : float in [0, 1]
        1 is the lasso; 0 is ridge, whose alphas have to be given.

    Raises
    ------
    ValueError, TypeError
        l1_ratio is not a number in [0, 1].

    References
    ----------
    Zou and Hastie (2005), Regularization and variable selection via the elastic net.

    Examples
    --------
    >>> import fastl1
    >>> fastl1.L1(0.5).value([3.0, -1.0])
    4.5
    """

    l1_ratio: float = 1.0
    takes_factors: ClassVar[bool] = True
    takes_bounds: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_param(self, "l1_ratio", 0.0, 1.0, "[]")

    def value(self, coef: ArrayLike, feature_names: list[str] | None = None) -> float:
        w = np.asarray(coef, dtype=np.float64)
        l2 = 1.0 - self.l1_ratio
        return float(self.l1_ratio * np.abs(w).sum() + 0.5 * l2 * (w @ w))


@public
@dataclass(frozen=True, eq=False, repr=False)
class GroupL1(Penalty):
    """sum_g weight_g |w_g| + l2/2 |w|^2, with Euclidean norms: the group lasso.

    The coefficients of a group are all zero or, in general, all nonzero: a categorical
    column that is one-hot encoded enters or leaves whole.  For the squared and the
    logistic loss.  It takes no `penalty_factor` (weights are its factors), no bounds.

    Parameters
    ----------
    groups : array-like of shape (p,), or list of lists
        A label for every column, in any order; or the columns of each group, by index
        or by name.  Every column is in exactly one group.
    weights : "sqrt" or array-like of shape (n_groups,)
        Factors of the groups, in the order of the list or, with labels, in their sorted
        order.  "sqrt" takes the square roots of the groups' sizes.  0 leaves a group
        without any penalty, inf excludes its columns.
    l2 : float >= 0
        Factor of half the squared norm of all penalized coefficients.

    Raises
    ------
    ValueError, TypeError
        Bad weights or l2, here; bad groups when columns are at hand.

    Notes
    -----
    With ``standardize=True`` the norms are those of the coefficients of the scaled
    columns; the columns of a group are never made orthonormal, which would be another
    penalty.

    References
    ----------
    Yuan and Lin (2006), Model selection and estimation in regression with grouped
    variables.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 6))
    >>> y = X[:, 0] - X[:, 1] + 0.1 * rng.standard_normal(100)
    >>> penalty = fastl1.GroupL1([[0, 1], [2, 3], [4, 5]])
    >>> result = fastl1.path(X, y, penalty=penalty, n_alphas=5)
    >>> np.flatnonzero(result.coef_at(result.alphas[1])[0]).tolist()
    [0, 1]
    """

    groups: Any
    weights: Literal["sqrt"] | ArrayLike = "sqrt"
    l2: float = 0.0
    losses: ClassVar[frozenset[str] | None] = frozenset({"squared", "logistic"})

    def __post_init__(self) -> None:
        check_param(self, "l2", 0.0, np.inf, "[)")
        are_lists(self.groups)
        if isinstance(self.weights, str):
            if self.weights != "sqrt":
                raise ValueError(
                    f"weights of GroupL1 must be 'sqrt' or an array, got "
                    f"{self.weights!r}"
                )
            return
        weights = np.asarray(self.weights)
        if weights.ndim != 1 or weights.dtype.kind not in "iuf":
            raise TypeError(
                "weights of GroupL1 must be 'sqrt' or one number for each group, got "
                f"{self.weights!r}"
            )
        bad = ~(weights >= 0)
        if bad.any():
            g = int(bad.argmax())
            raise ValueError(
                f"weights of GroupL1 must be at least 0, but that of group {g} is "
                f"{weights[g]}; 0 leaves a group unpenalized, inf excludes it"
            )

    def __repr__(self) -> str:
        count = "lists" if are_lists(self.groups) else "labels"
        weights = "'sqrt'" if isinstance(self.weights, str) else "..."
        size = len(list(self.groups))
        return f"GroupL1(<{size} {count}>, weights={weights}, l2={self.l2:g})"

    def of_columns(
        self, p: int, feature_names: list[str] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The number of each column's group (p,) and the group's weight (p,)."""
        groups = resolve_groups(self.groups, p, feature_names)
        if isinstance(self.weights, str):
            return groups.number, np.sqrt(groups.sizes)[groups.number]
        weights = np.asarray(self.weights, dtype=np.float64)
        if len(weights) != len(groups.names):
            raise ValueError(
                f"weights of GroupL1 has {len(weights)} numbers for "
                f"{len(groups.names)} groups"
            )
        return groups.number, weights[groups.number]

    def value(self, coef: ArrayLike, feature_names: list[str] | None = None) -> float:
        w = np.asarray(coef, dtype=np.float64)
        number, weight = self.of_columns(len(w), feature_names)
        norms = np.sqrt(np.bincount(number, w * w))
        of_group = np.zeros(len(norms))
        of_group[number] = weight
        with np.errstate(invalid="ignore"):
            total = np.where(norms > 0, of_group * norms, 0.0).sum()
        ridge = np.where(weight > 0, w, 0.0)
        return float(total + 0.5 * self.l2 * (ridge @ ridge))


def as_penalty(penalty: Penalty | None, l1_ratio: float) -> Penalty:
    """The penalty that the two arguments stand for, the one that is given.

    Raises
    ------
    ValueError, TypeError
        Both are given, or it is not one of fastl1's.
    """
    if penalty is None:
        return L1(l1_ratio)
    if l1_ratio != 1.0:
        raise both_given("l1_ratio")
    if isinstance(penalty, type) and issubclass(penalty, Penalty):
        raise TypeError(
            f"penalty must be an object such as {penalty.__name__}(...), not the class"
        )
    if not isinstance(penalty, L1 | GroupL1):
        raise TypeError(
            "penalty must be an object such as fastl1.L1(0.5) or "
            f"fastl1.GroupL1(groups), got {penalty!r}"
        )
    return penalty


def both_given(name: str) -> ValueError:
    """What to raise where `name` says in its own way what a penalty says."""
    return ValueError(
        f"penalty and {name} both say what is penalized; give one, such as "
        "penalty=fastl1.L1(l1_ratio)"
    )


def need_columns(function: str, penalty: Penalty, instead: str) -> None:
    """Refuse penalties of groups, for functions that know single columns only.

    Raises
    ------
    ValueError
        Saying what to do instead.
    """
    if not isinstance(penalty, L1):
        raise ValueError(
            f"{function} knows penalties of single columns only, not "
            f"{type(penalty).__name__}; {instead}"
        )
