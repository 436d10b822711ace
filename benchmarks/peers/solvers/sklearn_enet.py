"""scikit-learn's coordinate descent; ``precompute=True`` is its Gram solver."""

from sklearn.linear_model import Lasso, enet_path

from . import decades


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
