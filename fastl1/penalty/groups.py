"""Groups of columns, by labels or by lists: every column belongs to exactly one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, slots=True)
class Groups:
    """The groups of p columns.

    Attributes
    ----------
    number : ndarray (p,), intp
        Of each column's group, from 0 on.
    names : list
        The label of each group, or its place in the list of groups.
    """

    number: np.ndarray
    names: list[Any]

    @property
    def sizes(self) -> np.ndarray:
        """(n_groups,): how many columns each has."""
        return np.bincount(self.number, minlength=len(self.names))


def are_lists(groups: Any) -> bool:
    """Whether groups are lists of columns, not a label a column.

    Raises
    ------
    TypeError, ValueError
        They are neither, or empty.
    """
    if isinstance(groups, str | bytes) or not isinstance(groups, Iterable):
        raise TypeError(
            "groups must have a label for every column, or list the columns of each "
            f"group; got {groups!r}"
        )
    shape = getattr(groups, "shape", (0,))
    if len(shape) > 1:
        raise ValueError(f"groups has shape {shape}; labels have one dimension")
    first = next(iter(groups), None)
    if first is None:
        raise ValueError("groups is empty")
    return isinstance(first, Iterable) and not isinstance(first, str | bytes)


def resolve_groups(groups: Any, p: int, feature_names: Sequence[str] | None) -> Groups:
    """Groups of p columns, from what a user gives as such.

    Parameters
    ----------
    groups : array-like of shape (p,), or list of lists
        Labels, or the columns of each group by index or by name.
    p : int
    feature_names : list of str or None

    Raises
    ------
    ValueError, TypeError
        A column is in no group or in two, is unknown or out of range; a group is empty.
    """
    if are_lists(groups):
        return _by_lists(list(groups), p, feature_names)
    labels = np.asarray(groups.to_numpy() if hasattr(groups, "to_numpy") else groups)
    if len(labels) != p:
        raise ValueError(f"groups has {len(labels)} labels, X has {p} columns")
    missing = [j for j, label in enumerate(labels.tolist()) if label in (None, "")]
    missing += np.flatnonzero(labels != labels).tolist()
    if missing:
        raise ValueError(
            f"groups has no label for {_column(min(missing), feature_names)}; "
            "a column by itself is a group of one"
        )
    if len({isinstance(label, str) for label in groups}) > 1:
        raise TypeError("groups mixes words and numbers as labels")
    names, number = np.unique(labels, return_inverse=True)
    return Groups(number.astype(np.intp).ravel(), names.tolist())


def _column(j: int, feature_names: Sequence[str] | None) -> str:
    return f"column {j}" + (f" ({feature_names[j]!r})" if feature_names else "")


def _by_lists(groups: list[Any], p: int, feature_names: Sequence[str] | None) -> Groups:
    number = np.full(p, -1, dtype=np.intp)
    place = {name: j for j, name in enumerate(feature_names or ())}
    for g, columns in enumerate(groups):
        if isinstance(columns, str | bytes) or not isinstance(columns, Iterable):
            raise TypeError(
                f"group {g} must list its columns, as the first group does; got "
                f"{columns!r}"
            )
        columns = list(columns)
        if not columns:
            raise ValueError(f"group {g} is empty")
        for column in columns:
            j = _index(column, g, p, place)
            if number[j] >= 0:
                where = "twice in" if number[j] == g else f"in group {number[j]} and in"
                raise ValueError(
                    f"{_column(j, feature_names)} is {where} group {g}; groups must "
                    "not overlap"
                )
            number[j] = g
    left = np.flatnonzero(number < 0)
    if len(left):
        raise ValueError(
            f"{_column(int(left[0]), feature_names)} is in no group "
            f"({len(left)} of {p} columns are not); a column by itself is a group of "
            "one, and a group of weight 0 is not penalized"
        )
    return Groups(number, list(range(len(groups))))


def _index(column: Any, g: int, p: int, place: dict[str, int]) -> int:
    if isinstance(column, str):
        if not place:
            raise ValueError(
                f"group {g} names the column {column!r}, but the columns of X have no "
                "names; list their indices, or pass a frame"
            )
        if column not in place:
            raise ValueError(f"group {g} has the column {column!r}, which X has not")
        return place[column]
    if not isinstance(column, Integral) or isinstance(column, bool | np.bool_):
        raise TypeError(
            f"group {g} must list indices or names of columns, got {column!r}"
        )
    if not 0 <= int(column) < p:
        raise ValueError(f"group {g} has the column {column}, X has {p} columns")
    return int(column)
