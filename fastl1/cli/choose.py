"""Choice of λ: cross-validation on a grid that ends where overfitting is plain.

The far end of a path is its dearest part (with more features than rows by far), and it
is of no use once the held-out loss has turned up.  So one fold is walked first, in
pieces; where its loss has risen for a while, the grid of all folds ends.
"""

import numpy as np

from fastl1.cv import cross_validate_path
from fastl1.paths import alpha_max, path

TOL = 1e-4  # enough to compare alphas; the chosen model is solved to the user's
STRIDE = 2  # of the walk along the grid
PIECE = 5  # steps between two looks at the held-out loss
PATIENCE = 5  # steps beyond the best one that must have been tried
MARGIN = 4  # alphas that the grid goes on beyond the best one, at least
RISE = 0.05  # of the gain over the null model that must have been lost again


def choose_alpha(X, y, splits, weight, options, callback, **common):
    """Cross-validated paths of each l1_ratio.

    Parameters
    ----------
    X : ndarray or csc_array of shape (n, p)
    y : ndarray of shape (n,)
    splits : list of (train, test)
    weight : ndarray of shape (n,) or None
    options : Options
        l1_ratio, n_alphas and rule.
    callback : callable
        As for `cross_validate_path`.
    common : dict
        loss, n_threads.

    Returns
    -------
    CVPathResult
    """
    common = {**common, "standardize": True}
    smallest = 1e-4 if X.shape[0] > X.shape[1] else 1e-2
    grids, length = [], 2 * MARGIN
    for ratio in options.l1_ratio:
        top = alpha_max(X, y, l1_ratio=ratio, sample_weight=weight, **common)
        grid = (top or 1.0) * np.geomspace(1.0, smallest, options.n_alphas)
        grids.append(grid)
        if length < len(grid):
            # the last fold: of folds in time order it has the most training rows
            steps = _walk(X, y, splits[-1], weight, grid[::STRIDE], ratio, **common)
            length = max(length, STRIDE * steps)
    grids = np.array(grids)
    while True:
        cv = cross_validate_path(
            X,
            y,
            cv=splits,
            l1_ratios=options.l1_ratio,
            alphas=grids[:, :length],
            sample_weight=weight,
            tol=TOL,
            callback=callback,
            **common,
        )
        if length >= grids.shape[1] or cv.best.index < length - MARGIN:
            return cv
        length += length // 4 + 2 * MARGIN  # the other folds want a smaller alpha


def _walk(X, y, split, weight, grid, ratio, **common):
    """Number of steps until the held-out loss of one fold has clearly turned up."""
    train, test = split
    held_out = X.tocsr()[test] if hasattr(X, "tocsr") else X[test]
    w = np.zeros(len(y))
    w[train] = 1.0 if weight is None else weight[train]
    w_test = None if weight is None else weight[test]
    target = y[test][:, None]
    losses, coef = np.empty(0), None
    while len(losses) < len(grid):
        piece = path(
            X,
            y,
            alphas=grid[len(losses) : len(losses) + PIECE],
            l1_ratio=ratio,
            sample_weight=w,
            tol=TOL,
            coef_init=coef,
            **common,
        )
        coef = piece.coefs[:, [-1]].toarray()[:, 0]
        eta = piece.predict(held_out, type="link")
        if common["loss"] == "squared":
            loss = (eta - target) ** 2
        else:
            loss = np.logaddexp(0, eta) - target * eta
        losses = np.append(losses, np.average(loss, axis=0, weights=w_test))
        best = int(np.argmin(losses))
        gain = losses[0] - losses[best]
        if len(losses) - best > PATIENCE and losses[-1] - losses[best] >= RISE * gain:
            break
    return len(losses)
