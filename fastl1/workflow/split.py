"""Which rows are for training and which for the test; folds of the training rows."""

from typing import Any

import numpy as np

from fastl1._extras import require
from fastl1.data.table import Raw
from fastl1.exceptions import DataError
from fastl1.loss.losses import Loss
from fastl1.select.splits import kfold_splits, time_splits
from fastl1.workflow.messages import argument
from fastl1.workflow.settings import Split


def order_of(column: Any, raw: Raw, used: np.ndarray, role: str) -> np.ndarray:
    """Times of the used rows as sortable numbers or dates.

    Parameters
    ----------
    column : column of any library
        Integers and dates are taken as they are, not as floating-point numbers.
    raw : Raw
        The same column.
    used : ndarray of int
    role : str
        What the column was given as.

    Raises
    ------
    DataError
        It holds something else, or a gap.
    """
    values = _texts(raw, role) if raw.kind == "text" else _sortable(column, raw)
    if values.dtype.kind not in "fiuM":
        raise DataError(
            f"{argument(role)}: {raw.name!r} holds neither numbers nor times"
        )
    values = values[used]
    bad = np.isnat(values) if values.dtype.kind == "M" else values != values
    if bad.any():
        row = used[int(np.argmax(bad))] + 1
        raise DataError(f"{argument(role)}: {raw.name!r} is missing in data row {row}")
    return values


def _texts(raw, role):
    """Times of ISO 8601."""
    pa = require("pyarrow", extra="cli")
    try:
        times = pa.array(raw.labels, pa.string()).cast(pa.timestamp("us")).to_numpy()
    except pa.ArrowException:
        raise DataError(
            f"{argument(role)}: {raw.name!r} is text that is not an ISO 8601 time"
        ) from None
    return np.append(times, np.datetime64("NaT"))[raw.codes]


def _sortable(column, raw):
    values = column.to_numpy() if hasattr(column, "to_numpy") else np.asarray(column)
    if values.dtype.kind != "O":
        return values
    if raw.kind == "number":
        return raw.values
    try:
        return values.astype("datetime64[us]")
    except (ValueError, TypeError):
        return values


def labels_of(loss: Loss, y: np.ndarray) -> np.ndarray | None:
    """What splits keep the shares of, (n,): classes, or events; None for numbers."""
    if loss.survival:
        return y[:, 0]
    return y if loss.labels else None


def check_labels(labels: np.ndarray, classes: np.ndarray | None, where: str) -> None:
    """Refuse rows without an event, or without a row of some class.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    classes : ndarray or None
        None for events.
    where : str
        What rows these are.

    Raises
    ------
    DataError
    """
    if classes is None and not labels.any():
        raise DataError(f"{where} have no event: a Cox model needs some")
    if classes is not None:
        absent = np.setdiff1d(np.arange(len(classes)), labels)
        if len(absent):
            raise DataError(
                f"{where} hold no row of the class {classes.tolist()[absent[0]]!r}"
            )


def split_rows(
    n: int,
    test_size: float,
    seed: int,
    labels: np.ndarray | None = None,
    group: np.ndarray | None = None,
    order: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows: the latest, whole groups, or at random (stratified).

    Parameters
    ----------
    n : int
    test_size : float
        Share of the test rows, 0 for none.
    seed : int
    labels : ndarray of shape (n,), optional
        Both parts get the same share of each label, unless they are split otherwise.
    group, order : ndarray of shape (n,), optional

    Returns
    -------
    train, test : ndarray of int
        Sorted row numbers.

    Raises
    ------
    DataError
        Too few rows, groups or times.
    """
    n_test = round(n * test_size)
    is_test = np.zeros(n, bool)
    rng = np.random.default_rng(seed)
    if test_size and not 0 < n_test < n:
        raise DataError(f"{n} rows are too few to hold out {test_size:.0%} of them")
    if n_test and order is not None:
        # equal times stay together
        is_test = order >= np.sort(order)[n - n_test]
    elif n_test and group is not None:
        _, group = np.unique(group, return_inverse=True)
        sizes = np.bincount(group)
        shuffled = rng.permutation(len(sizes))
        before = np.cumsum(sizes[shuffled]) - sizes[shuffled]
        is_test = np.isin(group, shuffled[before < n_test])
    elif n_test and labels is not None:
        for label in np.unique(labels):
            rows = rng.permutation(np.flatnonzero(labels == label))
            is_test[rows[: round(len(rows) * test_size)]] = True
    elif n_test:
        is_test[rng.permutation(n)[:n_test]] = True
    if is_test.all():
        what = "time" if order is not None else "group"
        raise DataError(
            f"too few different {what}s to hold out {test_size:.0%} of rows"
        )
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def make_folds(
    split: Split,
    n: int,
    labels: np.ndarray | None = None,
    classes: np.ndarray | None = None,
    group: np.ndarray | None = None,
    order: np.ndarray | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds of n training rows, each with every class, or with events.

    Parameters
    ----------
    split : Split
    n : int
    labels : ndarray of shape (n,), optional
        See `labels_of`.
    classes : ndarray, optional
        The labels are of these; without them they are events.
    group, order : ndarray of shape (n,), optional

    Returns
    -------
    list of (train, test)

    Raises
    ------
    DataError, ValueError
        Rows, groups or times are too few, or a fold lacks a class or events.
    """
    if order is not None:
        splits = time_splits(order, split.folds)
    elif group is not None:
        splits = kfold_splits(n, split.folds, groups=group, random_state=split.seed)
    else:
        splits = kfold_splits(n, split.folds, stratify=labels, random_state=split.seed)
    if labels is not None:
        for k, (part, held_out) in enumerate(splits, 1):
            where = f"the training rows of fold {k} of {len(splits)}"
            check_labels(labels[part], classes, where)
            if classes is None:
                where = f"the held-out rows of fold {k} of {len(splits)}"
                check_labels(labels[held_out], None, where)
    return splits
