"""fastl1.path; its tolerance is the relative gap, with a little room for the judge."""

import numpy as np

import fastl1


def build(problem):
    options = {
        "loss": problem.loss,
        "alphas": problem.alphas,
        "fit_intercept": False,
        "n_threads": problem.n_threads,
    }

    def path(tol):
        result = fastl1.path(
            problem.X, problem.y, l1_ratio=problem.l1_ratio, tol=tol, **options
        )
        return result.coefs

    rows = np.arange(len(problem.y))
    splits = [(train, np.setdiff1d(rows, train)) for train in problem.folds]

    def cross_validation(tol):
        result = fastl1.cross_validate_path(
            problem.X,
            problem.y,
            l1_ratios=(problem.l1_ratio,),
            cv=splits,
            tol=tol,
            **options,
        )
        return [path.coefs for path in result.paths[0]]

    fit = cross_validation if problem.folds else path
    return fit, [9e-5, 9e-6, 9e-7, 9e-8, 9e-10, 1e-10]
