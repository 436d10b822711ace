"""Softmax regression: certified, also on the cases on which others cycle."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from oracles.multinomial import MultinomialReference

import fastl1
from fastl1.kernels.softmax._solver import MultinomialSolver
from fastl1.loss.losses import Multinomial
from fastl1.problem.problem import check_problem
from fastl1.select.random_state import seed_sequence, stream
from fastl1.select.resampling import Groups, bootstrap_weights


def make(n=60, p=12, K=4, seed=0, noise=0.7):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = 2 * X[:, :K] + noise * rng.gumbel(size=(n, K))
    y = eta.argmax(axis=1)
    y[:K] = np.arange(K)
    return X, y


def fit(X, y, **options):
    return fastl1.path(X, y, loss="multinomial", **options)


def model(result, k):
    W = np.column_stack([part[:, [k]].toarray()[:, 0] for part in result.coefs])
    return W.astype(np.float64), result.intercepts[:, k]


def assert_certified(result, X, y, tol, **options):
    """Every gap holds by the oracle, and the oracle's own is within the tolerance."""
    K = len(result.classes)
    codes = np.searchsorted(result.classes, y)
    oracle = MultinomialReference(X, codes, K, **options)
    assert result.info["null_objective"] == pytest.approx(oracle.null_objective())
    for k, alpha in enumerate(result.alphas):
        W, b = model(result, k)
        gap = oracle.relative_gap(W, b, alpha)
        assert result.converged[k]
        # the oracle searches over scales: it may find a better bound, or none as good
        assert gap <= max(1.01 * result.dual_gaps[k], 2 * tol) + 1e-12


RNG = np.random.default_rng(5)
CASES = {
    "plain": {},
    "no_intercept": {"fit_intercept": False},
    "elastic_net": {"l1_ratio": 0.5},
    "mostly_ridge": {"l1_ratio": 0.05, "fit_intercept": False},
    "standardize": {"standardize": True},
    "weights": {"sample_weight": np.r_[np.ones(4), RNG.integers(0, 4, 56) + 0.25]},
    "zero_weights": {"sample_weight": np.r_[np.ones(30), np.zeros(30)]},
    "offset": {"offset": RNG.standard_normal((60, 4))},
    "factors": {"penalty_factor": np.r_[0.0, 0.5, 2.0, np.inf, np.ones(8)]},
    "free_no_intercept": {
        "penalty_factor": np.r_[0.0, 0.0, np.ones(10)],
        "fit_intercept": False,
    },
    "bounds": {"lower": -0.3, "upper": np.r_[0.0, np.full(11, 0.5)]},
    "positive": {"lower": 0.0, "l1_ratio": 0.7},
    "everything": {
        "l1_ratio": 0.8,
        "standardize": True,
        "sample_weight": RNG.random(60) + 0.1,
        "offset": RNG.standard_normal((60, 4)),
        "penalty_factor": np.r_[0.0, 0.5, 2.0, np.inf, np.ones(8)],
        "upper": np.r_[np.inf, np.full(11, 0.4)],
    },
}


@pytest.mark.parametrize("storage", ["dense", "csc"])
@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_paths_are_certified(options, storage):
    X, y = make()
    X[np.random.default_rng(3).random(X.shape) < 0.4] = 0.0
    given = X if storage == "dense" else sp.csc_array(X)
    for tol in (1e-4, 1e-9):
        result = fit(given, y, n_alphas=5, alpha_min_ratio=0.03, tol=tol, **options)
        assert_certified(result, X, y, tol, **options)


@pytest.mark.parametrize("regime", [1, 2])
def test_both_regimes_reach_the_same_objective(regime):
    X, y = make(n=120, p=30)
    options = {
        "n_classes": 4,
        "l1_ratio": 1.0,
        "penalty_factor": None,
        "lower": None,
        "upper": None,
        "fit_intercept": True,
        "standardize": False,
        "sample_weight": None,
        "offset": None,
        "n_threads": 1,
    }
    solver = MultinomialSolver(np.asfortranarray(X), y.astype(float), **options)
    solver.force_regime = regime
    alpha = 0.05 * solver.alpha_max
    assert solver.solve(alpha, 1e-10, 100) == 0
    assert solver.counters()["regime"] == ("gram", "residual")[regime - 1]
    W, b = solver.coef.reshape(4, -1).T, solver.intercept
    oracle = MultinomialReference(X, y, 4)
    assert oracle.relative_gap(W, b, alpha) < 1e-9
    assert solver.objective(alpha) == pytest.approx(oracle.objective(W, b, alpha))
    assert solver.certify(alpha) < 1e-9


HARD = {
    # three classes along one feature: the middle one is never the likeliest end
    "one_feature": (np.linspace(-1, 1, 9)[:, None], np.repeat([0, 1, 2], 3)),
    "tiny_separable": (np.eye(3), np.arange(3)),
    "one_sample_a_class": (np.random.default_rng(1).standard_normal((6, 4)), range(6)),
    "collinear": (
        np.repeat(np.random.default_rng(2).standard_normal((30, 2)), 3, axis=1),
        np.arange(30) % 3,
    ),
    "rare_class": (
        np.random.default_rng(3).standard_normal((200, 5)),
        np.r_[2, np.arange(199) % 2],
    ),
    "constant_feature": (np.c_[np.ones(12), np.arange(12) % 5], np.arange(12) % 4),
    "scales": (
        np.random.default_rng(4).standard_normal((40, 4)) * [1e-4, 1.0, 1e4, 1e6],
        np.arange(40) % 3,
    ),
    "same_rows_other_labels": (np.ones((6, 1)) * [[1.0, -1.0]], np.arange(6) % 3),
}


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("case", HARD.values(), ids=HARD)
def test_hard_cases_converge(case, intercept, l1_ratio):
    X, y = np.array(case[0], dtype=float), np.array(case[1])
    options = {"fit_intercept": intercept, "l1_ratio": l1_ratio}
    result = fit(X, y, n_alphas=6, alpha_min_ratio=3e-3, tol=1e-8, **options)
    assert_certified(result, X, y, 1e-8, **options)


def test_two_classes_are_the_binary_logistic_regression():
    X, y = make(K=2)
    for l1_ratio in (1.0, 0.6):
        both = fit(X, y, l1_ratio=l1_ratio, n_alphas=6, alpha_min_ratio=0.02, tol=1e-12)
        # w2 - w1 costs (|w1| + |w2|) = |w|, and w1^2 + w2^2 = w^2 / 2
        l1, l2 = l1_ratio, (1 - l1_ratio) / 2
        one = fastl1.path(
            X,
            y,
            loss="logistic",
            alphas=both.alphas * (l1 + l2),
            l1_ratio=l1 / (l1 + l2),
            tol=1e-12,
        )
        assert both.info["alpha_max"] == pytest.approx(
            fastl1.alpha_max(X, y, loss="logistic", l1_ratio=l1 / (l1 + l2)) / (l1 + l2)
        )
        difference = both.coefs[1] - both.coefs[0]
        np.testing.assert_allclose(difference.toarray(), one.coefs.toarray(), atol=2e-5)
        np.testing.assert_allclose(
            both.intercepts[1] - both.intercepts[0], one.intercepts, atol=1e-5
        )
        proba = both.predict(X)
        np.testing.assert_allclose(proba[..., 1], one.predict(X), atol=1e-5)


def test_weights_are_repeated_rows():
    X, y = make()
    count = np.random.default_rng(0).integers(1, 4, len(y))
    options = {"n_alphas": 4, "alpha_min_ratio": 0.05, "tol": 1e-11}
    weighted = fit(X, y, sample_weight=count, **options)
    repeated = fit(np.repeat(X, count, axis=0), np.repeat(y, count), **options)
    np.testing.assert_allclose(weighted.alphas, repeated.alphas, rtol=1e-10)
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-5)


@pytest.mark.parametrize("storage", ["dense", "csc"])
def test_same_bits_for_any_number_of_threads(storage):
    X, y = make(n=5000, p=150, K=3)
    if storage == "csc":
        X = sp.csc_array(np.where(np.abs(X) > 0.3, X, 0.0))
    options = {"n_alphas": 3, "alpha_min_ratio": 0.05, "tol": 1e-7}
    one, two = (fit(X, y, n_threads=t, **options) for t in (1, 2))
    for a, b in zip(one.coefs, two.coefs, strict=True):
        assert np.array_equal(a.data, b.data)
        assert np.array_equal(a.indices, b.indices)
    assert np.array_equal(one.intercepts, two.intercepts)
    assert np.array_equal(one.dual_gaps, two.dual_gaps)


def test_storage_and_dtype_do_not_matter():
    X, y = make(n=100, p=15)
    X = np.where(np.abs(X) > 0.5, X, 0.0).astype(np.float32)
    options = {"n_alphas": 4, "alpha_min_ratio": 0.05, "tol": 1e-7}
    wide = fit(X.astype(np.float64), y, **options)
    for given in (X, sp.csc_array(X), sp.csr_matrix(X)):
        result = fit(given, y, **options)
        assert all(part.dtype == np.float32 for part in result.coefs)
        assert result.converged.all()
        np.testing.assert_allclose(result.predict(X), wide.predict(X), atol=1e-3)
        assert_certified(result, X, y, 1e-6)


def test_coefficients_have_median_zero_and_intercepts_sum_zero():
    X, y = make(n=150, p=10, K=5)
    result = fit(X, y, n_alphas=8, alpha_min_ratio=1e-3)
    for k in range(len(result)):
        W, b = model(result, k)
        np.testing.assert_allclose(np.median(W, axis=1), 0.0, atol=1e-12)
        assert abs(b.sum()) < 1e-12
    # a shift of all classes leaves the fit and does not lower the penalty
    penalized = np.abs(W).sum()
    for shift in (-0.1, 0.01, 0.2):
        moved = W.copy()
        moved[3] += shift
        assert np.abs(moved).sum() >= penalized


def test_alpha_max_is_where_the_first_coefficient_enters():
    X, y = make()
    for options in ({}, CASES["everything"], CASES["positive"]):
        top = fastl1.alpha_max(X, y, loss="multinomial", **options)
        factor = options.get("penalty_factor", np.ones(X.shape[1]))
        above, below = (
            fit(X, y, alphas=[top * 1.0001, top * 0.99], **options)
            .coefs[0]
            .T.toarray(),
            fit(X, y, alphas=[top * 0.99], **options),
        )
        assert not above[0][factor > 0].any()
        assert sum(abs(part[factor > 0]).sum() for part in below.coefs) > 0


def test_labels_of_any_kind():
    X, y = make(K=3)
    names = np.array(["oak", "ash", "fir"])
    result = fit(X, names[y], n_alphas=3)
    assert result.classes.tolist() == ["ash", "fir", "oak"]
    assert result.loss == "multinomial"
    assert result.family == Multinomial()
    assert fit(X, y * 10 - 5, n_alphas=3).classes.tolist() == [-5, 5, 15]
    classes = result.predict(X, result.alphas[-1], "class")
    assert classes.shape == (60,)
    assert np.mean(classes == names[y]) > 0.5


def test_predictions():
    X, y = make()
    result = fit(X, y, n_alphas=4, alpha_min_ratio=0.05)
    eta = np.stack([X @ model(result, k)[0] + model(result, k)[1] for k in range(4)], 1)
    np.testing.assert_allclose(result.predict(X, type="link"), eta, atol=1e-12)
    proba = np.exp(eta) / np.exp(eta).sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(result.predict(X), proba, atol=1e-12)
    assert np.array_equal(result.predict(X, type="class"), proba.argmax(axis=-1))
    alpha = result.alphas[2]
    np.testing.assert_allclose(result.predict(X, alpha), proba[:, 2], atol=1e-12)
    offset = np.random.default_rng(0).standard_normal((60, 4))
    np.testing.assert_allclose(
        result.predict(sp.csr_array(X), [alpha], "link", offset=offset)[:, 0],
        eta[:, 2] + offset,
        atol=1e-12,
    )
    loss = result.family.deviance(y, eta[:, 2])
    np.testing.assert_allclose(loss, -np.log(proba[np.arange(60), 2, y]))


def test_coef_at_and_warm_starts():
    X, y = make()
    result = fit(X, y, n_alphas=5, alpha_min_ratio=0.05, tol=1e-9)
    coef, intercept = result.coef_at(result.alphas[3])
    W, b = model(result, 3)
    np.testing.assert_allclose(coef, W)
    np.testing.assert_allclose(intercept, b)
    between = np.sqrt(result.alphas[2] * result.alphas[3])
    coef, intercept = result.coef_at(between, exact=True)
    oracle = MultinomialReference(X, y, 4)
    assert oracle.relative_gap(coef, intercept, between) < 2e-9
    warm = fit(X, y, alphas=[between], coef_init=coef, tol=1e-6)
    assert warm.n_iters[0] <= 2
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.coef_at(between)[0], result.coef_at(between)[0])


def test_model_predicts_as_the_path_does(tmp_path):
    X, y = make()
    names = np.array(["a", "b", "c", "d"])[y]
    result = fit(X, names, n_alphas=4, alpha_min_ratio=0.05)
    result.model(-1).save(tmp_path / "m.fl1")
    loaded = fastl1.SparseModel.load(tmp_path / "m.fl1")
    assert loaded.link == "softmax"
    assert loaded.classes.tolist() == result.classes.tolist()
    np.testing.assert_allclose(
        loaded.predict(X), result.predict(X, result.alphas[-1]), atol=1e-12
    )
    np.testing.assert_array_equal(
        loaded.predict(X, type="class"),
        result.predict(X, result.alphas[-1], "class"),
    )


def test_callback_and_max_features_stop_the_path():
    X, y = make()
    seen = []
    result = fit(X, y, n_alphas=8, callback=lambda k, info: seen.append(info) or k == 2)
    assert len(result) == 3
    assert result.info["stopped"] == "callback"
    assert seen[-1]["intercept"].shape == (4,)
    assert seen[-1]["n_nonzero"] == result.n_nonzero[-1]
    result = fit(X, y, n_alphas=50, max_features=3)
    assert result.info["stopped"] == "max_features"
    assert result.n_nonzero[-1] > 3 >= result.n_nonzero[-2]


def test_interrupt_returns_what_is_done(ctrl_c):
    X, y = make(n=3000, p=400, K=8)

    def interrupt(k, info):
        if k == 2:
            ctrl_c()

    grid = np.geomspace(0.05, 1e-7, 200)
    with pytest.raises(fastl1.FitInterrupted) as caught:
        fit(X, y, alphas=grid, tol=1e-13, callback=interrupt)
    result = caught.value.result
    assert 3 <= len(result) < 200
    assert result.info["stopped"] == "interrupted"
    assert len(result.coefs) == 8


def test_ridge_and_no_penalty():
    X, y = make(n=200, p=4, noise=2.0)
    options = {"l1_ratio": 0.0, "tol": 1e-9}
    result = fit(X, y, alphas=[0.1, 0.01], **options)
    assert_certified(result, X, y, 1e-9, l1_ratio=0.0)
    bare = fit(X, y, alphas=[0.0], tol=1e-9)
    W, b = model(bare, 0)
    oracle = MultinomialReference(X, y, 4)
    gradient = (oracle.Y - np.exp(oracle.log_probabilities(W, b))) / 200
    assert np.abs(X.T @ gradient).max() < 1e-8
    np.testing.assert_allclose(W.sum(axis=1), 0.0, atol=1e-10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(60)}, "one class only"),
        ({"offset": np.zeros(60)}, r"offset has shape \(60,\); loss='multinomial'"),
        ({"offset": np.full((60, 4), np.nan)}, "offset of class 0 contains NaN"),
        ({"coef_init": np.zeros(12)}, r"coef_init has shape \(12,\)"),
        ({"sample_weight": "no class 3"}, "class 3 has no row of positive"),
        ({"X": np.full((60, 12), np.inf)}, "X contains inf"),
    ],
)
def test_bad_input(change, message):
    X, y = make()
    given = {"X": X, "y": y, **change}
    if isinstance(given.get("sample_weight"), str):
        given["sample_weight"] = (y != 3).astype(float)
    with pytest.raises(ValueError, match=message):
        fastl1.path(loss="multinomial", n_alphas=3, **given)


def test_unpenalized_columns_that_separate_the_classes_are_an_error():
    X, y = make(n=40, K=3)
    X[:, 0] = y
    with pytest.raises(ValueError, match="separate rows"):
        fit(X, y, penalty_factor=np.r_[0.0, np.ones(11)], n_alphas=3)


def test_alpha_max_with_an_unpenalized_column_at_a_bound_of_one_class():
    X, y = make(n=60, p=8, K=4)
    problem = {"penalty_factor": np.r_[0.0, np.ones(7)], "upper": 0.3}
    top = fastl1.alpha_max(X, y, loss="multinomial", **problem)
    free = fastl1.alpha_max(
        X, y, loss="multinomial", penalty_factor=problem["penalty_factor"]
    )
    # a constant added to all classes changes nothing, so no bound binds
    assert top == pytest.approx(free, rel=1e-5)


def test_an_impossible_tolerance_warns():
    X, y = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = fit(X, y, n_alphas=3, tol=0.0)
    assert any(w.category is fastl1.ConvergenceWarning for w in caught)
    assert result.dual_gaps.max() < 1e-12


@pytest.mark.parametrize("storage", ["dense", "csc"])
def test_cross_validation(storage):
    X, y = make(n=160, p=10, K=3)
    names = np.array(["a", "b", "c"])[y]
    given = X if storage == "dense" else sp.csc_array(X)
    options = {"loss": "multinomial", "n_alphas": 6, "cv": 4, "return_oof": True}
    result = fastl1.cross_validate_path(given, names, **options)
    assert result.oof.shape == (1, 160, 6, 3)
    np.testing.assert_allclose(result.oof.sum(axis=-1), 1.0)
    assert result.scoring == "log_loss"
    hits = fastl1.cross_validate_path(given, names, scoring="accuracy", **options)
    # any scorer of scikit-learn sees a classifier
    balanced = fastl1.cross_validate_path(
        given, names, scoring="balanced_accuracy", **options
    )
    for f, (_, rows) in enumerate(result.splits):
        proba = result.oof[0, rows]
        own = proba[np.arange(len(rows)), :, y[rows]]
        np.testing.assert_allclose(
            result.scores[0, :, f], -np.log(own).mean(axis=0), rtol=1e-8
        )
        right = proba.argmax(axis=-1) == y[rows][:, None]
        np.testing.assert_allclose(hits.scores[0, :, f], right.mean(axis=0))
        recall = [right[y[rows] == k].mean(axis=0) for k in range(3)]
        np.testing.assert_allclose(balanced.scores[0, :, f], np.mean(recall, axis=0))


def test_stability_selection_counts_features():
    X, y = make(n=150, p=20, K=3, noise=0.3)
    options = {"loss": "multinomial", "n_threads": 1, "tol": 1e-5}
    result = fastl1.stability_selection(X, y, n_subsamples=10, q=4, **options)
    assert result.scores.shape == (20,)
    top = fastl1.path(X, y, max_features=4, **options)
    strong = np.flatnonzero(top.support.toarray()[:, -1])
    assert set(result.selected) & set(strong)
    assert (result.n_selected_ever <= 4).all()


def test_bootstrap_has_every_class():
    X, y = make(n=80, p=6, K=3)
    grid = {"alphas": [0.05, 0.02], "tol": 1e-6, "n_threads": 1}
    result = fastl1.bootstrap_path(X, y, loss="multinomial", n_bootstraps=5, **grid)
    root = seed_sequence(0)
    problem = check_problem(X, y, loss="multinomial")
    groups = Groups.of(problem)
    draws = [
        fastl1.path(
            X,
            y,
            loss="multinomial",
            sample_weight=bootstrap_weights(problem, groups, stream(root, 0, b)),
            **grid,
        )
        for b in range(5)
    ]
    assert len(result.mean) == 3
    for k in range(3):
        own = np.array([draw.coefs[k].toarray() for draw in draws])
        np.testing.assert_allclose(result.mean[k].toarray(), own.mean(axis=0))
        np.testing.assert_allclose(
            result.inclusion[k].toarray(), (own != 0).mean(axis=0)
        )
        np.testing.assert_allclose(
            result.quantiles[1][k].toarray(), np.median(own, axis=0)
        )
    assert result.intercept_quantiles.shape == (3, 3, 2)
    low, high = result.interval(1)
    assert low.shape == (6, 3)
    assert (low <= high).all()


def test_what_goes_feature_by_feature_is_refused():
    X, y = make()
    result = fit(X, y, n_alphas=3)
    with pytest.raises(ValueError, match="relaxed_path works feature by feature"):
        fastl1.relaxed_path(result, X, y)
    with pytest.raises(ValueError, match="adaptive_path works feature by feature"):
        fastl1.adaptive_path(X, y, loss="multinomial")
