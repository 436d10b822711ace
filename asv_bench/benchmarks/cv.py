"""5-fold cross-validation, 50 alphas to alpha_max / 100, to a relative gap of 1e-6."""

import fastl1

from . import data

N_ALPHAS = 50


def cross_validate(X, y, n_threads=1, loss="squared"):
    return fastl1.cross_validate_path(
        X,
        y,
        loss=loss,
        cv=5,
        n_alphas=N_ALPHAS,
        alpha_min_ratio=1e-2,
        tol=1e-6,
        n_threads=n_threads,
    )


class CrossValidation:
    params = (data.DESIGNS, [1, 2])
    param_names = ["design", "n_threads"]

    def setup_cache(self):
        data.store()

    def setup(self, design, n_threads):
        self.X, self.y = data.fetch(design, "squared")

    def time_cross_validation(self, design, n_threads):
        cross_validate(self.X, self.y, n_threads)

    def peakmem_cross_validation(self, design, n_threads):
        cross_validate(self.X, self.y, n_threads)


class LogisticCrossValidation:
    """Of the wide design; a fold's path of the text design is one of `path`."""

    def setup_cache(self):
        data.store()

    def setup(self):
        self.X, self.y = data.fetch("wide", "logistic")

    def time_cross_validation(self):
        cross_validate(self.X, self.y, loss="logistic")


class Work:
    """What noise cannot touch: counts of all folds, and the worst gap."""

    params = (data.DESIGNS,)
    param_names = ["design"]

    def setup_cache(self):
        data.store()
        counts = {}
        for design in data.DESIGNS:
            X, y = data.fetch(design, "squared")
            result = cross_validate(X, y)
            infos = [path.info for path in result.paths[0]]
            counts[design] = {
                "epochs": sum(info["n_epochs"] for info in infos),
                "products": sum(info["n_column_products"] for info in infos)
                / (X.shape[1] * N_ALPHAS * len(infos)),
                "gap": float(result.dual_gaps.max()),
            }
        return counts

    def track_epochs(self, counts, design):
        return counts[design]["epochs"]

    def track_column_products(self, counts, design):
        """Products per column, alpha and fold: 0 where products are shared."""
        return counts[design]["products"]

    def track_gap(self, counts, design):
        return counts[design]["gap"]
