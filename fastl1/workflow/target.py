"""What is to be predicted, and what else is known of a row, from their columns.

Every function takes raw columns and names the column and the data row of what it
refuses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastl1._runtime import MAX_ABS
from fastl1.data.convention import PLAIN
from fastl1.data.kinds import numbers
from fastl1.data.learn import large_labels
from fastl1.data.table import Raw, parse_number
from fastl1.exceptions import DataError
from fastl1.loss.losses import LOSSES, Loss
from fastl1.workflow.messages import Slot, argument
from fastl1.workflow.settings import LossChoice, Roles, label_text

SHOWN = 6  # labels that a message lists


@dataclass
class Target:
    """The target of all rows, NaN where it is not known.

    y has shape (n,): numbers, or for labels their place in `classes`; for survival it
    has the columns event, time and perhaps entry.
    """

    y: np.ndarray
    loss: Loss
    classes: np.ndarray | None = None
    event: str | None = None  # the label that stands for an event
    notes: list[str] = field(default_factory=list)

    @property
    def known(self) -> np.ndarray:
        """Rows with a target."""
        y = self.y if self.y.ndim == 1 else self.y[:, :2].sum(axis=1)
        return np.flatnonzero(~np.isnan(y))


def find_target(
    roles: Roles, choice: LossChoice, name: str, pick: Callable[[str], Raw]
) -> Target:
    """The target of a fit, and the loss that it is to be fitted with.

    Parameters
    ----------
    roles : Roles
    choice : LossChoice
    name : str
        The column of the target; for survival the times.
    pick : callable
        From the name of a column to its `Raw`.

    Returns
    -------
    Target

    Raises
    ------
    DataError
    """
    if roles.is_survival:
        return _survival(roles, choice, pick)
    raw = pick(name)
    task = choice.task if choice.loss is None else LOSSES[choice.loss]().task
    if raw.kind in ("date", "other"):
        raise DataError(f"the target {raw.name!r} holds {raw.type}")
    values, labels = _target_values(raw, task)
    if task == "regression" or (task == "auto" and labels is None):
        return _numbers(raw.name, values, task, choice)
    return _labels(raw.name, values, labels, choice)


def _numbers(name, values, task, choice):
    if choice.positive is not None:
        raise DataError(
            f"{argument('positive')} names a class, but this is a regression"
        )
    bad = np.abs(values) > MAX_ABS
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(
            f"the target {name!r} is {values[row]:g} in data row {row + 1}; "
            f"numbers below {MAX_ABS:g} are expected"
        )
    seen = values[~np.isnan(values)]
    if len(seen) and seen.min() == seen.max():
        raise DataError(f"the target {name!r} is constant ({seen[0]:g})")
    target = Target(values, choice.make(choice.loss or "squared"))
    _check_range(target.loss, name, values)
    few = np.unique(seen)
    if task == "auto" and len(few) <= 10 and (few == np.floor(few)).all():
        target.notes.append(
            f"the target has {len(few)} different values; treated as a number "
            f"(as classes with {argument('task', 'classification')})"
        )
    return target


def _check_range(loss, name, values):
    """Refuse numbers that a loss is not defined for, by the row they are in."""
    known = np.flatnonzero(~np.isnan(values))
    try:
        loss.check_values(values[known])
        return
    except ValueError as error:
        words = str(error)
    for row in known.tolist():
        try:
            loss.check_values(np.array([values[row], 1.0]))
        except ValueError:
            needs = words.partition(", but ")[0]
            raise DataError(
                f"the target {name!r} is {values[row]:g} in data row {row + 1}; {needs}"
            ) from None
    raise DataError(f"the target {name!r}: {words}")


def _labels(name, values, labels, choice):
    if len(labels) < 2:
        only = repr(labels[0]) if len(labels) else "nothing"
        raise DataError(
            f"the target {name!r} has one class only ({only}); two are needed"
        )
    loss = choice.loss or ("logistic" if len(labels) == 2 else "multinomial")
    by_class = LOSSES[loss].by_class
    shown = _listed(labels)
    if len(labels) > 2 and not by_class:
        raise DataError(
            f"the target {name!r} has {len(labels)} classes ({shown}); "
            f"{argument('loss', loss)} is of two, {argument('loss', 'multinomial')} of "
            f"any number"
        )
    counts = np.bincount(values[~np.isnan(values)].astype(np.intp))
    alone = np.flatnonzero(counts < 2)
    if by_class and len(alone):
        raise DataError(
            f"the target {name!r} has {len(labels)} classes ({shown}), "
            f"{len(alone)} of them with a single row, such as {labels[alone[0]]!r}; "
            f"two rows of each are needed"
        )
    classes = np.array(labels)
    if isinstance(labels[0], int) and classes.dtype.kind not in "biu":
        classes = np.array([str(label) for label in labels])  # beyond 64 bits
    if choice.positive is not None:
        if len(labels) > 2:
            raise DataError(
                f"{argument('positive')} names one of two classes; {name!r} has "
                f"{len(labels)}"
            )
        texts = [label_text(label) for label in labels]
        if choice.positive not in (*texts, *map(str, labels)):
            raise DataError(
                f"{argument('positive', choice.positive)}: the classes are {texts[0]} "
                f"and {texts[1]}"
            )
        if choice.positive in (texts[0], str(labels[0])):
            classes = classes[::-1].copy()
            values = 1 - values
    return Target(values, choice.make(loss), classes)


def _target_values(raw, task):
    """Values and None for numbers; values 0, 1, … and the labels for classes."""
    if raw.kind == "text":
        convention = raw.convention or PLAIN
        parsed = [parse_number(label, convention) for label in raw.labels]
        wrong = np.array([value is None for value in parsed], bool)
        if all(value is None or value != value for value in parsed):
            wrong[:] = True  # texts such as NA only, which are no numbers
        if wrong.any():
            is_wrong = np.append(wrong, False)[raw.codes]
            mostly = len(raw.labels) > 2 and is_wrong.mean() < 0.5
            if task == "regression" or (task == "auto" and mostly):
                row = int(np.argmax(is_wrong))
                raise DataError(
                    f"the target {raw.name!r} must be a number, but in "
                    f"{np.count_nonzero(is_wrong)} of {len(raw)} rows it is not; the "
                    f"first is data row {row + 1}: {raw.labels[raw.codes[row]]!r}"
                )
            _refuse_eaten(raw)
            order = np.argsort(raw.labels)
            rank = np.append(np.argsort(order), np.nan)
            return rank[raw.codes], [raw.labels[k] for k in order]
        values = numbers(raw)
        exact = large_labels(raw, values)
        raw = Raw(raw.name, "number", "numbers", values=values, exact=exact)
    values = raw.values
    if task == "regression":
        return values, None
    cells = values if raw.exact is None else raw.exact
    distinct = np.unique(cells[~np.isnan(values)])
    if task == "auto" and raw.kind == "number" and len(distinct) != 2:
        return values, None
    if raw.kind == "boolean":
        labels = [bool(value) for value in distinct]
    elif raw.exact is not None or (distinct == np.floor(distinct)).all():
        labels = [int(value) for value in distinct]
    else:
        labels = distinct.tolist()
    codes = np.searchsorted(distinct, cells).astype(np.float64)
    codes[np.isnan(values)] = np.nan
    return codes, labels


def _refuse_eaten(raw):
    """Refuse classes with a text among them that stands for missing by default."""
    if raw.eaten is None:
        return
    texts, places = raw.eaten
    for k, text in enumerate(texts):
        rows = np.flatnonzero(places == k)
        if len(rows):
            raise DataError(
                f"the target {raw.name!r} is {text!r} in {len(rows)} rows, of which "
                f"data row {rows[0] + 1} is the first; that stands for a missing "
                f"value: {argument('na', '')} keeps it as a class, "
                f"{argument('na', text)} leaves such rows out"
            )


# --- survival ----------------------------------------------------------------------


def _survival(roles, choice, pick):
    time = _real(pick(roles.time), "time")
    notes = []
    event, label = read_event(pick(roles.event), choice.positive, notes)
    columns = [event, time]
    known = ~np.isnan(event) & ~np.isnan(time)
    if roles.entry is not None:
        entry = _real(pick(roles.entry), "entry")
        _refuse("entry", roles.entry, entry, known & np.isnan(entry))
        late = known & (entry >= time)
        if late.any():
            row = int(np.argmax(late))
            raise DataError(
                f"{argument('entry')}: {roles.entry!r} is {entry[row]:g} in data row "
                f"{row + 1}, where {roles.time!r} is {time[row]:g}; it must be earlier "
                f"(leave such rows out)"
            )
        columns.append(entry)
    if known.any() and not event[known].any():
        raise DataError(f"{argument('event')}: no row of {roles.event!r} has an event")
    y = np.column_stack(columns)
    return Target(y, choice.make("cox"), event=label, notes=notes)


def read_event(
    raw: Raw, label: str | None = None, notes: list[str] | None = None
) -> tuple[np.ndarray, str | None]:
    """Whether the event was seen: 1, 0, or NaN where it is not known.

    Parameters
    ----------
    raw : Raw
    label : str, optional
        What stands for an event; all else is censored.  Without it the column must hold
        0 and 1, or true and false.
    notes : list, optional
        Gets a sentence if there are more than two values.

    Returns
    -------
    event : ndarray (n,)
    label : str or None

    Raises
    ------
    DataError
    """
    if label is None and raw.kind == "boolean":
        return raw.values, None
    try:
        text = raw.as_text()
    except ValueError as error:
        raise DataError(f"{argument('event')}: {error}") from None
    there = [text.labels[k] for k in np.unique(text.codes[text.codes >= 0])]
    if label is None:
        if not set(there) <= {"0", "1"}:
            raise DataError(
                f"{argument('event')}: {raw.name!r} holds {_listed(there)}; give the "
                f"one that is the event as {argument('positive', Slot('LABEL'))} (0 "
                f"and 1, or true and false, need none)"
            )
        label = "1"
    elif label not in there:
        given = argument("positive", label)
        raise DataError(f"{given}: {raw.name!r} holds {_listed(there)}")
    if notes is not None and len(there) > 2:
        notes.append(
            f"{raw.name!r} has {len(there)} values; rows with others than {label!r} "
            f"count as censored"
        )
    known = [np.nan if name not in there else name == label for name in text.labels]
    return np.array([*known, np.nan], np.float64)[text.codes], label


# --- other columns of a row --------------------------------------------------------


def weights(raw: Raw, used: np.ndarray) -> np.ndarray:
    """Row weights: not negative, not all 0."""
    values = _real(raw, "weight", used)
    bad = ~(values >= 0)
    _refuse("weight", raw.name, values, bad, "must be finite and not negative", used)
    if not values.any():
        raise DataError(f"{argument('weight')}: all of {raw.name!r} is 0")
    return values


def offsets(raw: Raw, used: np.ndarray, role: str = "offset") -> np.ndarray:
    """Known parts of the linear predictor."""
    values = _real(raw, role, used)
    _refuse(role, raw.name, values, np.isnan(values), used=used)
    return values


def exposures(raw: Raw, used: np.ndarray) -> np.ndarray:
    """What a mean is multiplied with: numbers above 0."""
    values = offsets(raw, used, "exposure")
    why = "must be above 0 (leave such rows out)"
    _refuse("exposure", raw.name, values, values <= 0, why, used)
    return values


def codes(raw: Raw, used: np.ndarray, role: str) -> np.ndarray:
    """Numbers of groups or strata, none of them missing."""
    if raw.values is None and raw.kind != "text":
        raise DataError(f"{argument(role)}: column {raw.name!r} holds {raw.type}")
    found = raw.as_text().codes[used]
    _refuse(role, raw.name, found, found < 0, used=used)
    return found


def _real(raw, role, used=None):
    """Numbers of all or some rows, NaN where they are missing."""
    try:
        values = numbers(raw) if used is None else numbers(raw)[used]
    except ValueError as error:
        raise DataError(f"{argument(role)}: {error}") from None
    why = f"must be below {MAX_ABS:g} in size"
    _refuse(role, raw.name, values, np.abs(values) > MAX_ABS, why, used)
    return values


def _refuse(role, name, values, bad, why=None, used=None):
    """Name the first bad row; without a reason it is missing there."""
    if bad.any():
        i = int(np.argmax(bad))
        row = (i if used is None else int(used[i])) + 1
        found = "missing" if why is None or np.isnan(values[i]) else f"{values[i]:g}"
        because = "" if why is None else f"; it {why}"
        where = f"in data row {row}{because}"
        raise DataError(f"{argument(role)}: {name!r} is {found} {where}")


def _listed(labels):
    shown = ", ".join(map(repr, labels[:SHOWN]))
    return shown + (", …" if len(labels) > SHOWN else "")
