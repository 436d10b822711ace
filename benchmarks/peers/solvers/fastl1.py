"""fastl1.path; its tolerance is the relative gap, with a little room for the judge."""

import fastl1


def build(problem):
    def fit(tol):
        return fastl1.path(
            problem.X,
            problem.y,
            loss=problem.loss,
            alphas=problem.alphas,
            l1_ratio=problem.l1_ratio,
            fit_intercept=False,
            tol=tol,
            n_threads=problem.n_threads,
        ).coefs

    return fit, [9e-5, 9e-6, 9e-7, 9e-8, 9e-10, 1e-10]
