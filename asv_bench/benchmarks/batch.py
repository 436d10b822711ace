"""Many problems at once: targets that share X, and small problems stacked by rows."""

import numpy as np

import fastl1

from . import data

SHAPES = {"tall": (3000, 500), "wide": (200, 5000)}
TARGETS = 64


def targets(shape):
    """``(X, Y)`` with 20 informative columns a target."""
    rng = np.random.default_rng(0)
    X = data.correlated(*SHAPES[shape], rng)
    W = np.zeros((X.shape[1], TARGETS))
    for j in range(TARGETS):
        W[rng.choice(len(W), 20, replace=False), j] = rng.standard_normal(20)
    signal = X @ W
    return X, signal + signal.std() / 3 * rng.standard_normal(signal.shape)


def fit_many(X, Y, weight):
    return fastl1.fit_many(
        X, Y, alpha_ratio=0.1, sample_weight=weight, tol=1e-6, n_threads=1
    )


class Many:
    params = [list(SHAPES), ["shared", "own weights"]]
    param_names = ["shape", "weights"]

    def setup(self, shape, weights):
        self.X, self.Y = targets(shape)
        self.weight = None
        if weights == "own weights":
            rng = np.random.default_rng(1)
            self.weight = rng.poisson(1.0, self.Y.shape).astype(np.float64)

    def time_fit_many(self, shape, weights):
        fit_many(self.X, self.Y, self.weight)

    def peakmem_fit_many(self, shape, weights):
        fit_many(self.X, self.Y, self.weight)

    def track_column_products(self, shape, weights):
        """Passes over X a target."""
        info = fit_many(self.X, self.Y, self.weight).info
        return info["n_column_products"] / (self.X.shape[1] * TARGETS)

    def track_gap(self, shape, weights):
        return float(fit_many(self.X, self.Y, self.weight).dual_gaps.max())


class Ragged:
    params = ["squared", "logistic"]
    param_names = ["loss"]

    def setup(self, loss):
        rng = np.random.default_rng(0)
        self.count = 5000 if loss == "squared" else 500
        self.indptr = np.arange(self.count + 1) * 100
        self.X = rng.standard_normal((self.indptr[-1], 20))
        self.y = self.X[:, :5].sum(axis=1) + rng.standard_normal(len(self.X))
        if loss == "logistic":
            self.y = self.y > 0

    def fit(self, loss):
        return fastl1.fit_ragged(
            self.X, self.y, self.indptr, loss=loss, alpha_ratio=0.1, n_threads=1
        )

    def time_fit_ragged(self, loss):
        self.fit(loss)

    def track_gap(self, loss):
        return float(self.fit(loss).dual_gaps.max())
