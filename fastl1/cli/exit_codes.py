"""Exit codes of the command."""

from fastl1.exceptions import DataError, WorkflowError, WriteError

OK = 0
INTERNAL = 1
USAGE = 2
BAD_DATA = 3
CANNOT_WRITE = 4
NOT_CONVERGED = 5
INTERRUPTED = 130

HELP = """\b
Exit codes:
  0    done
  1    unexpected error in fastl1
  2    wrong use of the command line
  3    the input cannot be used (the message names file, column, row or line)
  4    the output cannot be written
  5    the solver stopped above --tol (the model is written, with its gap)
  130  interrupted (Ctrl-C); nothing is written
"""


def code_of(error: WorkflowError) -> int:
    """The exit code that an error ends the command with."""
    if isinstance(error, DataError):
        return BAD_DATA
    return CANNOT_WRITE if isinstance(error, WriteError) else INTERNAL
