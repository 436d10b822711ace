"""Files that come from outside: what they are and how long, before they are read."""

import errno
import os
import stat
from typing import BinaryIO

PIPE_LIMIT = 1 << 28  # bytes that are read of what does not tell its length


def check_kind(path: str | os.PathLike[str]) -> None:
    """Refuse what is no file and no pipe.

    Raises
    ------
    OSError
        A device or a folder, or there is nothing.
    """
    try:
        mode = os.stat(path).st_mode
    except UnicodeEncodeError:
        raise FileNotFoundError(
            errno.ENOENT, "no file has a name that is no Unicode", os.fspath(path)
        ) from None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(
            errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path)
        )
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        reason = "this is a device; a file or a pipe is expected"
        raise OSError(errno.EINVAL, reason, os.fspath(path))


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """A file or a pipe, open for reading; raises as `check_kind`."""
    check_kind(path)  # to open a device may do something already
    return open(path, "rb")


def length(file: BinaryIO) -> int | None:
    """Bytes of an open file; None of a pipe."""
    told = os.fstat(file.fileno())
    return told.st_size if stat.S_ISREG(told.st_mode) else None


def read_rest(file: BinaryIO, limit: int, what: str) -> bytes:
    """What is left of a file, unless that is more than `limit` bytes.

    Parameters
    ----------
    file : BinaryIO
        As `open_file` returns it.
    limit : int
        The most that is read, however long the file is.
    what : str
        What it should be, for the message.

    Raises
    ------
    OSError
        It is longer.
    """
    size = length(file)
    if size is None or size <= limit:
        data = file.read(limit + 1)
        if len(data) <= limit:
            return data
    told = "more" if size is None else f"{size:,}"
    raise OSError(
        errno.EFBIG, f"too long for {what}: {told} bytes, at most {limit:,} are read"
    )


def read_bounded(path: str | os.PathLike[str], limit: int, what: str) -> bytes:
    """The content of a file of at most `limit` bytes; raises as the functions above."""
    with open_file(path) as file:
        return read_rest(file, limit, what)
