"""fastl1.path and its like; tol is the relative gap, with some room for the judge."""

import numpy as np
import scipy.sparse as sp

import fastl1

TOLS = [9e-5, 9e-6, 9e-7, 9e-8, 9e-10, 1e-10]


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
        several = isinstance(result.coefs, tuple)  # one array for each class
        return sp.vstack(result.coefs) if several else result.coefs

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
    return fit, TOLS


def build_many(problem):
    options = {"loss": problem.loss, "alpha": problem.alphas, "fit_intercept": False}
    options |= {"l1_ratio": problem.l1_ratio, "n_threads": problem.n_threads}
    indptr = np.cumsum([0] + [len(y) for _, y in problem.parts])

    def targets(tol):
        return fastl1.fit_many(problem.X, problem.y, tol=tol, **options).coefs

    def stacks(tol):
        return fastl1.fit_ragged(
            problem.X, problem.y, indptr, tol=tol, **options
        ).coefs.T

    return (stacks if problem.y.ndim == 1 else targets), TOLS
