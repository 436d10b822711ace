"""Metrics and calibration on held-out rows."""

from typing import NamedTuple

import numpy as np

from fastl1.fit.solver import make_solver
from fastl1.loss.links import LINKS
from fastl1.problem.problem import check_problem
from fastl1.workflow.kinds import KINDS, MEANS

PARTS = 10  # of a calibration table


class Metric(NamedTuple):
    """A metric's name in words, and whether larger is better (None: neither)."""

    title: str
    larger: bool | None


METRICS = {
    "rmse": Metric("RMSE", False),
    "mae": Metric("mean absolute error", False),
    "r2": Metric("R²", True),
    "deviance": Metric("deviance", False),
    "explained": Metric("deviance explained", True),
    "huber": Metric("Huber loss", False),
    "pinball": Metric("pinball loss", False),
    "coverage": Metric("share below", None),
    "ratio": Metric("predicted / observed", None),
    "log_loss": Metric("log-loss", False),
    "auc": Metric("AUC", True),
    "brier": Metric("Brier score", False),
    "accuracy": Metric("accuracy", True),
    "squared_hinge": Metric("squared hinge loss", False),
    "concordance": Metric("concordance", True),
}


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
    deviance, most = deviances(loss, rows, np.stack([eta, null], axis=1))
    found = {
        "deviance": deviance,
        "explained": 1 - deviance / most if most > 0 else None,
    }
    for name in KINDS[loss.name].metrics:
        if name not in found:
            found[name] = _COMPUTE[name](loss, rows, eta)
    return {
        name: None if value is None else float(value) for name, value in found.items()
    }


def deviances(loss, rows, eta):
    """Mean unit deviance of K models, (K,), from eta (n, K) or (n, K, n_classes).

    Of the Cox loss: the deviance of the partial likelihood among these rows, per event;
    NaN without events.
    """
    if loss.name != "cox":
        unit = loss.deviance(rows.y[:, None], eta)
        return 2 * np.average(unit, axis=0, weights=rows.weight)
    weight = np.ones(len(rows.y)) if rows.weight is None else rows.weight
    events = weight @ rows.y[:, 0]
    if not events > 0:
        return np.full(eta.shape[1], np.nan)
    # the objective of a model that has the linear predictors as its features
    problem = check_problem(
        np.asfortranarray(eta),
        rows.y,
        loss=loss,
        sample_weight=weight,
        strata=rows.strata,
    )
    solver, out = make_solver(problem), np.empty(eta.shape[1])
    for k, unit in enumerate(np.eye(eta.shape[1])):
        solver.set_coef(unit, 0.0)
        out[k] = 2 * solver.objective(0.0)
    return out * (weight.sum() / events)


def _mean(values, rows):
    return np.average(values, weights=rows.weight)


def _half_deviance(loss, rows, eta):
    return _mean(loss.deviance(rows.y, eta), rows)


def _rmse(loss, rows, eta):
    return np.sqrt(_mean((rows.y - eta) ** 2, rows))


def _mae(loss, rows, eta):
    return _mean(np.abs(rows.y - eta), rows)


def _r2(loss, rows, eta):
    spread = _mean((rows.y - _mean(rows.y, rows)) ** 2, rows)
    return 1 - _mean((rows.y - eta) ** 2, rows) / spread if spread > 0 else None


def _coverage(loss, rows, eta):
    return _mean(rows.y <= eta, rows)


def _ratio(loss, rows, eta):
    observed = _mean(rows.y, rows)
    return _mean(loss.inverse_link(eta), rows) / observed if observed > 0 else None


def _brier(loss, rows, eta):
    return _mean((loss.inverse_link(eta) - rows.y) ** 2, rows)


def _accuracy(loss, rows, eta):
    return _mean(loss.decide(eta) == rows.y, rows)


def _auc(loss, rows, eta):
    """Of two classes; of more the mean over those that can be told from the rest."""
    if eta.ndim == 1:
        return auc(rows.y, eta, rows.weight)
    share = loss.inverse_link(eta)
    each = [auc(rows.y == k, part, rows.weight) for k, part in enumerate(share.T)]
    each = [value for value in each if value is not None]
    return np.mean(each) if each else None


def auc(positive, score, weight=None):
    """Share of (positive, negative) pairs in the right order; a tie counts half."""
    weight = np.ones(len(score)) if weight is None else weight
    _, tie = np.unique(score, return_inverse=True)
    ours = np.bincount(tie, weight * positive)
    others = np.bincount(tie, weight * (1 - positive))
    pairs = ours.sum() * others.sum()
    if pairs == 0:
        return None
    below = np.cumsum(others) - others
    return float(ours @ (below + others / 2) / pairs)


def _concordance(loss, rows, eta):
    from fastl1.metrics.concordance import concordance_index

    try:
        return concordance_index(
            rows.y, eta, sample_weight=rows.weight, strata=rows.strata
        )
    except ValueError:  # no two rows can be compared
        return None


_COMPUTE = {
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
    "huber": _half_deviance,
    "pinball": _half_deviance,
    "coverage": _coverage,
    "ratio": _ratio,
    "log_loss": _half_deviance,
    "auc": _auc,
    "brier": _brier,
    "accuracy": _accuracy,
    "squared_hinge": _half_deviance,
    "concordance": _concordance,
}


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
    if not (loss.name in MEANS or LINKS[loss.link].probability) or eta.ndim == 2:
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
    return value if value is None or isinstance(value, int) else float(value)
