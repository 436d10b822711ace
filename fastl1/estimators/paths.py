"""`lasso_path` and `enet_path`, with scikit-learn's signatures."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.fit.path import solve_path
from fastl1.fit.result import warn_unconverged
from fastl1.problem.problem import check_problem


@public
def enet_path(
    X: Any,
    y: ArrayLike,
    *,
    l1_ratio: float = 0.5,
    eps: float = 1e-3,
    n_alphas: int | str = "deprecated",
    alphas: ArrayLike | int | str | None = "warn",
    precompute: Any = "auto",
    Xy: ArrayLike | None = None,
    copy_X: bool = True,
    coef_init: ArrayLike | None = None,
    verbose: bool | int = False,
    return_n_iter: bool = False,
    positive: bool = False,
    check_input: bool = True,
    **params: Any,
) -> tuple[np.ndarray, ...]:
    """Elastic-net path with the signature and the return value of scikit-learn 1.9.

    Minimizes ``||y - Xw||^2 / (2n) + alpha l1_ratio ||w||_1 + alpha (1 - l1_ratio)/2
    ||w||^2`` for every alpha, without an intercept: X and y are used as they are.

    Parameters
    ----------
    X : array-like or SciPy sparse matrix of shape (n, p)
    y : array-like of shape (n,)
        A single target; scikit-learn's multi-task form is refused.
    l1_ratio : float in [0, 1]
    eps : float
        Last alpha / first alpha of the default grid.
    n_alphas : int, optional
        Size of the default grid, 100; the older spelling of an integer `alphas`.
    alphas : int or array-like of shape (K,), optional
        Size of the default grid, or the alphas, in any order.
    coef_init : array-like of shape (p,), optional
    return_n_iter : bool
        Whether to return `n_iters` too.
    positive : bool
        Whether to keep the coefficients at or above 0.
    check_input : bool
        False skips the pass over the values of X and y for what is not finite: X is
        then Fortran-ordered float64 or float32, or canonical CSC.
    precompute, Xy, copy_X, verbose
        Accepted for compatibility and ignored: the solver decides by itself when a Gram
        matrix pays, and X is never written to.
    **params
        ``tol`` (1e-4), a relative duality gap; ``max_iter`` (1000), outer iterations;
        ``sample_weight``; ``n_threads``.  ``random_state``, ``selection`` and
        ``do_screening`` are ignored.

    Returns
    -------
    alphas : ndarray of shape (K,)
        From large to small.
    coefs : ndarray of shape (p, K)
    dual_gaps : ndarray of shape (K,)
        In units of the objective, as scikit-learn's.
    n_iters : list of int
        Outer iterations; only if `return_n_iter`.

    Raises
    ------
    ValueError, TypeError
        On bad input, a two-dimensional `y`, or an unknown keyword.

    Warns
    -----
    ConvergenceWarning
        Some gap is above `tol` after `max_iter` iterations.
    FutureWarning
        For `n_alphas` and ``alphas=None``, as in scikit-learn 1.9.

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. (2010). Regularization paths for
    generalized linear models via coordinate descent. Journal of Statistical Software
    33(1).
    """
    tol = params.pop("tol", 1e-4)
    max_iter = params.pop("max_iter", 1000)
    sample_weight = params.pop("sample_weight", None)
    n_threads = params.pop("n_threads", None)
    for name in ("random_state", "selection", "do_screening"):
        params.pop(name, None)
    if params:
        raise ValueError(f"Unexpected parameters in params: {', '.join(params)}")
    if np.ndim(y) > 1:
        raise ValueError(
            f"y has shape {np.shape(y)}; paths of several targets are not supported"
        )
    _warn_old_grid(n_alphas, alphas)
    size = 100 if isinstance(n_alphas, str) else n_alphas
    grid = None
    if isinstance(alphas, (int, np.integer)):
        size = int(alphas)
    elif alphas is not None and not isinstance(alphas, str):
        grid = np.sort(np.atleast_1d(alphas))[::-1]
    problem = check_problem(
        X,
        y,
        l1_ratio=l1_ratio,
        lower=0.0 if positive else None,
        fit_intercept=False,
        sample_weight=sample_weight,
        n_threads=n_threads,
        check_input=check_input,
        defer_values=True,
    )
    result = solve_path(
        problem,
        alphas=grid,
        n_alphas=size,
        alpha_min_ratio=eps,
        tol=tol,
        max_iter=max_iter,
        coef_init=coef_init,
    )
    warn_unconverged(result, stacklevel=2)
    gaps = result.dual_gaps * result.info.null_objective
    out = (result.alphas, result.coefs.toarray(order="F"), gaps)
    return (*out, result.n_iters.tolist()) if return_n_iter else out


def _warn_old_grid(n_alphas: int | str, alphas: ArrayLike | int | str | None) -> None:
    """Warn about what scikit-learn 1.9 has deprecated."""
    if not isinstance(n_alphas, str):
        what = "'n_alphas' was deprecated in 1.9"
    elif alphas is None:
        what = "'alphas=None' is deprecated"
    else:
        return
    warnings.warn(
        f"{what} and will be removed in 1.11 of scikit-learn, whose signature this is: "
        "pass an integer, such as alphas=100, for the default grid",
        FutureWarning,
        stacklevel=3,
    )


@public
def lasso_path(
    X: Any,
    y: ArrayLike,
    *,
    eps: float = 1e-3,
    n_alphas: int | str = "deprecated",
    alphas: ArrayLike | int | str | None = "warn",
    precompute: Any = "auto",
    Xy: ArrayLike | None = None,
    copy_X: bool = True,
    coef_init: ArrayLike | None = None,
    verbose: bool | int = False,
    return_n_iter: bool = False,
    positive: bool = False,
    **params: Any,
) -> tuple[np.ndarray, ...]:
    """Lasso path with the signature and the return value of scikit-learn 1.9.

    Minimizes ``||y - Xw||^2 / (2n) + alpha ||w||_1`` for every alpha, without an
    intercept: X and y are used as they are.

    Parameters
    ----------
    X : array-like or SciPy sparse matrix of shape (n, p)
    y : array-like of shape (n,)
        A single target; scikit-learn's multi-task form is refused.
    eps : float, default 1e-3
        Last alpha / first alpha of the default grid.
    n_alphas : int, deprecated
        Size of the default grid, 100; the older spelling of an integer `alphas`.
    alphas : int or array-like of shape (K,), optional
        Size of the default grid, or the alphas, in any order.
    coef_init : array-like of shape (p,), optional
    return_n_iter : bool, default False
        Whether to return `n_iters` too.
    positive : bool, default False
        Whether to keep the coefficients at or above 0.
    precompute, Xy, copy_X, verbose
        Accepted for compatibility and ignored: the solver decides by itself when a Gram
        matrix pays, and X is never written to.
    **params
        ``tol`` (1e-4), a relative duality gap; ``max_iter`` (1000), outer iterations;
        ``sample_weight``; ``n_threads``; ``check_input`` (True), whether to pass over X
        and y for what is not finite.  ``random_state``, ``selection`` and
        ``do_screening`` are ignored.

    Returns
    -------
    alphas : ndarray of shape (K,)
        From large to small.
    coefs : ndarray of shape (p, K)
    dual_gaps : ndarray of shape (K,)
        In units of the objective, as scikit-learn's.
    n_iters : list of int
        Outer iterations; only if `return_n_iter`.

    Raises
    ------
    ValueError, TypeError
        On bad input, a two-dimensional `y`, or an unknown keyword.

    Warns
    -----
    ConvergenceWarning
        Some gap is above `tol` after `max_iter` iterations.
    FutureWarning
        For `n_alphas` and ``alphas=None``, as in scikit-learn 1.9.

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. (2010). Regularization paths for
    generalized linear models via coordinate descent. Journal of Statistical Software
    33(1).
    """
    return enet_path(
        X,
        y,
        l1_ratio=1.0,
        eps=eps,
        n_alphas=n_alphas,
        alphas=alphas,
        precompute=precompute,
        Xy=Xy,
        copy_X=copy_X,
        coef_init=coef_init,
        verbose=verbose,
        return_n_iter=return_n_iter,
        positive=positive,
        **params,
    )
