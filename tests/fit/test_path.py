"""The functional API: grids, results, stops, warnings, interruption, concurrency."""

import pickle
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from oracles import reference
from scipy import sparse

import fastl1
from fastl1.fit.path import solve_path
from fastl1.problem.problem import check_problem

N, P = 50, 20


def make(loss="squared", n=N, p=P, seed=0):
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((n, p)) + 0.5)
    y = X[:, :5] @ [3.0, -2.0, 1.0, 0.5, -0.25] + rng.standard_normal(n)
    if loss == "logistic":
        y = np.where(y > np.median(y), "yes", "no")
    return X, y


@pytest.fixture(scope="module")
def squared():
    X, y = make()
    return X, y, fastl1.path(X, y, n_alphas=20)


@pytest.fixture(scope="module")
def logistic():
    X, y = make("logistic")
    return X, y, fastl1.path(X, y, loss="logistic", n_alphas=20)


# The grid


def test_default_grid(squared):
    X, y, _ = squared
    result = fastl1.path(X, y)
    assert len(result) == len(result.alphas) == 100
    assert result.alphas[0] == fastl1.alpha_max(X, y) == result.info["alpha_max"]
    assert result.alphas[-1] == pytest.approx(1e-4 * result.alphas[0])
    ratios = result.alphas[1:] / result.alphas[:-1]
    np.testing.assert_allclose(ratios, ratios[0])
    wide = fastl1.path(X[:15], y[:15])
    assert wide.alphas[-1] == pytest.approx(1e-2 * wide.alphas[0])
    weight = np.r_[np.ones(15), np.zeros(N - 15)]
    weighted = fastl1.path(X, y, sample_weight=weight)
    np.testing.assert_allclose(weighted.alphas, wide.alphas)
    short = fastl1.path(X, y, n_alphas=3, alpha_min_ratio=0.25)
    np.testing.assert_allclose(short.alphas, short.alphas[0] * np.array([1, 0.5, 0.25]))
    assert fastl1.path(X, y, n_alphas=1).alphas.tolist() == [result.alphas[0]]


def test_l1_ratio_scales_alpha_max(squared):
    X, y, _ = squared
    top = fastl1.alpha_max(X, y)
    assert fastl1.alpha_max(X, y, l1_ratio=0.25) == pytest.approx(4 * top)


def test_given_alphas(squared):
    X, y, _ = squared
    result = fastl1.path(X, y, alphas=(0.5, 0.5, 0.1, 0))
    assert result.alphas.tolist() == [0.5, 0.5, 0.1, 0.0]
    assert fastl1.path(X, y, alphas=0.5).alphas.tolist() == [0.5]


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_a_target_without_signal(loss):
    """P(0) = 0, or nothing correlates: the null model, exactly, on a finite grid."""
    X, _ = make()
    if loss == "squared":
        for options in ({}, {"standardize": True}, {"fit_intercept": False}):
            value = 0.0 if options.get("fit_intercept") is False else 3.25
            y = np.full(N, value)
            result = fastl1.path(X, y, n_alphas=5, **options)
            assert result.info["alpha_max"] == result.info["null_objective"] == 0
            assert result.coefs.nnz == 0
            assert (result.intercepts == value).all()
            assert (result.dual_gaps == 0).all()
            assert result.converged.all()
            assert np.isfinite(result.alphas).all()
    constant = np.ones((N, 3))
    y = np.arange(N) % 2
    result = fastl1.path(constant, y, loss=loss, n_alphas=3)
    assert result.coefs.nnz == 0
    assert result.info["alpha_max"] == 0
    assert result.converged.all()


def test_alpha_0_ends_a_grid(squared):
    X, y, _ = squared
    result = fastl1.path(X, y, alphas=[1.0, 0.1, 0.0], tol=1e-9)
    expected = np.linalg.lstsq(np.c_[X, np.ones(N)], y)[0]
    np.testing.assert_allclose(result.coefs.toarray()[:, -1], expected[:-1], atol=1e-7)
    assert result.intercepts[-1] == pytest.approx(expected[-1], abs=1e-7)
    assert result.dual_gaps[-1] <= 1e-9
    alone = fastl1.path(X, y, alphas=[0.0], tol=1e-9)
    np.testing.assert_allclose(alone.coefs.toarray()[:, 0], expected[:-1], atol=1e-7)
    X, y = make("logistic", n=200, p=5)
    result = fastl1.path(X, y, loss="logistic", alphas=[0.1, 0.0], tol=1e-9)
    residuals, at_intercept = reference.kkt_residuals(
        X,
        y == "yes",
        result.coefs.toarray()[:, 1],
        result.intercepts[1],
        0.0,
        loss="logistic",
    )
    assert max(residuals.max(), at_intercept) <= 1e-8


def test_ridge_has_a_closed_form(squared):
    X, y, _ = squared
    result = fastl1.path(X, y, l1_ratio=0.0, alphas=[0.5], tol=1e-12)
    Xc = X - X.mean(axis=0)
    expected = np.linalg.solve(
        Xc.T @ Xc / N + 0.5 * np.eye(P), Xc.T @ (y - y.mean()) / N
    )
    np.testing.assert_allclose(result.coefs.toarray()[:, 0], expected, atol=1e-6)


# The result


def test_attributes(squared):
    X, _, result = squared
    assert isinstance(result, fastl1.PathResult)
    assert isinstance(result.coefs, sparse.csc_array)
    assert result.coefs.shape == (P, 20)
    assert result.coefs.has_sorted_indices
    for name in ("intercepts", "dual_gaps", "n_iters", "converged"):
        assert getattr(result, name).shape == (20,)
    assert result.converged.dtype == bool
    assert result.converged.all()
    assert (result.dual_gaps <= 1e-6).all()
    assert result.classes is None
    assert result.feature_names is None
    for name in ("n_epochs", "n_column_products", "alpha_max", "null_objective"):
        assert name in result.info
    assert result.info["stopped"] == "end"
    assert "20 alphas, 20 features" in repr(result)


def test_a_result_is_pickled_without_the_data(squared):
    X, _, result = squared
    data = pickle.dumps(result)
    assert len(data) < X.nbytes
    again = pickle.loads(data)
    np.testing.assert_array_equal(again.coefs.toarray(), result.coefs.toarray())
    np.testing.assert_array_equal(again.predict(X), result.predict(X))
    with pytest.raises(ValueError, match="has no data"):
        again.coef_at(0.1, exact=True)


def test_predict_squared(squared):
    X, _, result = squared
    eta = X @ result.coefs.toarray() + result.intercepts
    np.testing.assert_allclose(result.predict(X), eta, atol=1e-12)
    np.testing.assert_allclose(result.predict(X, type="link"), eta, atol=1e-12)
    np.testing.assert_allclose(
        result.predict(X, alpha=result.alphas[7]), eta[:, 7], atol=1e-12
    )
    np.testing.assert_allclose(
        result.predict(X, alpha=result.alphas[[3, 19, 0]]),
        eta[:, [3, 19, 0]],
        atol=1e-12,
    )
    for form in (sparse.csr_array, sparse.csc_array, np.ascontiguousarray):
        np.testing.assert_allclose(result.predict(form(X)), eta, atol=1e-12)
    assert result.predict(X[:1]).shape == (1, 20)
    offset = np.arange(N)
    np.testing.assert_allclose(
        result.predict(X, 0.1, offset=offset), result.predict(X, 0.1) + offset
    )
    with pytest.raises(ValueError, match="needs a classifier"):
        result.predict(X, type="class")
    with pytest.raises(ValueError, match="type must be"):
        result.predict(X, type="odds")
    with pytest.raises(ValueError, match="X has 3 features, the model has 20"):
        result.predict(X[:, :3])
    with pytest.raises(ValueError, match="offset has 3 values"):
        result.predict(X, offset=np.ones(3))


def test_predict_logistic(logistic):
    X, y, result = logistic
    assert result.classes.tolist() == ["no", "yes"]
    link = result.predict(X, type="link")
    np.testing.assert_allclose(result.predict(X), 1 / (1 + np.exp(-link)), atol=1e-12)
    label = result.predict(X, alpha=result.alphas[-1], type="class")
    np.testing.assert_array_equal(label == "yes", link[:, -1] > 0)
    assert np.mean(label == y) > 0.9
    far = fastl1.PathResult.predict(result, X * 1e4, alpha=result.alphas[-1])
    assert np.isfinite(far).all()
    assert far.min() >= 0
    assert far.max() <= 1


def test_interpolation_is_linear_in_alpha(squared):
    _, _, result = squared
    C, b, grid = result.coefs.toarray(), result.intercepts, result.alphas
    for share in (0.25, 0.5):
        alpha = (1 - share) * grid[4] + share * grid[5]
        coef, intercept = result.coef_at(alpha)
        np.testing.assert_allclose(coef, (1 - share) * C[:, 4] + share * C[:, 5])
        assert intercept == pytest.approx((1 - share) * b[4] + share * b[5])
    for k in (0, 9, 19):
        coef, intercept = result.coef_at(grid[k])
        np.testing.assert_array_equal(coef, C[:, k])
        assert intercept == b[k]
    # above alpha_max nothing changes; below the grid nothing is known
    np.testing.assert_array_equal(result.coef_at(10 * grid[0])[0], C[:, 0])
    with pytest.raises(ValueError, match="outside of the path"):
        result.coef_at(0.5 * grid[-1])
    with pytest.raises(ValueError, match="outside of the path"):
        result.predict(np.ones((1, P)), alpha=[grid[3], 0.5 * grid[-1]])
    with pytest.raises(ValueError, match="alpha must be in"):
        result.coef_at(-1.0)


def test_interpolation_above_a_grid_that_starts_late(squared):
    X, y, whole = squared
    result = fastl1.path(X, y, alphas=whole.alphas[5:])
    with pytest.raises(ValueError, match="outside of the path"):
        result.coef_at(whole.alphas[0])


def test_coef_at_exact(squared):
    X, y, result = squared
    for alpha in (0.7 * result.alphas[3], 0.1 * result.alphas[-1], 9.0):
        coef, intercept = result.coef_at(alpha, exact=True)
        gap = reference.relative_gap(X, y, coef, intercept, alpha)
        assert gap <= 3e-6
    alone = fastl1.path(X, y, alphas=[0.7 * result.alphas[3]], tol=1e-10)
    coef, _ = result.coef_at(0.7 * result.alphas[3], exact=True)
    np.testing.assert_allclose(coef, alone.coefs.toarray()[:, 0], atol=1e-2)


def test_model(squared, logistic):
    X, _, result = squared
    for k in (0, 7, -1):
        model = result.model(k)
        expected = result.coefs.toarray()[:, k]
        np.testing.assert_array_equal(model.coef_, expected)
        np.testing.assert_allclose(model.predict(X), result.predict(X)[:, k])
        assert model.metadata["alpha"] == result.alphas[k]
        assert model.metadata["gap"] == result.dual_gaps[k]
    for k in (20, -21):
        with pytest.raises(IndexError, match="of a path of 20"):
            result.model(k)
    X, _, result = logistic
    model = result.model(-1)
    np.testing.assert_array_equal(
        model.predict(X, type="class"), result.predict(X, type="class")[:, -1]
    )
    np.testing.assert_allclose(model.predict(X), result.predict(X)[:, -1])


def test_float32_gives_float32(squared):
    X, y, whole = squared
    result = fastl1.path(X.astype(np.float32), y, alphas=whole.alphas)
    assert result.coefs.dtype == np.float32
    assert result.coef_at(result.alphas[4])[0].dtype == np.float32
    assert result.intercepts.dtype == np.float64
    np.testing.assert_allclose(result.coefs.toarray(), whole.coefs.toarray(), atol=5e-3)


# Stops


def test_max_features_keeps_the_model_that_went_over(squared):
    X, y, whole = squared
    counts = np.diff(whole.coefs.indptr)
    result = fastl1.path(X, y, n_alphas=20, max_features=4)
    assert result.info["stopped"] == "max_features"
    first = int(np.argmax(counts > 4))
    assert len(result) == first + 1
    kept = np.diff(result.coefs.indptr)
    assert (kept[:-1] <= 4).all()
    assert kept[-1] > 4
    assert fastl1.path(X, y, n_alphas=20, max_features=P).info["stopped"] == "end"
    assert len(fastl1.path(X, y, n_alphas=20, max_features=0)) == 2


def test_callback(squared):
    X, y, whole = squared
    seen = []

    def callback(k, info):
        seen.append((k, info))
        return k == 6

    result = fastl1.path(X, y, n_alphas=20, callback=callback)
    assert result.info["stopped"] == "callback"
    assert [k for k, _ in seen] == list(range(7))
    assert len(result) == 7
    np.testing.assert_array_equal([i["alpha"] for _, i in seen], result.alphas)
    np.testing.assert_array_equal([i["gap"] for _, i in seen], result.dual_gaps)
    np.testing.assert_array_equal([i["intercept"] for _, i in seen], result.intercepts)
    counts = np.diff(result.coefs.indptr)
    np.testing.assert_array_equal([i["n_nonzero"] for _, i in seen], counts)
    assert all(i["n_alphas"] == 20 and i["converged"] for _, i in seen)
    fastl1.path(X, y, n_alphas=3, callback=lambda k, info: None)
    with pytest.raises(ZeroDivisionError):
        fastl1.path(X, y, callback=lambda k, info: 1 / 0)


def test_ctrl_c_in_the_callback(squared):
    X, y, whole = squared

    def callback(k, info):
        if k == 3:
            raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted, match="after 4 of 20 alphas") as caught:
        fastl1.path(X, y, n_alphas=20, callback=callback)
    assert isinstance(caught.value, KeyboardInterrupt)
    result = caught.value.result
    assert result.info["stopped"] == "interrupted"
    np.testing.assert_array_equal(result.alphas, whole.alphas[:4])
    np.testing.assert_array_equal(result.coefs.toarray(), whole.coefs[:, :4].toarray())
    again = pickle.loads(pickle.dumps(caught.value))
    assert len(again.result) == 4


def endless(loss):
    """A path of minutes."""
    rng = np.random.default_rng(0)
    n, p = 300, 6000
    X = rng.standard_normal((n, p)) + 2 * rng.standard_normal((n, 1))
    y = X[:, :100] @ rng.standard_normal(100) + rng.standard_normal(n)
    if loss == "logistic":
        y = y > np.median(y)
    X = np.asfortranarray(X)
    alphas = fastl1.alpha_max(X, y, loss=loss) * np.geomspace(1, 1e-9, 5000)
    options = {"loss": loss, "alphas": alphas, "tol": 0.0, "max_iter": 10**6}
    return X, y, {**options, "n_threads": 1}


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_ctrl_c_stops_a_fit_within_a_second(loss, ctrl_c):
    X, y, options = endless(loss)
    with pytest.raises(fastl1.FitInterrupted) as caught:
        fastl1.path(X, y, callback=lambda k, info: ctrl_c(after=0.3), **options)
    assert ctrl_c.seconds_since() < 1.0
    result = caught.value.result
    assert 1 <= len(result) == result.coefs.shape[1] < 5000


# Warnings


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_convergence_warning_says_what_the_result_says(loss):
    X, y = make(loss, n=40, p=100)
    options = {"loss": loss, "n_alphas": 10, "tol": 0.0, "max_iter": 1}
    with pytest.warns(fastl1.ConvergenceWarning) as caught:
        result = fastl1.path(X, y, **options)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    bad = ~result.converged
    assert bad.any()
    message = str(caught[0].message)
    worst = int(np.argmax(result.dual_gaps))
    assert f"{bad.sum()} of 10 models" in message
    assert f"worst gap is {result.dual_gaps[worst]:.3g} " in message
    assert f"alpha={result.alphas[worst]:.6g}" in message
    assert "tol=0" in message
    assert "raise" in message
    np.testing.assert_array_equal(result.converged, result.dual_gaps <= 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet = solve_path(
            check_problem(X, y, loss=loss), n_alphas=10, tol=0.0, max_iter=1
        )
    np.testing.assert_array_equal(quiet.dual_gaps, result.dual_gaps)


# Threads and processes


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_concurrent_fits(loss):
    X, y = make(loss, n=400, p=300)
    S = sparse.csc_array(np.where(np.abs(X) > 1, X, 0.0))
    jobs = [(given, k) for given in (X, S) for k in (1, 2, 1, 2)]

    def fit(job):
        given, n_threads = job
        return fastl1.path(given, y, loss=loss, n_alphas=15, n_threads=n_threads)

    alone = [fit(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fit, jobs))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a.coefs.toarray(), b.coefs.toarray())
        np.testing.assert_array_equal(a.dual_gaps, b.dual_gaps)


def test_other_threads_run_during_a_fit(ctrl_c):
    """Twenty steps of another thread within one solve of seconds, which their end
    ends."""
    X, y, options = endless("squared")
    options["alphas"] = options["alphas"][[0, -1]]
    steps = []

    def work():
        while len(steps) < 20:
            time.sleep(0.001)
            steps.append(len(steps))
        ctrl_c()

    thread = threading.Thread(target=work)
    with pytest.raises(fastl1.FitInterrupted, match="after 1 of 2 alphas"):
        fastl1.path(X, y, callback=lambda k, info: thread.start(), **options)
    thread.join()
    assert len(steps) == 20


FORKED = """
import os, sys, warnings
import numpy as np, fastl1
rng = np.random.default_rng(0)
X = np.asfortranarray(rng.standard_normal((2000, 400)))
y = X[:, 0] + rng.standard_normal(2000)
before = fastl1.path(X, y, n_alphas=10, n_threads=2)   # starts OpenMP's threads
warnings.simplefilter("ignore")                        # Python's own about fork
pid = os.fork()
if pid == 0:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        after = [fastl1.path(X, y, n_alphas=10, n_threads=2) for _ in range(3)]
    same = all((r.coefs != before.coefs).nnz == 0 for r in after)
    threads = {r.info["n_threads"] for r in after}
    text = [str(w.message) for w in caught]
    good = same and threads == {1} and len(text) == 1 and "forked child" in text[0]
    if not good:
        print(same, threads, text, flush=True)
    os._exit(0 if good else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork on Windows")
def test_a_forked_child_runs_one_thread_with_one_warning():
    subprocess.run([sys.executable, "-c", FORKED], check=True, capture_output=True)


# scikit-learn's functions


@pytest.fixture(scope="module")
def sk():
    return pytest.importorskip("sklearn.linear_model")


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("form", [np.asfortranarray, sparse.csc_array])
def test_lasso_path_is_scikit_learns(sk, form, positive):
    X, y = make()
    X = np.where(np.abs(X) > 0.5, X, 0.0)
    options = {"alphas": 12, "eps": 1e-2, "positive": positive}
    theirs = sk.lasso_path(form(X), y, tol=1e-12, max_iter=10**5, **options)
    ours = fastl1.lasso_path(form(X), y, tol=1e-12, return_n_iter=True, **options)
    assert len(ours) == 4
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9)
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-6)
    assert ours[1].shape == (P, 12)
    null = 0.5 * np.mean(y**2)
    assert (ours[2] <= 1e-12 * null).all()
    assert isinstance(ours[3], list)


def test_enet_path_is_scikit_learns(sk):
    X, y = make()
    alphas = [0.01, 1.0, 0.1]
    theirs = sk.enet_path(X, y, l1_ratio=0.3, alphas=alphas, tol=1e-12, max_iter=10**5)
    ours = fastl1.enet_path(X, y, l1_ratio=0.3, alphas=alphas, tol=1e-12)
    np.testing.assert_array_equal(ours[0], [1.0, 0.1, 0.01])
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-6)
    single = fastl1.enet_path(X.astype(np.float32), y, alphas=alphas)
    assert single[1].dtype == np.float32
    start = theirs[1][:, 0]
    warm = fastl1.enet_path(X, y, l1_ratio=0.3, alphas=[1.0], coef_init=start)
    np.testing.assert_allclose(warm[1][:, 0], start, atol=1e-2)


def test_dual_gaps_are_in_units_of_the_objective(sk):
    X, y = make(n=30, p=60)
    alphas, coefs, gaps = fastl1.lasso_path(X, y, alphas=8, eps=1e-2, tol=1e-3)
    for k, alpha in enumerate(alphas):
        primal, _, null = reference.certificate(
            X, y, coefs[:, k], 0.0, alpha, fit_intercept=False
        )
        best = reference.fit(X, y, alpha, fit_intercept=False)
        true = primal - reference.objective(X, y, *best, alpha, fit_intercept=False)
        assert true - 1e-10 * null <= gaps[k] <= 1e-3 * null


def test_what_the_paths_accept_and_refuse():
    X, y = make()
    a = fastl1.lasso_path(
        X,
        y,
        alphas=5,
        precompute=True,
        Xy=X.T @ y,
        copy_X=False,
        verbose=False,
        selection="random",
        random_state=0,
        do_screening=False,
    )
    b = fastl1.lasso_path(X, y, alphas=5)
    np.testing.assert_array_equal(a[1], b[1])
    with pytest.raises(ValueError, match="Unexpected parameters in params: speed"):
        fastl1.enet_path(X, y, speed=11)
    with pytest.raises(ValueError, match="several targets are not supported"):
        fastl1.enet_path(X, np.c_[y, y])
    with pytest.raises(ValueError, match="l1_ratio=0"):
        fastl1.enet_path(X, y, l1_ratio=0)


@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learns_models_to_1e_6(sk, weighted):
    X, y = make()
    weight = np.linspace(0.5, 2, N) if weighted else None
    result = fastl1.path(X, y, sample_weight=weight, n_alphas=6, tol=1e-12)
    for k in (1, 3, 5):
        theirs = sk.Lasso(alpha=result.alphas[k], tol=1e-12, max_iter=10**5)
        theirs.fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(
            result.coefs.toarray()[:, k], theirs.coef_, atol=1e-6
        )
        assert result.intercepts[k] == pytest.approx(theirs.intercept_, abs=1e-6)


def test_scikit_learns_sparse_logistic_regression(sk):
    X, y = make("logistic", n=200)
    alpha = 0.05
    result = fastl1.path(X, y, loss="logistic", alphas=[alpha], tol=1e-12)
    theirs = sk.LogisticRegression(
        C=1 / (alpha * 200), l1_ratio=1, solver="saga", tol=1e-9, max_iter=10**5
    ).fit(X, y)
    np.testing.assert_allclose(result.coefs.toarray()[:, 0], theirs.coef_[0], atol=1e-6)
    assert result.intercepts[0] == pytest.approx(theirs.intercept_[0], abs=1e-6)


QUICK_START = """
data(QuickStartExample, package = "glmnet")
d <- QuickStartExample
write.table(cbind(d$x, d$y), stdout(), row.names = FALSE, col.names = FALSE)
"""


def test_glmnets_published_path(glmnet):
    """The first lines of the table in glmnet's introduction, on its own example.

    The data belong to glmnet (GPL) and stay there: an installed glmnet hands them over.
    """
    lines = glmnet(QUICK_START).splitlines()
    table = np.array([line.split() for line in lines], dtype=float)
    X, y = table[:, :-1], table[:, -1]
    result = fastl1.path(X, y, standardize=True)
    np.testing.assert_allclose(
        result.alphas[:6], [1.631, 1.486, 1.354, 1.234, 1.124, 1.024], atol=5e-4
    )
    assert np.diff(result.coefs.indptr)[:6].tolist() == [0, 2, 2, 2, 2, 2]
    residual = y[:, None] - result.predict(X)
    explained = 1 - (residual**2).sum(axis=0) / ((y - y.mean()) ** 2).sum()
    np.testing.assert_allclose(
        100 * explained[:6], [0, 5.53, 14.59, 22.11, 28.36, 33.54], atol=5e-3
    )


# The soft threshold


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("order", ["C", "F"])
def test_soft_threshold(dtype, order):
    rng = np.random.default_rng(0)
    x = np.asarray(rng.standard_normal((7, 5)), dtype=dtype, order=order)
    t = dtype(0.4)
    expected = np.sign(x) * np.maximum(np.abs(x) - t, 0)
    result = fastl1.soft_threshold(x, t)
    assert result.dtype == dtype
    np.testing.assert_allclose(
        result, expected, rtol=1e-3 if dtype == np.float16 else 1e-6
    )
    for view in (x[::2], x[:, 1::2], x[::-1], x.T):
        np.testing.assert_allclose(
            fastl1.soft_threshold(view, t),
            np.sign(view) * np.maximum(np.abs(view) - t, 0),
            rtol=1e-2,
            atol=1e-3,
        )
    each = np.abs(rng.standard_normal(5)).astype(dtype)
    np.testing.assert_allclose(
        fastl1.soft_threshold(x, each),
        np.sign(x) * np.maximum(np.abs(x) - each, 0),
        rtol=1e-2,
        atol=1e-3,
    )
    out = np.empty_like(x)
    assert fastl1.soft_threshold(x, t, out=out) is out
    np.testing.assert_array_equal(out, result)
    assert fastl1.soft_threshold(x, t, out=x) is x
    np.testing.assert_array_equal(x, result)


def test_soft_threshold_shapes_and_types():
    assert fastl1.soft_threshold(3, 1) == 2.0
    assert isinstance(fastl1.soft_threshold(-3.0, 1.0), np.float64)
    assert fastl1.soft_threshold([], 1.0).shape == (0,)
    np.testing.assert_array_equal(
        fastl1.soft_threshold([-3, 0, 1, 5], 2), [-1.0, 0, 0, 3]
    )
    np.testing.assert_array_equal(fastl1.soft_threshold([True], 0.25), [0.75])
    x = np.zeros((2, 3, 4)) - 2.0
    x.flags.writeable = False
    np.testing.assert_array_equal(fastl1.soft_threshold(x, 0.5), x + 0.5)
    np.testing.assert_array_equal(fastl1.soft_threshold(x, 0), x)
    strided = np.zeros((3, 8))[:, ::2]
    fastl1.soft_threshold(np.ones((3, 4)), 0.5, out=strided)
    np.testing.assert_array_equal(strided, 0.5)
    mixed = np.empty(2, dtype=np.float32)
    fastl1.soft_threshold(np.array([2.0, -2.0]), 1.0, out=mixed)
    np.testing.assert_array_equal(mixed, [1, -1])
    assert np.isnan(fastl1.soft_threshold(np.array([np.nan, 1.0]), 0.5)[0])
    assert fastl1.soft_threshold(np.array([np.inf, -np.inf]), 1.0).tolist() == [
        np.inf,
        -np.inf,
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0], -1.0), ValueError, "t must not be negative"),
        (([1.0], np.nan), ValueError, "t must not be negative or NaN"),
        (([1.0], [1.0, 2.0]), ValueError, "does not broadcast"),
        (([1.0, 2.0], [1.0, 2.0, 3.0]), ValueError, "broadcast"),
        (([1j], 1.0), TypeError, "x has dtype complex128"),
        ((["a"], 1.0), TypeError, "x has dtype <U1"),
        (([1.0], 1.0, np.empty(2)), ValueError, r"out has shape \(2,\), x has \(1,\)"),
        (([1.0], 1.0, np.empty(1, dtype=int)), TypeError, "cannot hold float64"),
        (([1.0], 1.0, [0.0]), TypeError, "out must be an ndarray"),
    ],
)
def test_soft_threshold_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        fastl1.soft_threshold(*arguments)
