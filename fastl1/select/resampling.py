"""Many weighted versions of one problem: draws of rows, and their paths over a pool.

A draw is a vector of weights (0 and 1 for a subsample, counts for a bootstrap) times
the weights of the problem; dense X is never copied, of sparse X the rows of a draw are
taken out as in `fastl1.select.folds`.  Every draw has its own random stream
made from the seed and its number, so results depend neither on the number of threads
nor on how many draws there are.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from fastl1.exceptions import ConvergenceWarning, FitInterrupted
from fastl1.fit.grid import check_alphas, default_grid
from fastl1.fit.parallel import Report, solve_all, split_threads
from fastl1.fit.path import solve_path
from fastl1.fit.result import PathResult
from fastl1.fit.solver import make_solver
from fastl1.fit.status import Callback
from fastl1.problem.problem import Problem
from fastl1.select.folds import moments_of_rows, moments_pay, without_absent_rows

T = TypeVar("T")
_MAX_REDRAWS = 1000


@dataclass(frozen=True)
class Groups:
    """Rows of positive weight, in groups that every draw has in proportion: one for
    each label where y holds labels, those with and without an event where it holds
    times, else all rows.

    Attributes
    ----------
    rows : list of ndarray
        Row numbers of each group.
    labels : list
        What y is there, None for all rows.
    needed : list of bool
        Whether a draw without a row of the group has no fit.
    """

    rows: list[np.ndarray]
    labels: list[Any]
    needed: list[bool]

    @classmethod
    def of(cls, problem: Problem) -> "Groups":
        """The groups of a problem's rows."""
        rows = np.arange(len(problem.y))
        if problem.sample_weight is not None:
            rows = np.flatnonzero(problem.sample_weight > 0)
        labels = problem.classes
        if problem.survival is not None:  # y is whether there is an event
            labels = np.array(["no event", "an event"])
        if labels is None:
            return cls([rows], [None], [True])
        codes = problem.y[rows].astype(np.intp)
        present = np.unique(codes)
        return cls(
            [rows[codes == code] for code in present],
            labels[present].tolist(),
            [problem.survival is None or code == 1 for code in present],
        )

    @property
    def n_rows(self) -> int:
        """Rows of positive weight."""
        return sum(len(group) for group in self.rows)

    def sizes(self, fraction: float, per_row: int) -> list[int]:
        """Rows of each group in a subsample, of which `per_row` are disjoint.

        Raises
        ------
        ValueError
            A group that is needed has too few rows to be in every subsample.
        """
        sizes = []
        for group, label, needed in zip(
            self.rows, self.labels, self.needed, strict=True
        ):
            most = len(group) // per_row
            if most == 0 and needed:
                what = "there are" if label is None else f"y is {label!r} at"
                raise ValueError(
                    f"{what} {len(group)} row(s) of positive weight, too few for "
                    f"{per_row} disjoint subsamples; use method='subsample'"
                )
            sizes.append(min(max(int(fraction * len(group)), 1), most))
        return sizes


def subsample_weights(
    problem: Problem,
    groups: Groups,
    sizes: list[int],
    rng: np.random.Generator,
    part: int = 0,
) -> np.ndarray:
    """0/1 weights (n,), times those of the problem, of one subsample.

    `part` 0 and 1 of the same random stream are disjoint.
    """
    weight = np.zeros(len(problem.y))
    for group, size in zip(groups.rows, sizes, strict=True):
        chosen = rng.permutation(group)[part * size : (part + 1) * size]
        weight[chosen] = 1.0
    return weight if problem.sample_weight is None else weight * problem.sample_weight


def bootstrap_weights(
    problem: Problem, groups: Groups, rng: np.random.Generator
) -> np.ndarray:
    """Counts (n,), times the weights of the problem, of a draw with replacement.

    Draws without a row of a group that is needed are made again.
    """
    rows = np.concatenate(groups.rows)
    share = np.full(len(rows), 1.0 / len(rows))
    starts = np.cumsum([0, *map(len, groups.rows)])[:-1]
    for _ in range(_MAX_REDRAWS):
        counts = rng.multinomial(len(rows), share)
        if np.all(np.add.reduceat(counts, starts)[groups.needed] > 0):
            break
    else:  # cannot happen by chance: a single row is drawn in 63 % of the cases
        raise RuntimeError("no draw had a row of every group")
    weight = np.zeros(len(problem.y))
    weight[rows] = counts
    return weight if problem.sample_weight is None else weight * problem.sample_weight


def common_grid(
    problem: Problem,
    stretch: float = 1.0,
    alphas: ArrayLike | None = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
) -> np.ndarray:
    """The grid of all draws: by default that of the full data, times `stretch`."""
    if alphas is not None:
        return check_alphas(alphas)
    top = make_solver(problem).alpha_max if problem.l1_ratio > 0 else np.nan
    return default_grid(problem, stretch * top, n_alphas, alpha_min_ratio)


@dataclass
class Tally:
    """How the fits of a resampling went."""

    n_unconverged: int = 0
    worst_gap: float = 0.0

    def add(self, result: PathResult) -> None:
        """Count one path."""
        bad = ~result.converged
        if bad.any():
            self.n_unconverged += int(bad.sum())
            gaps = np.nan_to_num(result.dual_gaps[bad], nan=np.inf)
            self.worst_gap = max(self.worst_gap, float(gaps.max()))

    def merge(self, other: "Tally") -> None:
        """Count what `other` has counted."""
        self.n_unconverged += other.n_unconverged
        self.worst_gap = max(self.worst_gap, other.worst_gap)

    def warn(self, tol: float, *, stacklevel: int) -> None:
        """One warning for all models that missed the tolerance."""
        if self.n_unconverged:
            warnings.warn(
                f"{self.n_unconverged} models of the resampling did not reach the "
                f"relative duality gap tol={tol:g}; the worst gap is "
                f"{self.worst_gap:.3g}. Raise max_iter or tol, or end the grid at a "
                "larger alpha.",
                ConvergenceWarning,
                stacklevel=stacklevel + 1,
            )


def paths_of_draws(
    draw: Callable[[int], Problem],
    count: int,
    keep: Callable[[PathResult], T],
    *,
    whole: bool,
    n_threads: int,
    callback: Callback | None,
    **solver: Any,
) -> tuple[list[T | None], bool]:
    """``keep(solve_path(draw(b), **solver))`` for every b, over a pool of threads.

    Parameters
    ----------
    draw : callable
        The problem of draw b; called in any thread.
    whole : bool
        Whether the paths go down the whole grid, so that most columns enter: then the
        moments of the rows are worth more than passes over X.
    keep : callable
        Makes something small of a path, in the thread that solved it.
    callback : callable, optional
        ``callback(done, info)`` in the calling thread after each draw; a true answer
        stops with what is done.

    Returns
    -------
    results : list of length count
        None for draws that were not finished.
    interrupted : bool
        Whether Ctrl-C was the reason.
    """
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    workers, inner = split_threads(n_threads, count)
    start, done = time.perf_counter(), 0

    def solve(b: int, tell: Report) -> T:
        problem = draw(b)
        problem.n_threads = inner
        try:
            n_rows = int(np.count_nonzero(problem.sample_weight))
            pay = whole and moments_pay(problem, n_rows, 1)
            moments = moments_of_rows(problem) if pay else None
            problem = without_absent_rows(problem)
            result = keep(solve_path(problem, moments=moments, **solver))
        except FitInterrupted:  # half a path is no draw
            raise FitInterrupted from None
        tell(b)
        return result

    def report(b: int) -> Any:
        nonlocal done
        done += 1
        seconds = time.perf_counter() - start
        info = {"total": count, "draw": b, "seconds": seconds}
        return callback is not None and callback(done, info)

    try:
        return solve_all(solve, count, workers=workers, report=report), False
    except FitInterrupted as error:
        return error.result, True
