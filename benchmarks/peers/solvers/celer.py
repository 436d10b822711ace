"""celer: working sets and dual extrapolation."""

import celer

from . import decades


def build(problem):
    X, y, alphas = problem.X, problem.y, problem.alphas
    n = len(y)
    logistic = problem.loss == "logistic"

    def single(tol):
        if logistic:
            model = celer.LogisticRegression(C=1 / (n * alphas[0]), max_iter=200)
        else:
            model = celer.Lasso(alphas[0], max_iter=100)
        model.set_params(tol=tol, fit_intercept=False)
        return model.fit(X, y).coef_.ravel()

    def path(tol):
        if logistic:
            options = {"pb": "logreg", "alphas": alphas * n, "use_PN": True}
        else:
            options = {"pb": "lasso", "alphas": alphas, "l1_ratio": problem.l1_ratio}
            options["prune"] = True
        return celer.celer_path(X, y, tol=tol, max_iter=200, **options)[1]

    if problem.single:
        return single, decades(1, 12, per=2)
    return path, decades(2, 11)
