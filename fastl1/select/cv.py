"""Cross-validated paths: every fold × penalty on one copy of the data.

The grid of penalties is common to all folds: objective and alpha are averages over
rows, so one alpha means the same in a fold as on the full data.  Each fold is one
warm-started path, solved by one thread (`folds.py` says on what); its alphas are all
scored together (`scoring.py`).

Everything here works without scikit-learn; its splitters and scorers are accepted where
they are given.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import ConvergenceWarning, FitInterrupted
from fastl1.fit.grid import check_alphas, default_grid
from fastl1.fit.keywords import FoldKeywords, spelled_out, split_keywords
from fastl1.fit.parallel import Report, solve_all, split_threads
from fastl1.fit.path import solve_path
from fastl1.fit.result import PathResult
from fastl1.fit.status import Callback
from fastl1.penalty.penalties import both_given
from fastl1.problem.problem import check_problem
from fastl1.problem.scalars import check_real
from fastl1.problem.vectors import check_vector
from fastl1.select.folds import Folds
from fastl1.select.random_state import Seed, from_seed
from fastl1.select.scoring import Scoring, linear_predictors
from fastl1.select.splits import Splits, make_splits

# --------------------------------------------------------------------------------------
# Result
# --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choice:
    """One point of the grid: its place, its penalty, mean score and standard error."""

    ratio: int
    index: int
    l1_ratio: float
    alpha: float
    score: float
    se: float


@public
@dataclass(repr=False)
class CVPathResult:
    """Scores of every l1_ratio × alpha × fold, and the fold paths behind them.

    Attributes
    ----------
    l1_ratios : ndarray of shape (n_ratios,)
    alphas : ndarray of shape (n_ratios, K)
        Decreasing grid of each l1_ratio, common to all folds.
    scores : ndarray of shape (n_ratios, K, n_folds)
        The per-fold table.  NaN where a fold's path stopped before that alpha.
    scoring : str
        Name of the score.
    greater_is_better : bool
        Direction of `scores`: False for the default errors, True for every scorer.
    paths : list (n_ratios) of list (n_folds) of PathResult
        The training paths: ``paths[r][f].coefs[:, k]`` with
        ``paths[r][f].dual_gaps[k]`` as its certificate on the training rows of fold f.
        None for a path that was not begun when the callback or Ctrl-C stopped.
    splits : list (n_folds) of (train, test)
        Row numbers of each fold.
    oof : ndarray of shape (n_ratios, n_samples, K) or None
        With ``return_oof=True``: out-of-fold predictions (for labels the probability of
        ``classes[1]``), averaged over the folds that held a row out, NaN for rows
        that never were.
    """

    l1_ratios: np.ndarray
    alphas: np.ndarray
    scores: np.ndarray
    scoring: str
    greater_is_better: bool
    paths: list[list[PathResult | None]]
    splits: Splits
    oof: Any = None

    @property
    def mean_scores(self) -> Any:
        """Mean over folds, every fold counting the same: (n_ratios, K)."""
        return self.scores.mean(axis=2)

    @property
    def standard_errors(self) -> Any:
        """Standard error of the mean over folds: (n_ratios, K); 0 with a single
        fold."""
        n_folds = self.scores.shape[2]
        if n_folds < 2:
            return np.zeros(self.scores.shape[:2])
        return self.scores.std(axis=2, ddof=1) / np.sqrt(n_folds)

    @property
    def dual_gaps(self) -> np.ndarray:
        """Relative duality gaps on the training rows, in the layout of `scores`."""
        gaps = np.full(self.scores.shape, np.nan)
        for r, paths in enumerate(self.paths):
            for f, path in enumerate(paths):
                if path is not None:
                    gaps[r, : len(path), f] = path.dual_gaps
        return gaps

    @property
    def best(self) -> Choice:
        """The `Choice` with the best mean score (ties: the larger penalty)."""
        return self.select("min")

    @property
    def best_1se(self) -> Choice:
        """The `Choice` of the largest penalty within one standard error of the best."""
        return self.select("1se")

    def select(self, rule: str = "min") -> Choice:
        """Choose an alpha.

        Parameters
        ----------
        rule : {"min", "1se"}
            "min": the best mean score.  "1se": in the grid of the best l1_ratio, the
            largest alpha (so the sparser model) whose mean score is not worse than the
            best one by more than the best one's standard error.

        Returns
        -------
        Choice

        Raises
        ------
        ValueError
            If the rule is unknown, or no alpha was scored on every fold.
        """
        if rule not in ("min", "1se"):
            raise ValueError(f'rule must be "min" or "1se", got {rule!r}')
        means = self.mean_scores
        errors = -means if self.greater_is_better else means
        if not np.any(np.isfinite(errors)):
            raise ValueError("no alpha has a finite score on every fold")
        errors = np.where(np.isfinite(errors), errors, np.inf)
        r, k = np.unravel_index(np.argmin(errors), errors.shape)
        se = self.standard_errors
        if rule == "1se":
            k = np.flatnonzero(errors[r] <= errors[r, k] + se[r, k])[0]
        return Choice(
            int(r),
            int(k),
            float(self.l1_ratios[r]),
            float(self.alphas[r, k]),
            float(means[r, k]),
            float(se[r, k]),
        )

    def __repr__(self) -> str:
        n_ratios, n_alphas, n_folds = self.scores.shape
        size = f"{n_ratios} l1_ratio x {n_alphas} alphas x {n_folds} folds"
        if not np.any(np.isfinite(self.mean_scores)):
            return f"<CVPathResult {size}, incomplete>"
        best = self.best
        return (
            f"<CVPathResult {size}, best {self.scoring} {best.score:.6g} at "
            f"alpha={best.alpha:.4g}, l1_ratio={best.l1_ratio:g}>"
        )


# --------------------------------------------------------------------------------------
# Cross-validation
# --------------------------------------------------------------------------------------


@public
@spelled_out()
def cross_validate_path(
    X: Any,
    y: ArrayLike,
    *,
    cv: Any = 5,
    groups: ArrayLike | None = None,
    l1_ratios: Sequence[float] = (1.0,),
    scoring: Any = None,
    return_oof: bool = False,
    shuffle: bool = True,
    random_state: Seed = 0,
    seed: Any = "deprecated",
    callback: Callback | None = None,
    **keywords: Unpack[FoldKeywords],
) -> CVPathResult:
    """Regularization paths on every training fold, scored on the held-out rows.

    Parameters
    ----------
    X : array-like, data frame or sparse array of shape (n_samples, n_features)
        As for `fastl1.path`.
    y : array-like of shape (n_samples,)
        Target, as for `fastl1.path`.
    cv : int, splitter or iterable of (train, test), default 5
        Number of folds (shuffled by `random_state`; stratified by label, or by event
        for the Cox loss; whole groups if `groups` is given), an object with
        ``split(X, y, groups)`` such as scikit-learn's splitters, or the index arrays
        (or boolean masks) themselves.  A row number that occurs twice in a training
        index counts twice.  See also `kfold_splits` and `time_splits`.
    groups : array-like of shape (n_samples,), optional
        Groups for the splitter.
    l1_ratios : sequence of float, default (1.0,)
        Values of l1_ratio, each with its own grid of alphas.
    scoring : None, str or callable, default None
        None: "mse" for the squared loss, "log_loss" for the logistic one, "deviance"
        (the mean unit deviance) for all others.  Else one of these and "mae", which are
        errors, smaller is better; "concordance" (Harrell's, for the Cox loss); the name
        of any scikit-learn scorer; or a callable ``scorer(model, X, y)`` (greater is
        better).  Held-out rows are weighted with `sample_weight` wherever the score
        takes weights.

        The deviance of the Cox loss is by how much held-out rows raise that of the
        partial likelihood, per event: the deviance of training and held-out rows less
        that of the training rows [1]_.  Scorers see ``model.predict(X)``, the log of
        the relative hazard, and y as a structured array (event, time[, entry]).
    return_oof : bool, default False
        Keep the out-of-fold predictions (n_ratios × n_samples × K numbers).
    shuffle : bool, default True
        False gives built-in folds the rows in their order.
    random_state : int, numpy Generator or SeedSequence, or None, default 0
        Of the shuffle of the built-in folds: equal numbers give equal folds, None gives
        others each time.
    seed
        The former name of `random_state`, of which None meant ``shuffle=False``.
    class_weight : dict or "balanced", optional
        For losses of labels, in training: factors on the weights of the rows, by label
        (1 where none is given), or in inverse proportion to the number of rows of each.
        Scores are of `sample_weight` alone.
    alphas : array-like of shape (K,) or (n_ratios, K), optional
        Decreasing grid (for all, or one per l1_ratio).  Default: from alpha_max of the
        full data, per l1_ratio.
    callback : callable, optional
        ``callback(done, info)`` after every alpha of every fold, `info` a dict with
        "total", "ratio", "fold", "index" and what the path reports.  Returning True
        stops with what is done.
    **keywords
        What defines the problem, the grid and the solver.

    Returns
    -------
    CVPathResult

    Raises
    ------
    ValueError, TypeError
        For bad input, naming the place; among them a fold whose training rows have no
        weight, lack a class or have no event.
    FitInterrupted
        On Ctrl-C; its ``result`` is the CVPathResult of what is done, None before the
        first fold.

    Warns
    -----
    ConvergenceWarning
        Once, if any fold's alpha did not reach `tol`.
    FutureWarning
        `seed` is given.

    Notes
    -----
    Folds and values of l1_ratio are solved `n_threads` at a time, each by one thread;
    the result has the same bits for any number.  The callback and scorers are called in
    the calling thread, one at a time, the callback in no fixed order.

    With the squared loss, dense X and at least four training rows a column, one pass
    over X computes the products of all columns for every block of rows that the folds
    treat alike; those of a training fold are joined from them (a sum, nothing is
    subtracted), and solved with the same certificate as on the rows.

    Memory: one copy of X (none if it is Fortran-ordered or CSC), the nonzeros of all
    fold paths, for every thread a solver and the (held-out rows × K) predictions of its
    fold, and p x p numbers for every block and thread where products are shared (at
    most 1 GB; else they are not).

    References
    ----------
    .. [1] Verweij, P. J. M., & van Houwelingen, H. C. (1993). Cross-validation in
       survival analysis. Statistics in Medicine, 12(24), 2305-2314.
    """
    random_state, shuffle = from_seed(seed, random_state, shuffle)
    given, grid, solver = split_keywords(cross_validate_path, keywords)
    problem = check_problem(X, y, **given)
    if given["penalty"] is not None:
        if tuple(l1_ratios) != (1.0,):
            raise both_given("l1_ratios")
        l1_ratios = (problem.l1_ratio,)
    ratios = [check_real("l1_ratios", value, 0.0, 1.0) for value in l1_ratios]
    if not ratios:
        raise ValueError("l1_ratios is empty")
    scorer = Scoring.resolve(scoring, problem.family)
    splits = make_splits(
        cv, X, y, groups, problem, shuffle=shuffle, random_state=random_state
    )
    score_weight: Any = "training"
    if given["class_weight"] is not None:
        score_weight = given["sample_weight"]
        if score_weight is not None:
            score_weight = check_vector("sample_weight", score_weight, len(problem.y))
    folds = Folds(problem, splits, len(ratios), score_weight)
    result = run_folds(
        folds,
        np.array(ratios),
        make_grids(folds, ratios, **grid),
        scorer,
        return_oof=return_oof,
        callback=callback,
        **solver,
    )
    warn_unconverged(result, solver["tol"], stacklevel=3)
    return result


def make_grids(
    folds: Folds,
    l1_ratios: list[float],
    alphas: ArrayLike | None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
) -> np.ndarray:
    """Decreasing alphas of every l1_ratio: (n_ratios, K)."""
    if alphas is not None:
        rows = np.atleast_2d(np.asarray(alphas))
        if rows.ndim != 2 or len(rows) not in (1, len(l1_ratios)):
            raise ValueError(
                f"alphas has shape {np.shape(alphas)}; it must be one grid, or one row "
                f"for each of the {len(l1_ratios)} values of l1_ratio"
            )
        grids = [check_alphas(row) for row in rows]
        return np.array(grids * (len(l1_ratios) // len(grids)))
    grids = []
    for l1_ratio in l1_ratios:
        top = folds.alpha_max / l1_ratio if l1_ratio > 0 else np.nan
        grids.append(default_grid(folds.problem, top, n_alphas, alpha_min_ratio))
    return np.array(grids)


class _Fold(NamedTuple):
    """One path and what its held-out rows say of it."""

    path: PathResult
    scores: Any  # (K,), or until they are known None
    eta: Any = None  # (held-out rows, K) linear predictors, if they are needed


def run_folds(
    folds: Folds,
    l1_ratios: np.ndarray,
    grids: np.ndarray,
    scoring: Scoring,
    *,
    fold_scale: np.ndarray | None = None,
    return_oof: bool = False,
    callback: Callback | None = None,
    **path_params: Any,
) -> CVPathResult:
    """Solve and score every fold of a validated problem (the engine of this module).

    Parameters
    ----------
    folds : Folds
    l1_ratios : ndarray of shape (n_ratios,)
    grids : ndarray of shape (n_ratios, K)
        Decreasing alphas.
    scoring : Scoring
    fold_scale : ndarray of shape (n_folds,), optional
        Factors on the alphas of each fold (scikit-learn's C is on the scale of a sum
        over the training rows, so its alpha depends on the fold).
    path_params
        Keywords of `solve_path`.
    """
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    problem, n_folds = folds.problem, len(folds.splits)
    tasks = [(r, f) for r in range(len(l1_ratios)) for f in range(n_folds)]
    workers, threads = split_threads(problem.n_threads, len(tasks))
    keep_eta = return_oof or not scoring.needs_moments_only

    def held_out(path: PathResult, f: int) -> _Fold:
        # what coef_at(exact=True) would need: the weights of every fold
        path._problem = None
        moments = None if keep_eta else folds.held_out(f)
        if moments is not None:
            return _Fold(path, scoring.by_moments(path, moments))
        scores = None
        if scoring.needs_training:
            parts = folds.weights(f), folds.held_out_weights(f)
            scores = scoring.by_likelihood(problem, path, *parts)
            if not return_oof:
                return _Fold(path, scores)
        rows = folds.splits[f][1]
        eta = linear_predictors(problem.X, rows, path, problem.offset)
        return _Fold(path, scores, eta)

    def solve(k: int, tell: Report) -> _Fold:
        r, f = tasks[k]
        fold, moments = folds.training(f, float(l1_ratios[r]))
        try:
            path = solve_path(
                replace(fold, n_threads=threads),
                alphas=grids[r] * (1.0 if fold_scale is None else fold_scale[f]),
                callback=None if callback is None else lambda i, info: tell(k, i, info),
                moments=moments,
                **path_params,
            )
        except FitInterrupted as error:
            if error.result is not None:
                error.result = held_out(error.result, f)
            raise
        return held_out(path, f)

    def score(k: int, fold: _Fold) -> _Fold:
        if fold.scores is not None:
            return fold
        path, rows = fold.path, folds.splits[tasks[k][1]][1]
        scores = np.empty(0)
        if len(path):
            scores = scoring(problem, path, rows, fold.eta, folds.score_weight)
        return _Fold(path, scores, fold.eta if return_oof else None)

    done = 0

    def report(k: int, index: int, info: dict[str, Any]) -> Any:
        nonlocal done
        done += 1
        ratio, fold = tasks[k]
        place = {"ratio": ratio, "fold": fold, "index": index}
        assert callback is not None
        return callback(done, {**info, **place, "total": len(tasks) * grids.shape[1]})

    interrupted = False
    try:
        found = solve_all(
            solve, len(tasks), workers=workers, report=report, finish=score
        )
    except FitInterrupted as error:
        found, interrupted = error.result, True
    result = CVPathResult(
        l1_ratios=l1_ratios,
        alphas=grids,
        scores=np.full((*grids.shape, n_folds), np.nan),
        scoring=scoring.name,
        greater_is_better=scoring.greater_is_better,
        paths=[[None] * n_folds for _ in l1_ratios],
        splits=folds.splits,
        oof=_out_of_fold(folds, tasks, found, grids.shape) if return_oof else None,
    )
    for (r, f), fold in zip(tasks, found, strict=True):
        if fold is not None:
            result.paths[r][f] = fold.path
            result.scores[r, : len(fold.path), f] = fold.scores
    if interrupted:
        raise FitInterrupted("cross-validation interrupted", result=result)
    return result


def _out_of_fold(
    folds: Folds, tasks: list[tuple[int, int]], found: list[Any], shape: tuple[int, int]
) -> np.ndarray:
    """(n_ratios, n_samples, K) means of the predictions of each held-out row; for the
    multinomial loss (n_ratios, n_samples, K, classes)."""
    classes = folds.problem.n_outputs
    outputs = (classes,) if classes > 1 else ()
    total = np.zeros((shape[0], len(folds.problem.y), shape[1], *outputs))
    times = np.zeros(total.shape, dtype=np.int32)
    for (r, f), fold in zip(tasks, found, strict=True):
        if fold is not None:
            rows, K = folds.splits[f][1], len(fold.path)
            response = folds.problem.family.inverse_link(fold.eta)
            # a row may be held out twice, so not total[r, rows] += response
            np.add.at(total[r, :, :K], rows, response)
            np.add.at(times[r, :, :K], rows, 1)
    with np.errstate(invalid="ignore"):
        total /= times
    return total


def warn_unconverged(
    result: CVPathResult,
    tol: float,
    category: type[Warning] = ConvergenceWarning,
    stacklevel: int = 3,
) -> None:
    """One warning for all folds and alphas that did not reach `tol`."""
    gaps = [
        gap
        for paths in result.paths
        for path in paths
        if path is not None
        for gap in path.dual_gaps[~path.converged]
    ]
    if gaps:
        warnings.warn(
            "Objective did not converge. You might want to increase the number of "
            f"iterations. {len(gaps)} of {result.scores.size} fits of the "
            f"cross-validation ended with a relative duality gap above tol={tol:g}, "
            f"the largest with {max(gaps):.3g}. Increase max_iter or tol, or end the "
            "grid at a larger alpha.",
            category,
            stacklevel=stacklevel,
        )
