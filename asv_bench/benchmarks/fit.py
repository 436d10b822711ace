"""One alpha, cold: alpha_max / 10 and / 100, to a relative gap of 1e-6."""

import fastl1

from . import data


class Single:
    params = (data.DESIGNS, ["squared", "logistic"], [10, 100])
    param_names = ["design", "loss", "fraction"]

    def setup_cache(self):
        data.store()

    def setup(self, design, loss, fraction):
        self.X, self.y = data.fetch(design, loss)
        self.keywords = {"loss": loss, "fit_intercept": False, "n_threads": 1}
        alpha_max = fastl1.alpha_max(self.X, self.y, **self.keywords)
        self.keywords |= {"alphas": [alpha_max / fraction], "tol": 1e-6}

    def fit(self):
        return fastl1.path(self.X, self.y, **self.keywords)

    def time_fit(self, design, loss, fraction):
        self.fit()

    def track_epochs(self, design, loss, fraction):
        return self.fit().info["n_epochs"]

    def track_column_products(self, design, loss, fraction):
        return self.fit().info["n_column_products"]

    def track_gap(self, design, loss, fraction):
        return float(self.fit().dual_gaps[-1])
