"""Scores and hazards of Cox models."""

import numpy as np

import fastl1


def times(n):
    """Risks and times of n rows, half of them censored, some tied."""
    rng = np.random.default_rng(0)
    risk = rng.standard_normal(n)
    time = np.ceil(1000 * rng.exponential(np.exp(-risk)))
    return risk, np.c_[rng.random(n) < 0.5, time], rng


class Concordance:
    params = [10_000, 100_000]
    param_names = ["n"]

    def setup(self, n):
        risk, self.y, rng = times(n)
        self.risk = risk + rng.standard_normal(n)

    def time_concordance(self, n):
        fastl1.concordance_index(self.y, self.risk)


class CrossValidation:
    params = ["deviance", "concordance"]
    param_names = ["scoring"]

    def setup(self, scoring):
        risk, self.y, rng = times(2000)
        self.X = np.asfortranarray(rng.standard_normal((2000, 200)))
        self.X[:, 0] = risk

    def time_cross_validation(self, scoring):
        fastl1.cross_validate_path(
            self.X,
            self.y,
            loss="cox",
            scoring=scoring,
            n_alphas=50,
            alpha_min_ratio=1e-2,
            n_threads=1,
        )
