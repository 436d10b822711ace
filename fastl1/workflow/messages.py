"""What the application tells its caller: events while it works, names of arguments.

Messages name arguments as the caller writes them: as keywords by default, as options
where the command line says so by `spelling`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from fastl1._public import public_in

WORKFLOW = "fastl1.workflow"


@public_in(WORKFLOW)
@dataclass(frozen=True)
class Event:
    """What `fastl1.workflow.fit` and `predict` report to `on_event` while they work.

    See Also
    --------
    StageStarted, StageFinished, FitDone, Note : the kinds of events.
    """


@public_in(WORKFLOW)
@dataclass(frozen=True)
class StageStarted(Event):
    """A stage of the work begins.

    Attributes
    ----------
    stage : str
        "read", "cross-validation", "fit", "ridge" or "write".
    """

    stage: str


@public_in(WORKFLOW)
@dataclass(frozen=True)
class StageFinished(Event):
    """A stage of the work is over.

    Attributes
    ----------
    stage : str
        As in `StageStarted`.
    seconds : float
        What it took.
    """

    stage: str
    seconds: float


@public_in(WORKFLOW)
@dataclass(frozen=True)
class FitDone(Event):
    """One of many fits is done.

    Attributes
    ----------
    what : str
        What they are for, in words.
    done, total : int
        How many are done, and how many there are.  The total shrinks when the grid ends
        early; a longer grid starts again from 1.
    alpha : float or None
        Penalty of this one.
    fold : int or None
        Its fold, from 0.
    """

    what: str
    done: int
    total: int
    alpha: float | None = None
    fold: int | None = None


@public_in(WORKFLOW)
@dataclass(frozen=True)
class Note(Event):
    """Something that was decided or found, which a careful reader wants to know.

    Attributes
    ----------
    text : str
        A sentence without its full stop.
    """

    text: str


OnEvent = Callable[[Event], object]


def silent(event: Event) -> None:
    """Receive an event for nobody."""


def counter(on_event: OnEvent, what: str) -> Callable[[int, dict[str, Any]], None]:
    """Callback of a path or a cross-validation that reports each fit as `FitDone`."""

    def done(count: int, info: dict[str, Any]) -> None:
        alpha, fold = info.get("alpha"), info.get("fold")
        on_event(FitDone(what, count, info["total"], alpha, fold))

    return done


class Clock:
    """Seconds per stage and in all; tells of stages as events."""

    def __init__(self, on_event: OnEvent):
        self.on_event = on_event
        self.start = time.perf_counter()
        self.stages: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        self.on_event(StageStarted(stage))
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[stage] = time.perf_counter() - start
            self.on_event(StageFinished(stage, self.stages[stage]))

    def seconds(self) -> dict[str, float]:
        """Rounded seconds by stage, with their total."""
        stages = {name: round(value, 4) for name, value in self.stages.items()}
        return {**stages, "total": round(time.perf_counter() - self.start, 4)}


# --- names of arguments ------------------------------------------------------------


class Slot(str):
    """What stands for a value that the caller is to give, such as NAME."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


# Parameters of a loss are given with the loss.
_IN_PYTHON = {"delta": "loss=fastl1.Huber(delta)"}


def _keyword(name: str, value: Any = None) -> str:
    name = _IN_PYTHON.get(name, name)
    return name if value is None else f"{name}={value!r}"


_SPELL: ContextVar[Callable[[str, Any], str]] = ContextVar("spell", default=_keyword)


def argument(name: str, value: Any = None) -> str:
    """An argument of `fit` or `predict`, perhaps with a value, as its caller writes it.

    Parameters
    ----------
    name : str
        The keyword.
    value : object, optional
        A value that is meant, or a `Slot`.
    """
    return _SPELL.get()(name, value)


@contextmanager
def spelling(spell: Callable[[str, Any], str]) -> Iterator[None]:
    """Let messages that are made in a ``with`` block name arguments by `spell`.

    Parameters
    ----------
    spell : callable
        From the keyword and a value, or None, to text.
    """
    token = _SPELL.set(spell)
    try:
        yield
    finally:
        _SPELL.reset(token)
