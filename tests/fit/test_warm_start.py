"""Coefficients of an earlier model, aligned by name."""

import numpy as np
import pytest

import fastl1


def model(**given):
    names = ["a", "b", "c", "d"]
    return fastl1.SparseModel(
        [0, 1, 3], [1.0, -2.0, 3.0], 0.5, 4, **{"feature_names": names} | given
    )


def test_columns_are_found_by_name():
    start = fastl1.warm_start_from(model(), ["d", "new", "a"])
    assert start.coef.tolist() == [3.0, 0.0, 1.0]
    assert start.coef.dtype == np.float64
    assert start.intercept == 0.5
    assert start.gone == ["b"]


def test_several_outputs():
    several = fastl1.SparseModel.from_coef(
        np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]]),
        [0.1, 0.2],
        feature_names=["a", "b", "c"],
    )
    start = fastl1.warm_start_from(several, ["c", "x", "b"])
    assert start.coef.tolist() == [[2.0, 0.0, 0.0], [0.0, 0.0, 3.0]]
    assert start.intercept.tolist() == [0.1, 0.2]
    assert start.gone == ["a"]


def nightly(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((300, 60))
    return X, X[:, :10] @ rng.standard_normal(10) + rng.standard_normal(300)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_path_starts_at_the_solution_of_yesterday(loss):
    X, y = nightly()
    y = y > 0 if loss == "logistic" else y
    options = {"loss": loss, "tol": 1e-6, "n_threads": 1}
    alpha = fastl1.alpha_max(X, y, loss=loss) / 20
    cold = fastl1.path(X, y, alphas=[alpha], **options)
    cold.feature_names = [f"x{j}" for j in range(60)]
    order = np.random.default_rng(1).permutation(60)
    start = fastl1.warm_start_from(cold.model(0), [f"x{j}" for j in order])
    warm = fastl1.path(
        X[:, order],
        y,
        alphas=[alpha],
        coef_init=start.coef,
        intercept_init=start.intercept,
        **options,
    )
    assert warm.n_iters[0] == 0  # the gap is met at once
    assert warm.dual_gaps[0] <= 1e-6
    np.testing.assert_array_equal(
        warm.coefs.toarray()[:, 0], cold.coefs.toarray()[order, 0]
    )


def test_estimators_start_there():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("sklearn")
    X, y = nightly()
    frame = pandas.DataFrame(X, columns=[f"x{j}" for j in range(60)])
    old = fastl1.Lasso(0.05, tol=1e-8).fit(frame, y)
    today = frame[[*frame.columns[:4:-1], "x0"]].assign(new=1.0)
    start = fastl1.warm_start_from(old, today.columns)
    assert start.gone == [f"x{j}" for j in range(1, 5) if old.coef_[j] != 0]
    warm = fastl1.Lasso(0.05, tol=1e-8, warm_start=True)
    warm.coef_, warm.intercept_ = start.coef, start.intercept
    warm.fit(today, y)
    cold = fastl1.Lasso(0.05, tol=1e-8).fit(today, y)
    np.testing.assert_allclose(warm.coef_, cold.coef_, atol=1e-4)
    classifier = fastl1.LogisticRegression(l1_ratio=1.0, C=0.1).fit(frame, y > 0)
    start = fastl1.warm_start_from(classifier, frame.columns)
    np.testing.assert_array_equal(start.coef, classifier.coef_[0])
    assert start.intercept == classifier.intercept_[0]


def test_bad_input():
    with pytest.raises(ValueError, match="neither feature names nor a column"):
        fastl1.warm_start_from(model(feature_names=None), ["a"])
    with pytest.raises(ValueError, match="'a' occurs twice"):
        fastl1.warm_start_from(model(), ["a", "b", "a"])
    with pytest.raises(TypeError, match=r"feature_names\[1\] is 3"):
        fastl1.warm_start_from(model(), ["a", 3])
    with pytest.raises(TypeError, match="not one string"):
        fastl1.warm_start_from(model(), "abc")
    with pytest.raises(TypeError, match="SparseModel or a fitted estimator"):
        fastl1.warm_start_from({"a": 1}, ["a"])
    pytest.importorskip("sklearn")
    X, y = nightly()
    with pytest.raises(ValueError, match="not fitted on a data frame"):
        fastl1.warm_start_from(fastl1.Lasso(0.1).fit(X, y), ["a"])
