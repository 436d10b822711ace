"""What can go wrong, as exit codes."""

OK = 0
INTERNAL = 1
USAGE = 2
BAD_DATA = 3
CANNOT_WRITE = 4
NOT_CONVERGED = 5
INTERRUPTED = 130


class CommandError(Exception):
    """An error that ends the command with a message and an exit code."""

    code = INTERNAL


class DataError(CommandError):
    """The input cannot be used; the message names file and place."""

    code = BAD_DATA


class WriteError(CommandError):
    """The output cannot be written."""

    code = CANNOT_WRITE
