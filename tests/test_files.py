"""Files that are written whole or not at all, and files that are looked at before."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time

import pytest

from fastl1 import _atomic
from fastl1._atomic import SECRET, check_writable, write_atomic, write_together
from fastl1._incoming import read_bounded

OLD = {"model": b"old model", "report": b"old report"}
NEW = {"model": b"new model", "report": b"new report"}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")


def content(folder):
    """What is in a folder, but for what is not finished."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if not path.name.endswith(".tmp")
    }


# --- writing -----------------------------------------------------------------------

KILL = """
import os, sys
from fastl1 import _atomic

left = int(sys.argv[2])

def counted(call):
    def killed(*given, **named):
        global left
        if not left:
            os._exit(9)
        left -= 1
        return call(*given, **named)
    return killed

for name in ("open", "fsync", "rename", "replace", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
_atomic.write_together(sys.argv[1], {"model": b"new model", "report": b"new report"})
os._exit(left and 1)
"""


def test_a_kill_at_any_step_leaves_no_pair_of_two_fits(tmp_path):
    step, seen = 0, []
    while True:
        folder = tmp_path / str(step)
        folder.mkdir()
        write_together(folder, OLD)
        done = subprocess.run([sys.executable, "-c", KILL, folder, str(step)])
        found = content(folder)
        if done.returncode != 9:
            break
        alone = {"model": OLD["model"]}, {"model": NEW["model"]}
        assert found in (OLD, NEW, *alone), step
        seen.append(found)
        # a later write finishes, and removes what was left an hour ago
        for path in folder.glob(".*.tmp"):
            os.utime(path, (time.time() - 4000,) * 2)
        write_together(folder, NEW)
        assert sorted(os.listdir(folder)) == ["model", "report"]
        assert content(folder) == NEW
        step += 1
    assert done.returncode in (0, 1)
    assert found == NEW
    assert step > 8
    assert OLD in seen
    assert {"model": NEW["model"]} in seen


@pytest.mark.parametrize("call", ["fsync", "open", "rename", "replace"])
def test_a_full_disk_changes_nothing(tmp_path, monkeypatch, call):
    write_together(tmp_path, OLD)
    real = getattr(os, call)
    for fails_at in range(3):
        calls = []

        def full(*given, calls=calls, fails_at=fails_at):
            calls.append(given)
            if len(calls) == fails_at + 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), given[0])
            return real(*given)

        monkeypatch.setattr(os, call, full)
        told = []
        try:
            write_together(tmp_path, NEW)
        except OSError as error:
            told.append(str(error))
        monkeypatch.undo()
        assert all("cannot write: No space" in text for text in told)
        found = content(tmp_path)
        # once the model is there, its report may be missing, but is none of another
        assert found in (OLD, NEW, {"model": NEW["model"]})
        assert sorted(os.listdir(tmp_path)) == sorted(found)
        write_together(tmp_path, OLD)


def test_modes_stay(tmp_path):
    path = tmp_path / "model"
    write_atomic(path, b"1")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.chmod(0o600)
    write_atomic(path, b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_together(tmp_path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    write_atomic(path, b"3", SECRET)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"3"


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_links_in_a_folder_are_replaced(tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"of somebody else")
    folder = tmp_path / "out"
    folder.mkdir()
    for name in NEW:
        (folder / name).symlink_to(other)
    write_together(folder, NEW)
    assert other.read_bytes() == b"of somebody else"
    assert content(folder) == NEW


def test_the_check_touches_nothing(tmp_path):
    (tmp_path / ".writable").write_bytes(b"mine")
    check_writable(tmp_path)
    assert os.listdir(tmp_path) == [".writable"]
    with pytest.raises(OSError, match="cannot write: No such file"):
        check_writable(tmp_path / "absent")


def test_files_that_are_being_written_are_left_alone(tmp_path):
    fresh = tmp_path / ".model.0123abcd.tmp"
    fresh.write_bytes(b"of another process")
    users = tmp_path / ".model.notes.tmp"
    users.write_bytes(b"mine")
    os.utime(users, (0, 0))
    write_atomic(tmp_path / "model", b"1")
    assert sorted(os.listdir(tmp_path)) == sorted([fresh.name, users.name, "model"])
    os.utime(fresh, (0, 0))
    write_atomic(tmp_path / "model", b"2")
    assert sorted(os.listdir(tmp_path)) == sorted([users.name, "model"])
    assert _atomic.STALE >= 60


def test_names_that_no_file_can_have(tmp_path):
    name = str(tmp_path / "a\ud800")
    with pytest.raises(OSError, match="cannot write: the name is no Unicode"):
        write_atomic(name, b"1")
    with pytest.raises(FileNotFoundError, match="no file has a name that is no Uni"):
        read_bounded(name, 1, "a key")


# --- reading -----------------------------------------------------------------------


def test_reads_files_and_pipes_up_to_a_limit(tmp_path):
    path = tmp_path / "key"
    path.write_bytes(b"x" * 10)
    assert read_bounded(path, 10, "a key") == b"x" * 10
    with pytest.raises(OSError, match="too long for a key: 10 bytes, at most 9"):
        read_bounded(path, 9, "a key")
    with open(path, "r+b") as file:
        file.truncate(1 << 40)  # a sparse file
    with pytest.raises(OSError, match="too long for a key"):
        read_bounded(path, 10, "a key")
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path, 10, "a key")
    with pytest.raises(OSError, match="this is a device"):
        read_bounded("/dev/zero", 10, "a key")
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    for size in (10, 11):
        writer = threading.Thread(target=fifo.write_bytes, args=(b"y" * size,))
        writer.start()
        try:
            if size == 10:
                assert read_bounded(fifo, 10, "a key") == b"y" * 10
            else:
                with pytest.raises(OSError, match="more bytes, at most 10"):
                    read_bounded(fifo, 10, "a key")
        finally:
            writer.join()
