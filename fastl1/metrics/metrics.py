"""Every metric of predictions once: its definition, unit, weights and direction.

A metric compares y with the linear predictors of K models at once.  All take

    loss : Loss
        It makes means, probabilities and labels of linear predictors.
    y : ndarray (n,), or Survival of n rows
        Numbers; labels counted from 0; times to an event, for the Cox loss.
    eta : ndarray (n, K), or (n, K, classes) for the multinomial loss
    weight : ndarray (n,), or None
        Of the rows, s_i below, >= 0; None counts each row once.

and return an ndarray (K,), with NaN where the metric has no meaning.  The prediction
mu_i is ``loss.inverse_link(eta_i)``: a mean, or a probability.  Cross-validation,
reports and pruning take their numbers from here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastl1.kernels.solver._solver import Solver
from fastl1.loss.links import LINKS
from fastl1.loss.losses import Loss
from fastl1.metrics.concordance import concordances
from fastl1.problem.survival import Survival

Array = Any
Weight = np.ndarray | None


def average(values: Array, weight: Weight) -> Array:
    """sum_i s_i values_i / sum_i s_i, over the first axis."""
    if weight is None:
        return values.mean(axis=0)
    return (weight / weight.sum()) @ values


# --- numbers -------------------------------------------------------------------------


def _residuals(loss: Loss, y: Array, eta: Array) -> Array:
    return loss.inverse_link(eta) - y[:, None]


def mean_squared_error(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Mean of (y_i - mu_i)^2, in the unit of y squared."""
    return average(_residuals(loss, y, eta) ** 2, weight)


def root_mean_squared_error(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Square root of `mean_squared_error`, in the unit of y."""
    return np.sqrt(mean_squared_error(loss, y, eta, weight))


def mean_absolute_error(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Mean of |y_i - mu_i|, in the unit of y."""
    return average(np.abs(_residuals(loss, y, eta)), weight)


def r2(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """1 less the ratio of `mean_squared_error` and the variance of y, about its
    weighted mean; NaN for a constant y."""
    variance = average((y - average(y, weight)) ** 2, weight)
    error = mean_squared_error(loss, y, eta, weight)
    return 1 - error / variance if variance > 0 else np.full(len(error), np.nan)


def coverage(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Share of the rows with y_i <= mu_i: q, of a good model of the q-quantile."""
    return average(_residuals(loss, y, eta) >= 0, weight)


def ratio(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Mean of mu_i over the mean of y_i: above 1 a model predicts too much in total;
    NaN unless the mean of y is positive."""
    observed, predicted = average(y, weight), average(loss.inverse_link(eta), weight)
    return predicted / observed if observed > 0 else np.full(len(predicted), np.nan)


# --- losses and deviances ------------------------------------------------------------


def mean_loss(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Mean of the loss of the rows, half their unit deviance, as `Loss` has it.

    It has a name of its own for some losses: the log-loss of labels, -log P of the
    label seen; the pinball loss of a quantile; Huber's and the squared hinge loss.
    """
    return average(loss.deviance(y[:, None], eta), weight)


def mean_deviance(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Mean unit deviance, twice `mean_loss`; of the Cox loss `partial_deviance` per
    event, NaN without events."""
    if not loss.survival:
        return 2 * mean_loss(loss, y, eta, weight)
    events = float(y.event.sum() if weight is None else weight @ y.event)
    if not events > 0:
        return np.full(eta.shape[1], np.nan)
    return partial_deviance(loss, y, eta, weight) / events


def partial_deviance(loss: Loss, y: Survival, eta: Array, weight: Weight) -> Array:
    """Deviance of the partial likelihood among the rows of positive weight.

    Twice the log partial likelihood, negative, from its value where those who die are
    always those of greatest hazard; `loss` says how ties count, and rows of one stratum
    are compared.
    """
    weight = np.ones(len(eta)) if weight is None else weight
    rows = np.flatnonzero(weight > 0)
    y, weight = y.take(rows), weight[rows]
    # the objective of a model that has the linear predictors as its features
    solver = Solver(
        np.asfortranarray(eta[rows]),
        y.event.astype(np.float64),
        loss=loss.name,
        loss_params={**loss.params(), "risk": y.risk_sets(weight)},
        l1_ratio=1.0,
        penalty_factor=None,
        lower=None,
        upper=None,
        fit_intercept=False,
        standardize=False,
        sample_weight=weight,
        offset=None,
        n_threads=1,
    )
    out = np.empty(eta.shape[1])
    for k, unit in enumerate(np.eye(len(out))):
        solver.set_coef(unit, 0.0)
        out[k] = 2 * weight.sum() * solver.objective(0.0)
    return out


def deviance_explained(deviance: float, null: float) -> float:
    """Share of the null model's deviance that a model does away with; NaN where the
    null model has none."""
    return 1 - deviance / null if null > 0 else np.nan


# --- labels --------------------------------------------------------------------------


def accuracy(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Share of the rows whose label is the one that `Loss.decide` gives them."""
    return average(loss.decide(eta) == y[:, None], weight)


def error_rate(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Share of the rows that are given another label than theirs."""
    return average(loss.decide(eta) != y[:, None], weight)


def brier_score(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """Mean of (mu_i - y_i)^2, mu_i being the probability of the second label [1]_.

    .. [1] Brier, G. W. (1950). Verification of forecasts expressed in terms of
       probability. Monthly Weather Review, 78(1), 1-3.
    """
    return mean_squared_error(loss, y, eta, weight)


def area_under_curve(loss: Loss, y: Array, eta: Array, weight: Weight) -> Array:
    """`auc` of the linear predictor; of more than two classes the mean of that of each
    against the rest, over the classes that occur."""
    if eta.ndim == 2:
        return np.array([auc(y, score, weight) for score in eta.T])
    shares = np.moveaxis(loss.inverse_link(eta), 1, 0)
    return np.array([_mean_auc(y, share, weight) for share in shares])


def _mean_auc(y: Array, share: Array, weight: Weight) -> float:
    each = np.array([auc(y == k, part, weight) for k, part in enumerate(share.T)])
    known = each[~np.isnan(each)]
    return float(known.mean()) if len(known) else np.nan


def auc(positive: Array, score: Array, weight: Weight = None) -> float:
    """Area under the ROC curve of one score: the share of pairs (positive, negative)
    in which the positive row has the higher score, a tie counting half.

    Parameters
    ----------
    positive : ndarray (n,), 0 and 1 or bool
    score : ndarray (n,)
    weight : ndarray (n,), or None
        A pair counts the product of its weights.

    Returns
    -------
    float
        NaN if there is no pair.
    """
    weight = np.ones(len(score)) if weight is None else weight
    _, tie = np.unique(score, return_inverse=True)
    ours = np.bincount(tie, weight * positive)
    others = np.bincount(tie, weight * (1 - positive))
    pairs = ours.sum() * others.sum()
    if pairs == 0:
        return np.nan
    below = np.cumsum(others) - others
    return float(ours @ (below + others / 2) / pairs)


# --- times to an event ---------------------------------------------------------------


def concordance(loss: Loss, y: Survival, eta: Array, weight: Weight) -> Array:
    """Harrell's concordance of the linear predictor, see `concordance_index`: the
    share of pairs in which the row of higher risk has its event first.

    Raises
    ------
    ValueError
        No two rows can be compared.
    """
    return concordances(y, eta, weight)


# --- by name -------------------------------------------------------------------------


class Metric(NamedTuple):
    """What is known of a metric.

    Attributes
    ----------
    title : str
        In words.
    larger : bool or None
        Whether larger is better; None: neither, it should have a certain value.
    compute : callable, or None
        ``compute(loss, y, eta, weight)``; None of what compares two models.
    suits : callable
        ``suits(loss)``: whether it has a meaning for the models of a loss.
    """

    title: str
    larger: bool | None
    compute: Callable[[Any, Any, Array, Weight], Array] | None
    suits: Callable[[Loss], bool]


def _of_anything(loss: Loss) -> bool:
    return True


def _of_numbers(loss: Loss) -> bool:
    return not loss.labels and not loss.survival


def _of_times(loss: Loss) -> bool:
    return loss.survival


def _of_labels(loss: Loss) -> bool:
    return loss.labels


def _of_probabilities(loss: Loss) -> bool:
    return loss.labels and LINKS[loss.link].probability


def _of_two_probabilities(loss: Loss) -> bool:
    return _of_probabilities(loss) and not loss.by_class


METRICS = {
    "mse": Metric("mean squared error", False, mean_squared_error, _of_numbers),
    "rmse": Metric("RMSE", False, root_mean_squared_error, _of_numbers),
    "mae": Metric("mean absolute error", False, mean_absolute_error, _of_numbers),
    "r2": Metric("R²", True, r2, _of_numbers),
    "deviance": Metric("deviance", False, mean_deviance, _of_anything),
    "explained": Metric("deviance explained", True, None, _of_anything),
    "huber": Metric("Huber loss", False, mean_loss, _of_numbers),
    "pinball": Metric("pinball loss", False, mean_loss, _of_numbers),
    "coverage": Metric("share below", None, coverage, _of_numbers),
    "ratio": Metric("predicted / observed", None, ratio, _of_numbers),
    "log_loss": Metric("log-loss", False, mean_loss, _of_probabilities),
    "auc": Metric("AUC", True, area_under_curve, _of_labels),
    "brier": Metric("Brier score", False, brier_score, _of_two_probabilities),
    "accuracy": Metric("accuracy", True, accuracy, _of_labels),
    "error_rate": Metric("error rate", False, error_rate, _of_labels),
    "squared_hinge": Metric("squared hinge loss", False, mean_loss, _of_labels),
    "concordance": Metric("concordance", True, concordance, _of_times),
}
