"""adelie: pathwise coordinate descent on screened sets."""

import adelie as ad
import numpy as np
import scipy.sparse as sp

from . import decades


def build(problem, covariance=False):
    X, y, n = problem.X, problem.y, len(problem.y)
    threads = problem.n_threads
    common = {
        "lmda_path": problem.alphas,
        "alpha": problem.l1_ratio,
        "early_exit": False,
        "progress_bar": False,
        "n_threads": threads,
        "max_iters": 10**7,
    }

    def cov(tol):
        A = np.asfortranarray(X.T @ X) / n
        return ad.gaussian_cov(A, X.T @ y / n, tol=tol, **common).betas.T

    def naive(tol):
        wrap = ad.matrix.sparse if sp.issparse(X) else ad.matrix.dense
        options = {"tol": tol, "intercept": False}
        if problem.loss != "squared":
            options["irls_tol"] = tol
        M = wrap(X, method="naive", n_threads=threads)
        return ad.grpnet(M, glm(), **options, **common).betas.T

    def glm():
        if problem.loss == "logistic":
            return ad.glm.binomial(y=problem.y01)
        if problem.loss == "poisson":
            return ad.glm.poisson(y=y)
        if problem.loss == "cox":
            event, time = np.ascontiguousarray(y.T)
            start = np.full(n, time.min() - 1.0)
            return ad.glm.cox(start, time, event, tie_method="breslow")
        return ad.glm.gaussian(y=y)

    return (cov if covariance else naive), decades(3, 16)
