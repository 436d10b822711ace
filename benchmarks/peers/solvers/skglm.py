"""skglm: working sets with Anderson acceleration, prox-Newton for the logistic loss."""

import numpy as np
import skglm

from . import decades


def build(problem):
    X, y, alphas = problem.X, problem.y, problem.alphas
    common = {"fit_intercept": False, "max_iter": 200}

    def logistic(tol):
        model = skglm.SparseLogisticRegression(tol=tol, warm_start=True, **common)
        coefs = np.zeros((X.shape[1], len(alphas)))
        for k, alpha in enumerate(alphas):
            model.alpha = alpha
            coefs[:, k] = model.fit(X, y).coef_.ravel()
        return coefs

    def lasso(tol):
        return skglm.Lasso(alphas[0], tol=tol, **common).fit(X, y).coef_

    def path(tol):
        if problem.l1_ratio == 1:
            model = skglm.Lasso(alphas[0], tol=tol, **common)
        else:
            model = skglm.ElasticNet(
                alphas[0], l1_ratio=problem.l1_ratio, tol=tol, **common
            )
        return model.path(X, y, alphas)[1]

    # its tolerance bounds the violation of the optimality conditions: scale by alpha
    tols = alphas[-1] * np.array(decades(0, 9, per=2 if problem.single else 1))
    if problem.loss == "logistic":
        return logistic, tols
    return (lasso if problem.single else path), tols
