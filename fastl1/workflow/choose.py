"""Choice of λ: cross-validation on a grid that ends where overfitting is plain.

The far end of a path is its dearest part (with more features than rows by far), and it
is of no use once the held-out loss has turned up.  So one fold is walked first, in
pieces; where its loss has risen for a while, the grid of all folds ends.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from fastl1.fit.path import alpha_max, path
from fastl1.select.cv import CVPathResult, cross_validate_path
from fastl1.workflow.evaluate import deviances
from fastl1.workflow.messages import OnEvent, counter
from fastl1.workflow.prepare import Rows
from fastl1.workflow.settings import Search

TOL = 1e-4  # enough to compare alphas; the chosen model is solved to the user's
STRIDE = 2  # of the walk along the grid
PIECE = 5  # steps between two looks at the held-out loss
PATIENCE = 5  # steps beyond the best one that must have been tried
MARGIN = 4  # alphas that the grid goes on beyond the best one, at least
RISE = 0.05  # of the gain over the null model that must have been lost again


def choose_alpha(
    rows: Rows,
    splits: list[tuple[np.ndarray, np.ndarray]],
    search: Search,
    on_event: OnEvent,
    **common: Any,
) -> CVPathResult:
    """Cross-validated paths of each l1_ratio.

    Parameters
    ----------
    rows : Rows
    splits : list of (train, test)
    search : Search
    on_event : callable
        Gets a `FitDone` for each fit.
    common : dict
        loss, n_threads.

    Returns
    -------
    CVPathResult
    """
    X, y, given = rows.X, rows.y, rows.keywords()
    common = {**common, "standardize": True}
    smallest = 1e-4 if X.shape[0] > X.shape[1] else 1e-2
    rows_of_grid, length = [], 2 * MARGIN
    for ratio in search.l1_ratio:
        top = alpha_max(X, y, l1_ratio=ratio, **given, **common)
        grid = (top or 1.0) * np.geomspace(1.0, smallest, search.n_alphas)
        rows_of_grid.append(grid)
        if length < len(grid):
            # the last fold: of folds in time order it has the most training rows
            walked = counter(on_event, "cross-validation: where to end")
            steps = _walk(rows, splits[-1], grid[::STRIDE], ratio, walked, **common)
            length = max(length, STRIDE * steps)
    grids = np.array(rows_of_grid)
    while True:
        cv = cross_validate_path(
            X,
            y,
            cv=splits,
            l1_ratios=search.l1_ratio,
            alphas=grids[:, :length],
            tol=TOL,
            callback=counter(on_event, "cross-validation"),
            **given,
            **common,
        )
        if length >= grids.shape[1] or cv.best.index < length - MARGIN:
            return cv
        length += length // 4 + 2 * MARGIN  # the other folds want a smaller alpha


def _walk(rows, split, grid, ratio, callback, **common):
    """Number of steps until the held-out loss of one fold has clearly turned up."""
    train, test = split
    X = rows.X
    held_out = rows.take(test, X.tocsr()[test] if hasattr(X, "tocsr") else X[test])
    weight = np.zeros(len(rows.y))
    weight[train] = 1.0 if rows.weight is None else rows.weight[train]
    given = replace(rows, weight=weight).keywords()
    losses, start = np.empty(0), {}

    def walked(index, info):
        callback(len(losses) + index + 1, info | {"total": len(grid)})

    while len(losses) < len(grid):
        piece = path(
            X,
            rows.y,
            alphas=grid[len(losses) : len(losses) + PIECE],
            l1_ratio=ratio,
            tol=TOL,
            callback=walked,
            **start,
            **given,
            **common,
        )
        start = {"coef_init": piece.coef_at(piece.alphas[-1])[0]}
        eta = piece.predict(held_out.X, type="link", offset=held_out.offset)
        losses = np.append(losses, deviances(common["loss"], held_out, eta))
        best = int(np.argmin(losses))
        gain = losses[0] - losses[best]
        if len(losses) - best > PATIENCE and losses[-1] - losses[best] >= RISE * gain:
            break
    callback(len(losses), {"total": len(losses)})
    return len(losses)
