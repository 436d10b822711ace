"""Times of survival: what the Cox loss takes as y, and who is at risk when."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Array = np.ndarray

_FORMS = (
    "loss='cox' needs y as a structured array (event, time[, entry]) or as 2 or 3 "
    "columns in that order"
)


@dataclass(frozen=True, eq=False)
class Survival:
    """Rows with a time to an event or to the end of observation.

    Attributes
    ----------
    event : ndarray (n,), bool
    time : ndarray (n,), float64
    entry : ndarray (n,), float64, or None
        When observation began; the row is at risk in (entry, time].
    strata : ndarray (n,), int, or None
        Rows compare with rows of their own stratum only.
    """

    event: Array
    time: Array
    entry: Array | None = None
    strata: Array | None = None

    def take(self, rows: Array) -> "Survival":
        """Some of the rows."""
        parts = (self.event, self.time, self.entry, self.strata)
        return Survival(*(None if part is None else part[rows] for part in parts))

    def risk_sets(self, weight: Array | None) -> dict[str, Array]:
        """Groups of deaths of positive weight, as `fl1_cox` in csrc/fl1_ops.h has
        them."""
        n = len(self.time)
        code = np.zeros(n, np.intp) if self.strata is None else self.strata
        dead = self.event if weight is None else self.event & (weight > 0)
        rows = np.flatnonzero(dead)
        rows = rows[np.lexsort((-self.time[rows], code[rows]))]
        new = np.ones(len(rows), bool)
        new[1:] = (np.diff(self.time[rows]) != 0) | (np.diff(code[rows]) != 0)
        start = np.append(np.flatnonzero(new), len(rows))
        head = rows[start[:-1]]
        opens = np.ones(len(head), np.intp)
        opens[1:] = np.diff(code[head]) != 0
        first, last = np.zeros(n, np.intp), np.zeros(n, np.intp)
        early = np.zeros(n, bool)
        for stratum in np.unique(code):
            own = code == stratum
            low, high = np.searchsorted(code[head], [stratum, stratum + 1])
            falling = -self.time[head[low:high]]
            first[own] = low + np.searchsorted(falling, -self.time[own])
            last[own] = high
            if self.entry is not None:
                last[own] = low + np.searchsorted(falling, -self.entry[own])
                early[own] = (first[own] < last[own]) & (last[own] < high)
        leavers = np.flatnonzero(early)
        size = len(head) + 1
        return {
            "first": np.where(early | (first >= last), len(head), first),
            "start": start.astype(np.intp),
            "deaths": rows.astype(np.intp),
            "group": np.repeat(np.arange(len(head)), np.diff(start)).astype(np.intp),
            "opens": opens,
            "early": leavers.astype(np.intp),
            "early_from": first[leavers],
            "early_to": last[leavers],
            "work": np.empty(4 * n + 15 * size),
            "scratch": np.empty(4 * size),
        }


def _columns(y: Any) -> list[Array]:
    """Event, time and perhaps entry, in whatever dtype."""
    if hasattr(y, "columns"):  # a frame: as an array its columns would share a dtype
        fields = {str(name): np.asarray(y[name]) for name in y.columns}
    else:
        values = np.asarray(y)
        if values.dtype.names is None:
            if values.ndim != 2 or values.shape[1] not in (2, 3):
                raise ValueError(f"{_FORMS}; got shape {values.shape}")
            return list(values.T)
        fields = {name: values[name] for name in values.dtype.names}
    kinds = [part.dtype.kind for part in fields.values()]
    if len(kinds) not in (2, 3) or kinds.count("b") > 1:
        raise ValueError(f"{_FORMS}; its fields are {', '.join(fields)}")
    # a field of booleans is the event, wherever it stands
    return sorted(fields.values(), key=lambda part: part.dtype.kind != "b")


def check_survival(
    y: Any, n: int, strata: ArrayLike | None, *, need_event: bool = True
) -> Survival:
    """y and strata of a Cox model; rows to be judged may do without an event.

    Raises
    ------
    ValueError, TypeError
        Naming the row of the first offender.
    """
    parts = _columns(y)
    for part in parts:
        if part.dtype.kind not in "fiub":
            raise TypeError(
                f"y has a column of dtype {part.dtype}; it must hold numbers"
            )
    if len(parts[0]) != n:
        raise ValueError(f"y has {len(parts[0])} rows, X has {n}")
    event, *times = (np.ascontiguousarray(part, dtype=np.float64) for part in parts)
    for name, values in zip(("event", "time", "entry"), (event, *times), strict=False):
        bad = ~np.isfinite(values)
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"{name} in y is {values[i]} at row {i}")
    bad = (event != 0) & (event != 1)
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(
            f"event in y must be 0 or 1, but is {event[i]:g} at row {i}; {_FORMS}"
        )
    if need_event and not event.any():
        raise ValueError("y holds no event at all: loss='cox' needs one")
    if len(times) == 2:
        bad = times[1] >= times[0]
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(
                f"entry must be before time, but is {times[1][i]:g} where time is "
                f"{times[0][i]:g}, at row {i}"
            )
    codes = None
    if strata is not None:
        labels = np.asarray(strata)
        if labels.shape != (n,):
            raise ValueError(
                f"strata has shape {labels.shape}, one per row makes ({n},)"
            )
        missing = np.asarray(labels != labels)  # NaN alone differs from itself
        if missing.any():
            raise ValueError(f"strata is NaN at row {int(missing.argmax())}")
        codes = np.unique(labels, return_inverse=True)[1].astype(np.intp)
    return Survival(event == 1, times[0], times[1] if len(times) == 2 else None, codes)
