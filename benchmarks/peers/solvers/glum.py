"""glum: iteratively reweighted least squares by coordinate descent, warm-started."""

import numpy as np
from glum import GeneralizedLinearRegressor, TweedieDistribution

from . import decades

FAMILIES = {"poisson": "poisson", "tweedie": TweedieDistribution(1.5)}


def build(problem):
    def fit(tol):
        model = GeneralizedLinearRegressor(
            family=FAMILIES[problem.loss],
            link="log",
            alpha=problem.alphas,
            alpha_search=True,
            l1_ratio=problem.l1_ratio,
            fit_intercept=False,
            solver="irls-cd",
            gradient_tol=tol,
            max_iter=1000,
            copy_X=False,
        )
        return np.array(model.fit(problem.X, problem.y).coef_path_).T

    return fit, decades(2, 12)
