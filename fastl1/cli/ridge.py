"""The ridge baseline: the same solver with l1_ratio = 0, on the same folds.

With more features than rows, each fold is first reduced to the row space of its
standardized X: with X Xᵀ = U S² Uᵀ the n × r matrix Z = U S has the same inner
products, and ridge on Z gives the same predictions as ridge on X.
"""

import numpy as np

from fastl1.cli.moments import moments
from fastl1.cv import cross_validate_path
from fastl1.paths import path

N_ALPHAS = 15
TOL = 1e-4
MAX_ROWS = 2000  # an eigendecomposition of this size takes about a second


def fit_ridge(X, y, X_test, splits, weight, callback, **common):
    """Ridge regression or ridge logistic regression with a cross-validated alpha.

    Parameters
    ----------
    X : ndarray or csc_array of shape (n, p)
    y : ndarray of shape (n,)
    X_test : ndarray or csr_array of shape (m, p)
    splits : list of (train, test)
    weight : ndarray of shape (n,) or None
    callback : callable
        As for `cross_validate_path`.
    common : dict
        loss, n_threads.

    Returns
    -------
    eta : ndarray of shape (m,)
        Linear predictor of the test rows.
    info : dict
        lambda, cv_score, gap.
    """
    n, p = X.shape
    # in units of the eigenvalues of the correlation matrix, which do not depend on y:
    # from nearly the null model to nearly least squares
    alphas = max(1.0, p / n) * np.geomspace(1e2, 1e-4, N_ALPHAS)
    common = {**common, "l1_ratio": 0.0, "tol": TOL}
    if n < p and n <= MAX_ROWS:
        scores = _row_space_scores(X, y, splits, weight, alphas, callback, common)
        k = int(np.argmin(scores))
        Z, Z_test = _row_space(X, X_test, *moments(X, weight))
    else:
        del common["l1_ratio"]
        cv = cross_validate_path(
            X,
            y,
            cv=splits,
            l1_ratios=(0.0,),
            alphas=alphas,
            sample_weight=weight,
            standardize=True,
            callback=callback,
            **common,
        )
        scores = cv.mean_scores[0]
        k = cv.select("min").index
        common |= {"l1_ratio": 0.0, "standardize": True}
        Z, Z_test = X, X_test
    fit = path(Z, y, alphas=[alphas[k]], sample_weight=weight, **common)
    eta = fit.predict(Z_test, type="link")[:, 0] if Z_test.shape[0] else np.empty(0)
    return eta, {
        "lambda": float(alphas[k]),
        "cv_score": float(scores[k]),
        "gap": float(fit.dual_gaps[0]),
    }


def _row_space_scores(X, y, splits, weight, alphas, callback, common):
    """Mean held-out loss of each alpha, shape (K,), as `cross_validate_path` has it."""
    rows = X.tocsr() if hasattr(X, "tocsr") else X
    total = np.zeros(len(alphas))
    for done, (train, test) in enumerate(splits):
        w, w_test = (None, None) if weight is None else (weight[train], weight[test])
        part = rows[train]
        part = part.tocsc() if hasattr(part, "tocsc") else part
        Z, Z_test = _row_space(part, rows[test], *moments(part, w))
        fit = path(Z, y[train], alphas=alphas, sample_weight=w, **common)
        eta = fit.predict(Z_test, type="link")
        target = y[test][:, None]
        if common["loss"] == "squared":
            loss = (eta - target) ** 2
        else:
            loss = np.logaddexp(0, eta) - target * eta
        total += np.average(loss, axis=0, weights=w_test)
        callback((done + 1) * len(alphas), {"total": len(splits) * len(alphas)})
    return total / len(splits)


def _row_space(X, X_test, mean, std):
    """Z (n, r) and Z_test (m, r) with the inner products of the standardized rows."""
    scale = np.divide(1.0, std, out=np.zeros_like(std), where=std > 0)
    A, B = (_scaled(rows, scale) for rows in (X, X_test))
    shift = mean * scale
    a, b = A @ shift, B @ shift
    square = shift @ shift
    gram = _dense(A @ A.T) - a[:, None] - a[None, :] + square
    values, U = np.linalg.eigh(gram)
    held = values > 1e-10 * values[-1]
    root = np.sqrt(values[held])
    cross = _dense(B @ A.T) - b[:, None] - a[None, :] + square
    return np.asfortranarray(U[:, held] * root), cross @ (U[:, held] / root)


def _scaled(X, scale):
    if hasattr(X, "tocsr"):
        import scipy.sparse

        return (X @ scipy.sparse.diags_array(scale)).tocsr()
    return X * scale


def _dense(product):
    return product.toarray() if hasattr(product, "toarray") else product
