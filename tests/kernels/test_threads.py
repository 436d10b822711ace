"""How many threads a kernel call gets."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastl1 import _runtime

OPENMP = _runtime.config()["openmp"]
needs_openmp = pytest.mark.skipif(not OPENMP, reason="built without OpenMP")

# The parent has used OpenMP before it forks: a child that did so too would hang.
FORK = """
import os, warnings
import numpy as np
import fastl1

X = np.random.default_rng(0).standard_normal((2000, 300))
y = X[:, 0] + 0.1 * X[:, 1]
expected = fastl1.path(X, y, n_threads=4).coefs.toarray()
if os.fork() == 0:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        coefs = fastl1.path(X, y, n_threads=4).coefs.toarray()
        fastl1.path(X, y)
    assert [w.category for w in caught] == [RuntimeWarning], caught
    assert "forked child" in str(caught[0].message)
    assert np.array_equal(coefs, expected)
    os._exit(0)
_, status = os.wait()
assert status == 0, status
"""


@needs_openmp
def test_number_asked_for_is_taken_up_to_a_limit():
    assert _runtime.resolve_threads(3) == 3
    assert _runtime.resolve_threads(np.int64(2)) == 2
    assert _runtime.resolve_threads(10**12) == 256


def test_default_is_within_the_machine():
    assert 1 <= _runtime.resolve_threads(None) <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("bad", [0, -1, -(10**12)])
def test_too_few_threads_is_a_value_error(bad):
    with pytest.raises(ValueError, match="n_threads must be at least 1"):
        _runtime.resolve_threads(bad)


@pytest.mark.parametrize("bad", [True, 1.5, "2", [2]])
def test_no_integer_is_a_type_error(bad):
    with pytest.raises(TypeError, match="n_threads must be an int or None"):
        _runtime.resolve_threads(bad)


@needs_openmp
def test_forked_child_runs_one_thread_and_warns_once():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(OPENMP, reason="built with OpenMP")
def test_without_openmp_one_thread_and_one_warning():
    code = """
from fastl1 import _runtime
print(_runtime.resolve_threads(4), _runtime.resolve_threads(2))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["1", "1"]
    assert done.stderr.count("built without OpenMP") == 1
