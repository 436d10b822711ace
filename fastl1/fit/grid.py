"""The alphas of a path."""

import numpy as np
from numpy.typing import ArrayLike

from fastl1.problem.problem import Problem
from fastl1.problem.scalars import check_int, check_real
from fastl1.problem.vectors import check_vector


def check_alphas(alphas: ArrayLike) -> np.ndarray:
    """A grid as float64 (K,): finite, not negative, not increasing; else an error."""
    grid = np.atleast_1d(np.asarray(alphas))
    grid = check_vector("alphas", grid, len(grid), of="position").copy()
    if not len(grid):
        raise ValueError("alphas is empty")
    bad = grid < 0
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(f"alphas[{k}] is negative: {grid[k]}")
    bad = np.diff(grid) > 0
    if bad.any():
        k = int(bad.argmax()) + 1
        raise ValueError(
            f"alphas must not increase, but alphas[{k}]={grid[k]:g} follows "
            f"{grid[k - 1]:g}; sort them from large to small"
        )
    return grid


def default_grid(
    problem: Problem,
    alpha_max: float,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
) -> np.ndarray:
    """`n_alphas` values from `alpha_max` down, evenly spaced in the logarithm.

    `alpha_min_ratio` is last / first: 1e-4 by default if rows of positive weight
    outnumber columns, else 1e-2.  When `alpha_max` is 0 (a constant y, or nothing to
    penalize) every alpha gives the same model and the grid starts at 1.
    """
    n, p = problem.shape
    if problem.sample_weight is not None:
        n = int(np.count_nonzero(problem.sample_weight))
    n_alphas = check_int("n_alphas", n_alphas, 1)
    if alpha_min_ratio is None:
        alpha_min_ratio = 1e-4 if n > p else 1e-2
    else:
        alpha_min_ratio = check_real(
            "alpha_min_ratio", alpha_min_ratio, 0.0, 1.0, open_low=True, open_high=True
        )
    if np.isnan(alpha_max):
        raise ValueError(
            "l1_ratio=0 (ridge) has no alpha at which all coefficients are 0, "
            "so no default grid: pass alphas"
        )
    top = alpha_max if alpha_max > 0 else 1.0
    grid = top * np.geomspace(1.0, alpha_min_ratio, n_alphas)
    grid[0] = top
    return grid
