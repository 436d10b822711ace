"""The same name, the same model: every class and function that bears a name of
scikit-learn's has its signature, and its defaults fit the same model to real data.

Signatures are compared with the scikit-learn that is installed; `VERSION` is the one
that they were written after.
"""

import inspect
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
import sklearn.linear_model
import sklearn.svm
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import d2_pinball_score
from sklearn.preprocessing import StandardScaler

import fastl1

VERSION = (1, 9)
THEIRS = {
    name: getattr(module, name)
    for module in (sklearn.linear_model, sklearn.svm)
    for name in module.__all__
    if name in fastl1.__all__
}
ESTIMATORS = sorted(name for name in THEIRS if name[0].isupper())
same_signatures = pytest.mark.skipif(
    tuple(int(part) for part in sklearn.__version__.split(".")[:2]) != VERSION,
    reason="another scikit-learn has other signatures",
)


def test_these_names_are_shared():
    assert sorted(THEIRS) == [
        *("ElasticNet", "ElasticNetCV", "GammaRegressor", "HuberRegressor", "Lasso"),
        *("LassoCV", "LinearSVC", "LogisticRegression", "LogisticRegressionCV"),
        *("PoissonRegressor", "QuantileRegressor", "TweedieRegressor"),
        *("enet_path", "lasso_path"),
    ]


# --------------------------------------------------------------------------------------
# Signatures
# --------------------------------------------------------------------------------------


def callables():
    """(name, member) of everything public that scikit-learn lets one call."""
    for name, theirs in THEIRS.items():
        yield name, None
        if isinstance(theirs, type):
            for member in dir(theirs):
                # requests of metadata and callbacks are machinery of scikit-learn's
                public = not member.startswith("_") and (
                    not member.startswith("set_") or member == "set_params"
                )
                if public and callable(getattr(theirs, member)):
                    yield name, member


def parameters(name, member, package):
    thing = THEIRS[name] if package == "sklearn" else getattr(fastl1, name)
    thing = thing if member is None else getattr(thing, member)
    return list(inspect.signature(thing).parameters.values())


@same_signatures
@pytest.mark.parametrize(("name", "member"), [*callables()])
def test_signatures_begin_with_those_of_scikit_learn(name, member):
    theirs, ours = (
        [p for p in parameters(name, member, package) if p.kind is not p.VAR_KEYWORD]
        for package in ("sklearn", "fastl1")
    )
    for one, other in zip(theirs, ours, strict=False):
        assert (other.name, other.kind) == (one.name, one.kind)
        assert type(other.default) is type(one.default)
        assert other.default is one.default or other.default == one.default
    assert len(ours) >= len(theirs)
    for one in ours[len(theirs) :]:
        assert one.kind is one.KEYWORD_ONLY
        assert one.default is not one.empty
    if any(p.kind is p.VAR_KEYWORD for p in parameters(name, member, "sklearn")):
        assert (
            parameters(name, member, "fastl1")[-1].kind is inspect.Parameter.VAR_KEYWORD
        )


# --------------------------------------------------------------------------------------
# Models
# --------------------------------------------------------------------------------------


def scaled(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y.astype(float)


DATA = {
    "diabetes": scaled(load_diabetes),
    "breast cancer": scaled(load_breast_cancer),
    "iris": scaled(load_iris),
    "wine": scaled(load_wine),
}
NUMBERS = ("diabetes",)
LABELS = ("breast cancer", "iris", "wine")
# Bare calls that fastl1 0.1 took, and fitted other models by.
CHANGED = {
    *("GammaRegressor", "HuberRegressor", "LinearSVC", "PoissonRegressor"),
    "TweedieRegressor",
}
CLASSIFIERS = {"LinearSVC", "LogisticRegression", "LogisticRegressionCV"}


def cases():
    for name in ESTIMATORS:
        for data in LABELS if name in CLASSIFIERS else NUMBERS:
            yield name, data


def make(kind, **kw):
    """An estimator of either package, with those parameters that it has."""
    known = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in kw.items() if key in known})


def fitted(kind, X, y, **kw):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make(kind, **kw).fit(X, y)


def scores(model, X):
    if hasattr(model, "decision_function"):
        return model.decision_function(X)
    return model.predict(X)


def assert_same(ours, theirs, X, rtol):
    """Predictions agree, in units of their spread; labels agree but for near ties."""
    one, other = scores(ours, X), scores(theirs, X)
    assert one.shape == other.shape
    assert one.dtype == other.dtype
    assert np.abs(one - other).max() <= rtol * max(
        np.std(other), 1e-3 * np.abs(other).max()
    )
    for name in ("coef_", "intercept_"):
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name))


@pytest.mark.parametrize(("name", "data"), [*cases()])
def test_defaults_fit_the_model_of_scikit_learn(name, data):
    X, y = DATA[data]
    ours = fitted(getattr(fastl1, name), X, y)
    # whatever the tolerance of their solver is, the model has one optimum
    exact = {"tol": 1e-10, "max_iter": 100_000}
    if name == "LogisticRegressionCV":  # which takes minutes at C = 1e4
        exact = {"tol": 1e-6, "max_iter": 1000}
    if name == "LinearSVC":
        exact["dual"] = False
    theirs = fitted(THEIRS[name], X, y, **exact)
    if name == "QuantileRegressor":  # whose optimum need not be one point
        one, other = (
            d2_pinball_score(y, model.predict(X)) - np.abs(model.coef_).sum()
            for model in (ours, theirs)
        )
        assert one == pytest.approx(other, abs=1e-4)
        return
    assert_same(ours, theirs, X, 0.1)
    assert_same(fitted(getattr(fastl1, name), X, y, **exact), theirs, X, 1e-3)
    given = {"classes_", "alpha_", "C_", "scale_", "outliers_", "n_iter_"}
    for one in sorted(given & set(vars(theirs))):
        assert np.shape(getattr(ours, one)) == np.shape(getattr(theirs, one)), one
        if one != "n_iter_":
            np.testing.assert_allclose(
                getattr(ours, one), getattr(theirs, one), rtol=1e-2
            )


@pytest.mark.parametrize("name", ["lasso_path", "enet_path"])
def test_paths_are_those_of_scikit_learn(name):
    X, y = DATA["diabetes"]
    y = y - y.mean()
    alphas, coefs, gaps = getattr(fastl1, name)(X, y, tol=1e-8)
    theirs = THEIRS[name](X, y, alphas=100, tol=1e-10, max_iter=100_000)
    np.testing.assert_allclose(alphas, theirs[0])
    np.testing.assert_allclose(coefs, theirs[1], atol=1e-3 * np.abs(theirs[1]).max())
    assert gaps.shape == theirs[2].shape


def objective(model, X, y, weight=1.0):
    """scikit-learn's objective of HuberRegressor."""
    z = np.abs(y - X @ model.coef_ - model.intercept_) / model.scale_
    e = model.epsilon
    h = np.where(z < e, z**2, 2 * e * z - e**2)
    return np.sum(weight * model.scale_ * (1 + h)) + model.alpha * np.sum(
        model.coef_**2
    )


@pytest.mark.parametrize(
    "kw", [{}, {"epsilon": 1.1, "alpha": 5.0}, {"fit_intercept": False}]
)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, np.float32])
def test_huber_and_its_scale_are_at_the_joint_optimum(form, kw):
    X, y = DATA["diabetes"]
    y = y + 500.0 * (np.arange(len(y)) % 9 == 0)
    weight = 0.5 + np.arange(len(y)) % 3
    tol = 1e-6 if form is np.float32 else 1e-9
    ours = fitted_with(fastl1.HuberRegressor(tol=tol, **kw), form(X), y, weight)
    theirs = fitted_with(
        THEIRS["HuberRegressor"](tol=1e-8, max_iter=10_000, **kw),
        X,
        y,
        weight,
    )
    mine = objective(ours, X, y, weight)
    assert mine <= objective(theirs, X, y, weight) * (1 + 10 * tol)
    assert ours.scale_ == pytest.approx(theirs.scale_, rel=1e-3)
    assert ours.relative_gap_ <= tol
    assert np.array_equal(ours.outliers_, theirs.outliers_)
    # the gap is a bound: no point around the optimum is better by more
    rng = np.random.default_rng(0)
    for size in 10.0 ** rng.uniform(-6, 0, 40):
        near = fitted_with(fastl1.HuberRegressor(tol=1e-3, **kw), X, y, weight)
        near.coef_ = ours.coef_ + size * rng.standard_normal(len(ours.coef_))
        near.scale_ = ours.scale_ * np.exp(size * rng.standard_normal())
        assert objective(near, X, y, weight) >= mine - 2 * ours.dual_gap_ - tol * mine
    rough = fitted_with(fastl1.HuberRegressor(tol=1e-2, **kw), X, y, weight)
    excess = (objective(rough, X, y, weight) - mine) / 2
    assert excess <= rough.dual_gap_ + tol * mine


def fitted_with(model, X, y, weight):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, weight)


@pytest.mark.parametrize(
    "kw",
    [
        {"l1_ratio": 1.0, "alpha": 30.0},
        {"l1_ratio": 0.5, "alpha": 20.0, "standardize": True},
        {"l1_ratio": 0.5, "alpha": 9.0, "lower": -3.0, "upper": 5.0},
        {
            "l1_ratio": 1.0,
            "alpha": 30.0,
            "penalty_factor": np.r_[0, 0, np.inf, np.ones(7)],
        },
        {"l1_ratio": 1.0, "alpha": 30.0, "positive": True},
    ],
    ids=lambda kw: "-".join(kw),
)
@pytest.mark.parametrize("form", [np.asarray, sp.csc_array])
def test_huber_with_a_scale_takes_the_penalties_of_fastl1(form, kw):
    X, y = DATA["diabetes"]
    X = X * np.linspace(0.5, 2, X.shape[1])
    model = fastl1.HuberRegressor(tol=1e-9, epsilon=1.5, **kw).fit(form(X), y)
    assert model.relative_gap_ <= 1e-9
    # at the scale that was found it is the path's model with delta = epsilon · scale
    names = ("l1_ratio", "penalty_factor", "lower", "upper", "standardize")
    rest = {key: value for key, value in kw.items() if key in names}
    if kw.get("positive"):
        rest["lower"] = 0.0
    path = fastl1.path(
        X,
        y,
        loss=fastl1.Huber(1.5 * model.scale_),
        alphas=[kw["alpha"] * model.scale_ / len(y)],
        tol=1e-12,
        **rest,
    )
    np.testing.assert_allclose(model.coef_, path.coefs.toarray()[:, 0], atol=1e-3)
    assert np.count_nonzero(model.coef_) > 0


def test_huber_where_most_rows_are_exact_has_the_least_scale():
    X = np.linspace(-1, 1, 20)[:, None]
    y = 3 * X[:, 0]
    y[:2] = 50.0
    model = fastl1.HuberRegressor(l1_ratio=0.0, alpha=0.0, epsilon=2.0).fit(X, y)
    assert model.relative_gap_ <= 1e-5
    assert model.coef_ == pytest.approx([3.0], abs=1e-4)
    assert model.scale_ < 1e-4
    assert model.outliers_[:2].all()


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_huber_is_certified_with_more_columns_than_rows(l1_ratio):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 300))
    y = X[:, 0] + rng.standard_normal(40)
    model = fastl1.HuberRegressor(l1_ratio=l1_ratio, epsilon=1.5).fit(X, y)
    assert model.relative_gap_ <= 1e-5
    np.testing.assert_allclose(model.predict(X), y, atol=1e-3)


def test_huber_starts_from_the_previous_fit():
    X, y = DATA["diabetes"]
    model = fastl1.HuberRegressor(epsilon=1.4, tol=1e-8, warm_start=True).fit(X, y)
    first, count = model.coef_, model.n_iter_
    assert model.fit(X, y).n_iter_ < count
    np.testing.assert_allclose(model.coef_, first, rtol=1e-4)
    with pytest.warns(ConvergenceWarning, match="Relative duality gap"):
        fastl1.HuberRegressor(epsilon=1.4, tol=1e-12, max_iter=1).fit(X, y)


SVC = [
    {},
    {"penalty": "l1", "C": 0.1},
    {"C": 0.05, "intercept_scaling": 4.0},
    {"class_weight": "balanced"},
    {"class_weight": {1: 5.0}},
    {"fit_intercept": False},
]


@pytest.mark.parametrize("kw", SVC, ids=str)
@pytest.mark.parametrize("data", LABELS)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_linear_svc_solves_the_problem_of_liblinear(form, data, kw):
    X, y = DATA[data]
    weight = 0.5 + np.arange(len(y)) % 3
    given = {"dual": False, "tol": 1e-9, **kw}
    ours = fastl1.LinearSVC(**{**given, "tol": 1e-13}).fit(form(X), y, weight)
    theirs = sklearn.svm.LinearSVC(max_iter=10**6, **given).fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    assert np.array_equal(ours.classes_, theirs.classes_)
    assert np.max(ours.relative_gap_) <= 1e-13


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize("scaling", [1.0, 5.0])
def test_liblinear_penalizes_the_intercept(l1_ratio, scaling):
    X, y = DATA["breast cancer"]
    kw = {
        "solver": "liblinear",
        "l1_ratio": l1_ratio,
        "C": 0.1,
        "intercept_scaling": scaling,
        "tol": 1e-9,
        "max_iter": 1000,
    }
    ours = fastl1.LogisticRegression(**kw).fit(X, y)
    theirs = sklearn.linear_model.LogisticRegression(**kw, random_state=0).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
    free = fastl1.LogisticRegression(l1_ratio=l1_ratio, C=0.1).fit(X, y)
    assert np.abs(free.intercept_ - ours.intercept_) > 0.01
    again = fastl1.LogisticRegression(**kw, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_allclose(again.coef_, ours.coef_, atol=1e-6)


def test_a_single_weight_multiplies_a_sum_of_losses():
    X, y = DATA["breast cancer"]
    for name in ("LogisticRegression", "LinearSVC"):
        kw = {"C": 0.01, "tol": 1e-10, "dual": False}
        ours = getattr(fastl1, name)(**kw)
        heavy = ours.fit(X, y, 7.0).coef_
        theirs = THEIRS[name](max_iter=10**5, **kw).fit(X, y, 7.0)
        np.testing.assert_allclose(heavy, theirs.coef_, atol=1e-3)
        assert not np.allclose(heavy, ours.fit(X, y).coef_, rtol=0.1)


@pytest.mark.parametrize(
    "name", ["PoissonRegressor", "GammaRegressor", "TweedieRegressor"]
)
def test_ridge_with_more_columns_than_rows_is_certified(name):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 3000))
    y = np.exp(0.5 * X[:, 0]) + 0.1
    kw = {"alpha": 0.1, **({"power": 1.5} if name.startswith("T") else {})}
    ours = getattr(fastl1, name)(l1_ratio=0.0, tol=1e-9, **kw).fit(X, y)
    assert ours.relative_gap_ <= 1e-9
    assert ours.n_iter_ <= 20
    theirs = THEIRS[name](tol=1e-8, max_iter=10_000, **kw).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-3)


# --------------------------------------------------------------------------------------
# What changed since 0.1
# --------------------------------------------------------------------------------------

SIMPLE = {
    "numbers": (np.array([[0.0], [1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 2.5, 7.0])),
    "labels": (np.array([[0.0], [1.0], [2.0], [4.0]]), np.array([0, 0, 1, 1])),
}


def fit_simple(model):
    labels = type(model).__name__ in ("LinearSVC", "SparseClassifier")
    return model.fit(*SIMPLE["labels" if labels else "numbers"])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_bare_call_warns_where_it_was_another_model(name, recwarn):
    if name in CHANGED:
        with pytest.warns(
            FutureWarning, match=f"{name} is that of scikit-learn"
        ) as told:
            fit_simple(getattr(fastl1, name)())
        assert [w.filename for w in told] == [__file__]
    elif name[-2:] != "CV" and name != "LogisticRegression":
        fit_simple(getattr(fastl1, name)())
        assert not [w for w in recwarn if w.category is FutureWarning]


@pytest.mark.parametrize(
    "model",
    [
        fastl1.PoissonRegressor(l1_ratio=0.0),
        fastl1.PoissonRegressor(alpha=0.0),
        fastl1.GammaRegressor(solver="newton-cholesky"),
        fastl1.TweedieRegressor(power=1.5, l1_ratio=1.0),
        fastl1.TweedieRegressor(power=0, link="identity"),
        fastl1.HuberRegressor(epsilon=1.5),
        fastl1.LinearSVC(C=2.0),
        fastl1.LinearSVC(dual=False),
        fastl1.QuantileRegressor(),
        fastl1.SparseRegressor("poisson"),
        fastl1.SparseClassifier("squared_hinge"),
        fastl1.Lasso(),
        fastl1.ElasticNet(),
    ],
    ids=repr,
)
def test_calls_that_mean_the_same_or_are_new_do_not_warn(model, recwarn):
    fit_simple(model)
    assert not [w for w in recwarn if issubclass(w.category, FutureWarning)]


@pytest.mark.parametrize(
    "model",
    [
        fastl1.TweedieRegressor(l1_ratio=1.0),
        fastl1.PoissonRegressor(alpha=0.3, tol=1e-6),
        fastl1.HuberRegressor(alpha=0.3, l1_ratio=0.5),
        fastl1.LinearSVC(class_weight="balanced"),
        fastl1.PathCV(fastl1.TweedieRegressor(), alphas=[1.0, 0.1], cv=2),
    ],
    ids=repr,
)
def test_calls_of_0_1_that_mean_another_model_warn(model):
    with pytest.warns(FutureWarning, match="scikit-learn since fastl1 0.2"):
        fit_simple(model)


def test_the_parameters_of_0_1_fit_its_models_and_warn():
    X, y = DATA["diabetes"]
    with pytest.warns(FutureWarning, match=r"SparseRegressor\(fastl1.Huber\(delta=20"):
        old = fastl1.HuberRegressor(delta=20.0, alpha=3.0, tol=1e-8).fit(X, y)
    new = fastl1.SparseRegressor(fastl1.Huber(20.0), alpha=3.0, tol=1e-8, max_iter=100)
    np.testing.assert_array_equal(old.coef_, new.fit(X, y).coef_)
    X, y = DATA["breast cancer"]
    with pytest.warns(FutureWarning, match=r"'squared_hinge', alpha=0.01"):
        old = fastl1.LinearSVC(l1_ratio=0.5).fit(X, y)
    new = fastl1.SparseClassifier("squared_hinge", alpha=0.01, l1_ratio=0.5).fit(X, y)
    np.testing.assert_array_equal(old.coef_, new.coef_)
    np.testing.assert_array_equal(old.predict(X), new.predict(X))
    with pytest.raises(ValueError, match="alpha is a parameter of fastl1 0.1"):
        fastl1.LinearSVC(alpha=0.1, C=2.0).fit(X, y)
    with pytest.warns(FutureWarning, match=r"take PathCV\(SparseClassifier"):
        chosen = fastl1.PathCV(fastl1.LinearSVC(), alphas=[0.1, 0.01]).fit(X, y)
    again = fastl1.PathCV(
        fastl1.SparseClassifier("squared_hinge"), alphas=[0.1, 0.01]
    ).fit(X, y)
    np.testing.assert_array_equal(chosen.coef_, again.coef_)


REFUSED = [
    (fastl1.TweedieRegressor(power=3), "power=3 is not supported"),
    (fastl1.TweedieRegressor(power=-1), "power=-1 is not supported"),
    (fastl1.TweedieRegressor(power=0, link="log"), "link='log' with power=0 is not"),
    (fastl1.TweedieRegressor(power=1, link="identity"), "link='identity' with power=1"),
    (
        fastl1.TweedieRegressor(link="probit"),
        "link must be 'auto', 'identity'",
    ),
    (
        fastl1.PoissonRegressor(solver="sag"),
        "solver must be 'lbfgs' or 'newton",
    ),
    (fastl1.QuantileRegressor(solver="simplex"), "solver must be 'highs'"),
    (
        fastl1.QuantileRegressor(solver_options={"a": 1}),
        "solver_options are options",
    ),
    (fastl1.HuberRegressor(epsilon=0.9), "epsilon == 0.9, must be >= 1"),
    (fastl1.LinearSVC(loss="hinge"), "loss='hinge' is not supported"),
    (fastl1.LinearSVC(multi_class="crammer_singer"), "multi_class='crammer_singer' is"),
    (fastl1.LinearSVC(penalty="l3"), "penalty must be 'l1' or 'l2'"),
    (fastl1.LinearSVC(dual="never"), "dual must be 'auto', True or False"),
    (fastl1.LinearSVC(C=0), "C == 0, must be > 0"),
    (
        fastl1.LinearSVC(intercept_scaling=0, C=2.0),
        "intercept_scaling == 0, must",
    ),
    (fastl1.SparseRegressor("logistic"), "takes a loss of numbers, not 'logistic'"),
    (fastl1.SparseRegressor("cox"), "takes a loss of numbers, not 'cox'"),
    (fastl1.SparseClassifier("gamma"), "takes a loss of two labels, not 'gamma'"),
    (fastl1.SparseClassifier("multinomial"), "takes a loss of two labels, not 'multin"),
    (fastl1.LogisticRegression(solver="newton"), "solver must be 'lbfgs', 'liblinear'"),
    (
        fastl1.LogisticRegressionCV(solver="liblinear", l1_ratios=(0.0,)),
        "solver='liblinear' penalizes the intercept and is not supported",
    ),
]


@pytest.mark.parametrize(("model", "message"), REFUSED, ids=lambda x: repr(x)[:60])
def test_what_cannot_be_honoured_is_refused_by_name(model, message):
    with pytest.raises(ValueError, match=message):
        fit_simple(model)


def test_liblinear_with_three_classes_is_refused_as_in_scikit_learn():
    with pytest.raises(ValueError, match="does not support multiclass"):
        fastl1.LogisticRegression(solver="liblinear").fit(*DATA["iris"])


def test_verbose_tells_of_the_fit(capsys):
    fit_simple(fastl1.PoissonRegressor(l1_ratio=0.0, verbose=1))
    assert "PoissonRegressor: " in capsys.readouterr().out
    fit_simple(fastl1.PoissonRegressor(l1_ratio=0.0))
    assert not capsys.readouterr().out
