"""Losses as objects: their parameters, what they accept as y, their link.

A loss is a unit half-deviance: at least 0, convex in the linear predictor eta, and 0
where the prediction is y.  `csrc/losses.inc` computes it; the classes here say what the
numbers mean, and what reports, criteria and conversions have to know: nothing else asks
which loss it is.  Wherever a loss is asked for, its name stands for the class with its
default parameters.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any, ClassVar, Literal

import numpy as np

from fastl1._public import public
from fastl1.loss.links import LINKS, clipped_exp

Array = np.ndarray


def _entropy(m: Array, mu: Array, log_mu: Array) -> Array:
    """m log(m / mu) - m + mu."""
    log_m = np.log(np.where(m > 0, m, 1.0))
    return np.maximum(m * (log_m - log_mu) - m + mu, 0.0)


@public
@dataclass(frozen=True)
class Loss:
    """What all losses have, and the base of a loss of one's own.

    A subclass with a `name`, `deviance`, `slope` and `curvature` is a loss that
    `fastl1.path` and the functions built on it take, through the same solver as the
    others; its functions are asked once a pass over the rows.  With a `conjugate` its
    solutions carry a duality gap; without one they are judged by how far they are from
    stationary.  See ``docs/own-loss.md``.

    Attributes
    ----------
    name : str
    link : str
        How the mean of y depends on the linear predictor: a key of `LINKS`.
    labels : bool
        Whether y holds labels, two of them unless `by_class`; the kernels see them
        counted from 0.
    by_class : bool
        Whether each of any number of labels has a linear predictor of its own.
    survival : bool
        Whether y holds times to an event: rows are compared, not predicted one by one,
        and there is no intercept.
    amounts : bool
        Whether y >= 0 is an amount, whose mean is in proportion to an exposure.
    quadratic : bool
        Whether the loss is a square of the residual.
    of_columns : bool
        Whether a ridge fit solves systems of as many equations as columns, however few
        the rows.
    least_at_infinity : bool
        Of a loss of one's own: whether some y has its least value at no finite eta, as
        labels have, so that unpenalized coefficients can grow without limit.
    title : str
        Its models in words.
    predictor : str
        What the linear predictor is called in tables of coefficients.
    metrics : tuple of str
        Of reports, keys of `fastl1.metrics.metrics.METRICS`; models are judged by the
        first.
    default_score : str
        What cross-validation minimizes, a key of the same table.
    dispersion : {"one", "variance", "estimated"}, or None
        Of the likelihood whose deviance this is: 1, a variance that is profiled out
        unless it is given, or estimated from the largest model.  None of what is no
        likelihood, and has no information criterion.
    scales : mapping of str to float
        Other packages' parametrizations that `convert_lambda` knows for this loss, and
        how often their loss holds this one.
    options : mapping of str to str
        Options of the command line that set its parameters, by the parameter's name.
    scale_param : str, or None
        The parameter in units of y, if there is one: the command line multiplies its
        usual value by the spread of the target.
    """

    name: ClassVar[str]
    link: ClassVar[str] = "identity"
    labels: ClassVar[bool] = False
    by_class: ClassVar[bool] = False
    survival: ClassVar[bool] = False
    amounts: ClassVar[bool] = False
    quadratic: ClassVar[bool] = False
    of_columns: ClassVar[bool] = False
    least_at_infinity: ClassVar[bool] = False
    title: ClassVar[str] = "regression"
    predictor: ClassVar[str] = "target"
    metrics: ClassVar[tuple[str, ...]] = ("deviance", "explained")
    default_score: ClassVar[str] = "deviance"
    dispersion: ClassVar[Literal["one", "variance", "estimated"] | None] = None
    scales: ClassVar[Mapping[str, float]] = {}
    options: ClassVar[Mapping[str, str]] = {}
    scale_param: ClassVar[str | None] = None

    @property
    def task(self) -> str:
        """What y is for: "regression", "classification" or "survival"."""
        if self.survival:
            return "survival"
        return "classification" if self.labels else "regression"

    @property
    def share_below(self) -> float | None:
        """The share of y at or below the predictions of a good model; None where the
        loss does not say."""
        return None

    def params(self) -> dict[str, Any]:
        """What the compiled loss depends on."""
        return asdict(self)

    def inverse_link(self, eta: Array) -> Array:
        """Mean of y (for labels the probability of the second) at eta."""
        return LINKS[self.link].inverse(eta)

    def decide(self, eta: Array) -> Array:
        """For labels: whether the second is the likelier."""
        return eta > LINKS[self.link].cut

    def check_values(self, y: Array) -> None:
        """Refuse finite numbers that this loss is not defined for.

        Raises
        ------
        ValueError
            Naming the row of the first.
        """

    def deviance(self, y: Array, eta: Array) -> Array:
        """Unit half-deviance of each row: y and eta of any one shape."""
        raise NotImplementedError

    def slope(self, y: Array, eta: Array) -> Array:
        """Derivative of the deviance in eta; asked of losses of one's own only."""
        raise NotImplementedError

    def curvature(self, y: Array, eta: Array) -> Array:
        """Second derivative of the deviance in eta, at least 0; asked of losses of
        one's own only."""
        raise NotImplementedError

    def conjugate(self, y: Array, t: Array) -> Array:
        """sup over eta of t eta - deviance(y, eta), for a t inside of `slope_range`;
        asked of losses of one's own that have it, for their certificate."""
        raise NotImplementedError

    def slope_range(self, y: Array) -> tuple[Any, Any]:
        """The interval of slopes where the conjugate is finite, of each row or of all;
        asked of losses of one's own only."""
        return -np.inf, np.inf

    @property
    def own(self) -> bool:
        """Whether it is a loss of the user's, whose functions are Python."""
        return type(self) not in LOSSES.values()

    @property
    def certified(self) -> bool:
        """Whether solutions carry a duality gap: of a loss of one's own where it has a
        conjugate."""
        return not self.own or type(self).conjugate is not Loss.conjugate


_OF_COUNTS = ("deviance", "explained", "ratio")
_OF_CHANCES = ("log_loss", "explained", "auc", "brier", "accuracy")
_EACH_ONCE = {"sklearn_C": 1.0, "liblinear": 1.0, "spark": 1.0}


def _need_positive(loss: str, y: Array) -> None:
    if not y.any():
        raise ValueError(f"loss={loss!r} needs some y > 0, but y is 0 at every row")


def _refuse(loss: str, wanted: str, y: Array, bad: Array) -> None:
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(f"loss={loss!r} needs y {wanted}, but y is {y[i]} at row {i}")


def check_param(loss: Any, name: str, low: float, high: float, ends: str) -> None:
    value: Any = getattr(loss, name)
    label = f"{name} of {type(loss).__name__}"
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{label} must be a number, got {value!r}")
    value = float(value)
    inside = low < value < high or (value, ends[0]) == (low, "[")
    inside = inside or (value, ends[1]) == (high, "]")
    if not inside:
        raise ValueError(
            f"{label} must be in {ends[0]}{low:g}, {high:g}{ends[1]}, got {value}"
        )
    object.__setattr__(loss, name, value)


@public
@dataclass(frozen=True)
class Squared(Loss):
    """(y - eta)^2 / 2."""

    name: ClassVar[str] = "squared"
    quadratic = True
    title = "linear regression"
    predictor = "target"
    metrics = ("rmse", "r2")
    default_score = "mse"
    dispersion = "variance"
    scales = {"spark": 1.0}

    def deviance(self, y: Array, eta: Array) -> Array:
        return 0.5 * (y - eta) ** 2


@public
@dataclass(frozen=True)
class Logistic(Loss):
    """log(1 + exp(eta)) - y eta for y in {0, 1}; eta is the log-odds of the second
    label."""

    name: ClassVar[str] = "logistic"
    link: ClassVar[str] = "logit"
    labels: ClassVar[bool] = True
    title = "logistic regression"
    predictor = "log-odds"
    metrics = _OF_CHANCES
    default_score = "log_loss"
    dispersion = "one"
    scales = _EACH_ONCE

    def deviance(self, y: Array, eta: Array) -> Array:
        return np.logaddexp(0.0, np.where(y > 0.5, -eta, eta))


@public
@dataclass(frozen=True)
class Poisson(Loss):
    """y log(y / mu) - y + mu with mu = exp(eta), y >= 0.

    An exposure e (time at risk, area, trials) is ``offset=log(e)``: y counts, and mu is
    e times the rate.
    """

    name: ClassVar[str] = "poisson"
    link: ClassVar[str] = "log"
    amounts = True
    title = "Poisson regression"
    predictor = "log-mean"
    metrics = _OF_COUNTS
    dispersion = "one"

    def check_values(self, y: Array) -> None:
        _refuse(self.name, ">= 0", y, y < 0)
        _need_positive(self.name, y)

    def deviance(self, y: Array, eta: Array) -> Array:
        return _entropy(y, clipped_exp(eta), eta)


@public
@dataclass(frozen=True)
class Gamma(Loss):
    """y / mu - 1 - log(y / mu) with mu = exp(eta), y > 0."""

    name: ClassVar[str] = "gamma"
    link: ClassVar[str] = "log"
    amounts = True
    title = "gamma regression"
    predictor = "log-mean"
    metrics = _OF_COUNTS
    dispersion = "estimated"

    def check_values(self, y: Array) -> None:
        _refuse(self.name, "> 0", y, y <= 0)

    def deviance(self, y: Array, eta: Array) -> Array:
        u = np.log(y) - eta
        return _entropy(np.ones_like(u), clipped_exp(u), u)


@public
@dataclass(frozen=True)
class Tweedie(Loss):
    """Half the unit deviance of variance mu^power, with mu = exp(eta).

    Parameters
    ----------
    power : float in [1, 2]
        1 is poisson and 2 gamma; between them y >= 0 has a mass at 0, as claims have.
        Beyond 2 (3 is the inverse gaussian) the loss is not convex under the log link:
        its curvature is negative where mu > y (power - 1) / (power - 2), so that no
        duality gap bounds it.
    """

    power: float = 1.5
    name: ClassVar[str] = "tweedie"
    link: ClassVar[str] = "log"
    amounts = True
    title = "Tweedie regression"
    predictor = "log-mean"
    metrics = _OF_COUNTS
    dispersion = "estimated"
    options = {"power": "power"}

    def __post_init__(self) -> None:
        if isinstance(self.power, Real) and self.power > 2:
            raise ValueError(
                f"power of Tweedie must be in [1, 2], got {self.power}: beyond 2 the "
                "loss is not convex under the log link (its curvature is negative "
                "where the mean exceeds y (power - 1) / (power - 2)), and no duality "
                "gap could certify a fit; use 2 (gamma) or a model of log(y)"
            )
        check_param(self, "power", 1.0, 2.0, "[]")

    def check_values(self, y: Array) -> None:
        _refuse(self.name, ">= 0", y, y < 0)
        _need_positive(self.name, y)

    def deviance(self, y: Array, eta: Array) -> Array:
        a, b = self.power - 1.0, 2.0 - self.power
        d = eta - np.log(np.where(y > 0, y, 1.0))
        full = y**b * (np.expm1(-a * d) / a + np.expm1(b * d) / b)
        return np.maximum(np.where(y > 0, full, clipped_exp(b * eta) / b), 0.0)


@dataclass(frozen=True)
class Multinomial(Loss):
    """-log P of the label seen, the probabilities of any number of labels being the
    softmax of one linear predictor each.

    Its linear predictors are the last axis of eta, and labels count from 0.
    """

    name: ClassVar[str] = "multinomial"
    link: ClassVar[str] = "softmax"
    labels: ClassVar[bool] = True
    by_class = True
    title = "multinomial regression"
    predictor = "log-odds"
    metrics = ("log_loss", "explained", "auc", "accuracy")
    default_score = "log_loss"
    dispersion = "one"
    scales = {"sklearn_C": 1.0, "spark": 1.0}

    def decide(self, eta: Array) -> Array:
        """Which label is the likeliest."""
        return np.argmax(eta, axis=-1)

    def deviance(self, y: Array, eta: Array) -> Array:
        own = np.take_along_axis(eta, y.astype(np.intp)[..., None], axis=-1)
        below = eta - own
        top = np.max(below, axis=-1)
        return top + np.log(np.sum(np.exp(below - top[..., None]), axis=-1))


@public
@dataclass(frozen=True)
class SquaredHinge(Loss):
    """max(0, 1 - m)^2 / 2, with m = eta for the second label and -eta for the first:
    the support-vector machine's loss, without probabilities."""

    name: ClassVar[str] = "squared_hinge"
    link: ClassVar[str] = "decision"
    labels: ClassVar[bool] = True
    title = "linear classifier"
    predictor = "decision"
    metrics = ("squared_hinge", "accuracy", "auc")
    scales = {"sklearn_C": 2.0, "liblinear": 2.0}

    def deviance(self, y: Array, eta: Array) -> Array:
        return 0.5 * np.maximum(1.0 - np.where(y > 0.5, eta, -eta), 0.0) ** 2


@public
@dataclass(frozen=True)
class Huber(Loss):
    """r^2 / 2 up to |r| = delta, delta |r| - delta^2 / 2 beyond; r = y - eta.

    Parameters
    ----------
    delta : float > 0
        In units of y: the residual from which a row counts as an outlier.
    """

    delta: float = 1.345
    name: ClassVar[str] = "huber"
    title = "Huber regression"
    predictor = "target"
    metrics = ("huber", "explained", "mae", "rmse")
    options = {"delta": "delta"}
    scale_param = "delta"

    def __post_init__(self) -> None:
        check_param(self, "delta", 0.0, np.inf, "()")

    def deviance(self, y: Array, eta: Array) -> Array:
        r = y - eta
        t = np.clip(r, -self.delta, self.delta)
        return t * (r - 0.5 * t)


@public
@dataclass(frozen=True)
class Quantile(Loss):
    """q r for r = y - eta > 0, (q - 1) r for r < 0: eta is the q-quantile of y.

    Minimized as it is, without smoothing, by the interior-point method that Portnoy and
    Koenker (1997) use for quantile regression, on the working set; the duality gap is
    that of the linear program.

    Parameters
    ----------
    q : float in (0, 1)
    """

    q: float = 0.5
    name: ClassVar[str] = "quantile"
    of_columns = True
    title = "quantile regression"
    predictor = "target"
    metrics = ("pinball", "explained", "coverage", "mae")
    options = {"q": "quantile"}

    def __post_init__(self) -> None:
        check_param(self, "q", 0.0, 1.0, "()")

    @property
    def share_below(self) -> float:
        return self.q

    def deviance(self, y: Array, eta: Array) -> Array:
        r = y - eta
        return np.maximum(self.q * r, (self.q - 1.0) * r)


@public
@dataclass(frozen=True)
class Probit(Loss):
    """-log P of the label seen, P of the second being the normal distribution function
    at eta."""

    name: ClassVar[str] = "probit"
    link: ClassVar[str] = "probit"
    labels: ClassVar[bool] = True
    title = "probit regression"
    predictor = "probit"
    metrics = _OF_CHANCES
    dispersion = "one"

    def deviance(self, y: Array, eta: Array) -> Array:
        from scipy.special import log_ndtr

        return -log_ndtr(np.where(y > 0.5, eta, -eta))


@public
@dataclass(frozen=True)
class CLogLog(Loss):
    """-log P of the label seen, P of the second being 1 - exp(-exp(eta)): whether a
    poisson count is above 0."""

    name: ClassVar[str] = "cloglog"
    link: ClassVar[str] = "cloglog"
    labels: ClassVar[bool] = True
    title = "complementary log-log regression"
    predictor = "cloglog"
    metrics = _OF_CHANCES
    dispersion = "one"

    def deviance(self, y: Array, eta: Array) -> Array:
        mu = clipped_exp(eta)
        return np.where(y > 0.5, -np.log(-np.expm1(-mu)), mu)


@public
@dataclass(frozen=True)
class Cox(Loss):
    """Cox's log partial likelihood, negative and divided by the sum of weights, from
    its value where those who die are always those of greatest hazard exp(eta).

    y is a structured array (event, time[, entry]), as scikit-survival's, or 2 or 3
    columns in that order; `strata` is an argument of its own.  There is no intercept.

    Parameters
    ----------
    ties : {"breslow", "efron"}
        How deaths at one time count.  A weight of k is a row repeated k times under
        Breslow's method; Efron's spreads the mean weight over the deaths.
    """

    ties: str = "breslow"
    name: ClassVar[str] = "cox"
    link: ClassVar[str] = "log"
    survival = True
    of_columns = True
    title = "Cox regression"
    predictor = "log-hazard"
    metrics = ("deviance", "explained", "concordance")
    dispersion = "one"
    options = {"ties": "ties"}

    def __post_init__(self) -> None:
        if self.ties not in ("breslow", "efron"):
            raise ValueError(
                f"ties of Cox must be 'breslow' or 'efron', got {self.ties!r}"
            )

    def deviance(self, y: Array, eta: Array) -> Array:
        raise TypeError("the Cox loss is no sum over rows: rows have no deviance")


LOSSES: dict[str, type[Loss]] = {
    kind.name: kind
    for kind in (
        *(Squared, Logistic, Poisson, Gamma, Tweedie, SquaredHinge, Huber, Quantile),
        *(Probit, CLogLog, Multinomial, Cox),
    )
}


def loss_of_link(link: str) -> Loss:
    """The loss of a model of which only the link is known: the first that has it."""
    return next(kind for kind in LOSSES.values() if kind.link == link)()


def as_loss(loss: str | Loss) -> Loss:
    """The loss that a name or an object stands for.

    Raises
    ------
    ValueError, TypeError
        There is no such loss; the message lists those there are.
    """
    if isinstance(loss, Tweedie) and loss.power in (1.0, 2.0):
        return Poisson() if loss.power == 1.0 else Gamma()
    if isinstance(loss, Loss):
        if loss.own:
            _check_own(loss)
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        raise TypeError(f"loss must be {loss.__name__}(), not the class itself")
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(
            f"loss must be one of {', '.join(LOSSES)}, or an object such as "
            f"fastl1.Tweedie(1.5); got {loss!r}"
        )
    return LOSSES[loss]()


def _check_own(loss: Loss) -> None:
    """Refuse a loss of one's own that solvers could not ask.

    Raises
    ------
    TypeError
        Naming what it lacks, or what only fastl1's own losses can be.
    """
    kind = type(loss).__name__
    name = getattr(loss, "name", None)
    if not isinstance(name, str) or not name:
        raise TypeError(f"the loss {kind} needs a name: name = 'my_loss'")
    if name in LOSSES:
        raise TypeError(
            f"the loss {kind} has the name {name!r} of one of fastl1's: give it a name "
            "of its own"
        )
    missing = [
        method
        for method in ("deviance", "slope", "curvature")
        if getattr(type(loss), method) is getattr(Loss, method)
    ]
    if missing:
        raise TypeError(
            f"the loss {name!r} ({kind}) lacks {', '.join(missing)}: functions of "
            "y and eta, arrays of one number a row; see docs/own-loss.md"
        )
    if loss.by_class or loss.survival:
        raise TypeError(
            f"the loss {name!r} ({kind}) has to be a sum over rows of one linear "
            "predictor: by_class and survival are for fastl1's own losses"
        )
    if loss.link not in LINKS:
        raise TypeError(
            f"the loss {name!r} ({kind}) has link={loss.link!r}; there are "
            f"{', '.join(LINKS)}"
        )
