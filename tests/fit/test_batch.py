"""fit_many and fit_ragged: the solutions of path, certified, for many problems."""

import tracemalloc

import numpy as np
import pytest
from oracles import reference
from scipy import sparse

import fastl1
from fastl1.fit import many
from fastl1.fit.status import STATUS
from fastl1.kernels.many._batch import Batch

N, P, K = 60, 40, 6


def make(loss="squared", n=N, p=P, k=K, seed=0):
    rng = np.random.default_rng(seed)
    X = np.asfortranarray(rng.standard_normal((n, p)) + 0.5)
    W = np.where(rng.random((p, k)) < 5 / p, rng.standard_normal((p, k)), 0.0)
    Y = X @ W + rng.standard_normal((n, k)) + np.arange(k)
    if loss == "logistic":
        Y = np.where(np.median(Y, axis=0) < Y, "yes", "no")
    elif loss == "poisson":
        Y = rng.poisson(np.exp(np.clip(0.3 * (Y - Y.mean(axis=0)), -2, 2)))
    return X, Y


def column(value, j):
    """The part of a keyword of fit_many that belongs to target j."""
    return value[:, j] if np.ndim(value) == 2 else value


def check_many(result, X, Y, tol=1e-6, **problem):
    """Every target has the gap that is claimed and the solution that `path` finds."""
    weight, offset = problem.pop("sample_weight", None), problem.pop("offset", None)
    assert result.converged.all()
    for j in range(Y.shape[1]):
        own = {**problem, "sample_weight": column(weight, j)}
        own["offset"] = column(offset, j)
        coef = result.coefs[:, [j]].toarray()[:, 0]
        alpha = float(result.alphas[j])
        assert result.dual_gaps[j] <= tol
        if result.loss in ("squared", "logistic"):
            y = Y[:, j] if result.classes is None else Y[:, j] == result.classes[1]
            gap = reference.relative_gap(
                X, y, coef, result.intercepts[j], alpha, loss=result.loss, **own
            )
            assert gap <= tol * (1 + 1e-6) + 1e-12
        exact = fastl1.path(
            X, Y[:, j], loss=result.loss, alphas=[alpha], tol=1e-9, **own
        )
        np.testing.assert_allclose(exact.info["alpha_max"], result.alpha_max[j])
        expected = exact.coefs.toarray()[:, 0]
        # an objective within tol of the optimum
        np.testing.assert_allclose(coef, expected, atol=2e-2 * tol**0.25)
        assert result.intercepts[j] == pytest.approx(exact.intercepts[0], abs=2e-2)


OPTIONS = {
    "plain": {},
    "no intercept": {"fit_intercept": False},
    "standardize": {"standardize": True},
    "elastic net": {"l1_ratio": 0.4},
    "bounds": {"lower": -0.2, "upper": 0.3},
    "factors": {"penalty_factor": np.r_[0.0, 2.0, np.inf, np.ones(P - 3)]},
    "weights": {"sample_weight": np.r_[0.0, np.linspace(0.5, 2.0, N - 1)]},
    "offset": {"offset": np.linspace(-1.0, 1.0, N)},
}


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_targets_are_those_of_path(loss, options):
    X, Y = make(loss)
    result = fastl1.fit_many(X, Y, loss=loss, alpha_ratio=0.2, tol=1e-7, **options)
    assert result.coefs.shape == (P, K)
    np.testing.assert_allclose(result.alphas, 0.2 * result.alpha_max)
    check_many(result, X, Y, tol=1e-7, **options)


@pytest.mark.parametrize("n", [30, 300])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_weights_and_offsets_of_their_own(loss, n):
    X, Y = make(loss, n=n)
    rng = np.random.default_rng(1)
    weight = rng.random((n, K)) * (rng.random((n, K)) < 0.8) + 1e-3
    own = {"sample_weight": weight, "offset": 0.3 * rng.standard_normal((n, K))}
    result = fastl1.fit_many(X, Y, loss=loss, alpha_ratio=0.1, tol=1e-8, **own)
    assert result.info["regime"] == "products"
    check_many(result, X, Y, tol=1e-8, **own)


def test_any_loss():
    X, Y = make("poisson", n=200)
    result = fastl1.fit_many(X, Y, loss="poisson", alpha_ratio=0.1, tol=1e-8)
    check_many(result, X, Y, tol=1e-8)


@pytest.mark.parametrize("shape", [(25, 300), (400, 30)])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("store", [np.asarray, sparse.csc_array])
def test_same_bits_for_any_number_of_threads(shape, loss, store):
    X, Y = make(loss, *shape, k=9)
    X[np.abs(X) < 0.8] = 0.0
    results = [
        fastl1.fit_many(store(X), Y, loss=loss, alpha_ratio=0.1, n_threads=n_threads)
        for n_threads in (1, 2, 3)
    ]
    for other in results[1:]:
        for name in ("indptr", "indices", "data"):
            assert np.array_equal(
                getattr(results[0].coefs, name), getattr(other.coefs, name)
            )
        for name in ("intercepts", "dual_gaps", "n_iters", "status"):
            assert np.array_equal(getattr(results[0], name), getattr(other, name))


@pytest.mark.parametrize("shape", [(25, 300), (400, 30)])
def test_dense_is_sparse(shape):
    X, Y = make("squared", *shape)
    X[np.abs(X) < 1.0] = 0.0
    dense = fastl1.fit_many(X, Y, alpha_ratio=0.1, tol=1e-11)
    stored = fastl1.fit_many(sparse.csc_array(X), Y, alpha_ratio=0.1, tol=1e-11)
    assert abs(dense.coefs - stored.coefs).max() < 1e-7
    np.testing.assert_allclose(dense.intercepts, stored.intercepts, atol=1e-7)


def test_order_of_targets_does_not_matter():
    X, Y = make(n=30, p=200, k=70)  # more than are in work at a time
    order = np.random.default_rng(0).permutation(70)
    alphas = np.linspace(0.2, 0.4, 70)
    one = fastl1.fit_many(X, Y, alpha=alphas, tol=1e-10)
    other = fastl1.fit_many(X, Y[:, order], alpha=alphas[order], tol=1e-10)
    assert abs(one.coefs[:, order] - other.coefs).max() < 1e-6
    np.testing.assert_allclose(one.dual_gaps[order], other.dual_gaps, atol=1e-10)


def test_one_gram_matrix_serves_all():
    X, Y = make(n=300, p=30, k=8)
    result = fastl1.fit_many(X, Y, alpha_ratio=0.01, fit_intercept=False)
    info = result.info
    assert info["regime"] == "gram"
    # nobody needs X again after the correlations at 0
    assert info["n_full_passes"] == 8
    assert info["n_column_products"] == 8 * 30


def test_float32_certificates_hold_after_the_cast():
    X, Y = make()
    X = X.astype(np.float32)
    bounds = {"lower": np.float64(-0.1), "upper": 0.1}
    result = fastl1.fit_many(X, Y, alpha_ratio=0.1, tol=1e-5, **bounds)
    assert result.coefs.dtype == np.float32
    assert result.coefs.data.max() <= 0.1
    assert result.coefs.data.min() >= -0.1
    for j in range(K):
        gap = reference.relative_gap(
            X,
            Y[:, j],
            result.coefs[:, [j]].toarray()[:, 0].astype(np.float64),
            result.intercepts[j],
            result.alphas[j],
            **bounds,
        )
        assert gap <= 1e-5


def test_a_previous_result_saves_iterations():
    X, Y = make("logistic", n=80, p=200)
    args = {"loss": "logistic", "alpha_ratio": 0.05}
    cold = fastl1.fit_many(X, Y, **args)
    again = fastl1.fit_many(X, Y, coef_init=cold, **args)
    assert again.converged.all()
    assert again.n_iters.sum() < cold.n_iters.sum() / 4
    dense = fastl1.fit_many(X, Y, coef_init=cold.coefs.toarray(), **args)
    assert dense.n_iters.sum() < cold.n_iters.sum()
    # from another place the same solutions
    far = fastl1.fit_many(X, Y, coef_init=-cold.coefs, tol=1e-9, **args)
    check_many(far, X, Y, tol=1e-9)


def test_alphas_above_and_at_zero():
    X, Y = make(n=200, p=5, k=3)
    result = fastl1.fit_many(X, Y, alpha_ratio=[2.0, 1.0, 0.0], tol=1e-9)
    assert result.converged.all()
    assert np.diff(result.coefs.indptr).tolist() == [0, 0, 5]
    expected = np.linalg.lstsq(np.c_[X, np.ones(200)], Y[:, 2])[0]
    np.testing.assert_allclose(
        result.coefs[:, [2]].toarray()[:, 0], expected[:-1], atol=1e-6
    )
    constant = fastl1.fit_many(X, np.full((200, 2), 3.0), alpha_ratio=0.5)
    assert constant.intercepts.tolist() == [3.0, 3.0]
    assert constant.alpha_max.tolist() == [0.0, 0.0]
    assert constant.converged.all()


@pytest.mark.parametrize("memory", [1, 1 << 18])
def test_memory_decides_how_many_are_in_work(memory, monkeypatch):
    X, Y = make(n=40, p=400, k=40)
    expected = fastl1.fit_many(X, Y, alpha_ratio=0.1, tol=1e-10)
    monkeypatch.setattr(many, "MEMORY", memory)
    monkeypatch.setattr(many, "Batch", Batch)
    result = fastl1.fit_many(X, Y, alpha_ratio=0.1, tol=1e-10)
    assert result.converged.all()
    assert result.info["n_rounds"] > expected.info["n_rounds"]
    assert abs(result.coefs - expected.coefs).max() < 1e-6


def test_memory_is_bounded():
    """Beyond X and Y: not a copy of X for each target."""
    X, Y = make(n=200, p=500, k=50)
    fastl1.fit_many(X, Y[:, :2], alpha_ratio=0.5)
    tracemalloc.start()
    fastl1.fit_many(X, Y, alpha_ratio=0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * Y.nbytes + 50 * 500 * 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": None}, "exactly one of alpha and alpha_ratio"),
        ({"alpha_ratio": 0.5}, "exactly one of alpha and alpha_ratio"),
        ({"alpha": [0.1] * 5}, r"alpha has 5 values, one per position makes 6"),
        ({"alpha": [0.1] * 5 + [-1]}, r"alpha\[5\] is negative"),
        ({"Y": np.zeros(N)}, "Y must have two dimensions.*use path"),
        ({"Y": np.zeros((N - 1, 2))}, f"Y has {N - 1} rows, X has {N}"),
        ({"Y": np.zeros((N, 0))}, "Y has no columns"),
        ({"sample_weight": np.ones((N, 2))}, "sample_weight has 2 columns, Y has 6"),
        ({"offset": np.ones(3)}, "offset has 3 values"),
        ({"coef_init": np.zeros((K, P))}, r"coef_init has shape \(6, 40\)"),
        ({"callback": 3}, "callback must be callable"),
        ({"loss": "hinge"}, "loss must be one of"),
    ],
)
def test_bad_input(change, message):
    X, Y = make()
    args = {"X": X, "Y": Y, "alpha": 0.1, **change}
    with pytest.raises((ValueError, TypeError), match=message):
        fastl1.fit_many(args.pop("X"), args.pop("Y"), **args)


def test_bad_values_are_named():
    X, Y = make()
    bad = Y.copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match="Y contains NaN at row 3, column 2"):
        fastl1.fit_many(X, bad, alpha=0.1)
    weight = np.ones((N, K))
    weight[4, 1] = -1
    with pytest.raises(ValueError, match=r"column 1: sample_weight is negative"):
        fastl1.fit_many(X, Y, alpha=0.1, sample_weight=weight)
    labels = Y > 0
    labels[:, 4] = True
    with pytest.raises(ValueError, match="column 4 of Y contains one class only"):
        fastl1.fit_many(X, labels, alpha=0.1, loss="logistic")
    with pytest.raises(ValueError, match="column 0 of Y: loss='poisson' needs"):
        fastl1.fit_many(X, -np.abs(Y), alpha=0.1, loss="poisson")
    with pytest.raises(ValueError, match="l1_ratio=0"):
        fastl1.fit_many(X, Y, alpha_ratio=0.1, l1_ratio=0.0)


@pytest.mark.parametrize("p", [P, 900])  # one Gram matrix, and too wide for one
def test_at_alpha_max_no_target_takes_an_iteration(p):
    X, Y = make(p=p)
    result = fastl1.fit_many(X, Y, alpha_ratio=1.0)
    assert (result.n_iters == 0).all()
    assert result.converged.all()
    assert result.coefs.nnz == 0


def test_progress_and_early_stop():
    X, Y = make(n=30, p=900, k=100)  # too wide for one Gram matrix
    seen = []
    result = fastl1.fit_many(
        X, Y, alpha_ratio=0.1, callback=lambda done, info: seen.append((done, info))
    )
    done = [count for count, _ in seen]
    assert done == sorted(set(done))
    assert done[-1] == 100
    assert seen[-1][1]["n_problems"] == 100
    assert seen[-1][1]["worst_gap"] == result.dual_gaps.max()
    part = fastl1.fit_many(
        X, Y, alpha_ratio=0.1, callback=lambda done, info: done >= 10
    )
    assert part.info["stopped"] == "callback"
    solved = part.status == 0
    assert 10 <= solved.sum() < 100
    assert set(part.status[~solved]) == {2}
    assert np.isinf(part.dual_gaps[~solved]).all()
    assert abs(part.coefs - result.coefs)[:, solved].max() == 0
    assert part.coefs[:, ~solved].nnz == 0


@pytest.mark.parametrize("n_threads", [1, 2])
def test_interruption_keeps_the_targets_done(n_threads, ctrl_c):
    X, Y = make(n=60, p=1500, k=600)
    with pytest.raises(fastl1.FitInterrupted, match="of 600 targets") as caught:
        fastl1.fit_many(
            X,
            Y,
            alpha_ratio=0.02,
            tol=1e-9,
            n_threads=n_threads,
            callback=lambda done, info: ctrl_c(),
        )
    result = caught.value.result
    assert result.info["stopped"] == "interrupted"
    assert set(result.status) == {0, 2}


def test_targets_that_miss_the_tolerance_warn():
    X, Y = make("logistic", n=80, p=200)
    with pytest.warns(fastl1.ConvergenceWarning, match="of 6 targets did not reach"):
        result = fastl1.fit_many(
            X, Y, loss="logistic", alpha_ratio=0.01, tol=1e-14, max_iter=1
        )
    assert (result.status == 1).any()


def test_a_batch_holds_paths_too():
    """The engine solves a grid for each problem, as for subsamples."""
    X, Y = make(n=40, p=100, k=3)
    grid = np.array([[0.5, 0.2, 0.05]] * 3)
    solver = Batch(
        X,
        np.asfortranarray(Y),
        grid,
        relative=True,
        loss="squared",
        l1_ratio=1.0,
        penalty_factor=None,
        lower=None,
        upper=None,
        fit_intercept=True,
        standardize=False,
        sample_weight=None,
        offset=None,
        tol=1e-9,
        max_iter=100,
        start=None,
        n_threads=2,
        memory=1 << 28,
    )
    assert solver.run() == "end"
    indptr, indices, values = solver.result()
    coefs = sparse.csc_array((values, indices, indptr), shape=(100, 9))
    for j in range(3):
        alphas = grid[j] * fastl1.alpha_max(X, Y[:, j])
        np.testing.assert_allclose(solver.arrays["alphas"][j], alphas)
        exact = fastl1.path(X, Y[:, j], alphas=alphas, tol=1e-9)
        assert abs(exact.coefs - coefs[:, 3 * j : 3 * j + 3]).max() < 1e-6


# Problems stacked by rows


def stack(loss="squared", sizes=(30, 1, 45, 12, 60), p=8, seed=0):
    rng = np.random.default_rng(seed)
    indptr = np.r_[0, np.cumsum(sizes)]
    X = rng.standard_normal((indptr[-1], p)) + 0.5
    y = X[:, :3] @ [1.0, -2.0, 0.5] + rng.standard_normal(indptr[-1])
    if loss == "logistic":
        y = np.where(y > y.mean(), "b", "a")
    return X, y, indptr


ROWS = 148
STACKED = {
    "plain": {},
    "no intercept": {"fit_intercept": False},
    "standardize": {"standardize": True},
    "standardize, no intercept": {"standardize": True, "fit_intercept": False},
    "elastic net": {"l1_ratio": 0.4},
    "nearly ridge": {"l1_ratio": 0.02},
    "bounds": {"lower": -0.2, "upper": 0.3},
    "factors": {"penalty_factor": np.r_[1.0, 2.0, np.inf, np.ones(5)]},
    "free": {"penalty_factor": np.r_[0.0, np.ones(7)]},
    "weights": {"sample_weight": np.linspace(0.0, 2.0, ROWS)},
    "offset": {"offset": np.linspace(-1.0, 1.0, ROWS)},
}


def check_ragged(result, X, y, indptr, tol, **options):
    for b in np.flatnonzero(result.status == 0):
        rows = slice(indptr[b], indptr[b + 1])
        own = {
            name: value[rows] if name in ("sample_weight", "offset") else value
            for name, value in options.items()
        }
        target = y[rows] if result.classes is None else y[rows] == result.classes[1]
        gap = reference.relative_gap(
            X[rows],
            target,
            result.coefs[b].astype(np.float64),
            result.intercepts[b],
            result.alphas[b],
            loss=result.loss,
            **own,
        )
        assert gap <= tol * (1 + 1e-6) + 1e-12
        top = reference.alpha_max(X[rows], target, loss=result.loss, **own)
        assert result.alpha_max[b] == pytest.approx(top, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("options", STACKED.values(), ids=STACKED)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_stacked_problems_are_those_of_path(loss, options):
    X, y, indptr = stack(loss)
    result = fastl1.fit_ragged(
        X, y, indptr, loss=loss, alpha_ratio=0.1, tol=1e-8, **options
    )
    assert result.coefs.shape == (5, 8)
    if loss == "squared":
        assert (result.status == 0).all()
        # in the problem of one row every standardized column is constant
        assert result.info["n_small"] >= (0 if options is STACKED["free"] else 4)
    else:
        assert result.status.tolist() == [0, 6, 0, 0, 0]  # one row has one class
    check_ragged(result, X, y, indptr, 1e-8, **options)
    known = result.status == 0
    np.testing.assert_allclose(
        result.alphas[known], 0.1 * result.alpha_max[known], rtol=1e-12
    )


def test_wide_problems():
    """More columns than rows, and more than the small path takes."""
    for p in (60, 300):
        X, y, indptr = stack(p=p, sizes=(20, 30))
        result = fastl1.fit_ragged(X, y, indptr, alpha_ratio=0.05, tol=1e-9)
        assert result.converged.all()
        assert result.info["n_small"] == (2 if p == 60 else 0)
        check_ragged(result, X, y, indptr, 1e-9)


@pytest.mark.parametrize("mean", [1e6, -1e8])
def test_means_far_above_the_deviation(mean):
    X, y, indptr = stack()
    plain = fastl1.fit_ragged(X, y, indptr, alpha_ratio=0.1, tol=1e-9)
    far = fastl1.fit_ragged(X + mean, y, indptr, alpha_ratio=0.1, tol=1e-9)
    np.testing.assert_allclose(far.coefs, plain.coefs, atol=1e-6)


def test_a_bad_problem_spoils_no_other():
    X, y, indptr = stack(sizes=(20,) * 9)
    expected = fastl1.fit_ragged(X, y, indptr, alpha_ratio=0.1)
    weight = np.ones(180)
    X, y = X.copy(), y.copy()
    X[25, 3] = np.nan
    y[50] = np.inf
    weight[60:80] = 0.0
    weight[85] = -1.0
    X[110, 0] = 1e200
    y[120:140] = 3.0  # constant: solved
    X[140:160] = 2.0  # nothing to learn from: solved
    bounds = np.r_[indptr[:5], indptr[4:]]  # an empty problem in the middle
    result = fastl1.fit_ragged(X, y, bounds, alpha_ratio=0.1, sample_weight=weight)
    assert result.status.tolist() == [0, 4, 4, 5, 5, 4, 4, 0, 0, 0]
    assert all(int(status) in STATUS for status in result.status)
    np.testing.assert_allclose(result.coefs[0], expected.coefs[0])
    np.testing.assert_allclose(result.coefs[9], expected.coefs[8])
    assert result.intercepts[7] == 3.0
    assert not result.coefs[7:9].any()
    assert result.intercepts[8] == pytest.approx(y[140:160].mean())
    bad = result.status > 3
    assert np.isinf(result.dual_gaps[bad]).all()
    assert np.isnan(result.alphas[bad]).all()
    assert not result.coefs[bad].any()
    counts = np.abs(np.round(y[:60]))
    counts[25] = -1
    counts[50] = np.nan
    result = fastl1.fit_ragged(
        np.nan_to_num(X[:60]), counts, [0, 20, 40, 60], loss="poisson", alpha_ratio=0.5
    )
    assert result.status.tolist() == [0, 7, 4]


def test_general_problems_after_small_ones_and_back():
    """Both ways to solve share a thread's memory."""
    X, y, indptr = stack(sizes=(20,) * 6)
    alphas = np.array([0.1, 0.0, 0.1, 0.0, 0.1, 0.1])
    result = fastl1.fit_ragged(X, y, indptr, alpha=alphas, tol=1e-9, n_threads=1)
    assert result.info["n_small"] == 4
    assert result.converged.all()
    for b in range(6):
        rows = slice(indptr[b], indptr[b + 1])
        exact = fastl1.path(X[rows], y[rows], alphas=[alphas[b]], tol=1e-10)
        np.testing.assert_allclose(
            result.coefs[b], exact.coefs.toarray()[:, 0], atol=1e-5
        )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_layouts_and_threads_give_the_same(dtype, loss):
    X, y, indptr = stack(loss, sizes=tuple(range(10, 50)))
    X[np.abs(X) < 0.5] = 0.0
    X = X.astype(dtype)
    one = fastl1.fit_ragged(X, y, indptr, loss=loss, alpha_ratio=0.1, n_threads=1)
    assert one.coefs.dtype == dtype
    check_ragged(one, X, y, indptr, 1e-6)
    for other in (X, np.asfortranarray(X), sparse.csr_array(X), sparse.csc_array(X)):
        result = fastl1.fit_ragged(
            other, y, indptr, loss=loss, alpha_ratio=0.1, n_threads=2
        )
        for name in ("coefs", "intercepts", "dual_gaps", "n_iters", "status"):
            assert np.array_equal(getattr(one, name), getattr(result, name)), name


def test_stacked_start():
    X, y, indptr = stack("logistic", sizes=(40,) * 5)
    args = {"loss": "logistic", "alpha_ratio": 0.05}
    cold = fastl1.fit_ragged(X, y, indptr, **args)
    again = fastl1.fit_ragged(X, y, indptr, coef_init=cold, **args)
    assert again.n_iters.sum() < cold.n_iters.sum()
    number = np.where(y == "b", 1.0, 0.0)
    cold = fastl1.fit_ragged(X, number, indptr, alpha_ratio=0.05)
    again = fastl1.fit_ragged(X, number, indptr, alpha_ratio=0.05, coef_init=cold)
    assert again.n_iters.sum() == 0
    np.testing.assert_allclose(again.coefs, cold.coefs, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"indptr": [0, 10]}, "indptr must go from 0 to the number of rows, 148"),
        ({"indptr": [0, 90, 50, 148]}, "indptr falls from 90 to 50 at 2"),
        ({"indptr": [0.0, 148.0]}, "indptr must hold integers"),
        ({"indptr": 148}, "indptr must be a vector"),
        ({"y": np.zeros(3)}, "y has 3 values"),
        ({"alpha": [1.0, 2.0]}, "alpha has 2 values"),
        ({"alpha": None}, "exactly one of"),
        ({"coef_init": np.zeros((2, 2))}, r"coef_init has shape \(2, 2\)"),
        ({"X": np.zeros((148, 2), dtype=complex)}, "Complex data not supported"),
        ({"y": np.arange(148), "loss": "logistic"}, "needs two classes, y has 148"),
    ],
)
def test_bad_stacks(change, message):
    X, y, indptr = stack()
    args = {"X": X, "y": y, "indptr": indptr, "alpha": 0.1, **change}
    with pytest.raises((ValueError, TypeError), match=message):
        fastl1.fit_ragged(args.pop("X"), args.pop("y"), args.pop("indptr"), **args)


def test_stacked_progress_and_interruption(ctrl_c):
    X, y, indptr = stack("logistic", sizes=(60,) * 60)
    X, y = np.tile(X, (50, 1)), np.tile(y, 50)
    indptr = np.arange(3001) * 60
    args = {"loss": "logistic", "alpha_ratio": 0.01, "tol": 1e-10}
    seen = []

    def stop(done, info):
        seen.append(done)
        assert info["n_problems"] == 3000
        return len(seen) == 2

    part = fastl1.fit_ragged(X, y, indptr, callback=stop, **args)
    assert part.info["stopped"] == "callback"
    assert (part.status != 2).sum() == seen[-1] < 3000

    def press(done, info):
        raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted, match="of 3000 problems") as caught:
        fastl1.fit_ragged(X, y, indptr, callback=press, **args)
    result = caught.value.result
    assert (result.status != 2).sum() == seen[0]
    assert np.array_equal(result.coefs[: seen[0]], part.coefs[: seen[0]])

    def press_later(done, info):
        ctrl_c()

    with pytest.raises(fastl1.FitInterrupted, match="of 3000 problems") as caught:
        fastl1.fit_ragged(X, y, indptr, callback=press_later, **args)
    assert set(caught.value.result.status) == {0, 2}


def test_results_say_what_they_are():
    X, Y = make()
    many = fastl1.fit_many(X, Y, alpha_ratio=0.1)
    assert repr(many).startswith("<FitManyResult: squared, 6 targets, 40 features, 6 ")
    assert len(many) == K
    X, y, indptr = stack()
    ragged = fastl1.fit_ragged(X, y, indptr, alpha_ratio=0.1)
    assert "5 problems, 8 features, 5 converged" in repr(ragged)
