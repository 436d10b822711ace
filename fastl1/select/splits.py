"""Folds of cross-validation: which rows train, which are held out."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1.problem.problem import Problem
from fastl1.problem.scalars import check_flag
from fastl1.select.random_state import Seed, from_seed, seed_sequence

Splits = list[tuple[np.ndarray, np.ndarray]]


def kfold_splits(
    n_samples: int,
    n_splits: int = 5,
    *,
    stratify: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    shuffle: bool = True,
    random_state: Seed = 0,
    seed: Any = "deprecated",
) -> Splits:
    """Split rows into K folds of nearly equal size.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    n_splits : int, default 5
        Number of folds, at least 2.
    stratify : array-like of shape (n_samples,), optional
        Class labels; every fold gets the same share of each class (to one row).
    groups : array-like of shape (n_samples,), optional
        Rows with the same value always share a fold; fold sizes are balanced greedily.
        Not combined with `stratify`.
    shuffle : bool, default True
        False keeps the order of the rows (contiguous folds).
    random_state : int, numpy Generator or SeedSequence, or None, default 0
        Of the shuffle: equal numbers give equal folds, None gives others each time.
    seed
        The former name of `random_state`, of which None meant ``shuffle=False``.

    Returns
    -------
    list of (train, test)
        Index arrays, each sorted.

    Raises
    ------
    ValueError
        If there are fewer rows (or groups) than folds, or lengths differ.

    Warns
    -----
    FutureWarning
        `seed` is given.
    """
    random_state, shuffle = from_seed(seed, random_state, shuffle)
    if n_splits < 2 or n_splits != int(n_splits):
        raise ValueError(f"the number of folds must be an integer >= 2, got {n_splits}")
    if groups is not None and stratify is not None:
        raise ValueError("give groups or stratify, not both")
    rng = None
    if check_flag("shuffle", shuffle):
        rng = np.random.default_rng(seed_sequence(random_state))
    if groups is not None:
        fold = _fold_of_groups(_codes(groups, n_samples, "groups"), n_splits, rng)
    else:
        if n_samples < n_splits:
            raise ValueError(f"{n_splits} folds need as many rows, got {n_samples}")
        order = np.arange(n_samples) if rng is None else rng.permutation(n_samples)
        fold = np.empty(n_samples, dtype=np.intp)
        if stratify is not None:
            codes = _codes(stratify, n_samples, "stratify")
            order = order[np.argsort(codes[order], kind="stable")]
            fold[order] = np.arange(n_samples) % n_splits
        else:
            fold[order] = np.arange(n_samples) * n_splits // n_samples
    return [
        (np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_splits)
    ]


def time_splits(times: ArrayLike, n_splits: int = 5) -> Splits:
    """Split rows in time order: train on the past, test on the block that follows.

    Parameters
    ----------
    times : array-like of shape (n_samples,)
        Anything that sorts: numbers or datetimes.  Rows with equal times stay together.
    n_splits : int, default 5
        Number of test blocks; the rows are cut into ``n_splits + 1`` blocks and the
        first one is only ever trained on.

    Returns
    -------
    list of (train, test)
        Index arrays; every training row is strictly older than every test row.

    Raises
    ------
    ValueError
        If a time is missing, or there are too few distinct times.
    """
    times = np.asarray(times)
    missing = np.flatnonzero(times != times)
    if missing.size:
        raise ValueError(f"times has a missing value in row {missing[0]}")
    too_few = ValueError(
        f"{n_splits} time-ordered folds need {n_splits + 1} distinct times of similar "
        f"frequency, got {len(np.unique(times))} in {len(times)} rows"
    )
    if n_splits < 1 or len(times) <= n_splits:
        raise too_few
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    cuts = np.arange(1, n_splits + 1) * len(times) // (n_splits + 1)
    cuts = np.append(np.searchsorted(ordered, ordered[cuts]), len(times))
    if np.any(np.diff(cuts, prepend=0) <= 0):
        raise too_few
    return [
        (np.sort(order[:start]), np.sort(order[start:stop]))
        for start, stop in zip(cuts[:-1], cuts[1:], strict=True)
    ]


def _codes(values: ArrayLike, n_samples: int, name: str) -> np.ndarray:
    codes = np.unique(np.asarray(values), return_inverse=True)[1].ravel()
    if len(codes) != n_samples:
        raise ValueError(f"{name} has {len(codes)} values for {n_samples} rows")
    return codes


def _fold_of_groups(
    codes: np.ndarray, n_splits: int, rng: np.random.Generator | None
) -> np.ndarray:
    """Fold of each row: groups by decreasing size, each into the lightest fold."""
    sizes = np.bincount(codes)
    if len(sizes) < n_splits:
        raise ValueError(f"{n_splits} folds need as many groups, got {len(sizes)}")
    order = np.arange(len(sizes)) if rng is None else rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of_group = np.empty(len(sizes), dtype=np.intp)
    load = np.zeros(n_splits)
    for group in order:
        lightest = int(np.argmin(load))
        fold_of_group[group] = lightest
        load[lightest] += sizes[group]
    fold: np.ndarray = fold_of_group[codes]
    return fold


def make_splits(
    cv: Any, X: Any, y: Any, groups: Any, problem: Problem, **shuffling: Any
) -> Splits:
    """Index arrays of every fold, from any form `cv` may take; `shuffling` being
    keywords of `kfold_splits`."""
    n = len(problem.y)
    if cv is None:
        cv = 5
    if isinstance(cv, Integral):
        # labels, or (Cox) whether there is an event
        apart = problem.family.labels or problem.survival is not None
        stratify = problem.y if apart and groups is None else None
        splits = kfold_splits(n, int(cv), stratify=stratify, groups=groups, **shuffling)
    elif hasattr(cv, "split") and not isinstance(cv, str):
        splits = list(cv.split(X, y, groups))
    elif isinstance(cv, Iterable) and not isinstance(cv, str):
        splits = list(cv)
    else:
        raise TypeError(
            "cv must be a number of folds, a splitter with a split method, or an "
            f"iterable of (train, test) index arrays, got {cv!r}"
        )
    return check_splits(splits, n)


def check_splits(splits: Any, n: int) -> Splits:
    """Row numbers of every fold, from row numbers or masks; range checked."""
    if not splits:
        raise ValueError("cv has no folds")
    return [
        (_rows(train, n, f"training rows of fold {k}"), _rows(test, n, f"fold {k}"))
        for k, (train, test) in enumerate(splits)
    ]


def _rows(index: ArrayLike, n: int, what: str) -> np.ndarray:
    index = np.asarray(index)
    if index.dtype == bool:
        if len(index) != n:
            raise ValueError(f"{what}: mask of length {len(index)} for {n} rows")
        index = np.flatnonzero(index)
    if index.size == 0:
        raise ValueError(f"{what}: empty")
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise TypeError(f"{what}: expected a one-dimensional array of row numbers")
    if index.min() < 0 or index.max() >= n:
        raise ValueError(f"{what}: row number outside 0 to {n - 1}")
    return index.astype(np.intp, copy=False)
