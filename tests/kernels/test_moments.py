"""Means and products of row blocks, joined; solvers that work on them alone."""

import numpy as np
import pytest
from oracles import reference

from fastl1.kernels.design import _moments
from fastl1.kernels.design._moments import Moments
from fastl1.kernels.solver._solver import Solver

N, P = 300, 12


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((N, P)) + 10.0 * np.arange(P)
    X[:, 4] = 1e8 + rng.standard_normal(N)
    X[:, 5] = X[:, 6]
    X[:, 7] = 3.0
    X[:, 8] = np.arange(N) < 100  # nonzero in the first block only
    y = X[:, 0] - 2 * X[:, 6] + 5 * X[:, 8] + rng.standard_normal(N)
    return np.asfortranarray(X), y, rng.uniform(0.1, 2.0, N)


def of_blocks(X, y, s, rows, ends):
    scratch = np.full(len(rows) * (X.shape[1] + 1), np.nan)
    return _moments.of_blocks(X, y, s, rows, ends, scratch)


def blocks_of(data, ends=(100, 180, 180, N), order=None):
    X, y, s = data
    rows = np.arange(N) if order is None else order
    return of_blocks(X, y, s, rows, np.array(ends))


def direct(data, rows):
    """Weight, mean and products, after a shift that keeps every digit there is."""
    X, y, s = data
    Z = np.column_stack([X, y])[rows].astype(np.longdouble)
    w = s[rows].astype(np.longdouble)
    mean = w @ Z / w.sum()
    return float(w.sum()), mean.astype(float), ((Z - mean).T * w @ (Z - mean))


def probe(moments, columns, K=1):
    """Products seen through squared_error: u'Cu / W at w = columns, no intercept."""
    coefs = np.ones((len(columns), K))
    return moments.squared_error(np.array(columns), coefs, np.zeros(K))[0]


def test_errors_of_a_block_are_those_of_its_rows(data):
    X, y, s = data
    order = np.random.default_rng(0).permutation(N)
    first, second, empty, last = blocks_of(data, order=order)
    assert empty.weight == 0.0
    rng = np.random.default_rng(1)
    columns = np.array([0, 3, 6, 8])
    coefs, intercepts = rng.standard_normal((4, 3)), rng.standard_normal(3)
    for block, rows in (
        (first, order[:100]),
        (second, order[100:180]),
        (last, order[180:]),
    ):
        assert block.weight == pytest.approx(s[rows].sum(), rel=1e-14)
        residual = y[rows, None] - X[np.ix_(rows, columns)] @ coefs - intercepts
        expected = np.average(residual**2, axis=0, weights=s[rows])
        got = block.squared_error(columns, coefs, intercepts)
        np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_joined_blocks_are_the_whole_whatever_the_order(data):
    _, _, s = data
    one = blocks_of(data, ends=(N,))[0]
    parts = blocks_of(data)
    for order in ([0, 1, 2, 3], [3, 0, 1, 2]):
        joined = Moments(P + 1)
        for k in order:
            joined.join(parts[k])
        assert joined.weight == pytest.approx(s.sum(), rel=1e-14)
        for columns in ([0], [1, 2], [4], [8], list(range(P))):
            assert probe(joined, columns) == pytest.approx(
                probe(one, columns), rel=1e-11
            )


def test_times_is_repetition(data):
    X, y, s = data
    first, second = blocks_of(data, ends=(100, 300))
    joined = Moments(P + 1)
    joined.join(first)
    joined.join(second, 3.0)
    s = np.where(np.arange(N) < 100, s, 3 * s)
    repeated = of_blocks(X, y, s, np.arange(N), np.array([N]))[0]
    for columns in ([0], [4], [1, 8]):
        assert probe(joined, columns) == pytest.approx(
            probe(repeated, columns), rel=1e-11
        )


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_solver_on_moments_is_certified_on_the_rows(
    data, fit_intercept, standardize, dtype
):
    X, y, s = data
    X = np.delete(X, 4, axis=1) if dtype == np.float32 or not fit_intercept else X
    X = np.asfortranarray(X, dtype=dtype)
    p = X.shape[1]
    # the rows of the later blocks: column 8 (7 without column 4) is constant there
    rows = np.arange(100, N)
    s = np.where(np.arange(N) < 100, 0.0, s)
    parts = of_blocks(X, y, s, np.arange(N), np.array([100, 180, N]))
    assert parts[0].weight == 0.0
    moments = Moments(p + 1)
    for part in parts:
        moments.join(part)
    keywords = {
        "loss": "squared",
        "l1_ratio": 0.7,
        "penalty_factor": None,
        "lower": None,
        "upper": None,
        "fit_intercept": fit_intercept,
        "standardize": standardize,
        "sample_weight": s,
        "offset": None,
        "n_threads": 1,
    }
    solver = Solver(X, y, **keywords, moments=moments)
    other = Solver(X, y, **keywords)
    assert solver.alpha_max == pytest.approx(other.alpha_max, rel=1e-8)
    assert solver.null_objective == other.null_objective
    for alpha in solver.alpha_max * np.geomspace(1, 1e-3, 8):
        assert solver.solve(alpha, 1e-9, 500) == 0
        gap = reference.relative_gap(
            X[rows].astype(float),
            y[rows],
            solver.coef,
            solver.intercept,
            alpha,
            l1_ratio=0.7,
            sample_weight=s[rows],
            fit_intercept=fit_intercept,
            standardize=standardize,
        )
        assert gap <= 2e-9
    assert solver.counters()["n_column_products"] == 0


def test_a_column_that_is_constant_in_what_is_joined_stays_out(data):
    """A total less the first block would leave rounding of either sign."""
    X, y, s = data
    first, *others = blocks_of(data)
    moments = Moments(P + 1)
    for part in others:
        moments.join(part)
    s = np.where(np.arange(N) < 100, 0.0, s)
    keywords = {"loss": "squared", "l1_ratio": 1.0, "penalty_factor": None}
    keywords |= {"lower": None, "upper": None, "fit_intercept": True, "offset": None}
    solver = Solver(
        X, y, standardize=True, sample_weight=s, n_threads=1, moments=moments,
        **keywords,
    )  # fmt: skip
    solver.solve(1e-6 * solver.alpha_max, 1e-10, 500)
    assert solver.coef[7] == solver.coef[8] == 0.0
    assert np.count_nonzero(solver.coef) >= 8
    assert first.weight > 0


def test_moments_of_something_else_are_refused(data):
    X, y, s = data
    keywords = {"l1_ratio": 1.0, "penalty_factor": None, "lower": None, "upper": None}
    keywords |= {"fit_intercept": True, "standardize": False, "offset": None}
    keywords |= {"sample_weight": s, "n_threads": 1}
    for moments, loss in (
        (Moments(P), "squared"),
        (Moments(P + 1), "squared"),
        (blocks_of(data)[0], "logistic"),
    ):
        with pytest.raises(ValueError, match="not of the squared loss with 12 dense"):
            Solver(X, y, loss=loss, moments=moments, **keywords)
    with pytest.raises(ValueError, match="of 12 and of 13 columns do not join"):
        Moments(P).join(Moments(P + 1))


def test_too_little_scratch_is_refused(data):
    X, y, s = data
    rows, ends = np.arange(N), np.array([N])
    with pytest.raises(ValueError, match="scratch has 3 of 3900 numbers"):
        _moments.of_blocks(X, y, s, rows, ends, np.empty(3))


def test_no_rows(data):
    X, y, s = data
    (empty,) = of_blocks(X, y, s, np.empty(0, dtype=np.intp), np.array([0]))
    assert empty.weight == 0.0
    total = Moments(P + 1)
    total.join(empty)
    assert total.weight == 0.0
