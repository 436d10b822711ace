"""convert_lambda against the libraries themselves: converted penalty, same model."""

import shutil

import numpy as np
import pytest

import fastl1
from fastl1.problem.scales import SCALES

N, P = 60, 8


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, P)) * rng.uniform(0.5, 3, P) + 1.0
    signal = X @ np.r_[1.0, -2.0, 0.5, np.zeros(P - 3)]
    y = signal + rng.standard_normal(N)
    labels = (signal + rng.logistic(size=N) > signal.mean()).astype(float)
    return X, y, labels, rng.uniform(0.5, 2, N)


def fit(X, y, alpha, **keywords):
    result = fastl1.path(X, y, alphas=[alpha], tol=1e-12, **keywords)
    return result.coefs.toarray()[:, 0], result.intercepts[0]


def cases():
    for scale in SCALES:
        for loss in ("squared", "logistic"):
            for l1_ratio in (0.0, 0.3, 1.0):
                sums = scale in ("sklearn_C", "liblinear")
                if (sums and loss == "squared") or (scale, l1_ratio) == (
                    "liblinear",
                    0.3,
                ):
                    continue
                yield scale, loss, l1_ratio


@pytest.mark.parametrize(("scale", "loss", "l1_ratio"), list(cases()))
def test_round_trip(scale, loss, l1_ratio):
    known = {
        "loss": loss,
        "n_samples": 50,
        "weight_sum": 47.0,
        "y_std": 3.0,
        "penalty_scale": 0.8,
        "standardize": True,
        "return_l1_ratio": True,
    }
    there, ratio = fastl1.convert_lambda(
        0.2, frm="fastl1", to=scale, l1_ratio=l1_ratio, **known
    )
    back, ratio = fastl1.convert_lambda(
        there, frm=scale, to="fastl1", l1_ratio=ratio, **known
    )
    assert back == pytest.approx(0.2, rel=1e-14)
    assert ratio == pytest.approx(l1_ratio, abs=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_alpha(data, weighted):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y, _, weight = data
    weight = weight if weighted else None
    theirs = linear_model.ElasticNet(alpha=0.2, l1_ratio=0.7, tol=1e-12)
    theirs.fit(X, y, sample_weight=weight)
    alpha = fastl1.convert_lambda(0.2, frm="sklearn_alpha", to="fastl1", l1_ratio=0.7)
    ours, intercept = fit(X, y, alpha, l1_ratio=0.7, sample_weight=weight)
    np.testing.assert_allclose(ours, theirs.coef_, atol=1e-6)
    assert intercept == pytest.approx(theirs.intercept_, abs=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_scikit_learn_C(data, weighted):
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, _, labels, weight = data
    weight = weight if weighted else None
    theirs = linear_model.LogisticRegression(
        C=0.4, l1_ratio=0.6, solver="saga", tol=1e-10, max_iter=100_000
    ).fit(X, labels, sample_weight=weight)
    alpha = fastl1.convert_lambda(
        0.4,
        frm="sklearn_C",
        to="fastl1",
        loss="logistic",
        l1_ratio=0.6,
        n_samples=N,
        weight_sum=None if weight is None else weight.sum(),
    )
    ours, _ = fit(X, labels, alpha, loss="logistic", l1_ratio=0.6, sample_weight=weight)
    np.testing.assert_allclose(ours, theirs.coef_[0], atol=1e-5)


def test_sklearn_squared_hinge(data):
    X, _, labels, _ = data
    svm = pytest.importorskip("sklearn.svm")
    theirs = svm.LinearSVC(
        C=0.3, penalty="l1", dual=False, fit_intercept=False, tol=1e-9, random_state=0
    ).fit(X, labels)
    alpha = fastl1.convert_lambda(
        0.3, frm="sklearn_C", to="fastl1", loss="squared_hinge", n_samples=N
    )
    ours, _ = fit(X, labels, alpha, loss="squared_hinge", fit_intercept=False)
    np.testing.assert_allclose(ours, theirs.coef_[0], atol=1e-5)


def test_liblinear(data):
    liblinearutil = pytest.importorskip(
        "liblinear.liblinearutil", reason="liblinear-official is not installed"
    )
    X, _, labels, _ = data
    model = liblinearutil.train(2 * labels - 1, X, "-s 6 -c 0.4 -e 1e-9 -q")
    theirs = np.array([model.get_decfun_coef(j + 1, 0) for j in range(P)])
    theirs *= 1 if model.label[0] == 1 else -1
    alpha = fastl1.convert_lambda(
        0.4, frm="liblinear", to="fastl1", loss="logistic", n_samples=N
    )
    ours, _ = fit(X, labels, alpha, loss="logistic", fit_intercept=False)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


GLMNET = """
suppressMessages(library(glmnet))
d <- as.matrix(read.csv(commandArgs(TRUE)[1], header = FALSE))
x <- d[, 1:8]; y <- d[, 9]; b <- d[, 10]; s <- d[, 11]
pf <- c(0, 2, rep(1, 6))
show <- function(...) cat(as.matrix(coef(glmnet(x, ..., thresh = 1e-20))), "\\n")
show(y, lambda = 0.3, standardize = FALSE)
show(y, lambda = 0.3, alpha = 0.4, weights = s, standardize = TRUE)
show(y, lambda = 0.3, penalty.factor = pf, standardize = FALSE)
show(b, family = "binomial", lambda = 0.05, alpha = 0.4, standardize = TRUE)
"""


def test_glmnet(data, tmp_path, glmnet):
    X, y, labels, weight = data
    np.savetxt(tmp_path / "d.csv", np.c_[X, y, labels, weight], delimiter=",")
    out = glmnet(GLMNET, tmp_path / "d.csv")
    theirs = [np.array(line.split(), dtype=float) for line in out.splitlines()]

    def check(expected, value, target, *, known, **options):
        alpha, ratio = fastl1.convert_lambda(
            value, frm="glmnet", to="fastl1", return_l1_ratio=True, **known
        )
        coef, intercept = fit(X, target, alpha, l1_ratio=ratio, **options)
        np.testing.assert_allclose(np.r_[intercept, coef], expected, atol=1e-5)

    check(theirs[0], 0.3, y, known={})
    mean = np.average(y, weights=weight)
    sd = np.sqrt(np.average((y - mean) ** 2, weights=weight))
    check(
        theirs[1],
        0.3,
        y,
        known={"l1_ratio": 0.4, "y_std": sd},
        sample_weight=weight,
        standardize=True,
    )
    factors = np.r_[0.0, 2.0, np.ones(6)]
    check(
        theirs[2],
        0.3,
        y,
        known={"penalty_scale": P / factors.sum()},
        penalty_factor=factors,
    )
    check(
        theirs[3],
        0.05,
        labels,
        known={"l1_ratio": 0.4, "loss": "logistic"},
        loss="logistic",
        standardize=True,
    )


def spark_session():
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    return (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", False)
        .getOrCreate()
    )


@pytest.mark.filterwarnings("ignore")
def test_spark(data):
    spark = spark_session()
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.linalg import Vectors
    from pyspark.ml.regression import LinearRegression

    X, y, labels, _ = data
    rows = [
        (Vectors.dense(x), float(a), float(b))
        for x, a, b in zip(X, y, labels, strict=True)
    ]
    frame = spark.createDataFrame(rows, ["features", "y", "b"])
    try:
        for standardize in (False, True):
            options = {
                "regParam": 0.1,
                "elasticNetParam": 0.4,
                "standardization": standardize,
                "tol": 1e-12,
                "maxIter": 2000,
            }
            known = {
                "frm": "spark",
                "to": "fastl1",
                "l1_ratio": 0.4,
                "n_samples": N,
                "standardize": standardize,
                "return_l1_ratio": True,
            }
            theirs = LinearRegression(
                featuresCol="features", labelCol="y", solver="l-bfgs", **options
            ).fit(frame)
            alpha, ratio = fastl1.convert_lambda(0.1, y_std=y.std(), **known)
            ours, _ = fit(X, y, alpha, l1_ratio=ratio, standardize=standardize)
            np.testing.assert_allclose(ours, theirs.coefficients.toArray(), atol=1e-4)
            theirs = LogisticRegression(
                featuresCol="features", labelCol="b", **options
            ).fit(frame)
            alpha, ratio = fastl1.convert_lambda(0.1, loss="logistic", **known)
            ours, _ = fit(
                X,
                labels,
                alpha,
                loss="logistic",
                l1_ratio=ratio,
                standardize=standardize,
            )
            np.testing.assert_allclose(ours, theirs.coefficients.toArray(), atol=1e-4)
    finally:
        spark.stop()


def test_the_ridge_part_of_glmnet_and_spark_changes_the_ratio():
    with pytest.raises(ValueError, match=r"ratio changes from 0\.5 to 0\.666667"):
        fastl1.convert_lambda(1.0, frm="glmnet", to="fastl1", l1_ratio=0.5, y_std=2.0)
    with pytest.raises(ValueError, match="needs y_std"):
        fastl1.convert_lambda(1.0, frm="glmnet", to="fastl1", l1_ratio=0.5)
    # the lasso has no ridge part: nothing is needed
    assert fastl1.convert_lambda(0.3, frm="glmnet", to="fastl1") == 0.3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frm": "weka"}, "frm must be one of"),
        ({"to": "weka"}, "to must be one of"),
        ({"value": -1.0}, "value must be in"),
        ({"value": np.nan}, "value must be in"),
        ({"l1_ratio": 1.5}, "l1_ratio must be in"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"to": "sklearn_C"}, "loss='logistic', 'multinomial', 'squared_hinge' only"),
        ({"to": "liblinear", "loss": "multinomial"}, "'squared_hinge' only"),
        ({"to": "spark", "loss": "poisson"}, "spark has an L1 penalty for"),
        ({"to": "sklearn_C", "loss": "logistic"}, "needs weight_sum, or n_samples"),
        ({"frm": "sklearn_C", "value": 0.0}, "C must be above 0"),
        ({"to": "sklearn_C", "value": 0.0, "loss": "logistic"}, "C = inf"),
        ({"to": "liblinear", "l1_ratio": 0.5}, "no elastic net"),
        ({"to": "spark", "standardize": True}, "n_samples"),
        ({"y_std": 0.0, "to": "glmnet"}, "y_std must be in"),
    ],
)
def test_bad_arguments(changes, message):
    arguments = {"value": 1.0, "frm": "fastl1", "to": "fastl1", **changes}
    with pytest.raises(ValueError, match=message):
        fastl1.convert_lambda(**arguments)
