"""Warnings and exceptions that fastl1 adds to Python's own."""

from typing import Any

from fastl1._public import public


@public
class ConvergenceWarning(UserWarning):
    """The solver stopped at `max_iter` before its duality gap reached `tol`."""


@public
class FitInterrupted(KeyboardInterrupt):
    """Ctrl-C during a fit.

    Being a `KeyboardInterrupt`, it passes through ``except Exception`` and ends a
    script as Ctrl-C does unless it is caught.

    Attributes
    ----------
    result : object or None
        What was finished before the interruption: a `PathResult` with the alphas done,
        or None when there is nothing.
    """

    def __init__(
        self, message: str = "the fit was interrupted", result: Any = None
    ) -> None:
        super().__init__(message)
        self.result = result

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self.args, self.result)


@public
class ModelFileError(ValueError):
    """A model file that is truncated, altered, malformed or of a later fastl1."""


class WorkflowError(Exception):
    """Something that ends the work on a file; the message says what and where."""


class DataError(WorkflowError, ValueError):
    """The input cannot be used; the message names file and place."""


class WriteError(WorkflowError):
    """The output cannot be written."""


class OptionError(WorkflowError, ValueError):
    """Options that exclude each other, or one that needs another."""
