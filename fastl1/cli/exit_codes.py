"""Exit codes of the command."""

from fastl1.exceptions import DataError, WorkflowError, WriteError

OK = 0
INTERNAL = 1
USAGE = 2
BAD_DATA = 3
CANNOT_WRITE = 4
NOT_CONVERGED = 5
INTERRUPTED = 130


def code_of(error: WorkflowError) -> int:
    """The exit code that an error ends the command with."""
    if isinstance(error, DataError):
        return BAD_DATA
    return CANNOT_WRITE if isinstance(error, WriteError) else INTERNAL
