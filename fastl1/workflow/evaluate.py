"""Metrics and calibration on held-out rows."""

import numpy as np

from fastl1.loss.links import LINKS
from fastl1.metrics.metrics import METRICS, auc, deviance_explained, mean_deviance
from fastl1.problem.survival import check_survival

PARTS = 10  # of a calibration table


def evaluate(loss, rows, eta, null):
    """Every metric of a loss.

    Parameters
    ----------
    loss : Loss
    rows : Rows
        Their features are not used.
    eta, null : ndarray of shape (n,) or (n, n_classes)
        Linear predictors, of a model and of the null model.

    Returns
    -------
    dict of str to float or None
        None where a metric has no meaning (R² of a constant, AUC of one class).
        "deviance", of every loss, is the mean unit deviance (Cox: the deviance of the
        partial likelihood per event), and "explained" the share of the null model's
        that the model does away with.
    """
    y, both = _target(loss, rows), np.stack([eta, null], axis=1)
    deviance, most = mean_deviance(loss, y, both, rows.weight)
    found = {"deviance": deviance, "explained": deviance_explained(deviance, most)}
    for name in loss.metrics:
        if name not in found:
            found[name] = _value(METRICS[name], loss, y, both[:, :1], rows.weight)
    return {name: _plain(value) for name, value in found.items()}


def _target(loss, rows):
    """y as metrics take it."""
    if not loss.survival:
        return rows.y
    return check_survival(rows.y, len(rows.y), rows.strata, need_event=False)


def _value(metric, loss, y, eta, weight):
    try:
        return metric.compute(loss, y, eta, weight)[0]
    except ValueError:
        if not loss.survival:
            raise
        return np.nan  # no two rows can be compared


def deviances(loss, rows, eta):
    """`mean_deviance` of K models, (K,), from eta (n, K) or (n, K, n_classes)."""
    return mean_deviance(loss, _target(loss, rows), eta, rows.weight)


# --- calibration -------------------------------------------------------------------


def calibration(loss, rows, eta, exposure=None):
    """What was predicted beside what was observed.

    Parameters
    ----------
    loss, rows, eta
        As in `evaluate`.
    exposure : ndarray of shape (n,), optional

    Returns
    -------
    list of dict or None
        Of means and probabilities: tenths of the rows by the predicted response (per
        unit of exposure), with "rows", the weighted means "predicted" and "observed",
        and of means also "exposure" and the sums "predicted_sum" and "observed_sum".
        None of other losses.
    """
    if not (loss.amounts or LINKS[loss.link].probability) or eta.ndim == 2:
        return None
    predicted = loss.inverse_link(eta)
    weight = np.ones(len(eta)) if rows.weight is None else rows.weight
    exposed = np.ones(len(eta)) if exposure is None else exposure
    table = []
    for part in tenths(predicted / exposed, weight):
        w, e = weight[part], weight[part] @ exposed[part]
        sums = w @ predicted[part], w @ rows.y[part]
        entry = {"rows": len(part), "predicted": sums[0] / e, "observed": sums[1] / e}
        if not loss.labels:
            entry["exposure"] = e
            entry["predicted_sum"], entry["observed_sum"] = sums
        table.append({name: _plain(value) for name, value in entry.items()})
    return table


def tenths(values, weight):
    """Row numbers of ten parts of nearly the same weight, by increasing value.

    Equal values are never split up, so there may be fewer parts.
    """
    order = np.argsort(values, kind="stable")
    order = order[weight[order] > 0]
    ordered, below = values[order], np.cumsum(weight[order])
    at = np.searchsorted(below, below[-1] * np.arange(1, PARTS) / PARTS * (1 + 1e-12))
    cuts = np.unique(np.searchsorted(ordered, ordered[at]))
    return [part for part in np.split(order, cuts) if len(part)]


def by_class(loss, rows, eta, classes):
    """What was predicted of every class beside what was observed.

    Returns
    -------
    list of dict
        "class"; "rows", those of the class; "predicted", the rows that it was predicted
        for; "expected", the sum of its probabilities; "recall", the share of its rows
        that were recognized; "auc", against the rest.  All are weighted.
    """
    weight = np.ones(len(eta)) if rows.weight is None else rows.weight
    share, decided = loss.inverse_link(eta), loss.decide(eta)
    table = []
    for k, label in enumerate(classes.tolist()):
        own, said = rows.y == k, decided == k
        count = weight @ own
        entry = {
            "rows": count,
            "predicted": weight @ said,
            "expected": weight @ share[:, k],
            "recall": weight @ (own & said) / count if count > 0 else None,
            "auc": auc(own, share[:, k], weight),
        }
        entry = {name: _plain(value) for name, value in entry.items()}
        table.append({"class": label, **entry})
    return table


def _plain(value):
    """A number as JSON has it, None where there is none."""
    if value is None or isinstance(value, int):
        return value
    return None if np.isnan(value) else float(value)
