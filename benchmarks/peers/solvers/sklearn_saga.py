"""scikit-learn's saga; its warm starts along a path are those of its CV class."""

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from . import decades


def build(problem):
    X = problem.X
    X = X.tocsr() if sp.issparse(X) else np.ascontiguousarray(X)
    Cs = 1 / (len(problem.y) * problem.alphas)

    def fit(tol):
        model = LogisticRegression(
            l1_ratio=1.0,
            solver="saga",
            tol=tol,
            fit_intercept=False,
            max_iter=10**6,
            random_state=0,
            warm_start=True,
        )
        paths = [model.set_params(C=C).fit(X, problem.y).coef_.ravel() for C in Cs]
        return np.column_stack(paths)

    return fit, decades(1, 9)
