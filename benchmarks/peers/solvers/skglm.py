"""skglm: working sets with Anderson acceleration, prox-Newton for the logistic loss."""

import numpy as np
import skglm
from skglm.datafits import Cox, Poisson
from skglm.penalties import L1
from skglm.solvers import ProxNewton

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

    def others(tol):
        cox = problem.loss == "cox"
        datafit = Cox() if cox else Poisson()
        target = y[:, ::-1].copy() if cox else y  # time, event
        solver = ProxNewton(tol=tol, **common)
        w, eta = np.zeros(X.shape[1]), np.zeros(X.shape[0])
        coefs = np.zeros((X.shape[1], len(alphas)))
        for k, alpha in enumerate(alphas):
            coefs[:, k] = solver.solve(X, target, datafit, L1(alpha), w, eta)[0]
            w = coefs[:, k].copy()
            eta = X @ w
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
    if problem.loss != "squared":
        return (logistic if problem.loss == "logistic" else others), tols
    return (lasso if problem.single else path), tols
