"""What designs tell solvers of their storage, and what solvers ask of it."""

import numpy as np
import pytest
import scipy.sparse as sp
from oracles.designs import STORAGE, make

from fastl1.kernels import _probe
from fastl1.problem.matrix import CSC

EVERY = pytest.mark.parametrize(("storage", "index"), STORAGE)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def stored(X, storage, index):
    if storage == "dense":
        return np.asfortranarray(X)
    S = sp.csc_array(X)
    return CSC(S.data, S.indices.astype(index), S.indptr.astype(np.int64), X.shape)


@EVERY
@DTYPES
def test_a_column_is_what_it_stands_for(storage, index, dtype):
    X, Z, mean, scale = make(300, 5, dtype, storage, index)
    design = _probe.Design(X, mean, scale)
    for j in range(5):
        np.testing.assert_allclose(design.column(j), Z[:, j], rtol=1e-12, atol=1e-12)


@EVERY
def test_implicit_means_are_those_that_lose_digits(storage, index):
    """Of a column far from 0 only what is left of its digits after a sum is right."""
    rng = np.random.default_rng(0)
    X = 1e9 + rng.standard_normal((1000, 1))
    mean = X.mean(axis=0)
    v = rng.uniform(1.0, 2.0, 1000)
    exact = (X[:, 0] - mean[0]) @ v
    design = _probe.Design(stored(X, storage, index), mean, np.ones(1))
    lost = abs(design.xtv(v)[0] - exact) > 1e-9 * abs(exact)
    assert design.traits()["implicit_mean"] == lost


@EVERY
@DTYPES
def test_rows_of_consecutive_columns(storage, index, dtype):
    X, _, mean, scale = make(50, 4, dtype, storage, index)
    design = _probe.Design(X, mean, scale)
    if not design.traits()["consecutive"]:
        with pytest.raises(ValueError, match="cannot be taken"):
            design.rows(3, 7)
        return
    rows = design.rows(3, 7)
    assert rows.dtype == dtype
    np.testing.assert_array_equal(rows, X[3:10])


@EVERY
@pytest.mark.parametrize("shape", [(20, 60), (60, 20)])
def test_a_pass_is_cheap_beside_gram_blocks_of_wide_designs(storage, index, shape):
    X, _, mean, scale = make(*shape, np.float64, storage, index)
    traits = _probe.Design(X, mean, scale).traits()
    assert traits["blocks"] == (storage == "dense")
    assert traits["cheap_pass"] == (traits["blocks"] and shape[0] < shape[1])
    assert traits["entry_cost"] == (1.0 if traits["blocks"] else 4.0)


@EVERY
@DTYPES
@pytest.mark.parametrize("bad", [np.nan, -np.inf, 1e30])
def test_unfit_values_are_found_by_column(storage, index, dtype, bad):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((40, 6)).astype(dtype)
    clean = _probe.Design(stored(X, storage, index), np.zeros(6), np.ones(6))
    assert clean.unfit(1e20) == -1
    X[17, 4] = bad
    X[3, 5] = np.nan
    design = _probe.Design(stored(X, storage, index), np.zeros(6), np.ones(6))
    assert design.unfit(1e20) == 4


@EVERY
def test_work_of_a_gram_block_grows_with_what_is_missing(storage, index):
    X, _, mean, scale = make(200, 9, np.float64, storage, index)
    design = _probe.Design(X, mean, scale)
    count, whole = design.work(np.arange(9))
    assert count == (X.size if storage == "dense" else X.indptr[-1])
    works = [design.work(np.arange(9), known)[1] for known in range(10)]
    assert works[0] == whole
    assert np.all(np.diff(works) < 0)
    assert works[-1] == 0
