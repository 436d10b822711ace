"""scikit-learn's saga on one logistic problem."""

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from . import decades


def build(problem):
    X = problem.X
    X = X.tocsr() if sp.issparse(X) else np.ascontiguousarray(X)
    C = 1 / (len(problem.y) * problem.alphas[0])

    def fit(tol):
        model = LogisticRegression(
            l1_ratio=1.0,
            C=C,
            solver="saga",
            tol=tol,
            fit_intercept=False,
            max_iter=10**6,
            random_state=0,
        )
        return model.fit(X, problem.y).coef_.ravel()

    return fit, decades(1, 9)
