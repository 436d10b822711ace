"""Estimators and pipelines through skl2onnx, in ONNX Runtime against themselves."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn (extra sklearn)")
skl2onnx = pytest.importorskip("skl2onnx", reason="needs skl2onnx (extra onnx)")
ort = pytest.importorskip("onnxruntime", reason="needs onnxruntime (extra onnx)")

from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402

import fastl1  # noqa: E402
from fastl1.estimators.skl2onnx import classifiers, regressors  # noqa: E402

REGRESSORS = [kind.__name__ for kind in regressors()]
CLASSIFIERS = [kind.__name__ for kind in classifiers()]
LOG = ("GammaRegressor", "PoissonRegressor", "TweedieRegressor")
N, P = 120, 9
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, P)).astype(np.float32)
ETA = X[:, 0] - 0.7 * X[:, 3] + 0.3 * RNG.standard_normal(N)
LABELS = np.where(ETA > 0, "yes", "no")


def target(name):
    if name in CLASSIFIERS:
        return LABELS
    return np.exp(0.3 * ETA) if name in LOG else ETA


@pytest.fixture(scope="module", autouse=True)
def registered():
    kinds = fastl1.register_skl2onnx()
    assert len(kinds) == len(REGRESSORS) + len(CLASSIFIERS) + 1


def run(model, X, **given):
    given.setdefault("options", {"zipmap": False})
    made = skl2onnx.to_onnx(model, X[:1], **given)
    data = made.SerializeToString()
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X}), made


def fitted(name):
    if name == "CoxPHRegressor":
        times = np.c_[RNG.random(N) < 0.8, np.exp(-ETA)]
        return fastl1.CoxPHRegressor(alpha=0.05).fit(X, times)
    known = {"alpha": 0.05}
    if name in (*LOG, "HuberRegressor"):
        known["l1_ratio"] = 1.0
    if name == "TweedieRegressor":
        known["power"] = 1.5
    if name == "HuberRegressor":
        known["epsilon"] = 1.5
    if name == "SparseRegressor":
        known["loss"] = fastl1.Huber(0.5)
    if name.endswith("CV"):
        known = {"cv": 3}
        if name == "LogisticRegressionCV":
            known |= {"l1_ratios": (1.0,), "scoring": "accuracy"}
            known |= {"use_legacy_attributes": False}
    elif name in CLASSIFIERS:
        known = {"alpha": 0.05} if name == "SparseClassifier" else {"C": 0.5}
    return getattr(fastl1, name)(**known).fit(X, target(name))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name, dtype):
    model, rows = fitted(name), X.astype(dtype)
    (got,), _ = run(model, rows, options=None)
    assert got.shape == (N, 1)
    assert got.dtype == dtype
    tol = 2e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(got[:, 0], model.predict(rows), rtol=tol, atol=tol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(name, dtype):
    model, rows = fitted(name), X.astype(dtype)
    (label, scores), _ = run(model, rows)
    assert label.tolist() == model.predict(rows).tolist()
    tol = 2e-6 if dtype == np.float32 else 1e-13
    if name == "LinearSVC":
        eta = model.decision_function(rows)
        wanted = np.c_[-eta, eta]
    else:
        wanted = model.predict_proba(rows)
    np.testing.assert_allclose(scores, wanted, rtol=10 * tol, atol=tol)


@pytest.mark.parametrize("labels", [[0, 1, 2], [-5, 7], ["a", "b", "ü"], [False, True]])
def test_pipeline(labels):
    y = np.array(labels)[np.digitize(ETA, [-0.5, 0.5][: len(labels) - 1])]
    model = make_pipeline(StandardScaler(), fastl1.LogisticRegression(C=0.3)).fit(X, y)
    (label, probabilities), made = run(model, X)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=2e-6)
    assert label.tolist() == model.predict(X).tolist()
    assert "LinearClassifier" not in {node.op_type for node in made.graph.node}


def test_pipeline_with_one_hot_columns():
    rows = np.c_[X[:, :2].astype(object), np.resize(np.array(["a", "b", "c"]), N)]
    encoder = ColumnTransformer(
        [("number", StandardScaler(), [0, 1]), ("text", OneHotEncoder(), [2])]
    )
    model = make_pipeline(encoder, fastl1.PoissonRegressor(alpha=0.01, l1_ratio=1.0))
    model.fit(rows, target("PoissonRegressor"))
    kinds = [
        ("number", skl2onnx.common.data_types.DoubleTensorType([None, 2])),
        ("text", skl2onnx.common.data_types.StringTensorType([None, 1])),
    ]
    made = skl2onnx.to_onnx(model, initial_types=kinds)
    session = ort.InferenceSession(
        made.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feed = {"number": rows[:, :2].astype(np.float64), "text": rows[:, 2:]}
    (got,) = session.run(None, feed)
    np.testing.assert_allclose(got[:, 0], model.predict(rows), rtol=1e-6)


def test_several_targets():
    model = fastl1.Lasso(alpha=0.05).fit(X, np.c_[ETA, -ETA, X[:, 1]])
    (got,), _ = run(model, X, options=None)
    np.testing.assert_allclose(got, model.predict(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["PoissonRegressor", "SparseClassifier"])
def test_path_cv(name):
    model = fastl1.PathCV(getattr(fastl1, name)(), alphas=5, cv=3).fit(X, target(name))
    got, _ = run(make_pipeline(StandardScaler(), model).fit(X, target(name)), X)
    scaled = StandardScaler().fit_transform(X)
    wanted = model.fit(scaled, target(name)).predict(scaled)
    if name == "SparseClassifier":
        assert got[0].tolist() == wanted.tolist()
    else:
        np.testing.assert_allclose(got[0][:, 0], wanted, rtol=1e-5)


def test_options_of_skl2onnx():
    model = fastl1.LogisticRegression().fit(X, LABELS)
    eta = model.decision_function(X)
    (_, scores), _ = run(
        model, X, options={id(model): {"zipmap": False, "raw_scores": True}}
    )
    np.testing.assert_allclose(scores, np.c_[-eta, eta], rtol=1e-5, atol=1e-6)
    (label, _), _ = run(model, X, options={id(model): {"zipmap": False, "nocl": True}})
    assert label.tolist() == (eta > 0).astype(int).tolist()
    (_, dicts), _ = run(model, X, options=None)
    assert list(dicts[0]) == ["no", "yes"]


def test_operators_that_are_not_allowed():
    model = fastl1.Lasso(alpha=0.05).fit(X, ETA)
    for black in (None, {"ArrayFeatureExtractor"}):
        (got,), made = run(model, X, options=None, black_op=black)
        np.testing.assert_allclose(got[:, 0], model.predict(X), rtol=1e-5, atol=1e-5)
        used = {node.op_type for node in made.graph.node}
        assert ("ArrayFeatureExtractor" in used) == (black is None)


def test_rows_of_integers():
    rows = RNG.integers(-3, 4, (N, P))
    model = fastl1.Lasso(alpha=0.1).fit(rows.astype(float), rows[:, 0] - rows[:, 2])
    (got,), _ = run(model, rows, options=None)
    np.testing.assert_allclose(got[:, 0], model.predict(rows), rtol=1e-5, atol=1e-6)


def test_size_is_that_of_the_kept_features():
    wide = np.zeros((20, 20_000), np.float32)
    wide[:, :5] = RNG.standard_normal((20, 5))
    model = fastl1.Lasso(alpha=0.01).fit(wide, wide[:, 0] - wide[:, 3])
    _, made = run(model, wide, options=None)
    assert made.ByteSize() < 2000


def test_nothing_is_imported_before_it_is_asked_for():
    code = "import sys, fastl1.export.onnx; assert {'onnx'}.isdisjoint(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
