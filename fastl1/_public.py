"""The module that public classes and functions name as their own."""

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def public(thing: T) -> T:
    """Decorate a public class or function: its ``__module__`` is ``"fastl1"``.

    Pickles, reprs and tracebacks then say ``fastl1.Lasso``, which stays, and not the
    module of today.  A compiled class cannot be decorated.

    Parameters
    ----------
    thing : class or function

    Returns
    -------
    The same.
    """
    return public_in("fastl1")(thing)


def public_in(door: str) -> Callable[[T], T]:
    """Decorator as `public`, for what a room of that name exports."""

    def decorate(thing: T) -> T:
        thing.__module__ = door
        # Since Python 3.13 a class knows its line; inspect would take that line of
        # the door's own file for the source, and says without it that it finds none.
        if isinstance(thing, type) and "__firstlineno__" in vars(thing):
            delattr(thing, "__firstlineno__")
        return thing

    return decorate
