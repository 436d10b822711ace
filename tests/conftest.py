"""What all tests share."""

import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

# Threads of BLAS wait for each other at every product: on a busy machine, the small
# products of the oracles take ten times as long with two threads as with one.  NumPy
# reads this once, as it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A test run started in the background inherits an ignored SIGINT, and would wait for
# ever in the tests that interrupt a fit.
signal.signal(signal.SIGINT, signal.default_int_handler)


class CtrlC:
    """Ctrl-C from another thread, at a moment that no load of the machine shifts.

    Called, it returns at once; the signal comes when this process has used `after`
    seconds of processor time more.  Where a kernel releases the GIL it comes within the
    kernel that the caller enters next, and only there.
    """

    def __init__(self):
        self.thread = None
        self.given_up = threading.Event()
        self.pressed = None

    def __call__(self, after=0.0):
        if self.thread is None:
            due = time.process_time() + after
            self.thread = threading.Thread(target=self._press, args=(due,))
            self.thread.start()

    def _press(self, due):
        while time.process_time() < due:
            if self.given_up.wait(0.001):
                return
        self.pressed = time.process_time()
        os.kill(os.getpid(), signal.SIGINT)

    def seconds_since(self):
        """Processor time of this process since the signal: what the answer took."""
        return time.process_time() - self.pressed

    def finish(self):
        self.given_up.set()
        if self.thread is not None:
            self.thread.join()


@pytest.fixture
def ctrl_c():
    """`CtrlC`, to be called from a callback of the fit that it is to interrupt."""
    press = CtrlC()
    yield press
    press.finish()


NO_GLMNET = 77  # the status that says so: any other one but 0 is a failure

FIND_GLMNET = f"""
if (!nzchar(system.file(package = "glmnet"))) quit(status = {NO_GLMNET})
"""


@pytest.fixture
def glmnet(tmp_path):
    """A function of a script in R, and its arguments, that gives what it prints.
    ``library(glmnet)`` takes R seconds: only where the script fits models."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed")

    def run(script, *arguments):
        source = tmp_path / "script.R"
        source.write_text(FIND_GLMNET + script)
        done = subprocess.run(
            [rscript, source, *arguments], capture_output=True, text=True
        )
        if done.returncode == NO_GLMNET:
            pytest.skip("R has no glmnet")
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
