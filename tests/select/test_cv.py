"""Cross-validated paths: certified folds, selection, scores, splits, interruption."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from oracles import reference

import fastl1
from fastl1.select.cv import CVPathResult
from fastl1.select.splits import kfold_splits, time_splits

N, P = 90, 12


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(7)
    X = rng.standard_normal((N, P))
    X[rng.random((N, P)) < 0.3] = 0.0
    eta = X[:, 0] - 2 * X[:, 3] + 0.5 * X[:, 5]
    y = eta + 0.7 * rng.standard_normal(N) + 3
    labels = np.where(eta + rng.logistic(size=N) > 0, "yes", "no")
    weight = rng.uniform(0.2, 3, N)
    weight[::9] = 0
    return X, y, labels, weight


def make_result(means, se, alphas, greater_is_better=False):
    """A result with the given mean and standard error of three folds."""
    means, se = np.atleast_2d(means), np.atleast_2d(se)
    spread = se * np.sqrt(3) / np.sqrt(1)
    scores = np.stack([means - spread, means, means + spread], axis=2)
    return CVPathResult(
        l1_ratios=np.linspace(1, 0.5, len(means)),
        alphas=np.tile(alphas, (len(means), 1)),
        scores=scores,
        scoring="mse",
        greater_is_better=greater_is_better,
        paths=[],
        splits=[],
    )


# Folds


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("options", ["plain", "weights", "all"])
def test_every_fold_and_alpha_is_certified_on_its_training_rows(
    data, loss, options, sparse
):
    X, y, labels, weight = data
    y = y if loss == "squared" else labels
    kw = {}
    if options != "plain":
        kw["sample_weight"] = weight
    if options == "all":
        kw |= {
            "offset": 0.3 * np.sin(np.arange(N)),
            "penalty_factor": np.r_[0.0, np.inf, np.ones(P - 2)],
            "lower": np.full(P, -0.8),
            "standardize": True,
        }
    tol = 1e-8
    result = fastl1.cross_validate_path(
        sp.csc_array(X) if sparse else X,
        y,
        loss=loss,
        cv=3,
        n_alphas=6,
        alpha_min_ratio=1e-2,
        l1_ratios=(1.0, 0.4),
        tol=tol,
        **kw,
    )
    assert result.scores.shape == (2, 6, 3)
    target = y if loss == "squared" else (labels == "yes").astype(float)
    for r, l1_ratio in enumerate(result.l1_ratios):
        for f, (train, test) in enumerate(result.splits):
            path = result.paths[r][f]
            rows = {
                name: value[train] if name in ("sample_weight", "offset") else value
                for name, value in kw.items()
            }
            for k, alpha in enumerate(result.alphas[r]):
                coef = path.coefs[:, [k]].toarray()[:, 0]
                gap = reference.relative_gap(
                    X[train],
                    target[train],
                    coef,
                    path.intercepts[k],
                    alpha,
                    loss=loss,
                    l1_ratio=l1_ratio,
                    **rows,
                )
                assert gap <= 2 * tol
            direct = fastl1.path(
                X[train],
                y[train],
                loss=loss,
                l1_ratio=l1_ratio,
                alphas=result.alphas[r],
                tol=tol,
                **rows,
            )
            assert abs(direct.coefs - path.coefs).max() < 2e-3
            offset = kw.get("offset", np.zeros(N))[test]
            eta = path.predict(X[test], type="link", offset=offset)
            w = kw.get("sample_weight", np.ones(N))[test]
            if loss == "squared":
                error = (eta - y[test][:, None]) ** 2
            else:
                error = np.logaddexp(0, eta) - target[test][:, None] * eta
            expected = np.average(error, axis=0, weights=w)
            np.testing.assert_allclose(result.scores[r, :, f], expected, rtol=1e-10)
    assert np.all(result.dual_gaps <= tol)


def test_the_grid_is_that_of_the_full_data(data):
    X, y, *_ = data
    result = fastl1.cross_validate_path(
        X, y, n_alphas=4, l1_ratios=(1.0, 0.5), tol=1e-4
    )
    for r, l1_ratio in enumerate((1.0, 0.5)):
        top = fastl1.alpha_max(X, y, l1_ratio=l1_ratio)
        np.testing.assert_allclose(result.alphas[r], top * np.geomspace(1, 1e-4, 4))


def test_weights_equal_repetition(data):
    X, y, *_ = data
    times = np.arange(N) % 3
    splits = kfold_splits(N, 3)
    copies = np.repeat(np.arange(N), times)
    repeated = [
        (np.flatnonzero(np.isin(copies, a)), np.flatnonzero(np.isin(copies, b)))
        for a, b in splits
    ]
    alphas = [0.5, 0.1, 0.02]
    kw = {"alphas": alphas, "tol": 1e-12}
    a = fastl1.cross_validate_path(X, y, cv=splits, sample_weight=times, **kw)
    b = fastl1.cross_validate_path(X[copies], y[copies], cv=repeated, **kw)
    np.testing.assert_allclose(a.scores, b.scores, rtol=1e-7)


def test_a_row_twice_in_a_training_index_counts_twice(data):
    X, y, *_ = data
    train = np.r_[np.arange(60), np.arange(30)]
    test = np.arange(60, N)
    result = fastl1.cross_validate_path(
        X, y, cv=[(train, test)], alphas=[0.1], tol=1e-12
    )
    direct = fastl1.path(X[train], y[train], alphas=[0.1], tol=1e-12)
    difference = abs(result.paths[0][0].coefs - direct.coefs).max()
    assert difference < 1e-7
    assert result.best_1se == result.best  # one fold has no standard error


def test_float32_and_threads(data):
    X, y, *_ = data
    kw = {"n_alphas": 5, "tol": 1e-5}
    one = fastl1.cross_validate_path(X.astype(np.float32), y, n_threads=1, **kw)
    two = fastl1.cross_validate_path(X.astype(np.float32), y, n_threads=2, **kw)
    assert np.array_equal(one.scores, two.scores)
    assert one.paths[0][0].coefs.dtype == np.float32
    double = fastl1.cross_validate_path(X, y, **kw)
    np.testing.assert_allclose(one.scores, double.scores, rtol=1e-2)


def test_out_of_fold_predictions(data):
    X, _, labels, _ = data
    splits = [(np.arange(30, N), np.arange(30)), (np.arange(60), np.arange(60, N))]
    result = fastl1.cross_validate_path(
        X, labels, loss="logistic", cv=splits, alphas=[0.1, 0.01], return_oof=True
    )
    assert result.oof.shape == (1, N, 2)
    assert np.isnan(result.oof[0, 30:60]).all()
    expected = result.paths[0][1].predict(X[60:])
    np.testing.assert_allclose(result.oof[0, 60:], expected, rtol=1e-12)
    np.testing.assert_allclose(
        -np.mean(
            np.log(np.where(labels[60:, None] == "yes", expected, 1 - expected)), 0
        ),
        result.scores[0, :, 1],
    )
    twice = fastl1.cross_validate_path(
        X, labels, loss="logistic", cv=splits * 2, alphas=[0.1, 0.01], return_oof=True
    )
    np.testing.assert_allclose(twice.oof, result.oof)


def test_max_features_leaves_the_rest_unscored(data):
    X, y, *_ = data
    result = fastl1.cross_validate_path(X, y, n_alphas=20, max_features=2)
    counts = [len(path) for path in result.paths[0]]
    assert max(counts) < 20
    assert np.isnan(result.mean_scores[0, max(counts) :]).all()
    assert result.best.index < min(counts)


# Threads, and folds that share their products


def same_result(a, b):
    assert np.array_equal(a.scores, b.scores, equal_nan=True)
    assert (a.oof is None) == (b.oof is None)
    assert a.oof is None or np.array_equal(a.oof, b.oof, equal_nan=True)
    for mine, theirs in zip(sum(a.paths, []), sum(b.paths, []), strict=True):
        assert np.array_equal(mine.coefs.toarray(), theirs.coefs.toarray())
        assert np.array_equal(mine.intercepts, theirs.intercepts)
        assert np.array_equal(mine.dual_gaps, theirs.dual_gaps)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((90, 12), {}),
        ((20_000, 30), {"n_alphas": 10}),
        ((60, 300), {"n_alphas": 20, "alpha_min_ratio": 0.05}),
        ((90, 12), {"loss": "logistic", "scoring": "roc_auc", "n_alphas": 8}),
        ((90, 12), {"return_oof": True, "scoring": "mae", "n_alphas": 8}),
        ((90, 30), {"sparse": True, "n_alphas": 20}),
    ],
)
def test_the_same_bits_for_any_number_of_threads(shape, options):
    rng = np.random.default_rng(1)
    X = rng.standard_normal(shape)
    y = X[:, 0] - X[:, 3] + rng.standard_normal(len(X))
    options = options.copy()
    if options.get("loss") == "logistic":
        y = y > 0
    if options.pop("sparse", False):
        X = sp.csc_array(X * (rng.random(shape) < 0.2))
    kw = {"l1_ratios": (1.0, 0.5), "cv": 3, **options}
    one = fastl1.cross_validate_path(X, y, n_threads=1, **kw)
    same_result(one, fastl1.cross_validate_path(X, y, n_threads=2, **kw))
    same_result(one, fastl1.cross_validate_path(X, y, n_threads=5, **kw))


def shared_products(result):
    """Whether no path of `result` passed over X."""
    return all(
        path.info["n_column_products"] == 0 for paths in result.paths for path in paths
    )


def hard_columns(rng, n=160):
    """Columns that lose their digits where sums of squares are subtracted."""
    X = rng.standard_normal((n, 14))
    X[:, 1] = 1e8 + rng.standard_normal(n)
    X[:, 2] = X[:, 0]
    X[:, 3] = 0.0
    X[: n // 4, 3] = 1e6 * rng.standard_normal(n // 4)  # zero outside the first fold
    X[:, 4] = 7.0
    X[: n // 4, 4] = rng.standard_normal(n // 4)  # constant there
    X[:, 5] = 1e-6 * rng.standard_normal(n)
    X[:3, 6] = 1e5
    y = X[:, 0] + X[:, 1] - 1e8 + 3 * (X[:, 4] - 7) + 0.5 * rng.standard_normal(n)
    return X, y


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_shared_products_lose_nothing(standardize, dtype):
    rng = np.random.default_rng(5)
    X, y = hard_columns(rng)
    X = X if dtype == np.float64 else np.delete(X, 1, axis=1).astype(dtype)
    n, tol = len(X), 1e-8 if dtype == np.float64 else 1e-5
    weight = rng.uniform(0.5, 2.0, n)
    cv = [
        (np.flatnonzero(np.arange(n) // (n // 4) != f), np.arange(n // 4) + f * n // 4)
        for f in range(4)
    ]
    options = {"standardize": standardize, "l1_ratios": (1.0, 0.6), "tol": tol}
    result = fastl1.cross_validate_path(
        X, y, cv=cv, sample_weight=weight, n_alphas=12, alpha_min_ratio=1e-3, **options
    )
    if dtype == np.float64:
        assert shared_products(result)
    assert np.all(result.dual_gaps <= tol)
    X = X.astype(np.float64)
    for r, l1_ratio in enumerate((1.0, 0.6)):
        for f, (train, test) in enumerate(cv):
            path = result.paths[r][f]
            coefs = path.coefs.toarray().astype(np.float64)
            rows = {"sample_weight": weight[train], "standardize": standardize}
            rows["l1_ratio"] = l1_ratio
            exact = fastl1.path(
                X[train], y[train], alphas=result.alphas[r], tol=1e-12, **rows
            )
            for k, alpha in enumerate(result.alphas[r]):
                point = coefs[:, k], path.intercepts[k], alpha
                primal, gap, null = reference.certificate(
                    X[train], y[train], *point, **rows
                )
                # a dual point of rounded coefficients says less than the claim
                assert gap <= (2 * tol if dtype == np.float64 else 1e-3) * null
                best = reference.objective(
                    X[train], y[train], *exact.coef_at(alpha), alpha, **rows
                )
                # 1e-9: what the judge loses at a mean of 1e8
                assert primal - best <= (path.dual_gaps[k] + 1e-9) * null
            residual = y[test, None] - X[test] @ coefs - path.intercepts
            expected = np.average(residual**2, axis=0, weights=weight[test])
            np.testing.assert_allclose(result.scores[r, :, f], expected, rtol=1e-7)
    # what a fold's training rows do not show has no coefficient there
    constant = [3, 4] if dtype == np.float64 else [2, 3]
    first = result.paths[0][0].coefs.toarray()[constant]
    assert not first.any()
    if standardize:  # else the column of scale 1e6 is alone on most of the path
        assert all(
            path.coefs.toarray()[constant[1]].any() for path in result.paths[0][1:]
        )


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_shared_products_of_any_splits(fit_intercept):
    rng = np.random.default_rng(9)
    n, p = 400, 8
    X = rng.standard_normal((n, p)) + 2.0
    y = X[:, 0] - X[:, 1] + rng.standard_normal(n)
    offset = rng.standard_normal(n)
    weight = rng.integers(0, 3, n).astype(float)
    half = np.arange(n // 2)
    cv = [
        # rows in no part, twice in training, in both parts, out of order
        (np.r_[half[::-1], half[:50]], np.arange(150, 300)),
        (np.arange(120, n), half),
        (np.arange(n) % 2 == 0, np.arange(n) % 2 == 1),
    ]
    kw = {"n_alphas": 6, "tol": 1e-10, "fit_intercept": fit_intercept}
    kw |= {"lower": np.full(p, -0.5), "penalty_factor": np.arange(1.0, p + 1)}
    result = fastl1.cross_validate_path(
        X, y, cv=cv, offset=offset, sample_weight=weight, **kw
    )
    assert shared_products(result)
    del kw["n_alphas"]
    for f, (train, test) in enumerate(result.splits):
        direct = fastl1.path(
            X[train],
            y[train],
            offset=offset[train],
            sample_weight=weight[train],
            alphas=result.alphas[0],
            **kw,
        )
        assert abs(direct.coefs - result.paths[0][f].coefs).max() < 1e-4
        eta = direct.predict(X[test], offset=offset[test])
        expected = np.average((eta - y[test, None]) ** 2, axis=0, weights=weight[test])
        np.testing.assert_allclose(result.scores[0, :, f], expected, rtol=1e-5)


def test_products_are_not_shared_where_they_cannot_be():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((200, 10))
    y = X[:, 0] + rng.standard_normal(200)
    kw = {"n_alphas": 3, "cv": 3}
    assert shared_products(fastl1.cross_validate_path(X, y, **kw))
    free = np.ones(10)
    free[2] = 0.0
    for X_other, options in (
        (X, {"penalty_factor": free}),
        (sp.csc_array(X), {}),
        (np.tile(X, 5), {}),  # fewer than four training rows a column
    ):
        result = fastl1.cross_validate_path(X_other, y, **options, **kw)
        assert not shared_products(result)
        assert np.all(result.dual_gaps <= 1e-6)


def test_products_that_would_not_fit_memory_are_not_shared(monkeypatch):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((200, 10))
    y = X[:, 0] + rng.standard_normal(200)
    kw = {"alphas": [0.5, 0.1], "tol": 1e-12}
    shared = fastl1.cross_validate_path(X, y, **kw)
    monkeypatch.setattr("fastl1.select.folds.MEMORY", 1000)
    alone = fastl1.cross_validate_path(X, y, **kw)
    assert shared_products(shared)
    assert not shared_products(alone)
    np.testing.assert_allclose(shared.scores, alone.scores, rtol=1e-8)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_taken_out_are_rows_of_weight_zero(monkeypatch, data, loss, dtype):
    X, y, labels, weight = data
    X = sp.csc_array(X.astype(dtype))
    X.indices = X.indices.astype(np.int64) if dtype == np.float64 else X.indices
    y = y if loss == "squared" else labels
    kw = {"loss": loss, "alphas": [0.2, 0.05, 0.01], "offset": np.cos(np.arange(N))}
    kw |= {"tol": 1e-12 if dtype == np.float64 else 1e-5, "sample_weight": weight}
    taken = fastl1.cross_validate_path(X, y, **kw)
    monkeypatch.setattr("fastl1.select.folds.TAKEN", 0)
    left = fastl1.cross_validate_path(X, y, **kw)
    assert taken.paths[0][0].coefs.dtype == dtype
    rtol = 1e-6 if dtype == np.float64 else 1e-2
    np.testing.assert_allclose(taken.scores, left.scores, rtol=rtol)


def test_every_score_of_shared_products_is_that_of_predictions(data):
    X, y, *_ = data
    for scoring in ("mse", "neg_mean_squared_error", "neg_root_mean_squared_error"):
        kw = {"scoring": scoring, "n_alphas": 10, "tol": 1e-12}
        by_products = fastl1.cross_validate_path(X, y, **kw)
        by_rows = fastl1.cross_validate_path(X, y, return_oof=True, **kw)
        assert shared_products(by_products)
        np.testing.assert_allclose(by_products.scores, by_rows.scores, rtol=1e-12)


def test_scorers_and_callbacks_run_in_the_calling_thread(data):
    X, y, *_ = data
    here = threading.get_ident()

    def scorer(model, X, y):
        assert threading.get_ident() == here
        return -np.mean((model.predict(X) - y) ** 2)

    def callback(done, info):
        assert threading.get_ident() == here

    kw = {"n_alphas": 4, "n_threads": 3}
    result = fastl1.cross_validate_path(X, y, scoring=scorer, callback=callback, **kw)
    plain = fastl1.cross_validate_path(X, y, **kw)
    np.testing.assert_allclose(-result.scores, plain.scores, rtol=1e-12)

    def fails(model, X, y):
        raise RuntimeError("no score")

    with pytest.raises(RuntimeError, match="no score"):
        fastl1.cross_validate_path(X, y, scoring=fails, **kw)


def test_other_losses_are_scored_by_their_deviance():
    rng = np.random.default_rng(4)
    X = rng.standard_normal((200, 6))
    y = rng.poisson(np.exp(0.5 * X[:, 0] + 1))
    result = fastl1.cross_validate_path(X, y, loss="poisson", n_alphas=5)
    assert (result.scoring, result.greater_is_better) == ("deviance", False)
    from sklearn.metrics import mean_poisson_deviance

    _, test = result.splits[1]
    mean = result.paths[0][1].predict(X[test])
    expected = [mean_poisson_deviance(y[test], column) for column in mean.T]
    np.testing.assert_allclose(result.scores[0, :, 1], expected, rtol=1e-10)


# Selection


def test_1se_takes_the_larger_penalty():
    alphas = [1.0, 0.5, 0.2, 0.1]
    result = make_result([4.0, 2.4, 2.0, 2.3], [0.1, 0.5, 0.5, 0.5], alphas)
    assert result.best.alpha == 0.2
    assert result.best.score == 2.0
    assert result.best.se == pytest.approx(0.5)
    assert result.best_1se.alpha == 0.5
    flipped = make_result([-4.0, -2.4, -2.0, -2.3], [0.1, 0.5, 0.5, 0.5], alphas, True)
    assert flipped.best.alpha == 0.2
    assert flipped.best_1se.alpha == 0.5


def test_1se_stays_in_the_ratio_of_the_best():
    result = make_result(
        [[4.0, 2.2, 2.1], [5.0, 3.0, 2.0]], np.full((2, 3), 0.5), [1.0, 0.5, 0.2]
    )
    assert (result.best.ratio, result.best.index) == (1, 2)
    assert result.best_1se == result.best


def test_1se_on_data_is_sparser_and_on_the_grid(data):
    X, y, *_ = data
    result = fastl1.cross_validate_path(X, y, alpha_min_ratio=1e-3)
    assert result.best_1se.alpha > result.best.alpha
    assert result.best_1se.alpha in result.alphas[0]
    assert result.best_1se.score <= result.best.score + result.best.se
    coarser = result.mean_scores[0, : result.best_1se.index]
    assert np.all(coarser > result.best.score + result.best.se)


def test_unknown_rule_and_nothing_scored():
    result = make_result([1.0], [0.1], [1.0])
    with pytest.raises(ValueError, match='"min" or "1se", got \'max\''):
        result.select("max")
    result.scores[:] = np.nan
    with pytest.raises(ValueError, match="finite score"):
        result.select()
    assert "incomplete" in repr(result)


# Scores


@pytest.mark.parametrize(
    ("scoring", "loss"),
    [
        ("neg_mean_squared_error", "squared"),
        ("neg_root_mean_squared_error", "squared"),
        ("neg_mean_absolute_error", "squared"),
        ("r2", "squared"),
        ("neg_log_loss", "logistic"),
        ("neg_brier_score", "logistic"),
        ("accuracy", "logistic"),
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_vectorised_scores_are_those_of_scikit_learn(data, scoring, loss, weighted):
    from sklearn.metrics import get_scorer

    X, y, labels, weight = data
    # numbers: scikit-learn's Brier score takes no other labels
    y = y if loss == "squared" else (labels == "yes").astype(int)
    kw = {"loss": loss, "cv": 3, "alphas": [0.2, 0.05]}
    if weighted:
        kw["sample_weight"] = weight
    ours = fastl1.cross_validate_path(X, y, scoring=scoring, **kw)
    theirs = fastl1.cross_validate_path(X, y, scoring=get_scorer(scoring), **kw)
    assert ours.scoring == scoring
    assert ours.greater_is_better
    assert theirs.greater_is_better
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-9)


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision", "f1_macro"])
def test_any_scorer_of_scikit_learn(data, scoring):
    X, _, labels, weight = data
    labels = labels == "yes"
    result = fastl1.cross_validate_path(
        X, labels, loss="logistic", scoring=scoring, sample_weight=weight, n_alphas=8
    )
    assert result.greater_is_better
    assert result.best.score == result.mean_scores.max()
    assert 0.5 < result.best.score <= 1


def test_a_callable_sees_model_rows_and_labels(data):
    X, _, labels, weight = data
    seen = []

    def scorer(model, X_held_out, y_held_out):
        seen.append((X_held_out, y_held_out))
        assert model.coef_.shape == (P,)
        np.testing.assert_allclose(
            model.decision_function(X_held_out.copy()),
            model.decision_function(X_held_out),
        )
        return np.mean(model.predict(X_held_out) == y_held_out)

    kw = {"loss": "logistic", "cv": 3, "alphas": [0.1, 0.01]}
    result = fastl1.cross_validate_path(X, labels, scoring=scorer, **kw)
    plain = fastl1.cross_validate_path(X, labels, scoring="accuracy", **kw)
    np.testing.assert_allclose(result.scores, plain.scores)
    assert result.scoring == "scorer"
    _, test = result.splits[0]
    assert np.array_equal(seen[0][0], X[test])
    assert np.array_equal(seen[0][1], labels[test])
    # a callable without sample_weight is called without it
    fastl1.cross_validate_path(X, labels, scoring=scorer, sample_weight=weight, **kw)
    fastl1.cross_validate_path(sp.csc_array(X), labels, scoring=scorer, **kw)


def test_own_names_need_no_scikit_learn():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np, fastl1\n"
        "X = np.random.default_rng(0).normal(size=(40, 3)); y = X[:, 0] > 0\n"
        "kw = dict(loss='logistic', alphas=[.1])\n"
        "mean = lambda m, X, y: (m.predict(X) == y).mean()\n"
        "for scoring in (None, 'accuracy', mean):\n"
        "    r = fastl1.cross_validate_path(X, y, scoring=scoring, **kw)\n"
        "    assert r.scores.shape == (1, 1, 5)\n"
        "try:\n"
        "    fastl1.cross_validate_path(X, y, scoring='roc_auc', **kw)\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert 'pip install "fastl1[sklearn]"' in out.stdout


# Splits


@pytest.mark.parametrize("shuffle", [True, False])
def test_kfold(shuffle):
    splits = kfold_splits(23, 5, shuffle=shuffle)
    held_out = np.concatenate([test for _, test in splits])
    assert sorted(held_out) == list(range(23))
    assert {len(test) for _, test in splits} == {4, 5}
    for train, test in splits:
        assert np.array_equal(np.sort(np.r_[train, test]), np.arange(23))
    contiguous = all(np.all(np.diff(test) == 1) for _, test in splits)
    assert contiguous == (not shuffle)


def held_out(splits):
    return [test.tolist() for _, test in splits]


def test_random_state_decides_the_folds():
    one, same, other = (
        held_out(kfold_splits(30, 3, random_state=state))
        for state in (4, np.random.SeedSequence(4), 5)
    )
    assert one == same != other
    rng = np.random.default_rng(4)
    first, second = (held_out(kfold_splits(30, 3, random_state=rng)) for _ in "ab")
    assert first != second
    first, second = (held_out(kfold_splits(30, 3, random_state=None)) for _ in "ab")
    assert first != second
    with pytest.raises(TypeError, match="random_state must be an int"):
        kfold_splits(30, 3, random_state="4")


@pytest.mark.parametrize(
    ("seed", "instead"), [(4, {"random_state": 4}), (None, {"shuffle": False})]
)
def test_seed_is_the_former_name_of_random_state(data, seed, instead):
    X, y, *_ = data
    message = ", ".join(f"{key}={value}" for key, value in instead.items())
    with pytest.warns(FutureWarning, match=message) as caught:
        old = kfold_splits(30, 3, seed=seed)
    assert caught[0].filename == __file__
    assert held_out(old) == held_out(kfold_splits(30, 3, **instead))
    with pytest.warns(FutureWarning, match=message) as caught:
        old = fastl1.cross_validate_path(X, y, n_alphas=2, seed=seed)
    assert caught[0].filename == __file__
    new = fastl1.cross_validate_path(X, y, n_alphas=2, **instead)
    assert held_out(old.splits) == held_out(new.splits)


@pytest.mark.parametrize("shuffle", [True, False])
def test_stratified(shuffle):
    labels = np.array(["a"] * 11 + ["b"] * 39)
    splits = kfold_splits(50, 5, stratify=labels, shuffle=shuffle)
    assert {int(np.sum(labels[test] == "a")) for _, test in splits} == {2, 3}
    assert {len(test) for _, test in splits} == {10}


def test_groups_stay_together_and_balance():
    groups = np.repeat(np.arange(12), np.arange(1, 13))
    splits = kfold_splits(len(groups), 4, groups=groups)
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
    sizes = [len(test) for _, test in splits]
    assert max(sizes) - min(sizes) <= 3


def test_groups_of_cross_validate_path(data):
    X, y, *_ = data
    groups = np.arange(N) // 7
    result = fastl1.cross_validate_path(X, y, groups=groups, alphas=[0.1])
    for train, test in result.splits:
        assert not set(groups[train]) & set(groups[test])


def test_time_order():
    rng = np.random.default_rng(0)
    days = np.datetime64("2026-01-01") + rng.integers(0, 20, 200)
    splits = time_splits(days, 4)
    assert len(splits) == 4
    for train, test in splits:
        assert days[train].max() < days[test].min()
    assert sum(len(test) for _, test in splits) + len(splits[0][0]) == 200


def test_splitters_of_scikit_learn(data):
    from sklearn.model_selection import (
        GroupKFold,
        ShuffleSplit,
        StratifiedKFold,
        TimeSeriesSplit,
    )

    X, y, labels, _ = data
    groups = np.arange(N) // 7
    for cv, g in (
        (TimeSeriesSplit(3), None),
        (GroupKFold(3), groups),
        (ShuffleSplit(2, random_state=0), None),
    ):
        result = fastl1.cross_validate_path(X, y, cv=cv, groups=g, alphas=[0.1])
        expected = list(cv.split(X, y, g))
        for (a, b), (c, d) in zip(result.splits, expected, strict=True):
            assert np.array_equal(a, c)
            assert np.array_equal(b, d)
    kw = {"loss": "logistic", "alphas": [0.1]}
    fastl1.cross_validate_path(X, labels, cv=StratifiedKFold(3), **kw)


def test_masks_are_indices(data):
    X, y, *_ = data
    mask = np.arange(N) < 60
    a = fastl1.cross_validate_path(X, y, cv=[(mask, ~mask)], alphas=[0.1])
    index = [(np.flatnonzero(mask), np.flatnonzero(~mask))]
    b = fastl1.cross_validate_path(X, y, cv=index, alphas=[0.1])
    assert np.array_equal(a.scores, b.scores)


# Errors


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cv": 1}, ValueError, "integer >= 2"),
        ({"cv": 1000}, ValueError, "1000 folds need as many rows, got 90"),
        ({"cv": "five"}, TypeError, "number of folds, a splitter"),
        ({"cv": []}, ValueError, "no folds"),
        ({"cv": [([0, 1], [])]}, ValueError, "fold 0: empty"),
        ({"cv": [([0, 1], [90])]}, ValueError, "fold 0: row number outside 0 to 89"),
        ({"cv": [([0.5], [1])]}, TypeError, "training rows of fold 0: expected"),
        ({"cv": [([True], [1])]}, ValueError, "mask of length 1 for 90 rows"),
        ({"groups": np.zeros(N)}, ValueError, "5 folds need as many groups, got 1"),
        ({"groups": [1, 2]}, ValueError, "groups has 2 values for 90 rows"),
        ({"l1_ratios": ()}, ValueError, "l1_ratios is empty"),
        ({"l1_ratios": (2.0,)}, ValueError, "l1_ratios must be in"),
        ({"l1_ratios": (0.0,)}, ValueError, "pass alphas"),
        ({"alphas": [1.0, 2.0]}, ValueError, "alphas must not increase"),
        ({"alphas": np.ones((3, 2))}, ValueError, r"alphas has shape \(3, 2\)"),
        ({"scoring": "log_loss"}, ValueError, "not defined for loss='squared'"),
        ({"scoring": 3}, TypeError, "scoring must be"),
        ({"callback": 3}, TypeError, "callback must be callable"),
        ({"sample_weight": np.r_[np.ones(5), np.zeros(85)], "shuffle": False},
         ValueError, "fold 0: no training row has positive weight|no held-out row"),
    ],
)  # fmt: skip
def test_bad_input(data, options, error, message):
    X, y, *_ = data
    with pytest.raises(error, match=message):
        fastl1.cross_validate_path(X, y, **options)


def test_one_class_in_a_training_fold(data):
    X = data[0]
    labels = np.arange(N) < 30
    cv = [(np.arange(30, N), np.arange(30))]
    with pytest.raises(ValueError, match="fold 0: all training rows are of one class"):
        fastl1.cross_validate_path(X, labels, loss="logistic", cv=cv)


def test_bad_splits():
    with pytest.raises(ValueError, match="not both"):
        kfold_splits(10, 2, stratify=np.zeros(10), groups=np.arange(10))
    with pytest.raises(ValueError, match="missing value in row 1"):
        time_splits([0.0, np.nan, 1.0], 2)
    with pytest.raises(ValueError, match="distinct times"):
        time_splits(np.zeros(10), 2)
    with pytest.raises(ValueError, match="distinct times"):
        time_splits([], 2)


# Progress and interruption


def test_callback_counts_and_stops(data):
    X, y, *_ = data
    seen = []

    def callback(done, info):
        seen.append((done, info["total"], info["ratio"], info["fold"], info["index"]))
        return done == 7

    kw = {"cv": 3, "n_alphas": 4, "l1_ratios": (1.0, 0.5), "callback": callback}
    result = fastl1.cross_validate_path(X, y, n_threads=1, **kw)
    assert seen[0] == (1, 24, 0, 0, 0)
    assert seen[-1] == (7, 24, 0, 1, 2)
    assert np.isfinite(result.scores[0, :, 0]).all()
    assert np.isfinite(result.scores[0, :3, 1]).all()
    assert np.isnan(result.scores).sum() == 24 - 7
    assert result.paths[0][2] is None
    seen.clear()
    result = fastl1.cross_validate_path(X, y, n_threads=2, **kw)
    assert [count for count, *_ in seen] == list(range(1, 8))
    # a path that reports after the stop ends with that alpha
    assert 7 <= np.isfinite(result.scores).sum() <= 8


def test_interruption_keeps_what_is_done(data):
    X, y, *_ = data

    def callback(done, info):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted) as caught:
        fastl1.cross_validate_path(
            X, y, cv=3, n_alphas=4, callback=callback, n_threads=1
        )
    result = caught.value.result
    assert np.isfinite(result.scores[0, :, 0]).all()
    assert np.isnan(result.scores[0, :, 2]).all()


def test_ctrl_c_during_a_long_cross_validation(ctrl_c):
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((400, 3000)))
    y = rng.standard_normal(400)
    with pytest.raises(fastl1.FitInterrupted) as caught:
        fastl1.cross_validate_path(
            X, y, tol=1e-10, alpha_min_ratio=1e-4, callback=lambda done, info: ctrl_c()
        )
    assert isinstance(caught.value.result, CVPathResult)


def test_ctrl_c_in_a_pool_hands_back_partial_paths():
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((300, 3000)))
    y = rng.standard_normal(300)

    def callback(done, info):
        if done == 12:
            # what a signal handler does, here at a known moment
            raise KeyboardInterrupt

    with pytest.raises(fastl1.FitInterrupted) as caught:
        fastl1.cross_validate_path(X, y, cv=4, n_threads=2, callback=callback)
    result = caught.value.result
    first, second, *rest = result.paths[0]
    assert len(first) + len(second) >= 11
    assert rest == [None, None]
    for f, path in enumerate((first, second)):
        assert np.isfinite(result.scores[0, : len(path), f]).all()
        assert np.isnan(result.scores[0, len(path) :, f]).all()
        assert np.all(result.dual_gaps[0, : len(path), f] <= 1e-6)


def test_ctrl_c_before_the_first_fold_has_no_result(monkeypatch, data):
    X, y, *_ = data

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastl1.select.folds.of_blocks", interrupted)
    with pytest.raises(fastl1.FitInterrupted, match="before the first fold") as caught:
        fastl1.cross_validate_path(X, y)
    assert caught.value.result is None


def test_one_warning_for_all_folds(data):
    X, y, *_ = data
    with pytest.warns(fastl1.ConvergenceWarning, match="of 15 fits") as caught:
        fastl1.cross_validate_path(
            X, y, cv=3, n_alphas=5, alpha_min_ratio=1e-6, tol=0.0, max_iter=1
        )
    assert len(caught) == 1
