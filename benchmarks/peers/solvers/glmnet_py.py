"""python-glmnet: the Fortran glmnet of 2014 to 2019 under a Python wrapper."""

import numpy as np
from glmnet import ElasticNet, LogitNet

from . import decades
from .glmnet_scale import glmnet_scale


def build(problem):
    lambdas, alpha = glmnet_scale(problem, problem.y.std())

    def fit(tol):
        make = ElasticNet if problem.loss == "squared" else LogitNet
        model = make(
            alpha=alpha,
            lambda_path=lambdas,
            standardize=False,
            fit_intercept=False,
            tol=tol,
            n_splits=0,
            max_iter=10**7,
        )
        y = problem.y01 if problem.loss == "logistic" else problem.y
        y = y.astype(int) if make is LogitNet else y
        coefs = np.asarray(model.fit(problem.X, y).coef_path_)
        return coefs.reshape(-1, coefs.shape[-1])

    return fit, decades(3, 20)
