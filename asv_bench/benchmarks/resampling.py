"""Many draws of the rows: stability selection and the bootstrap, by threads; and what
follows a path."""

import fastl1

from . import data

N_DRAWS = 10
GRID = {"n_alphas": 50, "alpha_min_ratio": 0.1, "tol": 1e-6}


class Draws:
    params = [data.DESIGNS, ["squared", "logistic"], [1, 2]]
    param_names = ["design", "loss", "n_threads"]

    def setup_cache(self):
        data.store()

    def setup(self, design, loss, n_threads):
        self.X, self.y = data.fetch(design, loss)
        self.keywords = {"loss": loss, "n_threads": n_threads, **GRID}

    def time_stability_selection(self, *params):
        """Paths that end at q features, as the default."""
        fastl1.stability_selection(
            self.X, self.y, n_subsamples=N_DRAWS, q=30, **self.keywords
        )

    def time_bootstrap_path(self, *params):
        """Paths down the whole grid."""
        fastl1.bootstrap_path(self.X, self.y, n_bootstraps=N_DRAWS, **self.keywords)

    def peakmem_bootstrap_path(self, *params):
        fastl1.bootstrap_path(self.X, self.y, n_bootstraps=N_DRAWS, **self.keywords)


class AfterPath:
    params = [data.DESIGNS, ["squared", "logistic"]]
    param_names = ["design", "loss"]

    def setup_cache(self):
        data.store()

    def setup(self, design, loss):
        self.X, self.y = data.fetch(design, loss)
        self.path = fastl1.path(self.X, self.y, loss=loss, n_threads=1, **GRID)

    def time_relaxed_path(self, *params):
        fastl1.relaxed_path(self.path, self.X, self.y)

    def time_information_criterion(self, *params):
        fastl1.information_criterion(self.path, self.X, self.y, "ebic")

    def track_refits(self, *params):
        """Different supports along the path."""
        return fastl1.relaxed_path(self.path, self.X, self.y).refit.info["n_refits"]
