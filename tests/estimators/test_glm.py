"""The estimators of other losses: scikit-learn's answers, paths, cross-validation."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model
from sklearn.base import clone
from sklearn.metrics import (
    d2_pinball_score,
    d2_tweedie_score,
    r2_score,
)
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastl1

# estimator: its own parameter, the loss
MODELS = {
    "PoissonRegressor": ({}, fastl1.Poisson()),
    "GammaRegressor": ({}, fastl1.Gamma()),
    "TweedieRegressor": ({"power": 1.3}, fastl1.Tweedie(1.3)),
    "SparseRegressor": ({"loss": fastl1.Huber(0.7)}, fastl1.Huber(0.7)),
    "QuantileRegressor": ({"quantile": 0.3}, fastl1.Quantile(0.3)),
    "SparseClassifier": ({"loss": "squared_hinge"}, fastl1.SquaredHinge()),
}


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).standard_normal((150, 8))


def target(name, X):
    rng = np.random.default_rng(1)
    mu = np.exp(0.5 * X[:, 0] - 0.3 * X[:, 1] + 0.2)
    if name == "SparseClassifier":
        return np.where(X[:, 0] + rng.standard_normal(len(X)) > 0.3, "yes", "no")
    if name in ("SparseRegressor", "QuantileRegressor"):
        return X[:, 0] - X[:, 1] + rng.standard_t(2, len(X))
    if name == "GammaRegressor":
        return mu * rng.gamma(3.0, 1 / 3.0, len(X))
    return rng.poisson(mu).astype(float)


def make(name, **kw):
    """An estimator with the L1 penalty, unless l1_ratio says otherwise."""
    return getattr(fastl1, name)(**MODELS[name][0], **{"l1_ratio": 1.0, **kw})


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kw", [{}, {"fit_intercept": False}, {"positive": True}])
def test_the_estimator_is_the_path_at_its_alpha(X, name, kw):
    y, weight = target(name, X), np.arange(len(X)) % 3 + 0.5
    tol = 1e-6 if name == "QuantileRegressor" else 1e-9
    model = make(name, alpha=0.03, l1_ratio=0.7, tol=tol, **kw)
    model.fit(sp.csr_array(X), y, weight)
    path = fastl1.path(
        X,
        y,
        loss=MODELS[name][1],
        alphas=[0.03],
        l1_ratio=0.7,
        tol=tol,
        sample_weight=weight,
        lower=0.0 if kw.get("positive") else None,
        fit_intercept=kw.get("fit_intercept", True),
    )
    close = 1e-2 if name == "QuantileRegressor" else 1e-4
    coef = path.coefs.toarray()[:, 0]
    assert np.count_nonzero(coef) > 0
    np.testing.assert_allclose(np.ravel(model.coef_), coef, atol=close)
    np.testing.assert_allclose(np.ravel(model.intercept_), path.intercepts, atol=close)
    assert model.relative_gap_ <= tol
    kind = "class" if name == "SparseClassifier" else "response"
    expected = path.predict(X, alpha=0.03, type=kind)
    if name == "SparseClassifier":
        assert np.mean(model.predict(X) == expected) > 0.98
    else:
        np.testing.assert_allclose(model.predict(X), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    "name", ["PoissonRegressor", "GammaRegressor", "TweedieRegressor"]
)
@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_ridge_agrees_with_scikit_learn(X, name, alpha):
    y, weight = target(name, X), np.arange(len(X)) % 3 + 0.5
    kw = {"alpha": alpha, **MODELS[name][0]}
    ours = getattr(fastl1, name)(l1_ratio=0.0, tol=1e-10, **kw).fit(X, y, weight)
    extra = {"link": "log"} if name == "TweedieRegressor" else {}
    theirs = getattr(sklearn.linear_model, name)(
        tol=1e-8, max_iter=1000, solver="newton-cholesky", **kw, **extra
    )
    theirs.fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5)
    score = ours.score(X, y, weight)
    assert score == pytest.approx(theirs.score(X, y, weight), abs=1e-7)
    assert 0.1 < score < 1


@pytest.mark.parametrize("alpha", [0.01, 0.1])
@pytest.mark.parametrize("quantile", [0.2, 0.5, 0.8])
def test_quantile_agrees_with_scikit_learn(X, quantile, alpha):
    y = target("QuantileRegressor", X)
    kw = {"quantile": quantile, "alpha": alpha}
    ours = fastl1.QuantileRegressor(tol=1e-6, **kw).fit(X, y)
    theirs = sklearn.linear_model.QuantileRegressor(**kw).fit(X, y)

    def objective(model):
        loss = fastl1.Quantile(quantile).deviance(y, model.predict(X)).mean()
        return loss + alpha * np.abs(model.coef_).sum()

    assert objective(ours) == pytest.approx(objective(theirs), rel=2e-6)
    assert ours.score(X, y) == pytest.approx(
        d2_pinball_score(y, theirs.predict(X), alpha=quantile), abs=1e-3
    )


def test_balanced_classes_are_weights_of_rows(X):
    y = target("SparseClassifier", X)
    share = np.where(y == "yes", np.mean(y == "yes"), np.mean(y == "no"))
    balanced = fastl1.SparseClassifier(
        "squared_hinge", class_weight="balanced", tol=1e-10
    ).fit(X, y)
    weighted = fastl1.SparseClassifier("squared_hinge", tol=1e-10).fit(
        X, y, 0.5 / share
    )
    np.testing.assert_allclose(balanced.coef_, weighted.coef_, atol=1e-7)
    assert not np.allclose(
        balanced.coef_, fastl1.SparseClassifier("squared_hinge").fit(X, y).coef_, 1e-3
    )


def test_huber_is_least_squares_without_outliers(X):
    y = target("SparseRegressor", X)
    model = fastl1.SparseRegressor(fastl1.Huber(1e4), alpha=0.1, tol=1e-10).fit(X, y)
    lasso = fastl1.Lasso(alpha=0.1, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(model.coef_, lasso.coef_, atol=1e-6)
    assert model.score(X, y) == r2_score(y, model.predict(X))


@pytest.mark.parametrize("name", MODELS)
def test_cross_validation_is_that_of_the_paths(X, name):
    y = target(name, X)
    kind = StratifiedKFold if name == "SparseClassifier" else KFold
    grid = {"alphas": [0.3, 0.1, 0.03, 0.01], "l1_ratios": [0.5, 1.0]}
    model = fastl1.PathCV(make(name, tol=1e-5), n_jobs=2, **grid).fit(X, y)
    result = fastl1.cross_validate_path(
        X, y, loss=MODELS[name][1], cv=kind(5), tol=1e-5, **grid
    )
    assert np.array_equal(model.cv_result_.scores, result.scores)
    assert (model.alpha_, model.l1_ratio_) == (result.best.alpha, result.best.l1_ratio)
    refit = make(name, alpha=model.alpha_, l1_ratio=model.l1_ratio_, tol=1e-5)
    refit.fit(X, y)
    np.testing.assert_allclose(model.coef_, refit.coef_, atol=1e-10)
    assert model.score(X, y) == pytest.approx(refit.score(X, y))
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict(X), model.predict(X))
    assert hasattr(model, "decision_function") == (name == "SparseClassifier")


@pytest.mark.parametrize("name", MODELS)
def test_settings_and_offsets_are_those_of_the_path(X, name):
    y, offset = target(name, X), 0.3 * np.sin(np.arange(len(X)))
    settings = {
        "penalty_factor": np.r_[0.0, np.inf, np.full(6, 0.5)],
        "lower": -0.2,
        "upper": np.r_[0.1, np.full(7, np.inf)],
        "standardize": True,
        "tol": 1e-6,
    }
    model = make(name, alpha=0.03, **settings).fit(X, y, offset=offset)
    path = fastl1.path(
        X, y, loss=MODELS[name][1], alphas=[0.03], offset=offset, **settings
    )
    np.testing.assert_allclose(
        np.ravel(model.coef_), path.coefs.toarray()[:, 0], atol=1e-12
    )
    assert np.ravel(model.coef_)[:2].tolist() == [0.1, 0.0]
    kind = "class" if name == "SparseClassifier" else "response"
    expected = path.predict(X, alpha=0.03, type=kind, offset=offset)
    if name == "SparseClassifier":
        assert np.array_equal(model.predict(X, offset=offset), expected)
        eta = model.decision_function(X, offset=offset)
        np.testing.assert_allclose(eta, model.decision_function(X) + offset)
    else:
        np.testing.assert_allclose(model.predict(X, offset=offset), expected)
    assert model.score(X, y, offset=offset) != model.score(X, y)
    with pytest.raises(ValueError, match="offset has 3 values"):
        model.predict(X, offset=np.ones(3))
    grid = {"alphas": [0.3, 0.03], "cv": list(KFold(3).split(X))}
    chosen = fastl1.PathCV(make(name, **settings), **grid).fit(X, y, offset=offset)
    result = fastl1.cross_validate_path(
        X, y, loss=MODELS[name][1], offset=offset, **grid, **settings
    )
    assert np.array_equal(chosen.cv_result_.scores, result.scores)
    best = chosen.estimator_
    assert np.array_equal(
        chosen.predict(X, offset=offset), best.predict(X, offset=offset)
    )
    assert chosen.score(X, y, offset=offset) == best.score(X, y, offset=offset)


@pytest.mark.parametrize("name", ["PoissonRegressor", "TweedieRegressor"])
def test_an_exposure_multiplies_the_mean(X, name):
    y, exposure = target(name, X), 0.5 + np.arange(len(X)) % 4
    offset = np.cos(np.arange(len(X)))
    counts = make(name, alpha=0.01, tol=1e-10).fit(X, y, exposure=exposure)
    shifted = make(name, alpha=0.01, tol=1e-10).fit(X, y, offset=np.log(exposure))
    np.testing.assert_array_equal(counts.coef_, shifted.coef_)
    rates = counts.predict(X)
    np.testing.assert_allclose(counts.predict(X, exposure=exposure), rates * exposure)
    both = counts.predict(X, exposure=exposure, offset=offset)
    np.testing.assert_allclose(both, rates * exposure * np.exp(offset))
    expected = d2_tweedie_score(
        y, rates * exposure, power=MODELS[name][0].get("power", 1)
    )
    assert counts.score(X, y, exposure=exposure) == pytest.approx(expected)
    if name == "PoissonRegressor":  # counts of an exposure are weighted rates
        scale = exposure.mean()
        weighted = make(name, alpha=0.01 / scale, tol=1e-10)
        weighted.fit(X, y / exposure, exposure)
        np.testing.assert_allclose(weighted.coef_, counts.coef_, atol=1e-6)
    chosen = fastl1.PathCV(make(name), alphas=4).fit(X, y, exposure=exposure)
    model = chosen.estimator_
    np.testing.assert_allclose(
        chosen.predict(X, exposure=exposure), model.predict(X) * exposure
    )
    with pytest.raises(ValueError, match=r"exposure must be > 0, but is 0.0 at row 2"):
        counts.fit(X, y, exposure=np.r_[1.0, 1.0, 0.0, exposure[3:]])
    with pytest.raises(TypeError, match=r"QuantileRegressor\.fit takes no exposure"):
        fastl1.PathCV(fastl1.QuantileRegressor()).fit(X, y, exposure=exposure)
    for model in (fastl1.SparseRegressor(), fastl1.TweedieRegressor(link="identity")):
        with pytest.raises(ValueError, match="exposure goes with a log link"):
            model.fit(X, y, exposure=exposure)


def test_offsets_and_exposures_are_routed(X):
    y, exposure = target("PoissonRegressor", X), 0.5 + np.arange(len(X)) % 4
    rows = {"exposure": exposure, "offset": 0.1 * exposure}
    with sklearn.config_context(enable_metadata_routing=True):
        model = fastl1.PoissonRegressor(alpha=0.01, l1_ratio=1.0)
        asked = dict.fromkeys(rows, True)
        for ask in ("fit", "predict", "score"):
            getattr(model, f"set_{ask}_request")(**asked)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, y, **rows)
        predicted = pipeline.predict(X, **rows)
        scores = cross_validate(model, X, y, cv=KFold(3), params=rows)["test_score"]
    scaled = StandardScaler().fit_transform(X)
    direct = clone(model).fit(scaled, y, **rows)
    np.testing.assert_array_equal(predicted, direct.predict(scaled, **rows))
    for score, (train, test) in zip(scores, KFold(3).split(X), strict=True):
        train_rows, test_rows = (
            {name: value[part] for name, value in rows.items()}
            for part in (train, test)
        )
        fold = clone(model).fit(X[train], y[train], **train_rows)
        assert score == pytest.approx(fold.score(X[test], y[test], **test_rows))


def test_class_weights_are_for_training_alone(X):
    y, weight = target("SparseClassifier", X), np.arange(len(X)) % 3 + 0.5
    options = {"loss": "squared_hinge", "cv": list(KFold(3).split(X)), "tol": 1e-8}
    heavy = fastl1.cross_validate_path(
        X,
        y,
        alphas=[0.1, 0.01],
        class_weight={"yes": 4.0},
        sample_weight=weight,
        **options,
    )
    by_hand = weight * np.where(y == "yes", 4.0, 1.0)
    for f, (train, test) in enumerate(options["cv"]):
        path = fastl1.path(
            X[train],
            y[train],
            loss="squared_hinge",
            alphas=[0.1, 0.01],
            sample_weight=by_hand[train],
            tol=1e-8,
        )
        np.testing.assert_allclose(
            heavy.paths[0][f].coefs.toarray(), path.coefs.toarray(), atol=1e-4
        )
        eta = heavy.paths[0][f].predict(X[test], type="link")
        signed = np.where(y[test] == "yes", 1, -1)[:, None] * eta
        deviance = np.maximum(1 - signed, 0) ** 2
        expected = np.average(deviance, axis=0, weights=weight[test])
        np.testing.assert_allclose(heavy.scores[0, :, f], expected)
    model = fastl1.PathCV(
        fastl1.SparseClassifier("squared_hinge", class_weight={"yes": 4.0}, tol=1e-8),
        alphas=[0.1, 0.01],
        cv=options["cv"],
    ).fit(X, y, weight)
    np.testing.assert_array_equal(model.cv_result_.scores, heavy.scores)


def test_cross_validation_takes_scorers_and_splitters(X):
    y = target("PoissonRegressor", X)
    groups = np.arange(len(y)) % 7
    cv = list(GroupKFold(4).split(X, y, groups))
    model = fastl1.PathCV(
        fastl1.PoissonRegressor(), alphas=6, eps=0.01, cv=cv, scoring="r2"
    ).fit(X, y)
    assert model.cv_result_.scores.shape == (1, 6, 4)
    assert model.alphas_[0, 5] == pytest.approx(0.01 * model.alphas_[0, 0])
    coef, intercept = model.cv_result_.paths[0][0].coef_at(model.alphas_[0, 3])
    test = cv[0][1]
    expected = r2_score(y[test], np.exp(X[test] @ coef + intercept))
    assert model.cv_result_.scores[0, 3, 0] == pytest.approx(expected)


def test_warm_start_saves_the_work(X):
    y = target("GammaRegressor", X)
    model = fastl1.GammaRegressor(
        alpha=0.02, l1_ratio=0.5, tol=1e-8, warm_start=True
    ).fit(X, y)
    first = model.coef_
    assert model.n_iter_ > model.fit(X, y).n_iter_
    np.testing.assert_allclose(model.coef_, first, atol=1e-6)
    with pytest.raises(ValueError, match="previous fit had 8 features, this one has 3"):
        model.fit(X[:, :3], y)


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (
            fastl1.PoissonRegressor(l1_ratio=1.0),
            [1, -2, 3],
            r"needs y >= 0, but y is -2.* at row 1",
        ),
        (
            fastl1.GammaRegressor(l1_ratio=1.0),
            [1, 0, 3],
            r"needs y > 0, but y is 0.* at row 1",
        ),
        (fastl1.SparseRegressor(), None, "requires y to be passed"),
        (fastl1.QuantileRegressor(quantile=1), [1, 2, 3], "q of Quantile must be in"),
        (
            fastl1.SparseClassifier("squared_hinge"),
            [1, 2, 3],
            "Only binary classification",
        ),
        (fastl1.SparseClassifier("squared_hinge"), [1, 1, 1], "only one class"),
        (fastl1.PoissonRegressor(l1_ratio=2), [1, 2, 3], "l1_ratio == 2, must be"),
        (fastl1.PathCV(fastl1.PoissonRegressor(), eps=0), [1, 2, 3], "eps == 0"),
    ],
)
def test_bad_input_is_named(model, y, message):
    with pytest.raises(ValueError, match=message):
        model.fit(np.eye(3), y)


def test_cross_validation_of_something_else_is_refused(X):
    with pytest.raises(TypeError, match=r"PathCV takes an estimator of one loss"):
        fastl1.PathCV(fastl1.Lasso()).fit(X, X[:, 0])
