"""Penalties of groups in NumPy: the objective, its duality gap, and a slow solver."""

import numpy as np


def value(w, number, weight, l2=0.0):
    """sum_g weight_g |w_g| + l2/2 |w|^2 of the penalized columns; weight by column."""
    total = 0.0
    for g in np.unique(number):
        columns = number == g
        own = weight[columns][0]
        if 0 < own < np.inf:
            total += own * np.linalg.norm(w[columns])
            total += 0.5 * l2 * (w[columns] @ w[columns])
    return total


def objective(X, y, w, b, alpha, number, weight, *, loss, l2=0.0, s=None, offset=0.0):
    s = np.full(len(y), 1 / len(y)) if s is None else s / s.sum()
    eta = X @ w + b + offset
    if loss == "squared":
        data = 0.5 * s @ (y - eta) ** 2
    else:
        data = s @ (np.logaddexp(0, eta) - y * eta)
    return data + alpha * value(w, number, weight, l2)


def gap(X, y, w, b, alpha, number, weight, *, loss, s=None, offset=0.0):
    """Duality gap (absolute, l2 = 0, an intercept that is optimal): from the residual,
    made orthogonal to 1 and scaled into the dual balls."""
    s = np.full(len(y), 1 / len(y)) if s is None else s / s.sum()
    eta = X @ w + b + offset
    mu = eta if loss == "squared" else 1 / (1 + np.exp(-eta))
    v = s * (y - mu)
    v -= (
        v.sum()
        * s
        * (1 if loss == "squared" else mu * (1 - mu))
        / (1.0 if loss == "squared" else s @ (mu * (1 - mu)))
    )
    c = X.T @ v
    worst = 1.0
    for g in np.unique(number):
        columns = number == g
        own = weight[columns][0]
        if 0 < own < np.inf:
            worst = max(worst, np.linalg.norm(c[columns]) / (alpha * own))
    v = v / worst
    primal = objective(X, y, w, b, alpha, number, weight, loss=loss, s=s, offset=offset)
    if loss == "squared":
        dual = v @ (y - offset) - 0.5 * np.sum(v**2 / s)
    else:
        # -conjugate of the logistic loss at y - v/s, and what the offset adds
        p = np.clip(y - v / s, 1e-300, 1.0)
        q = np.clip(1 - (y - v / s), 1e-300, 1.0)
        dual = -s @ (p * np.log(p) + q * np.log(q)) - v @ (offset + np.zeros(len(y)))
    return primal - dual


def solve(
    X, y, alpha, number, weight, *, loss, l2=0.0, s=None, offset=0.0, steps=20000
):
    """(w, b) by FISTA with restarts, on centred columns."""
    n, p = X.shape
    s = np.full(n, 1 / n) if s is None else s / s.sum()
    A = np.column_stack([X - s @ X, np.ones(n)])
    curve = 1.0 if loss == "squared" else 0.25
    step = 1 / (curve * np.linalg.norm(np.sqrt(s)[:, None] * A, 2) ** 2 + alpha * l2)
    groups = [
        (np.flatnonzero(number == g), weight[number == g][0]) for g in np.unique(number)
    ]
    x = z = np.zeros(p + 1)
    t = 1.0
    ridge = np.append(alpha * l2 * (weight > 0), 0.0)
    for _ in range(steps):
        eta = A @ z + offset
        mu = eta if loss == "squared" else 1 / (1 + np.exp(-eta))
        new = z - step * (A.T @ (s * (mu - y)) + ridge * z)
        for columns, own in groups:
            size = np.linalg.norm(new[columns])
            if own == np.inf:
                new[columns] = 0.0
            elif size > 0:
                new[columns] *= max(0.0, 1 - step * alpha * own / size)
        if (z - new) @ (new - x) > 0:
            t = 1.0
        faster = (1 + np.sqrt(1 + 4 * t * t)) / 2
        z = new + (t - 1) / faster * (new - x)
        if np.abs(new - x).max() < 1e-15 * max(np.abs(new).max(), 1e-300):
            x = new
            break
        x, t = new, faster
    return x[:p], x[p] - (s @ X) @ x[:p]
