"""One alpha, cold: alpha_max / 10 and / 100, to a relative gap of 1e-6."""

from itertools import product

import fastl1

from . import data

AXES = [data.DESIGNS, ["squared", "logistic"], [10, 100]]
NAMES = ["design", "loss", "fraction"]


def problem(design, loss, fraction):
    """``(X, y, keywords)`` for fastl1.path."""
    X, y = data.fetch(design, loss)
    keywords = {"loss": loss, "fit_intercept": False, "n_threads": 1}
    alpha = fastl1.alpha_max(X, y, loss=loss, fit_intercept=False) / fraction
    return X, y, keywords | {"alphas": [alpha], "tol": 1e-6}


class Fit:
    params = AXES
    param_names = NAMES

    def setup_cache(self):
        data.store()

    def setup(self, *params):
        self.X, self.y, self.keywords = problem(*params)

    def time_fit(self, *params):
        fastl1.path(self.X, self.y, **self.keywords)


class Work:
    """What noise cannot touch: counts and the gap reached, of one fit each."""

    params = AXES
    param_names = NAMES

    def setup_cache(self):
        data.store()
        counts = {}
        for params in product(*AXES):
            X, y, keywords = problem(*params)
            result = fastl1.path(X, y, **keywords)
            counts[params] = {**result.info, "gap": float(result.dual_gaps.max())}
        return counts

    def track_epochs(self, counts, *params):
        return counts[params]["n_epochs"]

    def track_column_products(self, counts, *params):
        return counts[params]["n_column_products"]

    def track_gap(self, counts, *params):
        return counts[params]["gap"]
