"""Information criteria: against formulas written out, and scikit-learn's."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.special import comb

import fastl1


def make(loss="squared", n=80, p=15, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = X[:, 3] - X[:, 7]
    y = {
        "squared": lambda: eta + rng.standard_normal(n),
        "logistic": lambda: rng.random(n) < 1 / (1 + np.exp(-2 * eta)),
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "gamma": lambda: rng.gamma(3.0, np.exp(eta) / 3.0),
    }[loss]()
    return X, y


def fit(X, y, **options):
    return fastl1.path(X, y, n_alphas=20, n_threads=1, **options)


def penalty(kind, df, n, p, gamma):
    if kind == "aic":
        return 2 * df
    extra = 2 * gamma * np.log(comb(p, df)) if kind == "ebic" else 0
    return np.log(n) * df + extra


@pytest.mark.parametrize("kind", ["aic", "bic", "ebic"])
def test_squared_loss(kind):
    X, y = make()
    path = fit(X, y)
    rss = np.sum((y[:, None] - path.predict(X)) ** 2, axis=0)
    df = np.diff(path.coefs.indptr)
    extra = penalty(kind, df, 80, 15, 0.7)
    found = fastl1.information_criterion(path, X, y, kind, gamma=0.7)
    values = 80 * np.log(2 * np.pi * rss / 80) + 80 + extra
    np.testing.assert_allclose(found.values, values, rtol=1e-10)
    np.testing.assert_array_equal(found.df, df)
    np.testing.assert_allclose(found.deviance, rss, rtol=1e-10)
    assert found.best == np.argmin(values)
    assert found.best_alpha == path.alphas[found.best]
    assert found.dispersion is None
    known = fastl1.information_criterion(path, X, y, kind, gamma=0.7, noise_variance=2)
    values = 80 * np.log(4 * np.pi) + rss / 2 + extra
    np.testing.assert_allclose(known.values, values, rtol=1e-10)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_likelihoods(loss):
    """Differences of the deviance are those of scipy's log-likelihoods."""
    from scipy import stats

    X, y = make(loss)
    path = fit(X, y, loss=loss)
    mean = path.predict(X)
    law = stats.bernoulli if loss == "logistic" else stats.poisson
    log_likelihood = law.logpmf(np.asarray(y, dtype=float)[:, None], mean).sum(axis=0)
    found = fastl1.information_criterion(path, X, y, "aic")
    values = -2 * log_likelihood + 2 * found.df
    np.testing.assert_allclose(
        found.values - found.values[0], values - values[0], rtol=1e-8, atol=1e-8
    )
    assert found.dispersion == 1.0


def survival(n=80, p=15, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    time, censored = rng.exponential(np.exp(X[:, 3] - X[:, 7])), rng.exponential(2, n)
    return X, np.c_[time <= censored, np.minimum(time, censored)]


def test_cox_takes_the_partial_likelihood_and_counts_events():
    X, y = survival()
    block = np.arange(80) % 2
    path = fit(X, y, loss="cox", strata=block)
    eta = path.predict(X, type="link")
    log_likelihood = np.zeros(len(path))
    for i in np.flatnonzero(y[:, 0]):
        at_risk = (y[:, 1] >= y[i, 1]) & (block == block[i])
        log_likelihood += eta[i] - np.log(np.exp(eta[at_risk]).sum(axis=0))
    found = fastl1.information_criterion(path, X, y, "bic")
    events = y[:, 0].sum()
    values = -2 * log_likelihood + np.log(events) * found.df
    np.testing.assert_allclose(
        found.values - found.values[0], values - values[0], rtol=1e-8, atol=1e-8
    )
    assert found.n_samples == events


def test_gamma_is_scaled_by_the_dispersion_of_the_largest_model():
    X, y = make("gamma")
    path = fit(X, y, loss="gamma")
    found = fastl1.information_criterion(path, X, y)
    k = np.argmax(found.df)
    assert found.dispersion == pytest.approx(found.deviance[k] / (80 - found.df[k]))
    given = fastl1.information_criterion(path, X, y, dispersion=0.5)
    np.testing.assert_allclose(
        given.values, given.deviance / 0.5 + np.log(80) * given.df
    )


@pytest.mark.parametrize("criterion", ["aic", "bic"])
def test_diabetes_is_that_of_lassolarsic(criterion):
    datasets = pytest.importorskip("sklearn.datasets")
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = datasets.load_diabetes(return_X_y=True)
    model = linear_model.LassoLarsIC(criterion=criterion).fit(X, y)
    path = fastl1.path(X, y, alphas=model.alphas_, tol=1e-13, n_threads=1)
    # at a corner of the path a coefficient that just enters is 0 up to rounding
    df = np.sum(np.abs(path.coefs.toarray()) > 1e-6, axis=0)
    found = fastl1.information_criterion(
        path, X, y, criterion, noise_variance=model.noise_variance_, df=df
    )
    np.testing.assert_allclose(found.values, model.criterion_, rtol=1e-9)
    # profiling the variance out has the minimum at the same place
    profiled = fastl1.information_criterion(path, X, y, criterion, df=df)
    assert profiled.best == found.best == np.argmin(model.criterion_)


def test_elastic_net_has_the_trace_of_its_smoother():
    """On a constant support the fit is linear in y: df is the sum of dyhat_i / dy_i."""
    X, y = make(n=40)
    options = {"l1_ratio": 0.5, "alphas": [0.05], "tol": 1e-14, "n_threads": 1}
    for standardize in (False, True):
        path = fastl1.path(X, y, standardize=standardize, **options)
        total = 0.0
        for i in range(40):
            ends = []
            for step in (1e-4, -1e-4):
                moved = y.copy()
                moved[i] += step
                other = fastl1.path(X, moved, standardize=standardize, **options)
                assert np.array_equal(other.coefs.indices, path.coefs.indices)
                ends.append(other.predict(X[[i]])[0, 0])
            total += (ends[0] - ends[1]) / 2e-4
        found = fastl1.information_criterion(path, X, y)
        # the mean, which the intercept fits, is one more degree of freedom
        assert found.df[0] == pytest.approx(total - 1, abs=1e-5)


def test_trace_is_the_rank_of_the_support_without_l2():
    X, y = make()
    path = fit(X, y)
    support, trace = (
        fastl1.information_criterion(path, X, y, df=df).df
        for df in ("support", "trace")
    )
    np.testing.assert_allclose(support, trace, atol=1e-8)
    twin = np.column_stack([X, X[:, 3]])
    w = path.coefs[:, [12]].toarray()[:, 0]
    half = np.append(w, w[3] / 2)
    half[3] /= 2
    split = fastl1.path(twin, y, alphas=[path.alphas[12]], coef_init=half, tol=1e-2)
    split.coefs = sparse.csc_array(half[:, None])
    counted = fastl1.information_criterion(split, twin, y, df="support").df[0]
    ranked = fastl1.information_criterion(split, twin, y, df="trace").df[0]
    assert counted == support[12] + 1
    assert ranked == pytest.approx(support[12])


def test_logistic_elastic_net_uses_the_curvature():
    X, y = make("logistic")
    path = fit(X, y, loss="logistic", l1_ratio=0.3)
    found = fastl1.information_criterion(path, X, y)
    k = 12
    w, b = path.coefs[:, [k]].toarray()[:, 0], path.intercepts[k]
    kept = np.flatnonzero(w)
    prob = 1 / (1 + np.exp(-(X @ w + b)))
    h = prob * (1 - prob) / 80
    Z = X[:, kept] - (h @ X[:, kept]) / h.sum()
    H = Z.T @ (h[:, None] * Z)
    D = np.eye(len(kept)) * path.alphas[k] * 0.7
    assert found.df[k] == pytest.approx(np.trace(np.linalg.solve(H + D, H)))
    assert 0 < found.df[k] < len(kept)


def test_coefficients_on_bounds_are_not_free():
    X, y = make()
    path = fit(X, y, upper=0.1)
    found = fastl1.information_criterion(path, X, y)
    w = path.coefs.toarray()
    np.testing.assert_array_equal(found.df, np.sum((w != 0) & (w < 0.1), axis=0))
    assert np.any(w == 0.1)


def test_weights_are_repetitions():
    X, y = make()
    weight = np.random.default_rng(0).integers(0, 4, 80)
    rows = np.repeat(np.arange(80), weight)
    one = fit(X, y, sample_weight=weight)
    two = fastl1.path(X[rows], y[rows], alphas=one.alphas, n_threads=1)
    a = fastl1.information_criterion(one, X, y, "bic")
    b = fastl1.information_criterion(two, X[rows], y[rows], "bic")
    np.testing.assert_allclose(a.values, b.values, rtol=1e-6)
    assert a.n_samples == b.n_samples == weight.sum()


def test_unpickled_results_need_what_they_forgot():
    X, y = make()
    weight = np.random.default_rng(0).uniform(0.5, 2, 80)
    path = fit(X, y, sample_weight=weight, l1_ratio=0.5, standardize=True)
    whole = fastl1.information_criterion(path, X, y)
    bare = pickle.loads(pickle.dumps(path))
    again = fastl1.information_criterion(bare, X, y, sample_weight=weight)
    np.testing.assert_allclose(again.values, whole.values)


def test_sparse_x():
    X, y = make()
    X[np.abs(X) < 0.7] = 0.0
    path = fit(X, y, l1_ratio=0.5, standardize=True)
    other = fit(sparse.csc_array(X), y, l1_ratio=0.5, standardize=True)
    a = fastl1.information_criterion(path, X, y)
    b = fastl1.information_criterion(other, sparse.csc_array(X), y)
    np.testing.assert_allclose(a.values, b.values, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "cv"}, "kind must be"),
        ({"gamma": 2}, "gamma"),
        ({"noise_variance": 0}, "noise_variance"),
        ({"dispersion": 1.0}, "dispersion is for gamma and tweedie"),
        ({"df": "rank"}, "df must be"),
        ({"df": [1.0, 2.0]}, "df has 2"),
    ],
)
def test_bad_input(options, message):
    X, y = make()
    with pytest.raises(ValueError, match=message):
        fastl1.information_criterion(fit(X, y), X, y, **options)


def test_other_data_and_losses_are_refused():
    X, y = make()
    path = fit(X, y)
    with pytest.raises(ValueError, match="X has 14 features, the path has 15"):
        fastl1.information_criterion(path, X[:, 1:], y)
    huber = fit(X, y, loss="huber")
    with pytest.raises(ValueError, match="not a likelihood"):
        fastl1.information_criterion(huber, X, y)
    logistic = fit(X, y > 0, loss="logistic")
    with pytest.raises(ValueError, match="y has the labels"):
        fastl1.information_criterion(logistic, X, np.where(y > 0, "a", "b"))


@pytest.mark.parametrize("df", ["support", "trace"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.6])
@pytest.mark.parametrize("kind", ["aic", "ebic"])
def test_two_classes_of_the_multinomial_loss_are_those_of_the_logistic(
    kind, l1_ratio, df
):
    """Its coefficients are half as large, of both signs: half the l2 penalty."""
    X, y = make("logistic")
    l1, l2 = l1_ratio, (1 - l1_ratio) / 2
    grid = {"standardize": True, "tol": 1e-10}
    alphas = np.array([0.1, 0.05, 0.02])
    options = {"loss": "multinomial", "l1_ratio": l1_ratio, **grid}
    both = fastl1.path(X, y, alphas=alphas, **options)
    options = {"loss": "logistic", "l1_ratio": l1 / (l1 + l2), **grid}
    one = fastl1.path(X, y, alphas=alphas * (l1 + l2), **options)
    a = fastl1.information_criterion(both, X, y, kind, df=df)
    b = fastl1.information_criterion(one, X, y, kind, df=df)
    assert b.df.max() > 2
    np.testing.assert_allclose(a.df, b.df, rtol=1e-4)
    np.testing.assert_allclose(a.deviance, b.deviance, rtol=1e-6)
    np.testing.assert_allclose(a.values, b.values, rtol=1e-5)


def test_multinomial_degrees_of_freedom_are_those_of_its_hessian():
    X, _ = make()
    rng = np.random.default_rng(3)
    y = np.argmax(X[:, :3] + rng.gumbel(size=(len(X), 3)), axis=1)
    offset = 0.2 * rng.standard_normal((len(X), 3))
    weight = rng.uniform(0.5, 2, len(X))
    result = fastl1.path(
        X,
        y,
        loss="multinomial",
        alphas=[0.03],
        l1_ratio=0.5,
        offset=offset,
        sample_weight=weight,
    )
    found = fastl1.information_criterion(result, X, y)
    proba = result.predict(X, alpha=0.03, offset=offset)
    own = proba[np.arange(len(y)), y]
    assert found.deviance[0] == pytest.approx(-2 * weight @ np.log(own))
    coef = np.hstack([part.toarray() for part in result.coefs])
    on = np.flatnonzero(coef.ravel(order="F"))
    # of the mean loss in all coefficients of the support and all intercepts
    ones = np.kron(np.eye(3), np.ones((len(X), 1)))
    D = np.hstack([np.kron(np.eye(3), X)[:, on], ones])
    S = np.diag(np.tile(weight / weight.sum(), 3))
    P = [np.diag(proba[:, k]) for k in range(3)]
    W = np.block([[P[i] * (i == j) - P[i] @ P[j] for j in range(3)] for i in range(3)])
    H = D.T @ S @ W @ D
    penalty = np.r_[np.full(len(on), 0.03 * 0.5), np.zeros(3)]
    expected = np.trace(np.linalg.pinv(H + np.diag(penalty)) @ H) - 2  # intercepts
    assert found.df[0] == pytest.approx(expected, rel=1e-6)
    assert 2 < expected < len(on)
