"""Files that are written as a whole or not at all."""

import errno
import os


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes to a file so that it holds either all of them or its old content.

    Parameters
    ----------
    path : str or path-like
        File to write.  Devices and pipes are written to directly.
    data : bytes
        Its new content.

    Raises
    ------
    OSError
        Names `path` and the reason; nothing is left behind.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        aside = path
    else:
        folder, name = os.path.split(path)
        aside = os.path.join(folder, f".{name}.{os.urandom(4).hex()}.tmp")
    try:
        if os.path.isdir(path):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        with open(aside, "wb" if aside == path else "xb") as file:
            file.write(data)
            file.flush()
            if aside != path:
                os.fsync(file.fileno())
        if aside != path:
            os.replace(aside, path)
            _sync_directory(folder)
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror}", path) from None
    finally:
        if aside != path and os.path.exists(aside):
            os.unlink(aside)


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
