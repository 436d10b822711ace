"""scikit-learn's coordinate descent; ``precompute=True`` is its Gram solver."""

import numpy as np
from sklearn.linear_model import Lasso, enet_path
from sklearn.linear_model._cd_fast import enet_coordinate_descent_gram

from . import build_parts, decades


def build(problem, precompute=False):
    X, y, alphas = problem.X, problem.y, problem.alphas

    def single(tol):
        model = Lasso(
            alphas[0],
            fit_intercept=False,
            tol=tol,
            max_iter=10**6,
            precompute=precompute,
        )
        return model.fit(X, y).coef_

    def path(tol):
        return enet_path(
            X,
            y,
            l1_ratio=problem.l1_ratio,
            alphas=alphas,
            tol=tol,
            max_iter=10**5,
            precompute=precompute,
        )[1]

    if problem.single:
        return single, decades(2, 11, per=2)
    return path, decades(3, 11)


def build_many(problem, precompute=False):
    """One `Lasso` after another, or by hand: X'X and X'y made once for all targets, and
    scikit-learn's inner function, without its checks."""
    if not precompute:
        return build_parts(build, problem)
    rng = np.random.RandomState(0)

    def descend(gram, xty, y, alpha, tol):
        w = np.zeros(len(xty))
        settings = 10**6, tol, rng
        return enet_coordinate_descent_gram(w, alpha, 0.0, gram, xty, y, *settings)[0]

    def targets(tol):
        X, Y = problem.X, problem.y
        gram, xty = np.ascontiguousarray(X.T @ X), np.asfortranarray(X.T @ Y)
        columns = zip(xty.T, Y.T, len(X) * problem.alphas, strict=True)
        return np.column_stack([descend(gram, *column, tol) for column in columns])

    def stacks(tol):
        return np.column_stack(
            [
                descend(X.T @ X, X.T @ y, y, len(y) * alpha, tol)
                for (X, y), alpha in zip(problem.parts, problem.alphas, strict=True)
            ]
        )

    return (stacks if problem.y.ndim == 1 else targets), decades(2, 11, per=2)
