"""scikit-survival's Coxnet: glmnet's algorithm for the Cox loss, in C++."""

import numpy as np
from sksurv.linear_model import CoxnetSurvivalAnalysis
from sksurv.util import Surv

from . import decades


def build(problem):
    event, time = problem.y.T
    y = Surv.from_arrays(event > 0, time)

    def fit(tol):
        model = CoxnetSurvivalAnalysis(
            alphas=problem.alphas,
            l1_ratio=problem.l1_ratio,
            tol=tol,
            max_iter=10**7,
            copy_X=False,
        )
        return np.asarray(model.fit(problem.X, y).coef_)

    return fit, decades(3, 16)
