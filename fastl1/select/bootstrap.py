"""The bootstrap of a path: how much coefficients move when the rows are drawn again."""

from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import FitInterrupted
from fastl1.fit.keywords import DrawKeywords, spelled_out, split_keywords
from fastl1.fit.result import PathResult
from fastl1.fit.status import Callback
from fastl1.penalty.penalties import need_columns
from fastl1.problem.problem import Problem, check_problem
from fastl1.problem.scalars import check_int, check_real
from fastl1.select.random_state import Seed, seed_sequence, stream
from fastl1.select.resampling import (
    Groups,
    Tally,
    bootstrap_weights,
    common_grid,
    paths_of_draws,
)

QUANTILES = (0.025, 0.5, 0.975)
MAX_BYTES = 2**31


@public
@dataclass(repr=False)
class BootstrapResult:
    """Distribution of the coefficients of a path over bootstrap draws.

    Attributes
    ----------
    alphas : ndarray (K,)
    inclusion : scipy.sparse.csc_array (p, K)
        Share of the draws in which w_j is not 0 at alpha k.  Here and below, for the
        multinomial loss, a tuple of such arrays, one per class.
    mean, std : scipy.sparse.csc_array (p, K)
        Of w_j over the draws, zeros included; std with B - 1 degrees of freedom.
    levels : ndarray (m,)
    quantiles : list (m,) of scipy.sparse.csc_array (p, K)
        Of w_j over the draws, zeros included, interpolated linearly.
    intercept_quantiles : ndarray (m, K), or (m, classes, K) for the multinomial loss
    n_bootstraps : int
        Draws done.
    loss : str
    feature_names : list of str or None
    info : dict
        ``n_failed`` (models above `tol`), ``bytes`` (that the draws took), ``stopped``:
        "end", "callback" or "interrupted".
    """

    alphas: np.ndarray
    inclusion: Any
    mean: Any
    std: Any
    levels: np.ndarray
    quantiles: list[Any]
    intercept_quantiles: np.ndarray
    n_bootstraps: int
    loss: str
    feature_names: list[str] | None
    info: dict[str, Any]

    def __repr__(self) -> str:
        p, count = _parts(self.inclusion)[0].shape
        return (
            f"<BootstrapResult: {self.n_bootstraps} draws, {count} alphas, "
            f"{p} features>"
        )

    def interval(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest of the `levels` at alpha k, for every feature.

        Parameters
        ----------
        k : int
            Position on the grid.

        Returns
        -------
        lower, upper : ndarray (p,), or (p, classes) for the multinomial loss
        """
        order = np.argsort(self.levels)
        ends = (_parts(self.quantiles[order[end]]) for end in (0, -1))
        low, high = (
            np.hstack([part[:, [k]].toarray() for part in end]) for end in ends
        )
        return (low, high) if low.shape[1] > 1 else (low[:, 0], high[:, 0])


def _parts(matrix: Any) -> tuple[Any, ...]:
    """The matrices of all classes, or the only one."""
    return matrix if isinstance(matrix, tuple) else (matrix,)


@dataclass
class _Draw:
    """The path of one draw, the coefficients of all classes below each other."""

    coefs: Any
    intercepts: np.ndarray
    tally: Tally

    @classmethod
    def of(cls, path: PathResult) -> "_Draw":
        tally = Tally()
        tally.add(path)
        coefs = path.coefs
        if isinstance(coefs, tuple):
            import scipy.sparse as sp

            coefs = sp.vstack(coefs, format="csc")
            coefs.sort_indices()
        return cls(coefs, path.intercepts, tally)

    @property
    def nbytes(self) -> int:
        coefs = self.coefs
        parts = (coefs.data, coefs.indices, coefs.indptr, self.intercepts)
        return sum(part.nbytes for part in parts)


@public
@spelled_out()
def bootstrap_path(
    X: Any,
    y: ArrayLike,
    *,
    n_bootstraps: int = 100,
    quantiles: ArrayLike = QUANTILES,
    random_state: Seed = 0,
    max_bytes: int = MAX_BYTES,
    callback: Callback | None = None,
    **keywords: Unpack[DrawKeywords],
) -> BootstrapResult:
    """Paths of bootstrap draws, along one grid of alphas.

    Draw b gives row i a weight c_i, where (c_1, ..., c_n) is multinomial with n trials
    and equal shares, as if n rows had been drawn with replacement [1]_.
    ``sample_weight`` multiplies the counts, and rows of weight 0 are not
    drawn.  A draw without a row of some class is made again.

    Quantiles of the lasso are a measure of stability, not confidence intervals: the
    bootstrap is not consistent for coefficients that are 0 [2]_, and others are shrunk.

    Parameters
    ----------
    X, y
        As in `path`.
    n_bootstraps : int
    quantiles : array-like of float in [0, 1]
    random_state : int, numpy Generator or SeedSequence, or None
        Equal seeds give equal results for any `n_threads`.
    max_bytes : int
        Bound on the memory for the paths of all draws, of which each may take an equal
        share.
    callback : callable, optional
        ``callback(done, info)`` after each draw, with a dict of its number ("draw"),
        "total" and "seconds"; a true return value stops with what is done.
    n_threads : int, optional
        How many draws to work on at a time: by default as many as there are physical
        cores.  The result has the same bits for any number.
    **keywords
        What defines the problem, the solver and the grid, by default that of the full
        data.

    Returns
    -------
    BootstrapResult

    Raises
    ------
    ValueError, TypeError
        On bad input.
    MemoryError
        A draw takes more than its share of `max_bytes`; the message says how much that
        would be for all.
    FitInterrupted
        On Ctrl-C; its `result` is the BootstrapResult of the draws that were done, None
        if there are none.

    Warns
    -----
    ConvergenceWarning
        Once, if some model is above `tol`.

    Notes
    -----
    Memory: 12 bytes (8 for float32) for each nonzero coefficient of each draw, at most
    `max_bytes`, for the quantiles need them all; a few times that of a single alpha
    while it is summarized; and the work space of one path for each thread.  Dense X is
    not copied; of sparse X (up to 256 MB) each thread has a copy of the rows of its
    draw.

    References
    ----------
    .. [1] Efron, B. (1979). Bootstrap methods: another look at the jackknife. Annals of
       Statistics, 7(1), 1-26.
    .. [2] Chatterjee, A., & Lahiri, S. N. (2011). Bootstrapping lasso estimators.
       Journal of the American Statistical Association, 106(494), 608-625.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = 3 * X[:, 0] + rng.standard_normal(100)
    >>> result = fastl1.bootstrap_path(X, y, n_bootstraps=50, n_alphas=10)
    >>> np.flatnonzero(result.inclusion[:, [5]].toarray()[:, 0] == 1.0).tolist()
    [0]
    """
    given, grid, solver = split_keywords(bootstrap_path, keywords)
    problem = check_problem(X, y, **given)
    need_columns(
        "bootstrap_path", problem.penalty, "fit paths with it by cross_validate_path"
    )
    n_bootstraps = check_int("n_bootstraps", n_bootstraps, 1)
    max_bytes = check_int("max_bytes", max_bytes, 1)
    levels = np.array(
        [check_real("quantiles", level, 0.0, 1.0) for level in np.atleast_1d(quantiles)]
    )
    alphas = common_grid(problem, **grid)
    groups = Groups.of(problem)
    root = seed_sequence(random_state)

    def draw(b: int) -> Problem:
        weight = bootstrap_weights(problem, groups, stream(root, 0, b))
        return replace(problem, sample_weight=weight)

    def keep(path: PathResult) -> _Draw:
        run = _Draw.of(path)
        if run.nbytes * n_bootstraps > max_bytes:
            raise MemoryError(
                f"a draw takes {run.nbytes} bytes, more than its share of "
                f"max_bytes={max_bytes}: end the grid at a larger alpha, take fewer "
                f"alphas or draws, or allow {run.nbytes * n_bootstraps}"
            )
        return run

    runs, interrupted = paths_of_draws(
        draw,
        n_bootstraps,
        keep,
        whole=True,
        n_threads=problem.n_threads,
        callback=callback,
        alphas=alphas,
        **solver,
    )
    done = [run for run in runs if run is not None]
    tally = Tally()
    for run in done:
        tally.merge(run.tally)
    stopped = "end" if len(done) == n_bootstraps else "callback"
    result = None
    if done or not interrupted:
        result = _summary(problem, alphas, levels, done)
        result.info = {
            "n_failed": tally.n_unconverged,
            "bytes": sum(run.nbytes for run in done),
            "stopped": "interrupted" if interrupted else stopped,
        }
    if interrupted:
        raise FitInterrupted(
            f"the bootstrap was interrupted after {len(done)} of {n_bootstraps} draws",
            result,
        )
    tally.warn(solver["tol"], stacklevel=2)
    assert result is not None
    return result


def _summary(
    problem: Problem, alphas: np.ndarray, levels: np.ndarray, draws: list[_Draw]
) -> BootstrapResult:
    p, n_outputs, n_draws = problem.shape[1], problem.n_outputs, len(draws)
    columns = [_summarize(draws, k, levels) for k in range(len(alphas))]

    def matrix(name: str, part: int | None = None) -> Any:
        found = _from_columns(
            [
                (one["rows"], one[name] if part is None else one[name][part])
                for one in columns
            ],
            p * n_outputs,
        )
        if n_outputs == 1:
            return found
        by_row = found.tocsr()
        return tuple(by_row[k * p : (k + 1) * p].tocsc() for k in range(n_outputs))

    intercepts = np.array([draw.intercepts for draw in draws])
    shape = (len(alphas),) if n_outputs == 1 else (n_outputs, len(alphas))
    return BootstrapResult(
        alphas=alphas,
        inclusion=matrix("inclusion"),
        mean=matrix("mean"),
        std=matrix("std"),
        levels=levels,
        quantiles=[matrix("quantiles", m) for m in range(len(levels))],
        intercept_quantiles=np.quantile(intercepts, levels, axis=0)
        if n_draws
        else np.full((len(levels), *shape), np.nan),
        n_bootstraps=n_draws,
        loss=problem.loss,
        feature_names=problem.feature_names,
        info={},
    )


def _summarize(draws: list[_Draw], k: int, levels: np.ndarray) -> dict[str, Any]:
    """Of the features that some draw has at alpha k: rows (s,), inclusion (s,), mean
    (s,), std (s,) and quantiles (m, s)."""
    spans = [slice(*draw.coefs.indptr[k : k + 2]) for draw in draws]
    parts = list(zip(draws, spans, strict=True))
    rows = np.concatenate(
        [np.empty(0, np.int32)] + [d.coefs.indices[s] for d, s in parts]
    )
    values = np.concatenate([np.empty(0)] + [d.coefs.data[s] for d, s in parts])
    order = np.lexsort((values, rows))
    rows, values = rows[order], values[order]
    kept, start, count = np.unique(rows, return_index=True, return_counts=True)
    n_draws, group = len(draws), np.repeat(np.arange(len(kept)), count)
    zeros = n_draws - count

    def total(x: np.ndarray) -> np.ndarray:
        return np.bincount(group, x, minlength=len(kept))

    mean = total(values) / max(n_draws, 1)
    square = total((values - mean[group]) ** 2) + zeros * mean**2
    # order statistics: negative values, then the zeros, then positive values
    negative = total(values < 0).astype(np.intp)

    def ordered(rank: int) -> np.ndarray:
        place = np.where(rank < negative, rank, rank - zeros)
        is_zero = (rank >= negative) & (rank < negative + zeros)
        place = np.clip(place, 0, count - 1)
        return np.where(is_zero, 0.0, values[start + place])

    quantiles = np.empty((len(levels), len(kept)))
    for m, level in enumerate(levels):
        position = level * max(n_draws - 1, 0)
        low = int(position)
        high = min(low + 1, max(n_draws - 1, 0))
        share = position - low
        quantiles[m] = (1 - share) * ordered(low) + share * ordered(high)
    return {
        "rows": kept,
        "inclusion": count / max(n_draws, 1),
        "mean": mean,
        "std": np.sqrt(square / max(n_draws - 1, 1)),
        "quantiles": quantiles,
    }


def _from_columns(columns: list[tuple[np.ndarray, np.ndarray]], p: int) -> Any:
    """(p, K) csc_array of the nonzero values of each column."""
    import scipy.sparse as sp

    kept = [(rows[values != 0], values[values != 0]) for rows, values in columns]
    indptr = np.cumsum([0, *(len(rows) for rows, _ in kept)])
    indices = np.concatenate([np.empty(0, np.int32), *(rows for rows, _ in kept)])
    data = np.concatenate([np.empty(0), *(values for _, values in kept)])
    return sp.csc_array((data, indices, indptr), shape=(p, len(columns)))
