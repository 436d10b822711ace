"""Files that are written as a whole or not at all, alone or together."""

import contextlib
import errno
import os
import re
import stat
import time
from collections.abc import Mapping

STALE = 3600.0  # seconds after which an unfinished file is one of a process that died
SECRET = 0o600  # the mode of what only its owner may read


def write_atomic(
    path: str | os.PathLike[str], data: bytes, mode: int | None = None
) -> None:
    """Write bytes to a file so that it holds either all of them or its old content.

    Parameters
    ----------
    path : str or path-like
        File to write.  Devices and pipes are written to directly.
    data : bytes
        Its new content.
    mode : int, optional
        Permissions of the file.  By default those that it has, of a new file those
        that the process gives.

    Raises
    ------
    OSError
        Names `path` and the reason; nothing is left behind.
    """
    with _naming(path):
        path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        with _naming(path), open(path, "wb") as file:
            file.write(data)
        return
    folder, name = os.path.split(path)
    _write_all(folder, {name: data}, mode)


def write_together(folder: str | os.PathLike[str], files: Mapping[str, bytes]) -> None:
    """Write files of a folder so that they are those of one call, whenever it ends.

    All are written aside before any is renamed; the first is the one that the others
    tell of, and these are out of the way while it is replaced.  A process that is
    killed leaves all files of before, all new ones, or the first without some others:
    never files of two calls.  Symbolic links are replaced, not followed.

    Parameters
    ----------
    folder : str or path-like
        A folder that exists.
    files : mapping of str to bytes
        Content by name.

    Raises
    ------
    OSError
        Names a file and the reason; the files are as they were.
    """
    _write_all(os.fspath(folder), files, None)


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Raise the OSError that writing a file to a folder would raise."""
    aside = _aside(os.fspath(folder), "check")
    with _naming(folder):
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET))
        os.unlink(aside)


def _write_all(folder, files, mode):
    made: list[str] = []  # what is deleted in the end, whatever happens
    try:
        staged = [
            (_stage(folder, name, data, mode, made), os.path.join(folder, name))
            for name, data in files.items()
        ]
        hidden = []
        for _, path in staged[1:]:
            if os.path.lexists(path):
                old = _aside(folder, os.path.basename(path))
                with _naming(path):
                    os.rename(path, old)
                hidden.append((old, path))
        try:
            for k, (aside, path) in enumerate(staged):
                with _naming(path):
                    os.replace(aside, path)
                if not k:
                    # from here on they tell of a file that is gone
                    made += [old for old, _ in hidden]
                    hidden = []
        finally:
            for old, path in hidden:
                os.rename(old, path)
        _sync_directory(folder)
    finally:
        for path in made:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _stage(folder, name, data, mode, made):
    """The content in a file beside its place, with the permissions it is to have."""
    path = os.path.join(folder, name)
    with _naming(path):
        if os.path.isdir(path):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        _remove_stale(folder, name)
        if mode is None and os.path.isfile(path) and not os.path.islink(path):
            mode = stat.S_IMODE(os.stat(path).st_mode)
        aside = _aside(folder, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(aside, flags, 0o666 if mode is None else SECRET)
        made.append(aside)
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            if mode is not None:
                os.chmod(aside, mode)
            os.fsync(handle)
    return aside


def _aside(folder, name):
    return os.path.join(folder, f".{name}.{os.urandom(4).hex()}.tmp")


def _remove_stale(folder, name):
    """Delete what processes that were killed have left of this file."""
    left = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{8}}\.tmp")
    with os.scandir(folder or ".") as entries:
        for entry in entries:
            if left.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                    if age > STALE:
                        os.unlink(entry.path)


@contextlib.contextmanager
def _naming(path):
    """Errors of the system as errors of writing a file."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write: {error.strerror}", os.fspath(path)
        ) from None
    except UnicodeEncodeError:
        reason = "cannot write: the name is no Unicode"
        raise OSError(errno.EINVAL, reason, os.fspath(path)) from None


def _sync_directory(folder):
    """Make a rename durable, where the system lets a directory be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems refuse it; the rename itself has succeeded
    finally:
        os.close(handle)
