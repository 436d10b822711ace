"""Stability selection: features that the path selects on most subsamples of the rows.

A subsample is the same problem with 0/1 weights.  The theory, and what its bounds
assume, is in `fastl1.select.stability_bounds`.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Unpack

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
    common_grid,
    paths_of_draws,
    subsample_weights,
)
from fastl1.select.stability_bounds import (
    ASSUMPTIONS,
    error_bound,
    largest_q,
    smallest_threshold,
)

Method = Literal["complementary_pairs", "subsample"]
Assumption = Literal["none", "unimodal", "r-concave"]

THRESHOLD = 0.75
PFER = 1.0

_ROWS, _PENALTIES = range(2)  # purposes of the random streams


@public
@dataclass(repr=False)
class StabilityResult:
    """How often each feature was selected, and which are stable.

    Attributes
    ----------
    alphas : ndarray (K,)
        The grid, common to all subsamples; up to where the last of them reached q.
    probabilities : scipy.sparse.csc_array (p, K)
        Share of the subsamples whose path selects feature j at alpha k.  A path that
        has reached q keeps what it had selected.
    scores : ndarray (p,)
        Share of the subsamples whose path selects feature j at any alpha, before it
        ends; at least the largest of its probabilities.
    selected : ndarray of int
        Features whose score is at least `threshold`.
    threshold : float
    pfer : float
        Bound on the expected number of selected features that should not be: of those
        that a single subsample selects with probability at most q / p.
    assumption : {"none", "unimodal", "r-concave"}
        What the bound assumes.
    q : float
        Most features that a subsample could select; without such a limit the average
        number that it did.
    n_selected : ndarray (n_subsamples, K), int
        Features that each subsample's path selects at each alpha.
    n_selected_ever : ndarray (n_subsamples,), int
        ... at any alpha.
    n_candidates : int
        The p of the bounds: columns with a penalty.  Unpenalized columns are part of
        every model, and are not counted.
    method : {"complementary_pairs", "subsample"}
    loss : str
    feature_names : list of str or None
    info : dict
        ``n_subsamples`` (done), ``fraction``, ``n_rows`` of a subsample, ``n_failed``
        (models above `tol`), ``stopped``: "end", "callback" or "interrupted".
    """

    alphas: np.ndarray
    probabilities: Any
    scores: np.ndarray
    selected: np.ndarray
    threshold: float
    pfer: float
    assumption: str
    q: float
    n_selected: np.ndarray
    n_selected_ever: np.ndarray
    n_candidates: int
    method: str
    loss: str
    feature_names: list[str] | None
    info: dict[str, Any]

    def __repr__(self) -> str:
        p, _ = self.probabilities.shape
        return (
            f"<StabilityResult: {len(self.selected)} of {p} features, threshold "
            f"{self.threshold:g}, at most {self.pfer:.3g} by mistake "
            f"({self.assumption}), {len(self.n_selected)} subsamples>"
        )

    @property
    def error_bounds(self) -> dict[str, float]:
        """The bound at `threshold` under every assumption that goes with the method."""
        names = ASSUMPTIONS if self.method == "complementary_pairs" else ("none",)
        return {name: self.error_bound(self.threshold, name) for name in names}

    def error_bound(self, threshold: float, assumption: str | None = None) -> float:
        """Bound on the expected number of features selected by mistake.

        Parameters
        ----------
        threshold : float in (0.5, 1]
        assumption : {"none", "unimodal", "r-concave"}, optional
            By default that of the result.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            The assumption is unknown or does not go with the method.
        """
        threshold = check_real("threshold", threshold, 0.5, 1.0, open_low=True)
        assumption = _check_assumption(assumption or self.assumption, self.method)
        pairs = len(self.n_selected) // 2
        if pairs == 0:
            return float(self.n_candidates)
        return error_bound(self.q, self.n_candidates, threshold, pairs, assumption)

    def select(self, threshold: float) -> np.ndarray:
        """Features whose score is at least `threshold`, by another one than before.

        Parameters
        ----------
        threshold : float in (0.5, 1]

        Returns
        -------
        ndarray of int
        """
        threshold = check_real("threshold", threshold, 0.5, 1.0, open_low=True)
        return np.flatnonzero(self.scores >= threshold - 1e-12)


class _Supports(NamedTuple):
    """What a path selected at each alpha, one after another as in CSC, and at any."""

    indices: np.ndarray
    indptr: np.ndarray
    ever: np.ndarray
    tally: Tally


@public
@spelled_out(alpha_min_ratio=1e-2)
def stability_selection(
    X: Any,
    y: ArrayLike,
    *,
    n_subsamples: int = 100,
    fraction: float = 0.5,
    method: Method = "complementary_pairs",
    threshold: float | None = None,
    pfer: float | None = None,
    q: int | None = None,
    assumption: Assumption | None = None,
    weakness: float = 1.0,
    random_state: Seed = 0,
    callback: Callback | None = None,
    **keywords: Unpack[DrawKeywords],
) -> StabilityResult:
    """Select features that the path selects on most subsamples of the rows.

    On each of B subsamples of half of the rows the path is solved along one grid, down
    to where more than q features have been selected.  Feature j is stable, and
    selected, when the paths of a share of at least `threshold` of the subsamples have a
    nonzero w_j somewhere.  Then the expected number V of features that are selected by
    mistake is bounded [1]_::

        E V <= q^2 / ((2 threshold - 1) p)

    and, for complementary pairs and under assumptions on the shape of the
    distributions of the proportions, by far less [2]_: see
    `fastl1.select.stability_bounds`.  "By mistake" means: although a subsample selects
    it with probability at most q / p.

    Parameters
    ----------
    X, y
        As in `path`.
    n_subsamples : int
        Even for complementary pairs.
    fraction : float in (0, 0.5]
        Share of the rows in a subsample; the bounds hold up to a half.
    method : {"complementary_pairs", "subsample"}
        Pairs of disjoint subsamples [2], or independent ones [1].  For classifiers
        every subsample has the classes in the proportions of y, and at least one row of
        each.
    threshold : float in (0.5, 1], optional
    pfer : float, optional
        Bound asked for on the expected number of features selected by mistake.
    q : int, optional
        Most features that a path may select before it ends.

        Any two of `threshold`, `pfer` and `q` give the third.  By default the threshold
        is 0.75 and `pfer` 1.  When `alphas` is given and neither `pfer` nor `q`, all
        paths go down the whole grid, and the bound is that for the average number of
        features that they select.
    assumption : {"none", "unimodal", "r-concave"}, optional
        Which bound to use: "unimodal" by default for complementary pairs; for
        "subsample" there is only "none".
    weakness : float in (0, 1]
        Below 1, the randomized lasso [1]: each penalty factor is divided by its own
        uniform draw from [weakness, 1] in every subsample, which helps with correlated
        columns.
    random_state : int, numpy Generator or SeedSequence, or None
        Equal seeds give equal results for any `n_threads`.
    callback : callable, optional
        ``callback(done, info)`` after each subsample, with a dict of its number
        ("draw"), "total" and "seconds"; a true return value stops with what is done.
    n_threads : int, optional
        How many subsamples to work on at a time: by default as many as there are
        physical cores.  The result has the same bits for any number.
    alphas : array-like of shape (K,), optional
        Decreasing penalties > 0.  By default `n_alphas` values, evenly spaced in the
        logarithm, from alpha_max / sqrt(fraction) of the full data, for noise looks
        larger in a subsample, down to `alpha_min_ratio` times that.
    alpha_min_ratio : float in (0, 1), optional
        Last / first alpha of the default grid; None is 1e-4 if n > p, else 1e-2.
    **keywords
        What defines the problem, the grid and the solver.

    Returns
    -------
    StabilityResult

    Raises
    ------
    ValueError, TypeError
        On bad input, and when no threshold or q meets the demands.
    FitInterrupted
        On Ctrl-C; its `result` is the StabilityResult of the subsamples (or pairs) that
        were done, None if there are none.

    Warns
    -----
    ConvergenceWarning
        Once, if some model is above `tol`.

    Notes
    -----
    Memory: four bytes for each feature of each model of each subsample, and the work
    space of one path for each thread.  Dense X is not copied; of sparse X (up to 256
    MB) each thread has a copy of the rows of its subsample.

    References
    ----------
    .. [1] Meinshausen, N., & Bühlmann, P. (2010). Stability selection. Journal of the
       Royal Statistical Society B, 72(4), 417-473.
    .. [2] Shah, R. D., & Samworth, R. J. (2013). Variable selection with error control:
       another look at stability selection. Journal of the Royal Statistical Society B,
       75(1), 55-80.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 200))
    >>> y = 2 * X[:, 3] - 2 * X[:, 7] + rng.standard_normal(100)
    >>> fastl1.stability_selection(X, y).selected.tolist()
    [3, 7]
    """
    given, grid, solver = split_keywords(stability_selection, keywords)
    problem = check_problem(X, y, **given)
    need_columns(
        "stability_selection",
        problem.penalty,
        "fit paths with it by cross_validate_path",
    )
    if method not in ("complementary_pairs", "subsample"):
        raise ValueError(
            f"method must be complementary_pairs or subsample; got {method!r}"
        )
    paired = method == "complementary_pairs"
    n_subsamples = check_int("n_subsamples", n_subsamples, 2)
    if paired and n_subsamples % 2:
        raise ValueError(f"n_subsamples must be even for pairs, got {n_subsamples}")
    fraction = check_real("fraction", fraction, 0.0, 0.5, open_low=True)
    weakness = check_real("weakness", weakness, 0.0, 1.0, open_low=True)
    if assumption is None:
        assumption = "unimodal" if paired else "none"
    _check_assumption(assumption, method)
    candidates = _candidates(problem)
    p = int(candidates.sum())
    if p == 0:
        raise ValueError("no column has a penalty: there is nothing to select from")
    whole_grid = pfer is None and q is None and grid["alphas"] is not None
    threshold, q = _resolve(threshold, pfer, q, p, n_subsamples, assumption, whole_grid)
    groups = Groups.of(problem)
    sizes = groups.sizes(fraction, 2 if paired else 1)
    alphas = common_grid(problem, 1 / np.sqrt(fraction), **grid)
    root = seed_sequence(random_state)

    def draw(b: int) -> Problem:
        pair, part = divmod(b, 2) if paired else (b, 0)
        weight = subsample_weights(
            problem, groups, sizes, stream(root, _ROWS, pair), part
        )
        factor = problem.penalty_factor
        if weakness < 1.0:
            rng = stream(root, _PENALTIES, b)
            factor = np.ones(problem.shape[1]) if factor is None else factor
            factor = factor / rng.uniform(weakness, 1.0, len(factor))
        return replace(problem, sample_weight=weight, penalty_factor=factor)

    limit = None if q is None else q + int((~candidates).sum())
    runs, interrupted = paths_of_draws(
        draw,
        n_subsamples,
        lambda path: _supports(path, candidates, q),
        whole=q is None,
        n_threads=problem.n_threads,
        callback=callback,
        alphas=alphas,
        max_features=limit,
        **solver,
    )
    done = _complete(runs, paired)
    stopped = "end" if len(done) == n_subsamples else "callback"
    stopped = "interrupted" if interrupted else stopped
    tally = Tally()
    for run in done:
        tally.merge(run.tally)
    result = None
    if done or not interrupted:
        found = _Scores.of(done, problem.shape[1], len(alphas), q is not None)
        result = StabilityResult(
            alphas=alphas[: found.n_alphas],
            probabilities=found.probabilities,
            scores=found.scores,
            selected=np.empty(0, dtype=np.intp),
            threshold=threshold,
            pfer=np.nan,
            assumption=assumption,
            q=float(found.n_ever.mean() if q is None and done else q or 0),
            n_selected=found.n_selected,
            n_selected_ever=found.n_ever,
            n_candidates=p,
            method=method,
            loss=problem.loss,
            feature_names=problem.feature_names,
            info={
                "n_subsamples": len(done),
                "fraction": fraction,
                "n_rows": sum(sizes),
                "n_failed": tally.n_unconverged,
                "stopped": stopped,
            },
        )
        result.selected = result.select(threshold)
        result.pfer = result.error_bound(threshold)
    if interrupted:
        raise FitInterrupted(
            f"stability selection was interrupted after {len(done)} of {n_subsamples} "
            "subsamples",
            result,
        )
    tally.warn(solver["tol"], stacklevel=2)
    assert result is not None
    return result


def _check_assumption(assumption: str, method: str) -> str:
    if assumption not in ASSUMPTIONS:
        raise ValueError(
            f"assumption must be one of {', '.join(ASSUMPTIONS)}; got {assumption!r}"
        )
    if method == "subsample" and assumption != "none":
        raise ValueError(
            f"assumption={assumption!r} needs method='complementary_pairs'"
        )
    return assumption


def _candidates(problem: Problem) -> np.ndarray:
    """Columns that are penalized, and may enter."""
    factor = problem.penalty_factor
    if factor is None:
        return np.ones(problem.shape[1], dtype=bool)
    return (factor > 0) & np.isfinite(factor)


def _resolve(
    threshold: float | None,
    pfer: float | None,
    q: int | None,
    p: int,
    n_subsamples: int,
    assumption: str,
    whole_grid: bool,
) -> tuple[float, int | None]:
    """(threshold, q) from any two of threshold, pfer and q."""
    if threshold is not None:
        threshold = check_real("threshold", threshold, 0.5, 1.0, open_low=True)
    if pfer is not None:
        pfer = check_real("pfer", pfer, 0.0, open_low=True)
    if whole_grid:
        return threshold or THRESHOLD, None
    if q is None:
        threshold = threshold or THRESHOLD
        pfer = PFER if pfer is None else pfer
        return threshold, largest_q(threshold, p, pfer, n_subsamples // 2, assumption)
    q = check_int("q", q, 1)
    if q > p:
        raise ValueError(f"q={q}, but only {p} columns have a penalty")
    if threshold is not None:
        if pfer is not None:
            raise ValueError("give two of threshold, pfer and q, not all three")
        return threshold, q
    if pfer is None:
        return THRESHOLD, q
    return smallest_threshold(q, p, pfer, n_subsamples, assumption), q


def _supports(path: PathResult, candidates: np.ndarray, q: int | None) -> _Supports:
    """What a path selects at each alpha, as long as it is not more than q in all."""
    tally = Tally()
    tally.add(path)
    whole = path.support
    indices, indptr = whole.indices, whole.indptr
    ever: set[int] = set()
    kept, ends = [], [0]
    for k in range(len(path)):
        support = indices[indptr[k] : indptr[k + 1]]
        support = support[candidates[support]]
        union = ever.union(support.tolist())
        if q is not None and len(union) > q:
            break
        ever = union
        kept.append(support)
        ends.append(ends[-1] + len(support))
    joined = np.concatenate([np.empty(0, np.int32), *kept]).astype(np.int32)
    return _Supports(joined, np.array(ends), np.unique(joined), tally)


def _complete(runs: list[_Supports | None], paired: bool) -> list[_Supports]:
    """The runs that count: of pairs, both."""
    if not paired:
        return [run for run in runs if run is not None]
    done = []
    for one, other in zip(runs[::2], runs[1::2], strict=True):
        if one is not None and other is not None:
            done += [one, other]
    return done


class _Scores(NamedTuple):
    """Proportions over subsamples."""

    n_alphas: int
    probabilities: Any
    scores: np.ndarray
    n_selected: np.ndarray
    n_ever: np.ndarray

    @classmethod
    def of(
        cls, runs: list[_Supports], p: int, n_alphas: int, limited: bool
    ) -> "_Scores":
        import scipy.sparse as sp

        if limited:  # the grid ends with the longest path
            n_alphas = max((len(run.indptr) - 1 for run in runs), default=0)
            n_alphas = max(n_alphas, 1)
        active, scores = np.unique(
            np.concatenate([np.empty(0, np.int32), *(run.ever for run in runs)]),
            return_counts=True,
        )
        counts = np.zeros((len(active), n_alphas), dtype=np.int32)
        n_selected = np.zeros((len(runs), n_alphas), dtype=np.intp)
        for b, run in enumerate(runs):
            rows = np.searchsorted(active, run.indices)
            length = len(run.indptr) - 1
            sizes = np.diff(run.indptr)
            np.add.at(counts, (rows, np.repeat(np.arange(length), sizes)), 1)
            n_selected[b, :length] = sizes
            if 0 < length < n_alphas:  # ended at q: it keeps its last model
                counts[rows[run.indptr[-2] :], length:] += 1
                n_selected[b, length:] = sizes[-1]
        share = sp.csc_array(counts / max(len(runs), 1))
        probabilities = sp.csc_array(
            (share.data, active[share.indices], share.indptr), shape=(p, n_alphas)
        )
        full = np.zeros(p)
        full[active] = scores / max(len(runs), 1)
        n_ever = np.array([len(run.ever) for run in runs], dtype=np.intp)
        return cls(n_alphas, probabilities, full, n_selected, n_ever)
