"""What is counted: kernels, paths, batches, predictions, of 5 to 100 million
instructions each.

A workload is a function that makes its data and returns what is to be counted. Seeds
are fixed, one thread is used, and names are the public ones, so that a workload runs on
any build; the few kernels behind no public name are looked up by `private`, in modules
of a given name wherever they lie.
"""

import importlib
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import scipy.sparse as sp

import fastl1

WORKLOADS = {}
PATH = {"n_alphas": 20, "alpha_min_ratio": 0.05, "tol": 1e-6, "n_threads": 1}


def workload(make):
    """Enter `make` under its name, with dashes."""
    WORKLOADS[make.__name__.replace("_", "-")] = make
    return make


def private(attribute, *stems):
    """`attribute` of fastl1's module that has one of the names `stems`."""
    root = Path(fastl1.__file__).parent
    for stem in stems:
        files = [*root.rglob(f"{stem}.*.so"), *root.rglob(f"{stem}.py")]
        # the deepest first: what a build before a move has left behind lies higher
        for file in sorted(files, key=lambda file: (-len(file.parts), file)):
            parts = file.relative_to(root).parts[:-1]
            module = importlib.import_module(".".join(["fastl1", *parts, stem]))
            if hasattr(module, attribute):
                return getattr(module, attribute)
    raise LookupError(
        f"fastl1 has no {attribute} in a module named {' or '.join(stems)}"
    )


def design(X):
    """The kernels on X by themselves."""
    n, p = X.shape
    if sp.issparse(X):
        indptr = X.indptr.astype(np.int64)
        X = SimpleNamespace(data=X.data, indices=X.indices, indptr=indptr, shape=(n, p))
    return private("Design", "_kernels", "_probe")(X, np.zeros(p), np.ones(p), 1)


# data


def correlated(n, p, seed=0):
    """Fortran-ordered Gaussian columns, correlation 0.6^|j - k|."""
    X = np.random.default_rng(seed).standard_normal((p, n)).T
    for j in range(1, p):
        X[:, j] = 0.6 * X[:, j - 1] + 0.8 * X[:, j]
    return X


def text(n, p, per_row=10, seed=0):
    """CSC with power-law columns and positive values."""
    rng = np.random.default_rng(seed)
    frequency = 1.0 / (np.arange(p) + 30.0)
    columns = rng.choice(p, size=n * per_row, p=frequency / frequency.sum())
    rows = np.repeat(np.arange(n), per_row)
    values = 1.0 + rng.random(n * per_row)
    X = sp.csc_array((values, (rows, columns)), shape=(n, p))
    X.sum_duplicates()
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X


def signal(X, n_kept=15, seed=1):
    """A linear predictor of standard deviation 1, and the generator for its noise."""
    rng = np.random.default_rng(seed)
    w = np.zeros(X.shape[1])
    w[rng.choice(min(X.shape[1], 200), n_kept, replace=False)] = rng.standard_normal(
        n_kept
    )
    eta = X @ w
    return (eta - eta.mean()) / eta.std(), rng


def real(X):
    eta, rng = signal(X)
    return eta + 0.5 * rng.standard_normal(len(eta))


def labels(X):
    eta, rng = signal(X)
    return (2 * eta + rng.logistic(size=len(eta)) > 0).astype(float)


def counts(X):
    eta, rng = signal(X)
    return rng.poisson(np.exp(0.5 * eta)).astype(float)


def lifetimes(X):
    eta, rng = signal(X)
    time = rng.exponential(np.exp(-eta))
    return np.c_[rng.random(len(eta)) < 0.7, time]


# kernels


@workload
def soft_threshold():
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal(300_000), rng.random(300_000)
    cases = [(x.astype(dtype), np.empty(len(x), dtype)) for dtype in ("f4", "f8")]

    def run():
        for values, out in cases:
            for _ in range(5):
                fastl1.soft_threshold(values, 0.5, out=out, n_threads=1)
                fastl1.soft_threshold(values, t.astype(values.dtype), n_threads=1)

    return run


def products(designs, n):
    """X'v, X w and the first pass of several designs."""
    rng = np.random.default_rng(2)
    v, y = rng.standard_normal(n), np.zeros(n)

    def run():
        for X, w in designs:
            X.xtv(v)
            X.xtv(v, np.arange(0, len(w), 2))
            X.add_xw(w, y)
            X.stats(None, v, check=True)

    return run


@workload
def column_products_dense():
    X = correlated(2000, 400)
    w = np.random.default_rng(3).standard_normal(400)
    return products([(design(X), w), (design(X.astype("f4", order="F")), w)], 2000)


@workload
def column_products_csc():
    X = text(20_000, 5000, 20)
    w = np.random.default_rng(3).standard_normal(5000)
    wide = sp.csc_array(X)
    wide.indices = wide.indices.astype(np.int64)
    return products([(design(X), w), (design(wide), w)], 20_000)


@workload
def gram_dense():
    n, m = 1000, 120
    X = correlated(n, m)
    rng = np.random.default_rng(3)
    cases = [design(X), design(X.astype("f4", order="F"))]
    d, V = rng.random(n), np.asfortranarray(rng.standard_normal((n, 24)))

    def run():
        for X in cases:
            X.gram(np.arange(m), d)
            X.cross(np.arange(17), d)
            X.xtm(V)

    return run


@workload
def gram_csc():
    n, m = 10_000, 100
    X = design(text(n, 2000, 20))
    rng = np.random.default_rng(3)
    d, V = rng.random(n), np.asfortranarray(rng.standard_normal((n, 24)))

    def run():
        X.gram(np.arange(m), d)
        X.xtm(V)

    return run


@workload
def losses():
    """Every scalar loss at y = 1, which is in the domain of all, and the softmax."""
    n = 8000
    rng = np.random.default_rng(0)
    evaluate = private("evaluate_loss", "_runtime", "_probe")
    softmax = private("evaluate_softmax", "_runtime", "_probe")
    y, s, eta = np.ones(n), np.full(n, 1 / n), 2 * rng.standard_normal(n)
    several = np.asfortranarray(rng.standard_normal((n, 5)))
    label = rng.integers(0, 5, n).astype(np.int32)

    def run():
        for number in range(10):
            evaluate(number, y, eta, s)
        softmax(label, several, s)

    return run


# one problem


def of_path(X, y, **settings):
    return partial(fastl1.path, X, y, **(PATH | settings))


@workload
def lasso_small():
    """100 rows, 20 columns: the fixed cost of a call."""
    X = correlated(100, 20)
    y = real(X)
    alpha = 0.1 * fastl1.alpha_max(X, y)
    one = partial(fastl1.path, X, y, alphas=[alpha], n_threads=1)

    def run():
        for _ in range(50):
            one()

    return run


@workload
def lasso_wide():
    X = correlated(150, 3000)
    return of_path(X, real(X), fit_intercept=False)


@workload
def lasso_tall():
    X = correlated(4000, 80)
    return of_path(X, real(X))


@workload
def lasso_text():
    X = text(5000, 10_000)
    return of_path(X, real(X))


@workload
def elastic_net():
    """With all that a column or a row may carry."""
    X = correlated(300, 800).astype("f4", order="F")
    rng = np.random.default_rng(5)
    return of_path(
        X,
        real(X),
        l1_ratio=0.5,
        standardize=True,
        sample_weight=0.5 + rng.random(300),
        penalty_factor=0.5 + rng.random(800),
        lower=np.full(800, -0.5),
        upper=np.full(800, 1.0),
    )


@workload
def logistic_wide():
    X = correlated(120, 1000)
    return of_path(X, labels(X), loss="logistic", n_alphas=10)


@workload
def logistic_tall():
    X = correlated(1500, 40)
    return of_path(X, labels(X), loss="logistic", n_alphas=10)


@workload
def logistic_text():
    X = text(1500, 3000)
    return of_path(X, labels(X), loss="logistic", n_alphas=10)


@workload
def poisson():
    X = correlated(1000, 40)
    offset = np.random.default_rng(5).random(1000)
    return of_path(X, counts(X), loss="poisson", offset=offset, n_alphas=10)


@workload
def cox():
    X = correlated(150, 200)
    return of_path(X, lifetimes(X), loss="cox", n_alphas=10)


@workload
def multinomial():
    X = correlated(150, 80)
    eta = np.random.default_rng(5).gumbel(size=(150, 4)) + X[:, :4]
    return of_path(X, eta.argmax(axis=1), loss="multinomial", n_alphas=3)


@workload
def quantile():
    X = correlated(300, 40)
    y = real(X)
    alpha = 0.1 * fastl1.alpha_max(X, y, loss="quantile")
    return partial(fastl1.path, X, y, loss="quantile", alphas=[alpha], n_threads=1)


@workload
def huber():
    X = correlated(800, 80)
    y = real(X)
    return of_path(X, y, loss=fastl1.Huber(0.5), n_alphas=8)


# many problems


@workload
def fit_many():
    X = correlated(600, 150)
    Y = X[:, :40] + np.random.default_rng(5).standard_normal((600, 40))
    return partial(fastl1.fit_many, X, Y, alpha_ratio=0.05, n_threads=1)


@workload
def fit_ragged():
    n, k = 100, 200
    X = correlated(n * k, 20)
    y = real(X)
    indptr = np.arange(k + 1) * n
    return partial(fastl1.fit_ragged, X, y, indptr, alpha_ratio=0.1, n_threads=1)


@workload
def cross_validation_dense():
    X = correlated(1000, 100)
    return partial(fastl1.cross_validate_path, X, real(X), cv=4, **PATH)


@workload
def cross_validation_text():
    X = text(1000, 1500)
    settings = PATH | {"loss": "logistic", "n_alphas": 5}
    return partial(fastl1.cross_validate_path, X, labels(X), cv=3, **settings)


@workload
def estimator():
    X = correlated(2000, 50)
    y = labels(X)
    model = fastl1.LogisticRegression(C=0.1, l1_ratio=1.0, solver="fastl1")
    return partial(model.fit, X, y)


# prediction


@workload
def predict_dense():
    rng = np.random.default_rng(0)
    coef = np.where(rng.random(1000) < 0.05, rng.standard_normal(1000), 0.0)
    model = fastl1.SparseModel.from_coef(coef, link="logit")
    X = 9 * rng.standard_normal((2000, 1000))
    forms = [X, np.asfortranarray(X), X.astype("f4"), X.astype("i1")]

    def run():
        for rows in forms:
            model.predict(rows, n_threads=1)

    return run


@workload
def predict_sparse():
    rng = np.random.default_rng(0)
    X = text(5000, 50_000, 40).tocsr()
    models = [
        fastl1.SparseModel.from_coef(
            np.where(rng.random(50_000) < kept, rng.standard_normal(50_000), 0.0)
        )
        for kept in (0.01, 1.0)
    ]
    csc = X.tocsc()

    def run():
        for model in models:
            model.decision_function(X, n_threads=1)
            model.decision_function(csc, n_threads=1)

    return run


@workload
def predict_row():
    rng = np.random.default_rng(0)
    p = 100_000
    coef = np.where(rng.random(p) < 0.01, rng.standard_normal(p), 0.0)
    predict = fastl1.SparseModel.from_coef(coef).predictor("link")
    rows = [
        (np.unique(rng.integers(0, p, 50)).astype(np.int32), rng.standard_normal(50))
        for _ in range(5000)
    ]
    rows = [(indices, values[: len(indices)]) for indices, values in rows]

    def run():
        for indices, values in rows:
            predict(indices, values)

    return run


# from C


@workload
def c_table():
    from ..embedding.extension import build

    with tempfile.TemporaryDirectory() as folder:
        calls = build(folder)
    X = correlated(100, 20)
    y = real(X)
    alpha = 0.1 * fastl1.alpha_max(X, y, fit_intercept=False)
    features = np.arange(0, 100_000, 50)
    values = np.ones(len(features))
    row = np.arange(0, 100_000, 2000, dtype=np.int32)

    def run():
        calls.lasso(np.ascontiguousarray(X.T), y, alpha, 50)
        calls.row(100_000, features, values, row, np.ones(len(row)), 5000)
        calls.dot(y, y, 20_000)

    return run
