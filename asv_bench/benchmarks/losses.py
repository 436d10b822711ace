"""Every loss: its kernel on 100 000 rows, and a path of 20 alphas to alpha_max / 50."""

import numpy as np

import fastl1
from fastl1 import _runtime
from fastl1.loss.losses import LOSSES

NUMBERS = {name: k for k, name in enumerate(LOSSES) if name != "cox"}


def make(loss, n, p):
    """``(X, y)`` with ten columns that matter."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((n, p)))
    eta = X[:, :10] @ (0.3 * rng.standard_normal(10))
    if loss == "cox":
        time = rng.exponential(np.exp(-eta))
        return X, np.c_[rng.random(n) < 0.7, time]
    if LOSSES[loss].labels:
        return X, (eta + rng.logistic(size=n) > 0).astype(float)
    if LOSSES[loss].link == "log":
        mu = np.exp(eta)
        return X, rng.poisson(mu) + (0.5 if loss == "gamma" else 0.0)
    return X, eta + rng.standard_t(2, n)


class Kernel:
    params = list(NUMBERS)
    param_names = ["loss"]

    def setup(self, loss):
        X, self.y = make(loss, 100_000, 10)
        self.eta = np.ascontiguousarray(X[:, 0])
        self.s = np.full(len(self.y), 1e-5)

    def time_evaluate(self, loss):
        """Value, gradient, curvatures and the Fenchel-Young gap."""
        _runtime.evaluate_loss(NUMBERS[loss], self.y, self.eta, self.s)


class Path:
    params = [list(LOSSES), ["wide", "tall"]]
    param_names = ["loss", "design"]

    def setup(self, loss, design):
        self.X, self.y = make(
            loss, *{"wide": (300, 3000), "tall": (10_000, 100)}[design]
        )

    def fit(self, loss):
        return fastl1.path(
            self.X,
            self.y,
            loss=loss,
            n_alphas=20,
            alpha_min_ratio=0.02,
            tol=1e-5,
            n_threads=1,
        )

    def time_path(self, loss, design):
        self.fit(loss)

    def track_epochs(self, loss, design):
        return self.fit(loss).info["n_epochs"]


class SaturatedCox:
    """p >> n, to where the model explains almost all: chances next to 0 and 1."""

    params = ["breslow", "efron"]
    param_names = ["ties"]

    def setup(self, ties):
        self.X, y = make("cox", 150, 2000)
        self.y = np.c_[y[:, 0], np.ceil(20 * y[:, 1])]

    def fit(self, ties):
        return fastl1.path(
            self.X,
            self.y,
            loss=fastl1.Cox(ties),
            n_alphas=20,
            alpha_min_ratio=1e-3,
            tol=1e-6,
            n_threads=1,
        )

    def time_path(self, ties):
        self.fit(ties)

    def track_iterations(self, ties):
        return int(self.fit(ties).n_iters.sum())


class Corners:
    """Interior-point solves: quantiles, and a huber loss that is sharp at 0."""

    params = ["quantile 0.1", "quantile 0.5", "huber 0.01"]
    param_names = ["loss"]

    def setup(self, loss):
        name, value = loss.split()
        self.loss = LOSSES[name](float(value))
        self.X, self.y = make(name, 2000, 200)

    def fit(self):
        return fastl1.path(
            self.X,
            self.y,
            loss=self.loss,
            n_alphas=10,
            alpha_min_ratio=0.02,
            tol=1e-6,
            n_threads=1,
        )

    def time_path(self, loss):
        self.fit()

    def track_factorizations(self, loss):
        return self.fit().info["n_newton"]
