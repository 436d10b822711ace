"""How well a stored model fits rows: what pruning reports before and after."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastl1.loss.links import LINKS
from fastl1.loss.losses import LOSSES, Loss, loss_of_link
from fastl1.metrics.concordance import concordance_index
from fastl1.metrics.metrics import (
    error_rate,
    mean_deviance,
    mean_loss,
    root_mean_squared_error,
)


def loss_of(link: str, metadata: Mapping[str, Any]) -> Loss:
    """The loss that a model was fitted with; if it does not say, its link's own."""
    name = metadata.get("loss")
    if name in LOSSES and LOSSES[name].link == link:
        return LOSSES[name](**metadata.get("loss_params", {}))
    return loss_of_link(link)


def fit_quality(
    loss: Loss, y: Any, eta: np.ndarray, classes: np.ndarray | None
) -> dict[str, float]:
    """How well linear predictors fit labels, numbers or times.

    Parameters
    ----------
    loss : Loss
    y : array-like of shape (n,), or times as for `concordance_index`
    eta : ndarray (n,), or (n, classes) for the multinomial loss
    classes : ndarray
        The labels, for losses that have them.

    Returns
    -------
    dict
        Of numbers "rmse" for the squared loss, "NAME_loss" (its mean) for huber and
        quantile, "NAME_deviance" (the mean unit deviance) for others; of labels
        "error_rate", and "log_loss" where there are probabilities; "concordance" for
        cox.  The smaller the better, but for the last.
    """
    if loss.survival:
        return {"concordance": concordance_index(y, eta)}
    codes = _as_loss_has_it(loss, y, eta, classes)
    if loss.labels:
        metrics = {"error_rate": error_rate}
        if LINKS[loss.link].probability:
            metrics["log_loss"] = mean_loss
    elif loss.quadratic:
        metrics = {"rmse": root_mean_squared_error}
    elif loss.link == "identity":
        metrics = {f"{loss.name}_loss": mean_loss}
    else:
        metrics = {f"{loss.name}_deviance": mean_deviance}
    return {
        name: float(metric(loss, codes, eta[:, None], None)[0])
        for name, metric in metrics.items()
    }


def deviance(loss: Loss, y: Any, eta: np.ndarray, classes: Any) -> float:
    """Mean unit deviance of any loss but Cox's; parameters as of `fit_quality`."""
    codes = _as_loss_has_it(loss, y, eta, classes)
    return float(mean_deviance(loss, codes, eta[:, None], None)[0])


def _as_loss_has_it(loss, y, eta, classes):
    """Labels as codes, numbers checked."""
    if loss.labels:
        return _codes(np.asarray(y), eta.shape[:1], classes)
    values = np.asarray(y, np.float64)
    if values.shape != eta.shape:
        raise ValueError(
            f"y has shape {values.shape}, the predictions have {eta.shape}"
        )
    loss.check_values(values)
    return values


def _codes(y: np.ndarray, shape: tuple[int, ...], classes: Any) -> np.ndarray:
    """Where each label stands among the classes, which may be in any order."""
    if y.shape != shape:
        raise ValueError(f"y has shape {y.shape}, {shape} expected")
    order = np.argsort(classes)
    code = order[np.minimum(np.searchsorted(classes, y, sorter=order), len(order) - 1)]
    unknown = classes[code] != y
    if unknown.any():
        label = y.tolist()[int(unknown.argmax())]
        raise ValueError(f"y holds {label!r}, which is none of {classes.tolist()[:20]}")
    return code
