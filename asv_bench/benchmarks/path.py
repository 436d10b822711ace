"""Whole paths, 50 alphas to alpha_max / 100, to a relative gap of 1e-6."""

from itertools import product

import fastl1

from . import data

AXES = [data.DESIGNS, ["squared", "logistic"]]
NAMES = ["design", "loss"]
N_ALPHAS = 50


def fit(X, y, loss):
    return fastl1.path(
        X,
        y,
        loss=loss,
        n_alphas=N_ALPHAS,
        alpha_min_ratio=1e-2,
        fit_intercept=False,
        tol=1e-6,
        n_threads=1,
    )


class Path:
    params = AXES
    param_names = NAMES

    def setup_cache(self):
        data.store()

    def setup(self, design, loss):
        self.X, self.y = data.fetch(design, loss)

    def time_path(self, design, loss):
        fit(self.X, self.y, loss)

    def peakmem_path(self, design, loss):
        fit(self.X, self.y, loss)


class Work:
    """What noise cannot touch: counts and the worst gap, of one path each."""

    params = AXES
    param_names = NAMES

    def setup_cache(self):
        data.store()
        counts = {}
        for params in product(*AXES):
            X, y = data.fetch(*params)
            result = fit(X, y, params[1])
            counts[params] = {**result.info, "gap": float(result.dual_gaps.max())}
            counts[params]["n_features"] = X.shape[1]
        return counts

    def track_epochs(self, counts, *params):
        return counts[params]["n_epochs"]

    def track_column_products(self, counts, *params):
        """Products per column and alpha: 1 is one pass over X at every alpha."""
        one = counts[params]
        return one["n_column_products"] / (one["n_features"] * N_ALPHAS)

    def track_gap(self, counts, *params):
        return counts[params]["gap"]
