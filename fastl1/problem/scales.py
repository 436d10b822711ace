"""Penalties of other libraries in units of fastl1, and back.

Every library minimizes a loss plus ``a ||w||_1 + c/2 ||w||^2``; they differ in how a
and c are written.  Divided by the sum of the weights, so that the loss is fastl1's mean
unit half-deviance, with lambda the library's parameter and r its l1 ratio:

=============  ==================================  =================================
scale          a                                   c
=============  ==================================  =================================
fastl1         lambda r                            lambda (1 - r)
sklearn_alpha  lambda r                            lambda (1 - r)
sklearn_C      r / (C S m)                         (1 - r) / (C S m)
liblinear      r / (C S m)                         (1 - r) / (C S m),  r in {0, 1}
glmnet         lambda r k                          lambda (1 - r) k / sd(y)
spark          lambda r t                          lambda (1 - r) t^2 / sd'(y)
=============  ==================================  =================================

- fastl1, scikit-learn's Lasso and ElasticNet: the mean of (y - eta)^2 / 2; weights are
  normalized, so their scale does not matter.
- The same is scikit-learn's alpha for its Poisson, gamma, Tweedie and quantile
  regressors.
- C (scikit-learn's LogisticRegression and LinearSVC, liblinear): the *sum* of the
  losses times C, hence S, the sum of the weights (the number of rows without weights;
  class weights included).  Their squared hinge is twice ours: m = 2, else 1.
- glmnet: a mean over normalized weights.  family="gaussian" divides y by its population
  standard deviation sd(y) inside and scales the solution back, which leaves a as
  written but divides c by sd(y); the other families (binomial, multinomial, poisson,
  cox) do not.  Penalty factors are rescaled to sum to the number of columns:
  k = p / sum(factors), counting 1 for an excluded column.
- Spark: a mean over normalized weights, after glmnet's model but with n - 1 standard
  deviations: sd' = sd u for the label of a linear regression, and with standardization
  (the default) the columns are divided by sd' too, where fastl1's ``standardize=True``
  uses the population sd: hence t = u = sqrt(n / (n - 1)), else t = 1.
"""

from typing import Literal

from fastl1._public import public
from fastl1.loss.losses import LOSSES, Loss, as_loss
from fastl1.problem.scalars import check_flag, check_int, check_real

_TIMES_C = ("sklearn_C", "liblinear")  # multiply a sum of losses by C

Scale = Literal["fastl1", "sklearn_alpha", "sklearn_C", "liblinear", "glmnet", "spark"]

SCALES = ("fastl1", "sklearn_alpha", "sklearn_C", "liblinear", "glmnet", "spark")


class _Formulas:
    """The table above; what a formula needs is asked for by name when it is missing."""

    def __init__(
        self,
        loss: str | Loss,
        n_samples: int | None,
        weight_sum: float | None,
        y_std: float | None,
        penalty_scale: float,
        standardize: bool,
    ) -> None:
        self.loss = as_loss(loss)
        self.n = None if n_samples is None else check_int("n_samples", n_samples, 1)
        self.weight_sum = weight_sum
        if weight_sum is not None:
            self.weight_sum = check_real("weight_sum", weight_sum, 0.0, open_low=True)
        self.y_std = y_std
        if y_std is not None:
            self.y_std = check_real("y_std", y_std, 0.0, open_low=True)
        self.penalty_scale = check_real(
            "penalty_scale", penalty_scale, 0.0, open_low=True
        )
        self.standardize = check_flag("standardize", standardize)

    def _counterpart(self, scale: str, what: str) -> float:
        """How often the loss of another library holds ours."""
        if scale not in self.loss.scales:
            names = ", ".join(
                repr(name) for name in sorted(LOSSES) if scale in LOSSES[name].scales
            )
            raise ValueError(f"{scale} {what} for loss={names} only")
        return self.loss.scales[scale]

    def total(self, scale: str) -> float:
        """S m, for the scales that multiply a sum of losses by C."""
        times = self._counterpart(scale, "is defined")
        if self.weight_sum is not None:
            return times * self.weight_sum
        if self.n is None:
            raise ValueError(f"{scale} needs weight_sum, or n_samples without weights")
        return times * self.n

    def factors(self, scale: str, ridge: bool) -> tuple[float, float]:
        """a / (lambda r) and c / (lambda (1 - r)); the second one only if `ridge`."""
        if scale == "glmnet":
            l1 = l2 = self.penalty_scale
        elif scale == "spark":
            self._counterpart(scale, "has an L1 penalty")
            l1 = self._sample_std(1.0) if self.standardize else 1.0
            l2 = l1 * l1
        else:
            return 1.0, 1.0
        if not (ridge and self.loss.quadratic):
            return l1, l2
        if self.y_std is None:
            raise ValueError(
                f"{scale} divides y by its standard deviation: loss='squared' with "
                "l1_ratio < 1 needs y_std"
            )
        return l1, l2 / (
            self._sample_std(self.y_std) if scale == "spark" else self.y_std
        )

    def _sample_std(self, population: float) -> float:
        if self.n is None or self.n < 2:
            raise ValueError("spark divides by n - 1: n_samples (at least 2) is needed")
        return population * float((self.n / (self.n - 1)) ** 0.5)


@public
def convert_lambda(
    value: float,
    *,
    frm: Scale,
    to: Scale,
    loss: str = "squared",
    l1_ratio: float = 1.0,
    n_samples: int | None = None,
    weight_sum: float | None = None,
    y_std: float | None = None,
    penalty_scale: float = 1.0,
    standardize: bool = False,
    return_l1_ratio: bool = False,
) -> float | tuple[float, float]:
    """The same penalty on another library's scale.

    The module's documentation has the formulas and where each comes from.  An
    unpenalized intercept is assumed on both sides: liblinear penalizes its bias column
    unless told otherwise (``-R``), and so does scikit-learn with solver="liblinear".

    Parameters
    ----------
    value : float
        The penalty: fastl1's and scikit-learn's `alpha`, scikit-learn's and liblinear's
        `C`, glmnet's `lambda` (called `lambda1` or `s` in places), Spark's `regParam`.
    frm, to : {"fastl1", "sklearn_alpha", "sklearn_C", "liblinear", "glmnet", "spark"}
    loss : str or Loss
        As in `path`.  The C scales belong to the losses of labels.
    l1_ratio : float in [0, 1]
        That of `frm`: glmnet's `alpha`, Spark's `elasticNetParam`.
    n_samples : int, optional
        Number of rows; needed by the C scales (without `weight_sum`) and by Spark where
        standard deviations come in.
    weight_sum : float, optional
        Sum of the sample weights, for the C scales.
    y_std : float, optional
        Population standard deviation of y (weighted, if there are weights): needed by
        glmnet and Spark for the squared loss with l1_ratio < 1.
    penalty_scale : float
        p / sum(penalty factors) for glmnet, 1 if there are none: fastl1 uses penalty
        factors as given, glmnet rescales them.
    standardize : bool
        Whether both sides standardize the columns; matters to Spark alone, which
        divides by the n - 1 standard deviation.
    return_l1_ratio : bool
        Whether to return the l1 ratio of `to` as well.

    Returns
    -------
    float, or (float, float) if `return_l1_ratio`

    Raises
    ------
    ValueError
        Something needed is missing; the target has no such penalty; or the l1 ratio
        changes (an elastic net between glmnet or Spark and the others) and
        `return_l1_ratio` is False.

    Examples
    --------
    >>> import fastl1
    >>> fastl1.convert_lambda(1.0, frm="sklearn_C", to="fastl1", loss="logistic",
    ...                       n_samples=200)
    0.005
    >>> fastl1.convert_lambda(0.5, frm="glmnet", to="fastl1", l1_ratio=0.5, y_std=2.0,
    ...                       return_l1_ratio=True)
    (0.375, 0.6666666666666666)
    """
    for name, scale in (("frm", frm), ("to", to)):
        if scale not in SCALES:
            raise ValueError(
                f"{name} must be one of {', '.join(SCALES)}; got {scale!r}"
            )
    value = check_real("value", value, 0.0)
    ratio = check_real("l1_ratio", l1_ratio, 0.0, 1.0)
    formulas = _Formulas(loss, n_samples, weight_sum, y_std, penalty_scale, standardize)
    if "liblinear" in (frm, to) and ratio not in (0.0, 1.0):
        raise ValueError("liblinear has l1_ratio 0 or 1, no elastic net")
    if frm in _TIMES_C:
        if value == 0:
            raise ValueError("C must be above 0")
        value = 1.0 / (value * formulas.total(frm))
    l1_from, l2_from = formulas.factors(frm, ratio < 1)
    l1_to, l2_to = formulas.factors(to, ratio < 1)
    l1 = value * ratio * l1_from / l1_to
    l2 = value * (1.0 - ratio) * l2_from / l2_to
    value = l1 + l2
    new_ratio = l1 / value if value > 0 else ratio
    same = abs(new_ratio - ratio) <= 1e-12
    if to in _TIMES_C:
        if value == 0:
            raise ValueError(f"no penalty is C = inf on the scale {to}")
        value = 1.0 / (value * formulas.total(to))
    if return_l1_ratio:
        return value, ratio if same else new_ratio
    if not same:
        raise ValueError(
            f"the l1 ratio changes from {ratio:g} to {new_ratio:g} between the scales; "
            "pass return_l1_ratio=True to get both"
        )
    return value
