"""to_sklearn: estimators that predict as the model does."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from fastl1.model.sparse_model import SparseModel

RNG = np.random.default_rng(5)
P = 30
X = RNG.standard_normal((40, P))


def random_model(link, outputs, **given):
    coef = RNG.standard_normal((outputs, P)) * (RNG.random((outputs, P)) < 0.3)
    coef = coef if outputs > 1 else coef[0]
    return SparseModel.from_coef(coef, RNG.standard_normal(outputs), link=link, **given)


@pytest.mark.parametrize("outputs", [1, 3])
def test_regression(outputs):
    model = random_model("identity", outputs)
    estimator = model.to_sklearn()
    np.testing.assert_allclose(estimator.predict(X), model.predict(X), rtol=1e-12)
    assert estimator.n_features_in_ == P


@pytest.mark.parametrize(
    ("link", "classes"),
    [
        ("logit", ["no", "yes"]),
        ("logit", ["yes", "no"]),
        ("softmax", ["b", "a"]),
        ("softmax", [3, 1, 2]),
    ],
)
def test_classification(link, classes):
    outputs = 1 if link == "logit" else len(classes)
    model = random_model(link, outputs, classes=classes)
    estimator = model.to_sklearn()
    assert estimator.predict(X).tolist() == model.predict(X, "class").tolist()
    order = np.argsort(classes)
    np.testing.assert_allclose(
        estimator.predict_proba(X), model.predict_proba(X)[:, order], rtol=1e-10
    )


def test_feature_names_are_checked():
    pd = pytest.importorskip("pandas")
    names = [f"f{j}" for j in range(P)]
    model = random_model("identity", 1, feature_names=names)
    estimator = model.to_sklearn()
    frame = pd.DataFrame(X, columns=names)
    np.testing.assert_allclose(estimator.predict(frame), model.predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(frame[names[::-1]])


@pytest.mark.parametrize("link", ["log", "probit", "cloglog", "decision"])
def test_links_without_an_equivalent(link):
    with pytest.raises(ValueError, match=f"no linear model with link='{link}'"):
        random_model(link, 1).to_sklearn()


def test_one_against_the_rest_has_no_equivalent():
    with pytest.raises(ValueError, match="against the rest"):
        random_model("logit", 3).to_sklearn()
