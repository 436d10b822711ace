"""Softmax regression of ten classes at alpha_max / 10, to three relative gaps."""

import numpy as np

import fastl1


class Multinomial:
    params = [1e-4, 1e-6, 1e-9]
    param_names = ["tol"]

    def setup(self, tol):
        rng = np.random.default_rng(0)
        self.X = np.asfortranarray(rng.standard_normal((2000, 500)))
        W = np.zeros((500, 10))
        for k in range(10):
            W[rng.choice(500, 15, replace=False), k] = rng.standard_normal(15)
        eta = self.X @ W
        self.y = (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)
        top = fastl1.alpha_max(self.X, self.y, loss="multinomial", n_threads=1)
        self.alphas = [top / 10]

    def fit(self, tol):
        return fastl1.path(
            self.X,
            self.y,
            loss="multinomial",
            alphas=self.alphas,
            tol=tol,
            n_threads=1,
        )

    def time_one_alpha(self, tol):
        self.fit(tol)

    def track_column_products(self, tol):
        return self.fit(tol).info["n_column_products"]
