"""Three designs, smaller than those of the peer benchmark so that a run stays short."""

import numpy as np
import scipy.sparse as sp

DESIGNS = ["wide", "tall", "text"]


def make(design):
    """``(X, y)`` of a design, y real."""
    rng = np.random.default_rng(0)
    if design == "text":
        X = text(10_000, 20_000, 10, rng)
    else:
        X = correlated(*{"wide": (300, 10_000), "tall": (20_000, 300)}[design], rng)
    w = np.zeros(X.shape[1])
    support = rng.choice(X.shape[1], 40, replace=False)
    w[support] = rng.standard_normal(40)
    signal = X @ w
    return X, signal + signal.std() / 3 * rng.standard_normal(len(signal))


def correlated(n, p, rng):
    """Fortran-ordered Gaussian columns, correlation 0.6^|j - k|."""
    X = np.asfortranarray(rng.standard_normal((n, p)))
    for j in range(1, p):
        X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
    return X


def text(n, p, per_row, rng):
    """CSC with power-law columns, positive values and unit rows."""
    frequency = 1.0 / (np.arange(p) + 30.0)
    columns = rng.choice(p, size=n * per_row, p=frequency / frequency.sum())
    rows = np.repeat(np.arange(n), per_row)
    values = 1.0 + rng.exponential(1.0, n * per_row)
    X = sp.csr_array((values, (rows, columns)), shape=(n, p))
    norm = np.sqrt(X.multiply(X).sum(axis=1))
    return sp.csc_array(sp.diags_array(1 / norm) @ X)


def store():
    """Write every design to the working folder, which is a class's cache."""
    for design in DESIGNS:
        X, y = make(design)
        if sp.issparse(X):
            sp.save_npz(f"{design}.npz", X, compressed=False)
        else:
            np.save(f"{design}.npy", X)
        np.save(f"{design}_y.npy", y)


def fetch(design, loss):
    """``(X, y)`` as stored; labels of -1 and 1 for the logistic loss."""
    X = sp.load_npz("text.npz") if design == "text" else np.load(f"{design}.npy")
    y = np.load(f"{design}_y.npy")
    return X, (np.where(y > np.median(y), 1.0, -1.0) if loss == "logistic" else y)
