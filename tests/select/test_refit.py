"""Relaxed and adaptive lasso: against least squares, gradients and definitions."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, sparse

import fastl1


def make(loss="squared", n=80, p=15, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X[:, 3] - X[:, 7]
    if loss == "squared":
        return X, eta + rng.standard_normal(n)
    if loss == "poisson":
        return X, rng.poisson(np.exp(eta))
    return X, rng.random(n) < 1 / (1 + np.exp(-2 * eta))


def fit(X, y, **options):
    return fastl1.path(X, y, **{"n_alphas": 20, "n_threads": 1} | options)


def column(path, k):
    return path.coefs[:, [k]].toarray()[:, 0], path.intercepts[k]


@pytest.mark.parametrize("storage", ["dense", "csc", "float32"])
def test_refit_is_least_squares_on_the_support(storage):
    X, y = make()
    X[np.abs(X) < 0.5] = 0.0
    weight = np.random.default_rng(1).uniform(0, 2, 80)
    given = {
        "dense": X,
        "csc": sparse.csc_array(X),
        "float32": X.astype(np.float32),
    }[storage]
    path = fit(given, y, sample_weight=weight, standardize=True)
    relaxed = fastl1.relaxed_path(path, given, y)
    root = np.sqrt(weight)
    for k in range(len(path)):
        support = np.flatnonzero(column(path, k)[0])
        A = np.column_stack([np.ones(80), X[:, support]])
        exact = np.linalg.lstsq(A * root[:, None], y * root)[0]
        w, b = column(relaxed.refit, k)
        np.testing.assert_allclose(np.r_[b, w[support]], exact, atol=2e-5)
        assert not np.delete(w, support).any()
    assert relaxed.refit.coefs.dtype == path.coefs.dtype
    assert relaxed.refit.converged.all()


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_refit_of_other_losses_has_no_gradient(loss):
    X, y = make(loss)
    offset = 0.2 * np.random.default_rng(1).standard_normal(80)
    path = fit(X, y, loss=loss, offset=offset, alpha_min_ratio=0.1)
    relaxed = fastl1.relaxed_path(path, X, y, tol=1e-9)
    for k in (0, 5, 19):
        support = np.flatnonzero(column(path, k)[0])
        w, b = column(relaxed.refit, k)
        mean = relaxed.refit.family.inverse_link(X @ w + b + offset)
        gradient = np.column_stack([np.ones(80), X[:, support]]).T @ (y - mean) / 80
        np.testing.assert_allclose(gradient, 0, atol=1e-8)


def test_refit_of_cox_has_no_gradient():
    X, _ = make()
    rng = np.random.default_rng(1)
    time = rng.exponential(np.exp(X[:, 3] - X[:, 7]))
    y = np.c_[rng.random(80) < 0.8, time]
    path = fit(X, y, loss="cox", alpha_min_ratio=0.1)
    refit = fastl1.relaxed_path(path, X, y, tol=1e-10).refit
    for k in (5, 19):
        w, b = column(refit, k)
        assert b == 0
        support = np.flatnonzero(column(path, k)[0])
        gradient, hazard = np.zeros(len(support)), np.exp(X @ w)
        for i in np.flatnonzero(y[:, 0]):
            risk = time >= time[i]
            mean = hazard[risk] @ X[np.ix_(risk, support)] / hazard[risk].sum()
            gradient += X[i, support] - mean
        np.testing.assert_allclose(gradient / 80, 0, atol=1e-8)
    assert not column(refit, 0)[0].any()


def test_gamma_blends():
    X, y = make()
    path = fit(X, y)
    relaxed = fastl1.relaxed_path(path, X, y, gamma=[1.0, 0.0, 0.3])
    one, zero, blend = relaxed.paths
    assert one is path
    assert zero is relaxed.refit
    np.testing.assert_allclose(
        blend.coefs.toarray(), 0.3 * path.coefs.toarray() + 0.7 * zero.coefs.toarray()
    )
    np.testing.assert_allclose(
        blend.predict(X), 0.3 * path.predict(X) + 0.7 * zero.predict(X)
    )
    np.testing.assert_array_equal(
        blend.dual_gaps, np.maximum(path.dual_gaps, zero.dual_gaps)
    )
    assert blend.model(5).nnz == np.diff(path.coefs.indptr)[5]
    assert relaxed.gammas.tolist() == [1.0, 0.0, 0.3]


def test_repeated_supports_are_fitted_once():
    X, y = make()
    path = fit(X, y, n_alphas=60)
    flags = []
    relaxed = fastl1.relaxed_path(
        path, X, y, callback=lambda k, info: flags.append(info["refit"])
    )
    dense = path.coefs.toarray() != 0
    different = len(np.unique(dense, axis=1).T)
    assert relaxed.refit.info["n_refits"] == sum(flags) == different < 60


def test_signs_are_free_and_bounds_hold():
    """A lasso coefficient can have the other sign without the penalty."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((60, 3))
    X[:, 2] = X[:, 0] + X[:, 1] + 0.3 * rng.standard_normal(60)
    y = X[:, 0] + X[:, 1] - 0.2 * X[:, 2]
    path = fit(X, y, alphas=np.geomspace(2, 0.01, 20))
    refit = fastl1.relaxed_path(path, X, y).refit
    first = path.coefs.toarray()[2]
    assert np.any((first > 0) & (refit.coefs.toarray()[2] < 0))
    bounded = fit(X, y, alphas=path.alphas, lower=0.0, upper=0.8)
    refit = fastl1.relaxed_path(bounded, X, y).refit
    w = refit.coefs.toarray()
    assert w.min() >= 0
    assert w.max() == pytest.approx(0.8)
    k = 19
    support = np.flatnonzero(column(bounded, k)[0])
    Z = X[:, support] - X[:, support].mean(axis=0)
    exact = optimize.lsq_linear(Z, y - y.mean(), (0.0, 0.8)).x
    np.testing.assert_allclose(w[support, k], exact, atol=1e-6)


def test_unpenalized_columns_belong_to_every_support():
    X, y = make()
    factor = np.ones(15)
    factor[[0, 1]] = 0.0
    path = fit(X, y, penalty_factor=factor)
    refit = fastl1.relaxed_path(path, X, y).refit
    w, _ = column(refit, 0)
    A = np.column_stack([np.ones(80), X[:, :2]])
    np.testing.assert_allclose(w[:2], np.linalg.lstsq(A, y)[0][1:], atol=1e-8)


def test_dependent_and_saturated_supports():
    """Duplicates, and more columns than rows: what is right is the fitted values."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 12))
    X = np.column_stack([X, X[:, :4], X[:, 0] + X[:, 5]])
    y = X[:, :5].sum(axis=1) + rng.standard_normal(30)
    path = fit(X, y, l1_ratio=0.2, alphas=[0.5, 0.01])
    refit = fastl1.relaxed_path(path, X, y).refit
    assert refit.converged.all()
    for k in range(2):
        support = np.flatnonzero(column(path, k)[0])
        A = np.column_stack([np.ones(30), X[:, support]])
        assert np.linalg.matrix_rank(A) < A.shape[1]
        best = A @ np.linalg.lstsq(A, y)[0]
        w, b = column(refit, k)
        np.testing.assert_allclose(X @ w + b, best, atol=1e-5)
    wide = rng.standard_normal((20, 60))
    path = fit(wide, y[:20], l1_ratio=0.1, alphas=[0.1, 0.01])
    assert np.diff(path.coefs.indptr)[-1] > 20
    refit = fastl1.relaxed_path(path, wide, y[:20]).refit
    w, b = column(refit, 1)
    np.testing.assert_allclose(wide @ w + b, y[:20], atol=1e-4)


def test_separable_classes_end_at_a_small_gradient():
    X, _ = make()
    y = X[:, 3] > 0
    path = fit(X, y, loss="logistic", alpha_min_ratio=0.1)
    refit = fastl1.relaxed_path(path, X, y).refit
    assert refit.converged.all()
    assert np.isfinite(refit.coefs.data).all()
    assert np.array_equal(refit.predict(X, refit.alphas[-1], type="class"), y)


def test_ctrl_c_and_callback_leave_what_is_done():
    X, y = make()
    path = fit(X, y)
    relaxed = fastl1.relaxed_path(path, X, y, callback=lambda k, info: k == 4)
    assert len(relaxed.refit) == len(relaxed.penalized) == 5

    def interrupt(k, info):
        if k == 4:
            raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted, match="5 of 20") as caught:
        fastl1.relaxed_path(path, X, y, callback=interrupt)
    partial = caught.value.result
    assert partial.path(0.5).coefs.shape == (15, 5)


def test_unpickled_path():
    X, y = make()
    path = fit(X, y, lower=-0.1)
    bare = pickle.loads(pickle.dumps(path))
    one = fastl1.relaxed_path(path, X, y).refit
    two = fastl1.relaxed_path(bare, X, y, lower=-0.1).refit
    np.testing.assert_array_equal(one.coefs.toarray(), two.coefs.toarray())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"gamma": 1.5}, ValueError, "gamma"),
        ({"gamma": [0.5, -1]}, ValueError, "gamma"),
        ({"callback": 1}, TypeError, "callback"),
        ({"tol": -1}, ValueError, "tol"),
    ],
)
def test_bad_relaxed_input(options, error, message):
    X, y = make()
    with pytest.raises(error, match=message):
        fastl1.relaxed_path(fit(X, y), X, y, **options)


# adaptive_path


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("storage", ["dense", "csc"])
def test_adaptive_factors(standardize, storage):
    X, y = make()
    X[np.abs(X) < 0.5] = 0.0
    X *= np.geomspace(0.1, 10, 15)
    first = np.linspace(-2, 3, 15)
    first[4] = 0.0
    user = np.ones(15)
    user[0], user[1], user[2] = 0.0, 3.0, np.inf
    given = sparse.csc_array(X) if storage == "csc" else X
    result = fastl1.adaptive_path(
        given,
        y,
        initial=first,
        exponent=0.5,
        penalty_factor=user,
        standardize=standardize,
        n_alphas=10,
        n_threads=1,
    )
    size = np.abs(first) * (X.std(axis=0) if standardize else 1.0)
    with np.errstate(divide="ignore"):
        factor = size**-0.5
    factor[1] *= 3.0
    factor[0], factor[2] = 0.0, np.inf
    np.testing.assert_allclose(result.info["penalty_factor"], factor, rtol=1e-12)
    direct = fit(X, y, penalty_factor=factor, standardize=standardize, n_alphas=10)
    np.testing.assert_allclose(
        result.coefs.toarray(), direct.coefs.toarray(), atol=1e-5
    )
    assert not result.coefs.toarray()[[2, 4]].any()


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
@pytest.mark.parametrize("initial", ["ridge", "lasso"])
def test_adaptive_path_is_sparser_than_the_lasso(initial, loss):
    """Same features, fewer others by the time both are in (Zou's oracle property)."""
    X, y = make(loss, n=300)
    options = {"loss": loss, "n_alphas": 50, "n_threads": 1}
    result = fastl1.adaptive_path(X, y, initial=initial, **options)
    assert result.info["initial_alpha"] > 0

    def others(path):
        w = path.coefs.toarray()
        k = np.flatnonzero((w[3] != 0) & (w[7] != 0) & (np.abs(w[3]) > 0.6))[0]
        return np.count_nonzero(w[:, k]) - 2

    assert others(result) <= others(fastl1.path(X, y, **options))
    assert others(result) <= 1


def test_bad_adaptive_input():
    X, y = make()
    with pytest.raises(ValueError, match="initial must be"):
        fastl1.adaptive_path(X, y, initial="ols")
    with pytest.raises(ValueError, match="initial has 3"):
        fastl1.adaptive_path(X, y, initial=np.ones(3))
    with pytest.raises(ValueError, match="all 0"):
        fastl1.adaptive_path(X, y, initial=np.zeros(15))
    with pytest.raises(ValueError, match="exponent"):
        fastl1.adaptive_path(X, y, exponent=0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        fastl1.adaptive_path(X, y, gamma=1)


def test_riboflavin():
    """p >> n: refits up to saturation, certified, on the real data."""
    folder = os.environ.get("FASTL1_BENCH_DATA")
    if not folder or not (Path(folder) / "riboflavin.npz").exists():
        pytest.skip("FASTL1_BENCH_DATA has no riboflavin.npz")
    with np.load(Path(folder) / "riboflavin.npz") as data:
        X, y = data["X"].astype(np.float64), data["y"]
    path = fastl1.path(X, y, standardize=True, n_threads=1)
    refit = fastl1.relaxed_path(path, X, y).refit
    assert refit.converged.all()
    assert refit.info["n_refits"] < 100
    rss = np.sum((y[:, None] - refit.predict(X)) ** 2, axis=0)
    assert np.all(rss <= np.sum((y[:, None] - path.predict(X)) ** 2, axis=0) + 1e-9)
