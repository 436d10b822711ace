"""skein-glm: its least-squares path solvers."""

import numpy as np
import scipy.sparse as sp
import skein_glm

from . import decades


def build(problem):
    X, y, alphas = problem.X, problem.y, problem.alphas
    if sp.issparse(X):
        solve = skein_glm.solve_elastic_net_ls_path_sparse
        pointers = X.indices.astype(np.int64), X.indptr.astype(np.int64)
        args = (X.data, *pointers, *X.shape, y)
    else:
        solve, args = skein_glm.solve_elastic_net_ls_path, (X, y)

    def fit(tol):
        coefs = solve(
            *args,
            alpha=problem.l1_ratio,
            lambdas=alphas,
            tol=tol,
            max_iter=10**5,
            fit_intercept=False,
        )[0]
        coefs = np.asarray(coefs)
        return coefs if coefs.shape[0] == X.shape[1] else coefs.T

    return fit, decades(1, 9)
