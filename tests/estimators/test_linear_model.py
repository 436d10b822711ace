"""The scikit-learn estimators: its own checks, its answers, its ecosystem."""

import inspect
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.exceptions
import sklearn.linear_model
from oracles import reference
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastl1
from fastl1 import (
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    PathCV,
    PoissonRegressor,
    QuantileRegressor,
    SparseClassifier,
    SparseRegressor,
    TweedieRegressor,
)
from fastl1.fit.path import solve_path

NAMES = (
    "Lasso",
    "ElasticNet",
    "LassoCV",
    "ElasticNetCV",
    "LogisticRegression",
    "LogisticRegressionCV",
)
GLM = (
    *(PoissonRegressor, GammaRegressor, TweedieRegressor, QuantileRegressor),
    *(LinearSVC, SparseRegressor, SparseClassifier),
)
# LogisticRegressionCV with every default that scikit-learn announces to change.
NEW_DEFAULTS = {
    "l1_ratios": (0.0,),
    "scoring": "neg_log_loss",
    "use_legacy_attributes": False,
}


def make(name, **kw):
    """One of the estimators, small and quiet."""
    if name == "LogisticRegressionCV":
        kw = {"Cs": 4, **NEW_DEFAULTS, **kw}
    if name in ("LassoCV", "ElasticNetCV"):
        kw = {"alphas": 10, **kw}
    if name in ("Lasso", "ElasticNet"):
        kw = {"alpha": 0.1, **kw}
    return getattr(fastl1, name)(**kw)


def is_classifier(name):
    return name.startswith("Logistic")


@pytest.fixture(scope="module")
def regression():
    return make_regression(80, 12, n_informative=5, noise=3, bias=7, random_state=0)


@pytest.fixture(scope="module")
def classification():
    X, y = make_classification(
        120, 10, n_informative=4, n_redundant=0, flip_y=0.2, random_state=0
    )
    return X, np.where(y, "spam", "ham")


@pytest.fixture
def data(request, regression, classification):
    return lambda name: classification if is_classifier(name) else regression


# scikit-learn's checks


@parametrize_with_checks(
    [
        Lasso(),
        ElasticNet(),
        LassoCV(),
        ElasticNetCV(),
        LogisticRegression(),
        LogisticRegression(l1_ratio=0.5),
        # weights and repeated rows differ by rounding, which a coarse tol lets grow
        LogisticRegressionCV(tol=1e-6, cv=3, **NEW_DEFAULTS),
        *(kind() for kind in GLM),
        HuberRegressor(tol=1e-13),
        HuberRegressor(l1_ratio=0.5, alpha=2.0, tol=1e-10),
        PathCV(PoissonRegressor(tol=1e-9), alphas=10),
        PathCV(SparseClassifier("squared_hinge", tol=1e-9), alphas=10),
    ]
)
def test_check_estimator(estimator, check, monkeypatch):
    # without it scikit-learn skips its check of array API inputs
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with warnings.catch_warnings():
        # the checks provoke them; scikit-learn's own suite ignores them too
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        check(estimator)


@pytest.mark.parametrize("name", NAMES)
def test_constructor_and_fit_are_those_of_scikit_learn(name):
    ours, theirs = getattr(fastl1, name), getattr(sklearn.linear_model, name)
    for method in ("__init__", "fit"):
        a = inspect.signature(getattr(ours, method)).parameters
        b = inspect.signature(getattr(theirs, method)).parameters
        assert {k: (v.default, v.kind) for k, v in a.items()} == {
            k: (v.default, v.kind) for k, v in b.items()
        }


# The same answers


REGRESSIONS = {
    "Lasso": [{"alpha": 1.0}, {"alpha": 0.1, "positive": True}],
    "ElasticNet": [
        {"alpha": 0.5, "l1_ratio": 0.3},
        {"alpha": 0.5, "l1_ratio": 0.0},
        {"alpha": 0.2, "l1_ratio": 0.7, "fit_intercept": False},
    ],
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("name", "kw"), [(name, kw) for name, kws in REGRESSIONS.items() for kw in kws]
)
def test_regressors_agree(regression, name, kw, sparse, weighted):
    X, y = regression
    weight = np.arange(len(y)) % 4.0 if weighted else None
    data = sp.csr_array(X) if sparse else X
    ours = getattr(fastl1, name)(tol=1e-12, **kw).fit(data, y, weight)
    theirs = getattr(sklearn.linear_model, name)(tol=1e-12, max_iter=100_000, **kw)
    theirs.fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-7)
    np.testing.assert_allclose(ours.predict(data), theirs.predict(X), rtol=1e-6)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y))
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)


@pytest.mark.parametrize("multi", [False, True])
def test_gap_and_its_units(regression, multi):
    X, y = regression
    Y = np.c_[y, y[::-1]] if multi else y
    model = ElasticNet(alpha=0.3, tol=1e-3).fit(X, Y)
    assert np.all(model.relative_gap_ <= 1e-3)
    for k, target in enumerate(np.atleast_2d(Y.T)):
        coef = np.atleast_2d(model.coef_)[k]
        intercept = np.atleast_1d(model.intercept_)[k]
        _, gap, null = reference.certificate(
            X, target, coef, intercept, 0.3, l1_ratio=0.5
        )
        assert np.atleast_1d(model.dual_gap_)[k] >= 0.5 * gap - 1e-12 * null
        np.testing.assert_allclose(
            np.atleast_1d(model.dual_gap_)[k],
            np.atleast_1d(model.relative_gap_)[k] * null,
        )


def test_several_targets_are_fitted_one_by_one(regression):
    X, y = regression
    Y = np.c_[y, np.sin(y), X[:, 0]]
    ours = Lasso(alpha=0.1, tol=1e-10).fit(X, Y)
    theirs = sklearn.linear_model.Lasso(alpha=0.1, tol=1e-12).fit(X, Y)
    for name in ("coef_", "intercept_", "dual_gap_"):
        assert getattr(ours, name).shape == getattr(theirs, name).shape
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    assert ours.sparse_coef_.shape == (3, X.shape[1])
    assert len(ours.n_iter_) == 3
    assert ours.predict(X).shape == Y.shape
    single = Lasso(alpha=0.1, tol=1e-10).fit(X, Y[:, [1]])
    theirs.fit(X, Y[:, [1]])
    assert single.coef_.shape == theirs.coef_.shape
    assert single.intercept_.shape == theirs.intercept_.shape


LOGISTIC = [
    {"C": 0.3},
    {"C": 1.0, "fit_intercept": False},
    {"C": 0.1, "l1_ratio": 1.0, "solver": "saga"},
    {"C": 0.5, "l1_ratio": 0.5, "solver": "saga"},
    {"C": 2.0, "class_weight": "balanced"},
    {"C": 2.0, "class_weight": {"ham": 3.0}},
    {"C": np.inf},
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kw", LOGISTIC)
def test_classifier_agrees(classification, kw, weighted):
    X, y = classification
    weight = 0.5 + np.arange(len(y)) % 3 if weighted else None
    ours = LogisticRegression(tol=1e-12, max_iter=1000, **kw).fit(X, y, weight)
    theirs = sklearn.linear_model.LogisticRegression(tol=1e-10, max_iter=50_000, **kw)
    theirs.fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        a, b = getattr(ours, method)(X), getattr(theirs, method)(X)
        np.testing.assert_allclose(a, b, atol=1e-3)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    for name in ("classes_", "coef_", "intercept_", "n_iter_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)


def test_sparse_coef_and_sparsify(classification):
    X, y = classification
    model = LogisticRegression(C=0.05, l1_ratio=1.0).fit(X, y)
    dense, expected = model.coef_, model.decision_function(X)
    assert 0 < model.sparse_coef_.nnz < X.shape[1]
    np.testing.assert_array_equal(model.sparse_coef_.toarray(), dense)
    model.sparsify()
    assert sp.issparse(model.coef_)
    np.testing.assert_allclose(model.decision_function(X), expected)
    np.testing.assert_allclose(model.decision_function(sp.csr_array(X)), expected)
    assert isinstance(model.densify().coef_, np.ndarray)
    with sklearn.config_context(sparse_interface="sparray"):
        assert isinstance(model.sparse_coef_, sp.sparray)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("name", "kw"),
    [
        ("LassoCV", {"alphas": 12}),
        ("LassoCV", {"alphas": [0.1, 3.0, 1.0], "cv": 3, "positive": True}),
        ("ElasticNetCV", {"alphas": 6, "l1_ratio": [0.4, 0.9], "eps": 1e-2}),
        ("ElasticNetCV", {"alphas": 6, "l1_ratio": 0.7, "fit_intercept": False}),
    ],
)
def test_cross_validated_regressors_agree(regression, name, kw, weighted):
    X, y = regression
    weight = 0.5 + np.arange(len(y)) % 3 if weighted else None
    ours = getattr(fastl1, name)(tol=1e-12, **kw).fit(X, y, weight)
    theirs = getattr(sklearn.linear_model, name)(tol=1e-12, max_iter=50_000, **kw)
    theirs.fit(X, y, weight)
    for attribute in ("alphas_", "mse_path_", "alpha_", "intercept_"):
        a, b = getattr(ours, attribute), getattr(theirs, attribute)
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-5)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-5)
    if "l1_ratio" in kw:
        assert ours.l1_ratio_ == theirs.l1_ratio_
    assert ours.relative_gap_ <= 1e-12


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize(
    ("l1_ratios", "kw"),
    [
        ((0.0,), {}),
        ((0.0,), {"class_weight": "balanced", "scoring": "accuracy"}),
        ((0.3, 1.0), {"solver": "saga", "scoring": "roc_auc", "cv": 3}),
    ],
)
def test_cross_validated_classifier_agrees(
    classification, l1_ratios, kw, refit, legacy
):
    X, y = classification
    kw = {
        "Cs": [1.0, 0.1, 0.3],
        "l1_ratios": np.array(l1_ratios),
        "random_state": 0,
        "scoring": "neg_log_loss",
        "refit": refit,
        "use_legacy_attributes": legacy,
        "max_iter": 20_000,
        **kw,
    }
    ours = LogisticRegressionCV(tol=1e-11, **kw).fit(X, y)
    theirs = sklearn.linear_model.LogisticRegressionCV(tol=1e-8, **kw).fit(X, y)
    np.testing.assert_allclose(ours.C_, theirs.C_)
    np.testing.assert_allclose(ours.Cs_, theirs.Cs_)
    np.testing.assert_allclose(ours.l1_ratios_, theirs.l1_ratios_)
    assert np.shape(ours.C_) == np.shape(theirs.C_)
    assert np.shape(ours.l1_ratio_) == np.shape(theirs.l1_ratio_)
    if refit or len(l1_ratios) > 1:  # scikit-learn reports 0 for any single ratio
        np.testing.assert_allclose(ours.l1_ratio_, theirs.l1_ratio_)
    assert ours.n_iter_.shape == theirs.n_iter_.shape
    for name, atol in (("scores_", 1e-4), ("coefs_paths_", 1e-3)):
        a, b = getattr(ours, name), getattr(theirs, name)
        if legacy:
            assert list(a) == list(b) == ["spam"]
            a, b = a["spam"], b["spam"]
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, atol=atol)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-3)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("l1_ratios", "kw"),
    [
        ((0.0,), {"class_weight": "balanced"}),
        ((0.0,), {"scoring": "roc_auc_ovr", "fit_intercept": False}),
        ((0.0,), {"scoring": "f1_macro", "class_weight": {"mid": 2.0}}),
        ((0.5, 1.0), {"solver": "saga"}),
    ],
)
def test_cross_validated_classifier_of_three_classes(l1_ratios, kw, legacy):
    refit = not legacy
    X, y = make_classification(
        90, 8, n_informative=4, n_classes=3, flip_y=0.2, random_state=1
    )
    y = np.array(["low", "mid", "high"])[y]
    kw = {
        "Cs": [0.3, 0.03, 0.1],
        "l1_ratios": np.array(l1_ratios),
        "random_state": 0,
        "scoring": "neg_log_loss",
        "refit": refit,
        "use_legacy_attributes": legacy,
        "max_iter": 5000,
        "tol": 1e-6,
        "cv": 3,
        **kw,
    }
    theirs = sklearn.linear_model.LogisticRegressionCV(**kw).fit(X, y)
    ours = LogisticRegressionCV(**{**kw, "tol": 1e-11}).fit(X, y)
    for name in ("C_", "l1_ratio_", "Cs_", "l1_ratios_", "classes_", "intercept_"):
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name)), name
    np.testing.assert_allclose(ours.C_, theirs.C_)
    if refit or len(l1_ratios) > 1:  # scikit-learn reports 0 for any single ratio
        np.testing.assert_allclose(ours.l1_ratio_, theirs.l1_ratio_)
    assert ours.n_iter_.shape == theirs.n_iter_.shape
    for name, atol in (("scores_", 2e-3), ("coefs_paths_", 5e-2)):
        a, b = getattr(ours, name), getattr(theirs, name)
        for key in ["high", "low", "mid"] if legacy else [...]:
            assert a[key].shape == b[key].shape
            np.testing.assert_allclose(a[key], b[key], atol=atol)
        assert not legacy or list(a) == list(b)
    np.testing.assert_allclose(
        ours.predict_proba(X), theirs.predict_proba(X), atol=2e-3
    )
    assert ours.coef_.shape == theirs.coef_.shape == (3, 8)
    assert ours.sparse_coef_.shape == (3, 8)
    assert ours.relative_gap_ <= 1e-11
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=2e-3)


def test_scorers_are_told_labels_that_a_fold_lacks():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), np.repeat(["a", "b", "c"], [28, 28, 4])
    rows = np.r_[0:10, 28:38]  # held out: no row of "c"
    cv = [(np.setdiff1d(np.arange(60), rows), rows)]
    model = LogisticRegressionCV(
        Cs=[0.1],
        cv=cv,
        l1_ratios=(1.0,),
        scoring="neg_brier_score",
        use_legacy_attributes=False,
    ).fit(X, y)
    path = model._cv_result.paths[0][0]
    proba = path.predict(X[rows])[:, 0]
    seen = np.eye(3)[np.searchsorted(["a", "b", "c"], y[rows])]
    expected = -np.mean(np.sum((proba - seen) ** 2, axis=1))
    assert model.scores_[0, 0, 0] == pytest.approx(expected)
    # of two labels the second is the positive one
    result = fastl1.cross_validate_path(
        X[:56], y[:56], loss="logistic", scoring="f1", cv=3, n_alphas=3
    )
    assert np.isfinite(result.scores).all()
    with pytest.raises(ValueError, match="fold 0: no training row is of class 'c'"):
        model.set_params(cv=[(np.arange(56), rows)]).fit(X, y)


def test_gaps_are_in_the_unit_of_the_objective(classification):
    """C times the sum of losses plus the penalty, and a bound on its error."""
    X, y = classification
    codes, weight = (y == "spam").astype(float), 0.5 + np.arange(len(y)) % 3

    def objective(model, C):
        eta = X @ model.coef_[0] + model.intercept_[0]
        losses = np.logaddexp(0, eta) - codes * eta
        return C * weight @ losses + np.abs(model.coef_).sum()

    exact = LogisticRegression(C=0.2, l1_ratio=1.0, tol=1e-13).fit(X, y, weight)
    rough = LogisticRegression(C=0.2, l1_ratio=1.0, tol=1e-2).fit(X, y, weight)
    distance = objective(rough, 0.2) - objective(exact, 0.2)
    assert 0 < distance <= rough.dual_gap_ <= 1e-2 * objective(exact, 0.2) * 2
    assert exact.dual_gap_ < 1e-9
    free = LogisticRegression(C=np.inf).fit(X, y)
    assert np.isnan(free.dual_gap_)
    assert free.relative_gap_ <= 1e-4
    kw = {"Cs": [0.2], "cv": 3, "l1_ratios": (1.0,), "scoring": "neg_log_loss"}
    chosen = LogisticRegressionCV(tol=1e-2, use_legacy_attributes=False, **kw)
    assert chosen.fit(X, y, weight).dual_gap_ == pytest.approx(rough.dual_gap_)
    mean = clone(chosen).set_params(refit=False).fit(X, y, weight)
    # of the folds, each to tol times its null model's objective
    assert 0 < mean.dual_gap_ <= 1e-2 * 0.2 * weight.sum() * np.log(2)


def test_defaults_that_will_change_warn_as_in_scikit_learn(classification):
    X, y = classification
    with pytest.warns(FutureWarning) as caught:
        model = LogisticRegressionCV(Cs=3).fit(X, y)
    texts = " ".join(str(w.message) for w in caught)
    for word in ("l1_ratios", "scoring", "use_legacy_attributes"):
        assert word in texts
    with pytest.warns(FutureWarning):
        theirs = sklearn.linear_model.LogisticRegressionCV(Cs=3).fit(X, y)
    assert model.C_.shape == theirs.C_.shape
    assert list(model.l1_ratios_) == list(theirs.l1_ratios_) == [None]
    assert model.scores_["spam"].shape == theirs.scores_["spam"].shape
    assert model.coefs_paths_["spam"].shape == theirs.coefs_paths_["spam"].shape
    assert model.n_iter_.shape == theirs.n_iter_.shape
    assert model.score(X, y) == pytest.approx(theirs.score(X, y), abs=0.05)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"penalty": "l1"}, {"l1_ratio": 1.0}),
        ({"penalty": "l2"}, {"l1_ratio": 0.0}),
        ({"penalty": "elasticnet", "l1_ratio": 0.4}, {"l1_ratio": 0.4}),
        ({"penalty": None}, {"C": np.inf}),
        ({"l1_ratio": None}, {"l1_ratio": 0.0}),
    ],
)
def test_deprecated_ways_of_naming_the_penalty(classification, old, new):
    X, y = classification
    with pytest.warns(FutureWarning, match="deprecated in scikit-learn 1.8"):
        a = LogisticRegression(**old).fit(X, y)
    b = LogisticRegression(**new).fit(X, y)
    np.testing.assert_array_equal(a.coef_, b.coef_)


def test_deprecated_penalty_of_the_cross_validated_classifier(classification):
    X, y = classification
    kw = {"Cs": 3, "scoring": "accuracy", "use_legacy_attributes": False}
    with pytest.warns(FutureWarning, match="'penalty' was deprecated"):
        a = LogisticRegressionCV(penalty="l1", l1_ratios=None, **kw).fit(X, y)
    b = LogisticRegressionCV(l1_ratios=(1.0,), **kw).fit(X, y)
    np.testing.assert_array_equal(a.coef_, b.coef_)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_separable_classes_down_to_the_weakest_penalty(classification, l1_ratio):
    X, _ = classification
    kw = {"scoring": "accuracy", "use_legacy_attributes": False}
    model = LogisticRegressionCV(l1_ratios=(l1_ratio,), **kw).fit(X, X[:, 0] > 0)
    assert model.scores_.shape == (5, 1, 10)
    assert model.scores_[:, 0, -1].mean() > 0.9


# Iterations, warm start, convergence


@pytest.mark.parametrize("name", ["Lasso", "ElasticNet", "LogisticRegression"])
def test_warm_start(data, name):
    X, y = data(name)
    model = make(name, warm_start=True).fit(X, y)
    coef = model.coef_.copy()
    model.fit(X, y)
    assert np.all(np.asarray(model.n_iter_) == 0)
    np.testing.assert_array_equal(model.coef_, coef)


def test_warm_start_of_another_shape(regression):
    X, y = regression
    model = Lasso(warm_start=True).fit(X, y)
    with pytest.raises(
        ValueError, match=r"coef_ of the previous fit has shape \(1, 12"
    ):
        model.fit(X[:, :5], y)


@pytest.mark.parametrize("name", NAMES)
def test_convergence_warning_is_of_both_kinds(data, name, monkeypatch):
    def stubborn(*args, **kw):
        path = solve_path(*args, **kw)
        path.converged[:] = False
        return path

    for module in (fastl1.select.cv, fastl1.estimators.base):
        monkeypatch.setattr(module, "solve_path", stubborn)
    X, y = data(name)
    with pytest.warns(fastl1.ConvergenceWarning, match="did not converge") as caught:
        make(name).fit(X, y)
    assert len(caught) == 1 + name.endswith("CV")  # folds, and the fit on all rows
    for warning in caught:
        assert issubclass(warning.category, sklearn.exceptions.ConvergenceWarning)
        assert warning.filename == __file__


@pytest.mark.parametrize("name", ["LassoCV", "ElasticNetCV", "LogisticRegressionCV"])
def test_threads_do_not_change_the_result(data, name):
    X, y = data(name)
    one, two = (make(name, n_jobs=n).fit(X, y) for n in (1, 2))
    np.testing.assert_array_equal(one.coef_, two.coef_)


def test_what_is_ignored_is_ignored(regression):
    X, y = regression
    plain = Lasso().fit(X, y).coef_
    before = X.copy()
    for kw in (
        {"precompute": X.T @ X},
        {"selection": "random", "random_state": 3},
        {"copy_X": False},
    ):
        np.testing.assert_array_equal(Lasso(**kw).fit(X, y).coef_, plain)
    np.testing.assert_array_equal(X, before)


# Input


@pytest.mark.parametrize("name", NAMES)
def test_float32_in_float32_out(data, name):
    X, y = data(name)
    model = make(name, tol=1e-4).fit(X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    np.testing.assert_allclose(
        model.coef_, make(name, tol=1e-4).fit(X, y).coef_, rtol=0.2, atol=0.02
    )


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_matrix, sp.coo_array])
def test_unsorted_and_64_bit_sparse_input(regression, container):
    X, y = regression
    X = np.where(np.abs(X) > 0.5, X, 0)
    expected = Lasso(alpha=0.2).fit(sp.csc_array(X), y).coef_
    np.testing.assert_array_equal(Lasso(alpha=0.2).fit(container(X), y).coef_, expected)
    csc = sp.csc_array(X)
    back = np.concatenate(
        [np.arange(csc.indptr[j + 1] - 1, csc.indptr[j] - 1, -1) for j in range(12)]
    )
    unsorted = sp.csc_array(
        (
            csc.data[back],
            csc.indices[back].astype(np.int64),
            csc.indptr.astype(np.int64),
        ),
        shape=csc.shape,
    )
    np.testing.assert_array_equal(Lasso(alpha=0.2).fit(unsorted, y).coef_, expected)
    assert not unsorted.has_sorted_indices


def test_check_input_false(regression):
    X, y = regression
    fortran = np.asfortranarray(X)
    fast = Lasso().fit(fortran, y, check_input=False)
    np.testing.assert_array_equal(fast.coef_, Lasso().fit(X, y).coef_)
    with pytest.raises(ValueError, match="must be Fortran-contiguous"):
        Lasso().fit(np.ascontiguousarray(X), y, check_input=False)


@pytest.mark.parametrize(
    ("estimator", "error", "message"),
    [
        (Lasso(alpha=-1.0), ValueError, "alpha == -1.0, must be >= 0"),
        (Lasso(alpha="1"), TypeError, "alpha must be an instance of"),
        (ElasticNet(l1_ratio=1.5), ValueError, "l1_ratio == 1.5, must be <= 1"),
        (Lasso(max_iter=0), ValueError, "max_iter == 0, must be >= 1"),
        (Lasso(tol=-1e-3), ValueError, "tol == -0.001, must be >= 0"),
        (LassoCV(eps=0), ValueError, "eps == 0, must be > 0"),
        (LassoCV(alphas=[1.0, -2.0]), ValueError, r"alphas\[1\] == -2.0, must be >= 0"),
        (LassoCV(alphas=0), ValueError, "alphas == 0, must be >= 1"),
        (ElasticNetCV(l1_ratio=[2.0]), ValueError, "l1_ratio == 2.0, must be <= 1"),
        (ElasticNetCV(l1_ratio=0), ValueError, "not supported for l1_ratio=0"),
        (LogisticRegression(C=0), ValueError, "C == 0, must be > 0"),
        (LogisticRegression(l1_ratio=-1), ValueError, "l1_ratio == -1, must be >= 0"),
        (
            LogisticRegressionCV(**{**NEW_DEFAULTS, "l1_ratios": (2,)}),
            ValueError,
            "numbers between 0 and 1",
        ),
        (LogisticRegressionCV(Cs=[0.0], **NEW_DEFAULTS), ValueError, r"Cs\[0\] == 0.0"),
    ],
)
def test_bad_hyperparameters(regression, estimator, error, message):
    X, y = regression
    with pytest.raises(error, match=message):
        estimator.fit(X, y > 0)


@pytest.mark.parametrize("name", NAMES)
def test_bad_data_is_named(data, name):
    X, y = data(name)
    broken = X.copy()
    broken[5, 3] = np.nan
    with pytest.raises(ValueError, match="X contains NaN at row 5, column 3"):
        make(name).fit(broken, y)
    broken[5, 3] = 1e300
    with pytest.raises(ValueError, match=r"beyond 1e\+140 in magnitude"):
        make(name).fit(broken, y)
    weight = np.ones(len(y))
    weight[4] = -1
    with pytest.raises(
        ValueError, match=r"sample_weight is negative \(-1.0\) at row 4"
    ):
        make(name).fit(X, y, sample_weight=weight)


def test_one_classifier_for_each_class(regression):
    X, _ = regression
    y = np.arange(len(X)) % 3
    model = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    assert model.predict_proba(X).shape == (len(X), 3)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_multinomial_is_scikit_learns(regression, l1_ratio):
    X, _ = regression
    y = np.array(["low", "mid", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    weight = 1.0 + np.arange(len(X)) % 3
    options = {"C": 0.5, "l1_ratio": l1_ratio}
    ours = LogisticRegression(tol=1e-10, class_weight="balanced", **options)
    ours.fit(X, y, sample_weight=weight)
    theirs = sklearn.linear_model.LogisticRegression(
        solver="saga", tol=1e-9, max_iter=10**5, class_weight="balanced", **options
    ).fit(X, y, sample_weight=weight)
    assert ours.coef_.shape == theirs.coef_.shape == (3, X.shape[1])
    assert ours.intercept_.shape == (3,)
    assert ours.relative_gap_ <= 1e-10
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(
        ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5
    )
    np.testing.assert_allclose(
        np.exp(ours.predict_log_proba(X)), ours.predict_proba(X), atol=1e-12
    )
    again = LogisticRegression(warm_start=True, tol=1e-6, **options).fit(X, y)
    assert again.fit(X, y).n_iter_[0] <= 1
    assert again.sparsify().predict_proba(X).shape == (len(X), 3)


@pytest.mark.parametrize("name", ["LassoCV", "ElasticNetCV"])
def test_several_targets_are_refused_by_the_cross_validated(regression, name):
    X, y = regression
    with pytest.raises(ValueError, match="takes one target, got 2"):
        make(name).fit(X, np.c_[y, y])


# The ecosystem


@pytest.mark.parametrize("name", NAMES)
def test_clone_and_pickle(data, name):
    X, y = data(name)
    model = make(name).fit(X, y)
    assert not hasattr(clone(model), "coef_")
    assert clone(model).get_params() == model.get_params()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert len(pickle.dumps(model)) < 60_000  # X is not in it


@pytest.mark.parametrize("name", NAMES)
def test_pipeline_and_grid_search(data, name):
    X, y = data(name)
    pipeline = make_pipeline(StandardScaler(), make(name))
    step = pipeline.steps[-1][0]
    search = GridSearchCV(pipeline, {f"{step}__tol": [1e-2, 1e-4]}, cv=3).fit(X, y)
    assert search.best_estimator_[-1].n_features_in_ == X.shape[1]
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert cross_val_score(make(name), X, y, cv=3).shape == (3,)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("name", NAMES)
def test_data_frames_and_set_output(data, name, library):
    frames = pytest.importorskip(library)
    X, y = data(name)
    columns = [f"x{j}" for j in range(X.shape[1])]
    frame = frames.DataFrame(dict(zip(columns, X.T, strict=True)))
    model = make(name).fit(frame, frames.Series(y))
    assert list(model.feature_names_in_) == columns
    np.testing.assert_array_equal(model.predict(frame), model.predict(frame))
    np.testing.assert_allclose(model.coef_, make(name).fit(X, y).coef_)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[columns[::-1]])
    pipeline = make_pipeline(StandardScaler(), make(name)).set_output(transform=library)
    pipeline.fit(frame, y)
    assert list(pipeline[-1].feature_names_in_) == columns
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("name", NAMES)
def test_sample_weight_is_routed(data, name, routing):
    X, y = data(name)
    weight = 1.0 + np.arange(len(y)) % 2
    model = make(name)
    if name == "LogisticRegressionCV":
        scorer = sklearn.metrics.get_scorer("neg_log_loss")
        model.set_params(scoring=scorer.set_score_request(sample_weight=True))
    model.set_fit_request(sample_weight=True)
    if hasattr(model, "set_score_request") and name != "LogisticRegressionCV":
        model.set_score_request(sample_weight=False)
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(scaler, model).fit(X, y, sample_weight=weight)
    direct = clone(model).fit(
        StandardScaler().fit_transform(X), y, sample_weight=weight
    )
    np.testing.assert_allclose(pipeline[-1].coef_, direct.coef_)
    result = cross_validate(model, X, y, cv=3, params={"sample_weight": weight})
    assert np.all(np.isfinite(result["test_score"]))


@pytest.mark.parametrize("name", ["LassoCV", "ElasticNetCV", "LogisticRegressionCV"])
def test_groups_are_routed_to_the_splitter(data, name, routing):
    X, y = data(name)
    groups = np.arange(len(y)) // 7
    cv = GroupKFold(3)
    routed = make(name, cv=cv).fit(X, y, groups=groups)
    split = make(name, cv=list(cv.split(X, y, groups))).fit(X, y)
    np.testing.assert_array_equal(routed.coef_, split.coef_)


@pytest.mark.parametrize("name", ["LassoCV", "ElasticNetCV", "LogisticRegressionCV"])
def test_extra_parameters_need_routing(data, name):
    X, y = data(name)
    with pytest.raises(ValueError, match="only supported if enable_metadata_routing=T"):
        make(name).fit(X, y, groups=np.zeros(len(y)))


def test_score_of_the_cross_validated_classifier_takes_weights(classification):
    X, y = classification
    model = make("LogisticRegressionCV").fit(X, y)
    weight = (y == "spam").astype(float)
    expected = model.predict_log_proba(X)[y == "spam", 1].mean()
    assert model.score(X, y, sample_weight=weight) == pytest.approx(expected)


def test_without_scikit_learn_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import fastl1\n"
        "try:\n"
        "    fastl1.Lasso\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert 'pip install "fastl1[sklearn]"' in out.stdout


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1, -2, -100])
def test_n_jobs_changes_nothing_but_threads(n_jobs):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5))
    y = X[:, 0] + rng.standard_normal(60)
    one = fastl1.ElasticNetCV(l1_ratio=[0.3, 1.0], alphas=8, n_jobs=1).fit(X, y)
    many = fastl1.ElasticNetCV(l1_ratio=[0.3, 1.0], alphas=8, n_jobs=n_jobs).fit(X, y)
    assert np.array_equal(one.mse_path_, many.mse_path_)
    assert np.array_equal(one.coef_, many.coef_)


def test_n_jobs_of_zero_is_refused():
    with pytest.raises(ValueError, match="n_jobs=0 has no meaning"):
        fastl1.LassoCV(n_jobs=0).fit(np.eye(6), np.arange(6.0))


@pytest.mark.parametrize("weighted", [False, True])
def test_lasso_cv_on_real_data_is_that_of_scikit_learn(weighted):
    """Where both are solved to the end: scores, choice, coefficients."""
    from sklearn.datasets import load_diabetes
    from sklearn.linear_model import ElasticNetCV, LassoCV

    X, y = load_diabetes(return_X_y=True)
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.5, 2.0, len(y)) if weighted else None
    for options in ({}, {"l1_ratio": [0.5, 0.9]}):
        theirs = (ElasticNetCV if options else LassoCV)(
            alphas=30, cv=5, tol=1e-10, max_iter=100_000, **options
        ).fit(X, y, sample_weight=weight)
        ours = (fastl1.ElasticNetCV if options else fastl1.LassoCV)(
            alphas=30, cv=5, tol=1e-12, **options
        ).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-10)
        np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-5)
        assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-10)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-3, atol=1e-3)
        # the choice within one standard error, by hand from scikit-learn's table
        result = fastl1.cross_validate_path(
            X,
            y,
            sample_weight=weight,
            cv=KFold(5),
            l1_ratios=options.get("l1_ratio", [1.0]),
            alphas=theirs.alphas_,
            tol=1e-12,
        )
        table = theirs.mse_path_.reshape(result.scores.shape)
        np.testing.assert_allclose(result.scores, table, rtol=1e-5)
        se = table.std(axis=2, ddof=1) / np.sqrt(5)
        np.testing.assert_allclose(result.standard_errors, se, rtol=1e-3)
        mean = table.mean(axis=2)
        r, k = np.unravel_index(mean.argmin(), mean.shape)
        assert (result.best.ratio, result.best.index) == (r, k)
        within = mean[r] <= mean[r, k] + se[r, k]
        assert result.best_1se.index == within.argmax()
        assert result.best_1se.index < k


def test_a_warm_start_from_other_classes_is_told_in_words():
    X = np.random.default_rng(0).standard_normal((60, 3))
    estimator = LogisticRegression(warm_start=True).fit(X, np.arange(60) % 3)
    for classes in (2, 4):
        with pytest.raises(
            ValueError, match=rf"warm_start: .* {classes} classes and 3"
        ):
            estimator.fit(X, np.arange(60) % classes)
    assert estimator.fit(X, np.arange(60) % 3).coef_.shape == (3, 3)
