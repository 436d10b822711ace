"""What the caller decides: small values, each handed only where it is used.

A value that exists is sound: `OptionError` where one is out of range or contradicts
another.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from fastl1.exceptions import OptionError
from fastl1.loss.losses import LOSSES, Loss, as_loss
from fastl1.model.sparse_model import SparseModel
from fastl1.workflow.kinds import MEANS, PARAMETERS
from fastl1.workflow.messages import Slot, argument
from fastl1.workflow.source import Source


@dataclass(frozen=True)
class Roles:
    """Columns with a part of their own; None: there is no such column.

    Attributes
    ----------
    target : str or None
        To predict; for survival None.
    time, event, entry, strata : str or None
        Of survival.  Without `event`, `time` is another name of `order`.
    exposure, offset, weight : str or None
        Numbers of each row.
    group, order : str or None
        What the split into training and test respects.
    """

    target: str | None = None
    time: str | None = None
    event: str | None = None
    entry: str | None = None
    strata: str | None = None
    exposure: str | None = None
    offset: str | None = None
    weight: str | None = None
    group: str | None = None
    order: str | None = None

    @property
    def is_survival(self) -> bool:
        """Whether the target is the time to an event."""
        return self.event is not None

    @property
    def order_by(self) -> str | None:
        """Column that orders the rows."""
        return getattr(self, self.order_role)

    @property
    def order_role(self) -> str:
        """The role that `order_by` was given as: "order" or "time"."""
        return "order" if self.order or self.is_survival else "time"

    def given(self) -> dict[str, str]:
        """Columns by role, those that there are."""
        roles = dataclasses.asdict(self)
        return {role: name for role, name in roles.items() if name is not None}


@dataclass(frozen=True)
class Columns:
    """Which columns of a table become features, and how.

    Attributes
    ----------
    drop, categorical, hash : tuple of str
        Left out; numbers that are categories; text that is hashed.
    numeric : tuple of str
        Numbers that look like codes.
    drop_unusable : bool
        Whether what cannot be used as it is is left out too.
    """

    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    drop_unusable: bool = False


@dataclass(frozen=True)
class LossChoice:
    """What the target is, and the loss that it is fitted with.

    Attributes
    ----------
    task : {"auto", "regression", "classification"}
    loss : str or None
        None: by the target.
    power, delta, quantile, ties
        Parameters of losses; None: the default.
    positive : str or None
        Class whose probability is modelled; of the event column, what is the event.
    """

    task: str = "auto"
    loss: str | None = None
    power: float | None = None
    delta: float | None = None
    quantile: float | None = None
    ties: str | None = None
    positive: str | None = None

    @classmethod
    def of(cls, loss: str | Loss | None, **given: Any) -> "LossChoice":
        """The choice of a name, of a loss with its parameters, or of none.

        Raises
        ------
        ValueError, TypeError
            There is no such loss, or it is not one of fastl1.
        """
        if loss is None:
            return cls(**given)
        if isinstance(loss, Loss) and loss.own:
            raise OptionError(
                f"{argument('loss', loss)}: a loss of your own has no report; "
                f"fastl1.path fits it"
            )
        known = as_loss(loss)
        if not isinstance(loss, str):
            given |= {
                option: getattr(known, parameter)
                for option, (name, parameter) in PARAMETERS.items()
                if name == known.name
            }
        return cls(loss=known.name, **given)

    def __post_init__(self):
        _check_one_of("task", self.task, ("auto", "regression", "classification"))
        if self.loss is not None:
            self.make(self.loss)
            if self.task not in ("auto", LOSSES[self.loss]().task):
                raise OptionError(
                    f"{argument('loss', self.loss)} and {argument('task', self.task)} "
                    f"exclude each other"
                )

    def make(self, name: str) -> Loss:
        """The loss of that name, with the parameters that were given.

        Raises
        ------
        OptionError
            A parameter is out of range.
        """
        given = {
            parameter: getattr(self, option)
            for option, (loss, parameter) in PARAMETERS.items()
            if loss == name and getattr(self, option) is not None
        }
        try:
            return as_loss(LOSSES[name](**given))
        except ValueError as error:
            raise OptionError(f"{argument('loss', name)}: {error}") from None


@dataclass(frozen=True)
class Split:
    """How rows are split into training and test, and into folds.

    Attributes
    ----------
    test_size : float
        Share of the rows that are held out for the test; 0 for none.
    folds : int
        Of the cross-validation on the training rows.
    seed : int
        Of what is random.
    """

    test_size: float = 0.2
    folds: int = 5
    seed: int = 0

    def __post_init__(self):
        _check(0 <= self.test_size < 1, "test_size", self.test_size, "in [0, 1)")
        _check_whole("folds", self.folds, 2)
        _check_whole("random_state", self.seed, 0)


@dataclass(frozen=True)
class Search:
    """Where the penalty is looked for, and which one is taken.

    Attributes
    ----------
    rule : {"min", "1se"}
    l1_ratio : tuple of float
    n_alphas : int
    """

    rule: str = "min"
    l1_ratio: tuple[float, ...] = (1.0,)
    n_alphas: int = 100

    def __post_init__(self):
        _check_one_of("rule", self.rule, ("min", "1se"))
        fine = self.l1_ratio and all(0 < ratio <= 1 for ratio in self.l1_ratio)
        _check(fine, "l1_ratio", self.l1_ratio, "in (0, 1]")
        _check_whole("n_alphas", self.n_alphas, 2)


@dataclass(frozen=True)
class Solver:
    """How the chosen model is solved.

    Attributes
    ----------
    warm_start : str, path-like, SparseModel or None
        Model to start from.
    threads : int or None
        None: all cores.
    tol : float
        Relative duality gap.
    """

    warm_start: Any = None
    threads: int | None = None
    tol: float = 1e-6

    def __post_init__(self):
        _check(0 < self.tol <= 1, "tol", self.tol, "in (0, 1]")
        if self.threads is not None:
            _check_whole("n_threads", self.threads, 1)

    def to_dict(self) -> dict[str, Any]:
        """The options of a report."""
        start = self.warm_start
        if isinstance(start, SparseModel):
            start = "a SparseModel"
        start = None if start is None else str(start)
        return {"warm_start": start, "threads": self.threads, "tol": self.tol}


@dataclass(frozen=True)
class Plan:
    """All of a fit.

    Attributes
    ----------
    out : str or None
        Folder for the model and its report; None: they are not written.
    """

    source: Source
    roles: Roles = field(default_factory=Roles)
    columns: Columns = field(default_factory=Columns)
    loss: LossChoice = field(default_factory=LossChoice)
    split: Split = field(default_factory=Split)
    search: Search = field(default_factory=Search)
    solver: Solver = field(default_factory=Solver)
    out: str | None = None

    def __post_init__(self):
        _check_survival(self.roles, self.loss.loss, self.loss.task)
        loss = "cox" if self.roles.is_survival else self.loss.loss
        if self.roles.exposure is not None and loss not in MEANS:
            raise OptionError(
                f"{argument('exposure')} multiplies a mean: it goes with "
                f"{argument('loss', Slot(', '.join(MEANS[:-1])))} or {MEANS[-1]}"
                f"{but_not(loss)}"
            )
        if self.roles.offset is not None and loss and LOSSES[loss].by_class:
            raise OptionError(
                f"{argument('offset')} is one number a row, and "
                f"{argument('loss', loss)} has a linear predictor for each "
                f"class"
            )
        if self.roles.order_by and self.roles.group:
            raise OptionError(
                f"{argument('group')} and {argument(self.roles.order_role)} exclude "
                f"each other"
            )

    def to_dict(self) -> dict[str, Any]:
        """The options of a report, in one dict of JSON types."""
        parts = (self.roles, self.columns, self.loss, self.split, self.search)
        flat = {name: value for part in parts for name, value in vars(part).items()}
        options = {**self.source.to_dict(), **flat, **self.solver.to_dict()}
        options["out"] = self.out
        return {name: _plain(value) for name, value in options.items()}


def names_of(value: str | Iterable[str]) -> tuple[str, ...]:
    """Names of columns, or one name."""
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def label_text(label: Any) -> str | None:
    """A class or an event, as a file would write it."""
    if label is None:
        return None
    return str(label).lower() if isinstance(label, (bool, np.bool_)) else str(label)


def but_not(loss: str | None) -> str:
    """The end of a sentence on losses that something goes with."""
    return "" if loss is None else f", not with {loss}"


def _plain(value):
    """A value in JSON types."""
    if isinstance(value, tuple):
        return list(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _check_survival(roles, loss, task):
    time, event = argument("time"), argument("event")
    if not roles.is_survival:
        for name in ("entry", "strata"):
            if getattr(roles, name) is not None:
                raise OptionError(
                    f"{argument(name)} goes with {time} and {event} "
                    f"({argument('loss', 'cox')}){but_not(loss)}"
                )
        if roles.time and roles.order:
            raise OptionError(
                f"without {event}, {time} is another name of {argument('order')}: give "
                f"one of them"
            )
        if loss is not None and LOSSES[loss].survival:
            raise OptionError(
                f"{argument('loss', 'cox')} needs {argument('event', Slot('COL'))}: "
                f"whether the event was seen"
            )
        return
    if loss is not None and not LOSSES[loss].survival:
        raise OptionError(
            f"{event} goes with {argument('loss', 'cox')}, not with {loss}"
        )
    if task != "auto":
        raise OptionError(
            f"{argument('loss', 'cox')} and {argument('task', task)} exclude each other"
        )
    if roles.time is None:
        raise OptionError(
            f"{event} needs {argument('time', Slot('COL'))}: the time to the event, or "
            f"to the end of observation"
        )
    if roles.target is not None:
        raise OptionError(
            f"the target of a Cox model is {time} and {event}: leave "
            f"{argument('target')} out"
        )


def _check(fine, name, value, needed):
    if not fine:
        raise OptionError(f"{argument(name, value)}: must be {needed}")


def _check_whole(name, value, least):
    fine = isinstance(value, Integral) and value >= least
    _check(fine, name, value, f"a whole number, at least {least}")


def _check_one_of(name, value, known):
    if value not in known:
        raise OptionError(f"{argument(name, value)}: must be {' or '.join(known)}")
