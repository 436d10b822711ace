"""Whole paths, 50 alphas to alpha_max / 100, to a relative gap of 1e-6."""

import fastl1

from . import data


class Path:
    params = (data.DESIGNS, ["squared", "logistic"])
    param_names = ["design", "loss"]

    def setup_cache(self):
        data.store()

    def setup(self, design, loss):
        self.X, self.y = data.fetch(design, loss)
        self.keywords = {"loss": loss, "fit_intercept": False, "n_threads": 1}
        self.keywords |= {"n_alphas": 50, "alpha_min_ratio": 1e-2, "tol": 1e-6}

    def fit(self):
        return fastl1.path(self.X, self.y, **self.keywords)

    def time_path(self, design, loss):
        self.fit()

    def peakmem_path(self, design, loss):
        self.fit()

    def track_epochs(self, design, loss):
        return self.fit().info["n_epochs"]

    def track_column_products(self, design, loss):
        """Products per column and alpha; 1 is a full pass at every alpha."""
        result = self.fit()
        return result.info["n_column_products"] / (self.X.shape[1] * 50)

    def track_gap(self, design, loss):
        return float(self.fit().dual_gaps.max())
