"""Means and standard deviations of the columns of dense and sparse matrices."""

import numpy as np


def moments(X, weight):
    """Weighted mean and population standard deviation of each column.

    Parameters
    ----------
    X : ndarray or csc_array of shape (n, p)
    weight : ndarray of shape (n,) or None

    Returns
    -------
    mean, std : ndarray of shape (p,)
        std is exactly 0 for a constant column, up to rounding of the mean.
    """
    n = X.shape[0]
    weight = np.full(n, 1 / n) if weight is None else weight / weight.sum()
    if hasattr(X, "tocsr"):
        mean = X.T @ weight
        # around the mean, entry by entry: no cancellation for columns far from zero
        columns = np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))
        w = weight[X.indices]
        square = (X.data - mean[columns]) ** 2 * w
        inside = np.bincount(columns, square, X.shape[1])
        held = np.bincount(columns, w, X.shape[1])
        variance = inside + np.maximum(1 - held, 0) * mean**2
    else:
        mean, variance = np.empty(X.shape[1]), np.empty(X.shape[1])
        for j in range(X.shape[1]):
            column = X[:, j].astype(np.float64, copy=False)
            mean[j] = weight @ column
            variance[j] = weight @ (column - mean[j]) ** 2
    std = np.sqrt(variance)
    std[std <= 1e-13 * np.abs(mean)] = 0.0  # rounding
    return mean, std
