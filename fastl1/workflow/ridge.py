"""The ridge baseline: the same solver with l1_ratio = 0, on the same folds.

With more features than rows, X is first reduced to the row space of its standardized
form: with X Xᵀ = U S² Uᵀ the n × r matrix Z = U S has the same inner products, and
ridge on Z, under any loss, gives the same predictions as ridge on X.  Folds are then
those of Z: they share the scale of the features with the rows they hold out.

Sparse X with fewer entries than Z stays as it is, as sweeps over it cost less; but not
for the losses whose linear systems have the size of the columns, not of the rows.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fastl1.data.moments import moments
from fastl1.fit.path import path
from fastl1.select.cv import cross_validate_path
from fastl1.workflow.prepare import Rows

N_ALPHAS = 15
TOL = 1e-4
MAX_ROWS = 2000  # an eigendecomposition of this size takes about a second


def fit_ridge(
    rows: Rows,
    test: Rows,
    splits: list[tuple[np.ndarray, np.ndarray]],
    deviance: float,
    callback: Callable[[int, dict[str, Any]], None],
    **common: Any,
) -> tuple[np.ndarray | None, dict[str, float]]:
    """The model of a loss with a ridge penalty and a cross-validated alpha.

    Parameters
    ----------
    rows, test : Rows
    splits : list of (train, test)
        Of `rows`.
    deviance : float
        The mean unit deviance of the null model.
    callback : callable
        As for `cross_validate_path`.
    common : dict
        loss, n_threads.

    Returns
    -------
    eta : ndarray of shape (m,) or (m, n_classes), or None
        Linear predictor of the test rows, if there are any.
    info : dict
        lambda, cv_score, gap.
    """
    n, p = rows.X.shape
    # in units of the eigenvalues of the correlation matrix times the curvature of the
    # loss (1 if it is squared): from nearly the null model to nearly no penalty
    size = deviance or 1.0
    if common["loss"].link == "identity":
        size /= float(np.cov(rows.y, ddof=0, aweights=rows.weight)) or 1.0
    alphas = max(1.0, p / n) * size * np.geomspace(1e2, 1e-4, N_ALPHAS)
    common = {**common, "standardize": True, "tol": TOL}
    if _reduces(rows.X, common["loss"]):
        Z, Z_test = _row_space(rows.X, test.X, *moments(rows.X, rows.weight))
        rows, test = replace(rows, X=Z), replace(test, X=Z_test)
        common["standardize"] = False
    given = rows.keywords()
    cv = cross_validate_path(
        rows.X,
        rows.y,
        cv=splits,
        l1_ratios=(0.0,),
        alphas=alphas,
        callback=callback,
        **given,
        **common,
    )
    best = cv.best
    fit = path(rows.X, rows.y, alphas=[best.alpha], l1_ratio=0.0, **given, **common)
    eta = None
    if len(test.y):
        eta = fit.predict(test.X, best.alpha, type="link", offset=test.offset)
    return eta, {
        "lambda": best.alpha,
        "cv_score": best.score,
        "gap": float(fit.dual_gaps[0]),
    }


def _reduces(X, loss):
    """Whether Z is the cheaper matrix."""
    n, p = X.shape
    entries = X.nnz if hasattr(X, "nnz") else n * p
    return n < p and n <= MAX_ROWS and (entries > n * n or loss.of_columns)


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
