"""Survival data, and the Cox loss as a slow twin written from its definition."""

import numpy as np
from scipy.special import logsumexp

N, P = 60, 8


def make(seed=0, n=N, p=P):
    """Discrete times, so that many are tied."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    time = rng.exponential(np.exp(-X[:, :3] @ [1.0, -0.7, 0.5]))
    censored = rng.exponential(2.0, n)
    event = time <= censored
    time = np.ceil(5 * np.minimum(time, censored))
    return np.asfortranarray(X), np.c_[event, time], rng


def twin(eta, y, ties, s=None, strata=None):
    """The loss by sums over risk sets."""
    event, time, entry = y[:, 0] == 1, y[:, 1], y[:, 2:].sum(axis=1)
    n = len(event)
    entry = entry if y.shape[1] == 3 else np.full(n, -np.inf)
    s = np.ones(n) if s is None else s
    s = s / s.sum()
    strata = np.zeros(n) if strata is None else strata
    total = 0.0
    for stratum in np.unique(strata):
        own = (strata == stratum) & (s > 0)
        for t in np.unique(time[event & own]):
            dead = own & event & (time == t)
            at_risk = own & (time >= t) & (entry < t)
            d, weight = dead.sum(), s[dead].sum()
            logs = []
            for gone in np.arange(d) / d if ties == "efron" else np.zeros(1):
                left = s * np.where(dead, 1 - gone, 1.0)
                logs.append(logsumexp(eta[at_risk], b=left[at_risk]) - np.log1p(-gone))
            total += weight * (np.mean(logs) - np.log(weight)) - (s * eta)[dead].sum()
    return total
