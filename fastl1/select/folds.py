"""The training problems of all folds, and what they share.

A fold is the same problem with the weights of its held-out rows set to zero: dense X is
shared by all, of sparse X a fold takes its training rows out where that is cheap.

With many more rows than columns a fold needs the rows only through their moments
(`_moments.pyx`).  Those of blocks of rows that every fold treats alike are computed
once, in one pass over X, and the moments of a fold's training rows are joined from
them: K-fold cross-validation costs about one fit.
"""

import threading
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from fastl1.exceptions import FitInterrupted
from fastl1.fit.parallel import solve_all, split_threads
from fastl1.fit.solver import make_solver
from fastl1.kernels.design._moments import Moments, of_blocks
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem
from fastl1.select.splits import Splits

# The products of all columns cost less than what the paths would compute by themselves
# up to about this many columns a path (half of it at 330, a third at 170): each path
# passes over X several times, and once more with every few columns that enter.
COLUMNS_A_PATH = 500
ROWS_A_COLUMN = 4  # fewer training rows than this: the solver works on the rows
MEMORY = 2**30  # bytes of all products
PIECE = 8192  # rows of a unit of work
TAKEN = 2**28  # bytes of sparse X up to which a fold takes its rows out ...
LEFT_OUT = 0.05  # ... if it leaves out at least this share


def moments_pay(problem: Problem, n_rows: int, n_paths: int) -> bool:
    """Whether moments of `n_rows` rows cost less than what paths would compute by
    themselves, and the solver can do with them."""
    p, factor = problem.shape[1], problem.penalty_factor
    if (
        isinstance(problem.X, CSC)
        or problem.groups is not None
        or not problem.family.quadratic
        or (factor is not None and not np.all(factor > 0))
    ):
        return False
    return ROWS_A_COLUMN * p <= n_rows and p <= COLUMNS_A_PATH * n_paths


def moments_of_rows(problem: Problem) -> Moments:
    """Moments of the rows of positive weight, by one thread."""
    n, p = problem.shape
    s = problem.sample_weight
    assert s is not None
    y = problem.y if problem.offset is None else problem.y - problem.offset
    rows, total = np.flatnonzero(s), Moments(p + 1)
    scratch = np.empty(min(PIECE, len(rows)) * (p + 1))
    for start in range(0, len(rows), PIECE):
        piece = rows[start : start + PIECE]
        ends = np.array([len(piece)])
        for part in of_blocks(problem.X, y, s, piece, ends, scratch):
            total.join(part)
    return total


def without_absent_rows(problem: Problem) -> Problem:
    """The same problem; rows of weight 0 of sparse X are taken out where that is
    cheap."""
    weight = problem.sample_weight
    if (
        weight is None
        or not isinstance(problem.X, CSC)
        or problem.X.data.nbytes > TAKEN
    ):
        return problem
    rows = weight > 0
    if np.count_nonzero(rows) > (1 - LEFT_OUT) * len(rows):
        return problem
    return _take(problem, rows)


class Folds:
    """Training problems and held-out rows of a cross-validation.

    Parameters
    ----------
    problem : Problem
        All rows, from `check_problem`; its l1_ratio is not used.
    splits : list of (train, test)
        Valid index arrays.
    n_ratios : int
        How many paths there will be on each fold.
    score_weight : ndarray of shape (n_samples,) or None
        Weights of the held-out rows; by default those of the training.

    Raises
    ------
    ValueError
        Naming a fold whose training rows have no weight or lack a class, whose held-out
        rows have no weight, or which has no event (Cox) in either.
    FitInterrupted
        On Ctrl-C, without a result.
    """

    def __init__(
        self,
        problem: Problem,
        splits: Splits,
        n_ratios: int = 1,
        score_weight: Any = "training",
    ) -> None:
        self.problem, self.splits = problem, splits
        self.same_weight = isinstance(score_weight, str)
        self.score_weight = problem.sample_weight if self.same_weight else score_weight
        n = len(problem.y)
        weight = problem.sample_weight
        self._base = np.ones(n) if weight is None else weight
        for f in range(len(splits)):
            self._check(f)
        self._blocks: list[Moments] = []
        if self._moments_pay(n_ratios):
            self._find_blocks()

    def _check(self, f: int) -> None:
        trained = self.weights(f) > 0
        if not trained.any():
            raise ValueError(f"fold {f}: no training row has positive weight")
        advice = "use fewer or stratified folds"
        if self.problem.classes is not None:
            labels = self.problem.classes.tolist()
            codes = self.problem.y[trained].astype(np.intp)
            count = np.bincount(codes, minlength=len(labels))
            if np.count_nonzero(count) == 1:
                raise ValueError(
                    f"fold {f}: all training rows are of one class "
                    f"({labels[count.argmax()]!r}); {advice}"
                )
            if not count.all():
                raise ValueError(
                    f"fold {f}: no training row is of class "
                    f"{labels[count.argmin()]!r}; {advice}"
                )
        held_out = self.held_out_weights(f) > 0
        if not held_out.any():
            raise ValueError(f"fold {f}: no held-out row has positive weight")
        if self.problem.survival is not None:  # y is whether there is an event
            for rows, name in ((trained, "training"), (held_out, "held-out")):
                if not self.problem.y[rows].any():
                    raise ValueError(f"fold {f}: no {name} row has an event; {advice}")

    def weights(self, f: int) -> np.ndarray:
        """(n_samples,): those of the training rows of fold f, 0 elsewhere."""
        train = self.splits[f][0]
        weights: np.ndarray = self._base * np.bincount(train, minlength=len(self._base))
        return weights

    def held_out_weights(self, f: int) -> np.ndarray:
        """(n_samples,): those that the held-out rows of fold f have in scores."""
        times = np.bincount(self.splits[f][1], minlength=len(self._base))
        return times * (1.0 if self.score_weight is None else self.score_weight)

    def training(self, f: int, l1_ratio: float) -> tuple[Problem, Moments | None]:
        """The training problem of fold f, and the moments of its rows if there are."""
        weight = self.weights(f)
        problem = replace(self.problem, l1_ratio=l1_ratio, sample_weight=weight)
        moments = self._join(self._train[f]) if self._blocks else None
        return without_absent_rows(problem), moments

    def held_out(self, f: int) -> Moments | None:
        """Moments of the held-out rows of fold f under the weights of scores."""
        if not self._blocks or not self.same_weight:
            return None
        return self._join(self._test[f])

    @cached_property
    def whole(self) -> Moments | None:
        """Moments of all rows."""
        return self._join(np.ones(len(self._blocks))) if self._blocks else None

    @cached_property
    def alpha_max(self) -> float:
        """On all rows, for l1_ratio = 1; for another one, divide by it."""
        problem = replace(self.problem, l1_ratio=1.0)
        return float(make_solver(problem, self.whole).alpha_max)

    def _moments_pay(self, n_ratios: int) -> bool:
        folds = range(len(self.splits))
        rows = min(int(np.count_nonzero(self.weights(f))) for f in folds)
        return moments_pay(self.problem, rows, len(self.splits) * n_ratios + 1)

    def _find_blocks(self) -> None:
        """Moments of the rows that all folds treat alike, unless they are too many."""
        n, p = self.problem.shape
        code, n_codes = np.zeros(n, dtype=np.int64), 1
        parts = [part for split in self.splits for part in split]
        for part in parts:
            count = np.bincount(part, minlength=n)
            base = int(count.max()) + 1
            if n_codes > 2**62 // base:
                _, code = np.unique(code, return_inverse=True)
                n_codes = int(code.max()) + 1
            code = code * base + count
            n_codes *= base
        _, first, block = np.unique(code, return_index=True, return_inverse=True)
        workers, _ = split_threads(self.problem.n_threads, len(self.splits))
        room = 8 * (p + 1) ** 2 * (len(first) + 2 * workers + 1) <= MEMORY
        if not room or len(first) * len(self.splits) > n:
            return
        self._train, self._test = (
            np.array(
                [np.bincount(split[k], minlength=n)[first] for split in self.splits]
            )
            for k in (0, 1)
        )
        self._blocks = self._moments(block, len(first))

    def _moments(self, block: np.ndarray, n_blocks: int) -> list[Moments]:
        """Moments of each block under the weights of the training."""
        problem, s = self.problem, self._base
        n, p = problem.shape
        y = problem.y if problem.offset is None else problem.y - problem.offset
        total = [Moments(p + 1) for _ in range(n_blocks)]
        starts = range(0, n, PIECE)
        workers, _ = split_threads(problem.n_threads, len(starts))
        memory = threading.local()  # of each thread

        def piece(k: int, tell: Any) -> list[Moments]:
            rows = np.arange(starts[k], min(starts[k] + PIECE, n))
            rows = rows[s[rows] > 0]
            rows = rows[np.argsort(block[rows], kind="stable")]
            ends = np.searchsorted(block[rows], np.arange(n_blocks), side="right")
            if not hasattr(memory, "scratch"):
                memory.scratch = np.empty(min(PIECE, n) * (p + 1))
            return of_blocks(problem.X, y, s, rows, ends, memory.scratch)

        def add(k: int, parts: list[Moments]) -> None:
            for whole, part in zip(total, parts, strict=True):
                whole.join(part)

        try:
            solve_all(piece, len(starts), workers=workers, finish=add)
        except FitInterrupted:
            raise FitInterrupted("interrupted before the first fold") from None
        return total

    def _join(self, times: np.ndarray) -> Moments:
        used = np.flatnonzero(times)
        if len(used) == 1 and times[used[0]] == 1:
            return self._blocks[used[0]]
        joined = Moments(self.problem.shape[1] + 1)
        for b in used:
            joined.join(self._blocks[b], float(times[b]))
        return joined


def _take(problem: Problem, rows: np.ndarray) -> Problem:
    """The rows of a boolean mask, of sparse X, as a problem of its own."""
    data, indices, indptr, (_, p) = problem.X
    kept = rows[indices]
    count = np.zeros(len(indices) + 1, dtype=np.int64)
    np.cumsum(kept, out=count[1:])
    place = np.cumsum(rows, dtype=indices.dtype) - 1
    X = CSC(
        data[kept],
        place[indices[kept]],
        count[indptr],
        (int(np.count_nonzero(rows)), p),
    )
    assert problem.sample_weight is not None
    offset = problem.offset
    return replace(
        problem,
        X=X,
        y=problem.y[rows],
        sample_weight=problem.sample_weight[rows],
        offset=None if offset is None else np.asfortranarray(offset[rows]),
        survival=None if problem.survival is None else problem.survival.take(rows),
    )
