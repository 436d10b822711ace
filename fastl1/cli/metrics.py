"""Metrics on held-out rows: y, linear predictor, weights -> a dict of floats."""

import numpy as np

# name in words and whether larger is better
METRICS = {
    "regression": {"rmse": ("RMSE", False), "r2": ("R²", True)},
    "classification": {
        "log_loss": ("log-loss", False),
        "auc": ("AUC", True),
        "accuracy": ("accuracy", True),
    },
}


def evaluate(task, y, eta, weight=None):
    """Every metric of a task.

    Parameters
    ----------
    task : {"regression", "classification"}
    y : ndarray of shape (n,)
        For classification 0.0 or 1.0.
    eta : ndarray of shape (n,)
        Linear predictor.
    weight : ndarray of shape (n,), optional

    Returns
    -------
    dict of str to float or None
        None where a metric has no meaning (R² of a constant, AUC of one class).
    """
    weight = np.ones(len(y)) if weight is None else weight
    if task == "regression":
        mse = np.average((y - eta) ** 2, weights=weight)
        spread = np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)
        r2 = 1 - mse / spread if spread > 0 else None
        return {"rmse": float(np.sqrt(mse)), "r2": None if r2 is None else float(r2)}
    loss = np.logaddexp(0, eta) - y * eta
    return {
        "log_loss": float(np.average(loss, weights=weight)),
        "auc": _auc(y, eta, weight),
        "accuracy": float(np.average((eta > 0) == (y > 0), weights=weight)),
    }


def _auc(y, eta, weight):
    """Share of (positive, negative) pairs in the right order; a tie counts half."""
    _, tie = np.unique(eta, return_inverse=True)
    positive = np.bincount(tie, weight * y)
    negative = np.bincount(tie, weight * (1 - y))
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        return None
    below = np.cumsum(negative) - negative
    return float(positive @ (below + negative / 2) / pairs)
