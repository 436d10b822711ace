"""The first pass over X, X'v and X w against NumPy; what a sample of rows predicts."""

import numpy as np
import pytest
from oracles import reference
from oracles.designs import STORAGE, make

import fastl1
from fastl1.kernels import _probe as _kernels
from fastl1.kernels.solver._solver import Solver

# around a vector, a group of 16 columns and a block of 8192 rows
SIZES = [(1, 1), (3, 5), (7, 16), (65, 17), (1001, 33), (8193, 18)]


def design(X, n_threads=1):
    p = X.shape[1]
    return _kernels.Design(X, np.zeros(p), np.ones(p), n_threads)


def sample_weights(n, kind):
    if kind == "equal":
        return None
    s = np.random.default_rng(1).uniform(0.1, 1.0, n)
    s[: n // 3] = 0.0  # the first entry too, from which sums are shifted
    return s / s.sum()


@pytest.mark.parametrize("kind", ["equal", "weighted"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("storage", "index"), STORAGE)
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_statistics(n, p, storage, index, dtype, kind):
    X, Z, mean, scale = make(n, p, dtype, storage, index)
    dense = Z / scale + mean
    s = sample_weights(n, kind)
    v = np.random.default_rng(2).standard_normal(n)
    weight = np.full(n, 1 / n) if s is None else s
    m = weight @ dense
    var = weight @ (dense - m) ** 2
    moment = weight @ dense**2
    tiny = 1e-12
    for centre, standardize in [(1, 0), (1, 1), (0, 0), (0, 1)]:
        got = design(X, 2).stats(s, v, centre, standardize)
        got_mean, got_scale, norm, c, doubtful = got
        assert doubtful == -1
        np.testing.assert_allclose(got_mean, m if centre else 0 * m, atol=tiny)
        alive = var > tiny
        expected = np.where(alive, 1 / np.sqrt(np.where(alive, var, 1)), 1)
        expected = expected if standardize else np.ones(p)
        np.testing.assert_allclose(got_scale[alive], expected[alive], rtol=1e-11)
        square = var if centre else moment
        if standardize:
            square = np.where(alive, square / np.where(alive, var, 1), 0)
        np.testing.assert_allclose(norm, np.sqrt(square), rtol=1e-11, atol=1e-7)
        want = got_scale * ((dense - got_mean).T @ v)
        np.testing.assert_allclose(c, want, rtol=1e-10, atol=1e-10 * np.sqrt(n))


@pytest.mark.parametrize("first", [0.0, 1e8, 1e9])
@pytest.mark.parametrize("kind", ["equal", "weighted"])
def test_a_mean_far_from_the_first_entry_loses_nothing(kind, first):
    n = 5000
    rng = np.random.default_rng(0)
    x = 1e8 + rng.standard_normal(n)
    x[0] = first
    X = np.asfortranarray(np.column_stack([x, rng.standard_normal(n)]))
    s = sample_weights(n, kind)
    v = rng.standard_normal(n)
    mean, _, norm, c, _ = design(X).stats(s, v)
    weight = (np.full(n, 1 / n) if s is None else s).astype(np.longdouble)
    exact = X.astype(np.longdouble)
    m = weight @ exact
    np.testing.assert_allclose(mean, m.astype(float), rtol=2e-16, atol=1e-15)
    std = np.sqrt(weight @ (exact - m) ** 2)
    np.testing.assert_allclose(norm, std.astype(float), rtol=1e-7)
    want = (exact - mean).T @ v.astype(np.longdouble)
    np.testing.assert_allclose(c, want.astype(float), rtol=1e-10, atol=1e-6)


@pytest.mark.parametrize("kind", ["equal", "weighted"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e8 + 0.1, -3e-5])
def test_a_constant_column_is_exactly_one(kind, value):
    n = 1001
    X = np.full((n, 2), value, order="F")
    s = sample_weights(n, kind)
    if kind == "weighted":
        X[: n // 3, 1] = 7.0  # constant where there is weight
    mean, scale, norm, _, _ = design(X).stats(s, np.ones(n), True, True)
    np.testing.assert_allclose(mean, value, rtol=1e-15, atol=1e-30)
    np.testing.assert_array_equal(scale, 1.0)
    np.testing.assert_array_equal(norm, 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2e140, -2e140])
@pytest.mark.parametrize("where", [(0, 0), (700, 20), (8192, 33), (8192, 34)])
@pytest.mark.parametrize("storage", ["dense", "csc"])
def test_a_bad_value_is_met_wherever_it_is(storage, where, bad):
    n, p = 8193, 35
    X, _, _, _ = make(n, p, np.float64, storage)
    values = X.data if storage == "csc" else X
    place = where
    column = where[1]
    if storage == "csc":
        place = X.indptr[column]
    clean = values[place]
    s = sample_weights(n, "weighted")
    for weight in (None, s):
        for options in [(True, False), (False, False)]:
            values[place] = bad
            found = design(X).stats(weight, np.ones(n), *options, check=True)[-1]
            assert found == column
            values[place] = clean
            found = design(X).stats(weight, np.ones(n), *options, check=True)[-1]
            assert found == -1


def test_large_values_that_are_allowed_pass():
    rng = np.random.default_rng(0)
    X = np.asfortranarray(0.9e140 * rng.uniform(-1, 1, (500, 3)))
    result = fastl1.path(X, rng.standard_normal(500), n_alphas=3)
    assert np.all(result.dual_gaps <= 1e-6)
    X[499, 2] = np.inf
    with pytest.raises(ValueError, match=r"inf \(infinity\) at row 499, column 2"):
        fastl1.path(X, rng.standard_normal(500), n_alphas=3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("storage", "index"), STORAGE)
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_xtv_and_add_xw(n, p, storage, index, dtype):
    X, Z, mean, scale = make(n, p, dtype, storage, index)
    kernels = _kernels.Design(X, mean, scale, 2)
    rng = np.random.default_rng(3)
    v, w = rng.standard_normal(n), rng.standard_normal(p)
    size = np.sqrt(n) * 1e-12
    np.testing.assert_allclose(kernels.xtv(v), Z.T @ v, rtol=1e-11, atol=size)
    cols = rng.permutation(p)[: (p + 1) // 2]
    np.testing.assert_array_equal(kernels.xtv(v, cols), kernels.xtv(v)[cols])
    y = v.copy()
    kernels.add_xw(w, y)
    np.testing.assert_allclose(y, v + Z @ w, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("storage", ["dense", "csc"])
def test_same_bits_for_any_number_of_threads(storage):
    X, _, mean, scale = make(20_000, 50, np.float32, storage)
    v, w = np.random.default_rng(0).standard_normal((2, 20_000))
    s = sample_weights(20_000, "weighted")
    results = []
    for n_threads in (1, 2, 3):
        y = v.copy()
        kernels = _kernels.Design(X, mean, scale, n_threads)
        kernels.add_xw(w[:50], y)
        results.append([*kernels.stats(s, v)[:4], kernels.xtv(v), y])
    for other in results[1:]:
        for got, first in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(got, first)


# A sample of rows proposes the working set: 40 000 rows are enough for it to pay.


def tall(p=40, n=40_000, support=12, seed=0):
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((n, p)) + rng.standard_normal((n, 1)))
    w = np.zeros(p)
    w[rng.choice(p, support, replace=False)] = rng.standard_normal(support)
    return X, X @ w + 2.0 * rng.standard_normal(n)


def solver(X, y, n_threads=1, **options):
    problem = {
        "loss": "squared",
        "l1_ratio": 1.0,
        "penalty_factor": None,
        "lower": None,
        "upper": None,
        "fit_intercept": True,
        "standardize": False,
        "sample_weight": None,
        "offset": None,
    }
    return Solver(X, y, n_threads=n_threads, **(problem | options))


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_one_alpha_far_down_is_certified_by_an_outsider(weighted, l1_ratio):
    X, y = tall()
    weight = np.random.default_rng(1).uniform(0, 2, len(y)) if weighted else None
    one = solver(X, y, l1_ratio=l1_ratio, sample_weight=weight, standardize=weighted)
    alpha = one.alpha_max / 50
    assert one.solve(alpha, 1e-10, 100) == 0
    exact = reference.ReferenceSolver(
        X,
        y,
        loss="squared",
        l1_ratio=l1_ratio,
        penalty_factor=None,
        lower=None,
        upper=None,
        fit_intercept=True,
        standardize=weighted,
        sample_weight=weight,
        offset=None,
    )
    assert exact.solve(alpha, 1e-12, 10_000) == 0
    np.testing.assert_allclose(one.coef, exact.coef, atol=1e-5)
    # few columns of those that the null model's correlations would have proposed
    assert one.counters()["n_gram_columns"] < 40


def test_rows_in_order_of_the_target_do_not_mislead_the_sample():
    X, y = tall()
    order = np.argsort(y)
    shuffled, ordered = solver(X, y), solver(np.asfortranarray(X[order]), y[order])
    alpha = shuffled.alpha_max / 30
    for one in (shuffled, ordered):
        assert one.solve(alpha, 1e-10, 100) == 0
    np.testing.assert_allclose(shuffled.coef, ordered.coef, atol=1e-6)


def test_a_sample_without_information_costs_time_only():
    X, y = tall()
    step = (len(y) - 256) / 15
    for b in range(16):  # the rows that are looked at are all zero
        row = int(step * b)
        X[row : row + 257] = 0.0
    one = solver(X, y)
    assert one.solve(one.alpha_max / 30, 1e-10, 100) == 0
    assert one.certify(one.alpha_max / 30) < 1e-8


@pytest.mark.parametrize("support", [6, 40])
def test_a_path_reads_few_products_and_the_same_for_any_threads(support):
    X, y = tall(support=support)
    results = []
    for n_threads in (1, 2):
        one = solver(X, y, n_threads)
        alphas = one.alpha_max * np.logspace(0, -2, 30)
        one.expect(alphas[-1])
        coefs = []
        for alpha in alphas:
            assert one.solve(alpha, 1e-8, 100) == 0
            coefs.append(one.coef)
            assert one.gap <= 1e-8
        assert one.certify(alphas[-1]) < 1e-7
        assert one.counters()["n_full_passes"] <= 3
        results.append(np.array(coefs))
    np.testing.assert_array_equal(*results)
    alone = solver(X, y)  # one alpha after another, nothing known of the path
    for k in (10, 29):
        assert alone.solve(alphas[k], 1e-10, 100) == 0
        np.testing.assert_allclose(alone.coef, results[0][k], atol=1e-4)
