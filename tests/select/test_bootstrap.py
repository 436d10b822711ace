"""The bootstrap of a path: summaries against a loop over copies of rows."""

import numpy as np
import pytest
from scipy import sparse

import fastl1
from fastl1.problem.problem import check_problem
from fastl1.select.folds import moments_pay
from fastl1.select.random_state import seed_sequence, stream
from fastl1.select.resampling import Groups, bootstrap_weights


def make(n=60, p=12, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    return X, 2 * X[:, 3] - 2 * X[:, 7] + rng.standard_normal(n)


def bootstrap(X, y, **options):
    options = {"n_bootstraps": 11, "n_alphas": 6, "n_threads": 1} | options
    return fastl1.bootstrap_path(X, y, **options)


def draws(X, y, seed, count, **options):
    problem = check_problem(X, y, **options)
    groups, root = Groups.of(problem), seed_sequence(seed)
    return [
        bootstrap_weights(problem, groups, stream(root, 0, b)) for b in range(count)
    ]


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson"])
def test_summaries_are_those_of_refits_on_repeated_rows(loss):
    X, y = make()
    y = {"squared": y, "logistic": y > 0, "poisson": np.floor(np.exp(y / 2))}[loss]
    levels = [0.9, 0.05, 0.5]
    result = bootstrap(X, y, loss=loss, quantiles=levels, random_state=3, tol=1e-10)
    coefs, intercepts = [], []
    for weight in draws(X, y, 3, 11, loss=loss):
        rows = np.repeat(np.arange(60), weight.astype(int))
        assert len(rows) == 60
        path = fastl1.path(
            X[rows], y[rows], loss=loss, alphas=result.alphas, tol=1e-10, n_threads=1
        )
        coefs.append(path.coefs.toarray())
        intercepts.append(path.intercepts)
    coefs = np.array(coefs)
    near = {"atol": 1e-6, "rtol": 0}
    quantiles = np.array([matrix.toarray() for matrix in result.quantiles])
    np.testing.assert_allclose(quantiles, np.quantile(coefs, levels, axis=0), **near)
    np.testing.assert_allclose(result.mean.toarray(), coefs.mean(axis=0), **near)
    np.testing.assert_allclose(result.std.toarray(), coefs.std(axis=0, ddof=1), **near)
    np.testing.assert_allclose(
        result.inclusion.toarray(), (coefs != 0).mean(axis=0), atol=0.1
    )
    expected = np.quantile(intercepts, levels, axis=0)
    np.testing.assert_allclose(result.intercept_quantiles, expected, **near)
    low, high = result.interval(4)
    np.testing.assert_array_equal(low, quantiles[1][:, 4])
    np.testing.assert_array_equal(high, quantiles[0][:, 4])


def test_quantiles_of_the_draws_as_they_are():
    """No tolerance: the same weights, the same solver."""
    X, y = make()
    result = bootstrap(X, y, random_state=8, n_bootstraps=7)
    coefs = np.array(
        [
            fastl1.path(
                X, y, alphas=result.alphas, sample_weight=w, n_threads=1
            ).coefs.toarray()
            for w in draws(X, y, 8, 7)
        ]
    )
    quantiles = np.array([matrix.toarray() for matrix in result.quantiles])
    exact = np.quantile(coefs, result.levels, axis=0)
    np.testing.assert_allclose(quantiles, exact, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(result.inclusion.toarray(), (coefs != 0).mean(axis=0))


@pytest.mark.parametrize("standardize", [False, True])
def test_tall_draws_work_on_moments(standardize):
    X, y = make(n=200, p=10)
    options = {"standardize": standardize, "offset": 0.1 * X[:, 5], "tol": 1e-10}
    problem = check_problem(X, y)
    problem.sample_weight = draws(X, y, 0, 1)[0]
    assert moments_pay(problem, np.count_nonzero(problem.sample_weight), 1)
    result = bootstrap(X, y, n_bootstraps=5, **options)
    coefs = [
        fastl1.path(X, y, alphas=result.alphas, sample_weight=w, **options)
        for w in draws(X, y, 0, 5)
    ]
    mean = np.mean([path.coefs.toarray() for path in coefs], axis=0)
    np.testing.assert_allclose(result.mean.toarray(), mean, atol=1e-8)


def test_sample_weight_multiplies_and_zero_rows_are_not_drawn():
    X, y = make()
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 60)
    weight[:10] = 0.0
    for w in draws(X, y, 0, 5, sample_weight=weight):
        counts = w[10:] / weight[10:]
        assert np.all(w[:10] == 0)
        assert counts.sum() == pytest.approx(50)
        np.testing.assert_allclose(counts, np.round(counts), atol=1e-12)
    one = bootstrap(X, y, sample_weight=(weight > 0).astype(float))
    two = bootstrap(X[10:], y[10:], alphas=one.alphas)
    np.testing.assert_allclose(one.mean.toarray(), two.mean.toarray(), atol=1e-12)


def test_every_draw_has_every_class():
    X, y = make()
    label = np.arange(60) == 17
    weights = draws(X, label, 0, 30, loss="logistic")
    assert all(w[17] > 0 for w in weights)
    assert len({w[17] for w in weights}) > 1
    assert bootstrap(X, label, loss="logistic", n_alphas=3).n_bootstraps == 11


def test_storages_and_threads_agree():
    X, y = make()
    X[np.abs(X) < 0.5] = 0.0
    dense = bootstrap(X, y)
    for other in (
        bootstrap(X, y, n_threads=2),
        bootstrap(X, y, n_threads=3),
        bootstrap(sparse.csc_array(X), y),
    ):
        for name in ("mean", "std", "inclusion"):
            a, b = (getattr(result, name) for result in (dense, other))
            np.testing.assert_array_equal(a.indices, b.indices)
            np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-12)
    two, three = (bootstrap(X, y, n_threads=n) for n in (2, 3))
    for a, b in zip(
        [dense.mean, *dense.quantiles], [two.mean, *two.quantiles], strict=True
    ):
        np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(two.std.data, three.std.data)


def test_memory_is_bounded():
    X, y = make()
    result = bootstrap(X, y)
    assert 0 < result.info["bytes"] <= 2**31
    with pytest.raises(MemoryError, match=r"more than its share of max_bytes=1000"):
        bootstrap(X, y, max_bytes=1000)


def test_float32_takes_less():
    X, y = make()
    wide, narrow = bootstrap(X, y), bootstrap(X.astype(np.float32), y)
    assert narrow.info["bytes"] < wide.info["bytes"]
    np.testing.assert_allclose(wide.mean.toarray(), narrow.mean.toarray(), atol=1e-4)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_and_callback(n_threads):
    X, y = make()

    def stop(done, info):
        return done == 4

    result = bootstrap(X, y, callback=stop, n_threads=n_threads)
    assert result.info["stopped"] == "callback"
    assert 4 <= result.n_bootstraps <= 5

    def interrupt(done, info):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted, match="of 11 draws") as caught:
        bootstrap(X, y, callback=interrupt, n_threads=n_threads)
    partial = caught.value.result
    assert partial.info["stopped"] == "interrupted"
    assert 3 <= partial.n_bootstraps <= 5
    assert partial.mean.shape == (12, 6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_bootstraps": 0}, ValueError, "n_bootstraps"),
        ({"quantiles": [0.5, 1.5]}, ValueError, "quantiles"),
        ({"max_features": 3}, TypeError, "unexpected keyword.*'max_features'"),
        ({"random_state": 1.5}, TypeError, "random_state"),
        ({"max_bytes": 0}, ValueError, "max_bytes"),
    ],
)
def test_bad_input(options, error, message):
    X, y = make()
    with pytest.raises(error, match=message):
        bootstrap(X, y, **options)
