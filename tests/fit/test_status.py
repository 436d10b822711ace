"""Numbers that C, Cython and Python share: they stand in one place each."""

import re
from pathlib import Path

import numpy as np
import pytest

import fastl1
from fastl1 import _runtime
from fastl1.fit import status
from fastl1.kernels.solver._solver import STATUS_CODES

ROOT = Path(fastl1.__file__).parent


def test_every_code_has_a_name_and_a_meaning():
    assert sorted(STATUS_CODES.values()) == [*range(8)] == sorted(status.STATUS)
    for name, code in STATUS_CODES.items():
        assert getattr(status, name.upper()) == code


def test_the_largest_magnitude_is_declared_once():
    sources = [*ROOT.rglob("*.py"), *ROOT.rglob("*.pyx"), *ROOT.rglob("*.pxd")]
    literal = re.compile(r"(?<![\w.])1e\+?140\b")
    code = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        for line in path.read_text().splitlines()
        if literal.search(line.partition("#")[0]) and "a value beyond" not in line
    }
    assert not code
    assert _runtime.MAX_ABS == 1e140


@pytest.mark.parametrize("sign", [-1, 1])
def test_it_is_the_limit_of_what_is_taken(sign):
    limit = sign * _runtime.MAX_ABS
    y, beyond = np.array([0.0, 1.0, 2.0]), np.nextafter(limit, sign * np.inf)
    X = np.eye(3, order="F")
    for name, at in (("X", (1, 1)), ("y", 1)):
        given = {"X": X.copy(order="F"), "y": y.copy()}
        given[name][at] = beyond
        with pytest.raises(ValueError, match=r"beyond 1e\+140"):
            fastl1.path(**given, n_alphas=2)
    rows = np.ascontiguousarray(X)
    for value, code in ((10 * limit, "bad_value"), (1.0, "converged")):
        rows[1, 1] = value
        result = fastl1.fit_ragged(rows, y, [0, 3], alpha=0.1)
        assert result.status[0] == STATUS_CODES[code]
