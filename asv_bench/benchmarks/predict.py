"""Prediction kernels: batches by storage, one row, rows by name."""

import numpy as np
import scipy.sparse as sp

import fastl1


def make_model(p, share):
    rng = np.random.default_rng(0)
    coef = np.where(rng.random(p) < share, rng.standard_normal(p), 0.0)
    return fastl1.SparseModel.from_coef(
        coef, link="logit", feature_names=[f"f{j}" for j in range(p)]
    )


def csr_rows(n, p, per_row):
    rng = np.random.default_rng(1)
    indices = np.sort(rng.integers(0, p, (n, per_row), dtype=np.int32), axis=1)
    indptr = np.arange(n + 1, dtype=np.int32) * per_row
    data = rng.standard_normal(n * per_row)
    return sp.csr_array((data, indices.ravel(), indptr), shape=(n, p))


class Sparse:
    """20 000 rows of 50 nonzeros, 200 000 features."""

    params = (["csr", "csc"], [0.01, 1.0], [1, 2])
    param_names = ["format", "kept", "n_threads"]

    def setup(self, format, kept, n_threads):
        self.model = make_model(200_000, kept)
        self.X = csr_rows(20_000, 200_000, 50).asformat(format)
        self.out = np.empty(20_000)
        self.time_link(format, kept, n_threads)

    def time_link(self, format, kept, n_threads):
        self.model.decision_function(self.X, out=self.out, n_threads=n_threads)


class AllKept:
    """20 000 rows of 50 nonzeros, 10**6 coefficients, which floats hold or not."""

    params = ["float64", "float32"]
    param_names = ["precision"]

    def setup(self, precision):
        coef = np.random.default_rng(0).standard_normal(1_000_000).astype(precision)
        self.model = fastl1.SparseModel.from_coef(coef)
        self.X = csr_rows(20_000, 1_000_000, 50)
        self.out = np.empty(20_000)
        self.time_link(precision)

    def time_link(self, precision):
        self.model.decision_function(self.X, out=self.out, n_threads=1)

    def track_bytes(self, precision):
        return self.model.nbytes


class WideDense:
    """2 000 rows of 5 000 features in C order, 2 % kept: most lines are left out."""

    params = ["float64", "float32", "int8"]
    param_names = ["dtype"]

    def setup(self, dtype):
        self.model = make_model(5000, 0.02)
        X = 9 * np.random.default_rng(2).standard_normal((2000, 5000))
        self.X = X.astype(dtype)
        self.out = np.empty(2000)

    def time_link(self, dtype):
        self.model.decision_function(self.X, out=self.out, n_threads=1)


class Dense:
    """4 000 rows of 1 000 features, 2 % kept."""

    params = (["C", "F"], ["float64", "float32", "int8"])
    param_names = ["order", "dtype"]

    def setup(self, order, dtype):
        self.model = make_model(1000, 0.02)
        X = 9 * np.random.default_rng(2).standard_normal((4000, 1000))
        self.X = np.asarray(X.astype(dtype), order=order)
        self.out = np.empty(4000)

    def time_link(self, order, dtype):
        self.model.decision_function(self.X, out=self.out, n_threads=1)


class Links:
    params = ["predict", "predict_proba", "predict_log_proba"]
    param_names = ["method"]

    def setup(self, method):
        model = fastl1.SparseModel.from_coef([1.0], link="logit")
        self.method = getattr(model, method)
        self.X = np.random.default_rng(3).standard_normal((200_000, 1))

    def time_link(self, method):
        self.method(self.X, n_threads=1)


class OneRow:
    """A thousand calls: milliseconds are microseconds a row."""

    def setup(self):
        p = 200_000
        model = make_model(p, 0.01)
        self.predictor = model.predictor()
        X = csr_rows(1000, p, 50)
        self.sparse = [
            (X.indices[i : i + 50], X.data[i : i + 50]) for i in range(0, X.nnz, 50)
        ]
        self.named = [
            {f"f{j}": x for j, x in zip(*map(np.ndarray.tolist, row), strict=True)}
            for row in self.sparse
        ]
        self.predictor(self.named[0])

    def time_indices_and_values(self):
        for indices, values in self.sparse:
            self.predictor(indices, values)

    def time_names(self):
        for row in self.named:
            self.predictor(row)
