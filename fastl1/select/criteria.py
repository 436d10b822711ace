"""Information criteria along a path: which alpha, without cross-validation."""

from dataclasses import dataclass
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.fit.keywords import OF_THE_FIT, FitKeywords, spelled_out
from fastl1.fit.result import PathResult, problem_of
from fastl1.fit.solver import make_solver
from fastl1.kernels.solver._solver import Solver
from fastl1.loss.links import softmax
from fastl1.loss.losses import LOSSES, Loss
from fastl1.penalty.penalties import need_columns
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem
from fastl1.problem.scalars import check_real
from fastl1.problem.vectors import check_vector

Kind = Literal["aic", "bic", "ebic"]


@public
@dataclass(repr=False)
class CriterionResult:
    """An information criterion along a path.

    Attributes
    ----------
    kind : {"aic", "bic", "ebic"}
    alphas : ndarray (K,)
    values : ndarray (K,)
        The criterion; smaller is better.
    df : ndarray (K,)
        Degrees of freedom of the coefficients.
    deviance : ndarray (K,)
        Twice the loss, summed over rows; for the squared loss the residual sum of
        squares.
    n_samples : float
        The n of the criterion: the sum of the weights, which is the number of rows
        without weights; for cox of those of events.
    best : int
        Position of the least value (the largest alpha of equal ones).
    dispersion : float or None
        What the deviance was divided by; None where the variance was profiled out.
    """

    kind: str
    alphas: np.ndarray
    values: np.ndarray
    df: np.ndarray
    deviance: np.ndarray
    n_samples: float
    best: int
    dispersion: float | None

    @property
    def best_alpha(self) -> float:
        """The alpha of the least value."""
        return float(self.alphas[self.best])

    def __repr__(self) -> str:
        return (
            f"<CriterionResult: {self.kind} {self.values[self.best]:.6g} at "
            f"alpha={self.best_alpha:.4g} (model {self.best} of {len(self.alphas)}), "
            f"df {self.df[self.best]:g}>"
        )


@public
@spelled_out(default=OF_THE_FIT)
def information_criterion(
    result: PathResult,
    X: Any,
    y: ArrayLike,
    kind: Kind = "bic",
    *,
    noise_variance: float | None = None,
    dispersion: float | None = None,
    gamma: float = 1.0,
    df: Literal["auto", "support", "trace"] | ArrayLike = "auto",
    **keywords: Unpack[FitKeywords],
) -> CriterionResult:
    """AIC, BIC or extended BIC of every model of a path.

    With the likelihood L, df degrees of freedom, n rows and p candidate columns::

        aic    -2 log L + 2 df
        bic    -2 log L + log(n) df
        ebic   -2 log L + log(n) df + 2 gamma log(p choose df)               [1]_

    The squared loss is that of a normal y; -2 log L is n log(2 pi RSS / n) + n with the
    unknown variance profiled out, and n log(2 pi s) + RSS / s for a given variance s.
    Of labels that have probabilities, and of the poisson loss, it is the deviance (-2
    log L up to a constant that all models share), of gamma and tweedie the deviance
    divided by the dispersion.  For cox L is the partial likelihood and n the number of
    events [4]_.

    The problem of the fit (`sample_weight`, `offset`, `penalty_factor`, ...) is known
    while the result has its data; for a result that was unpickled, what is not at the
    default of `path` has to be given again.

    Parameters
    ----------
    result : PathResult
    X, y
        What the path was fitted on.
    kind : {"aic", "bic", "ebic"}
    noise_variance : float > 0, optional
        Variance of a normal y.
    dispersion : float > 0, optional
        Of the gamma and tweedie losses; by default the deviance of the model with most
        degrees of freedom, divided by n - df.
    gamma : float in [0, 1]
        Of the extended BIC; 0 is the BIC.
    df : {"auto", "support", "trace"} or array-like of shape (K,)
        Degrees of freedom.  "support" counts the nonzero coefficients that are not on a
        bound, which is unbiased for the lasso whose columns are in general position
        [2]_.  "trace" takes tr((H + D)^+ H) on them, with the Hessian H of the loss and
        the l2 penalties D: the formula of the elastic net [2]_, and with D = 0 the rank
        of the support, which is right for dependent columns too [3]_; it costs a
        decomposition of the support for each alpha.  "auto" is "support" without an l2
        penalty and "trace" with one.  For the multinomial loss a feature counts
        once for each class that it has a coefficient for, at most the number of
        classes less one: a constant added to all of them changes nothing.
    **keywords
        What defined the problem of the fit.

    Returns
    -------
    CriterionResult

    Raises
    ------
    ValueError, TypeError
        On bad input; for losses that are no likelihood (huber, quantile, hinge); for a
        variance of 0.

    Notes
    -----
    The intercept and the variance are not counted: they are the same for all models.
    Weights count as repetitions of rows, so n is their sum.

    scikit-learn's ``LassoLarsIC`` is the case of a given variance: the values agree for
    ``noise_variance=`` its ``noise_variance_``, which it estimates by least squares on
    all columns (so it needs n > p).  Profiling, the default here, needs no estimate,
    but the profiled criterion falls without bound towards models that fit exactly: end
    the grid before them.

    References
    ----------
    .. [1] Chen, J., & Chen, Z. (2008). Extended Bayesian information criteria for model
       selection with large model spaces. Biometrika, 95(3), 759-771.
    .. [2] Zou, H., Hastie, T., & Tibshirani, R. (2007). On the degrees of freedom of
       the lasso. Annals of Statistics, 35(5), 2173-2192.
    .. [3] Tibshirani, R. J., & Taylor, J. (2012). Degrees of freedom in lasso problems.
       Annals of Statistics, 40(2), 1198-1232.
    .. [4] Volinsky, C. T., & Raftery, A. E. (2000). Bayesian information criterion for
       censored survival models. Biometrics, 56(1), 256-262.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 5] + rng.standard_normal(100)
    >>> result = fastl1.path(X, y)
    >>> best = fastl1.information_criterion(result, X, y, "ebic").best
    >>> np.flatnonzero(result.coefs[:, [best]].toarray()[:, 0]).tolist()
    [0, 5]
    """
    if kind not in ("aic", "bic", "ebic"):
        raise ValueError(f"kind must be aic, bic or ebic; got {kind!r}")
    if not len(result):
        raise ValueError("the path holds no model")
    family = result.family
    if family.dispersion is None:
        raise ValueError(
            f"loss={family.name!r} is not a likelihood, so it has no information "
            "criterion"
        )
    gamma = check_real("gamma", gamma, 0.0, 1.0)
    noise_variance = _check_positive("noise_variance", noise_variance)
    dispersion = _check_positive("dispersion", dispersion)
    if noise_variance is not None and family.dispersion != "variance":
        raise ValueError(
            f"noise_variance is for {_such('variance')}, not {family.name!r}"
        )
    if dispersion is not None and family.dispersion != "estimated":
        raise ValueError(f"dispersion is for {_such('estimated')}, not {family.name!r}")
    problem = problem_of(information_criterion, result, X, y, keywords)
    need_columns(
        "information_criterion", problem.penalty, "choose by cross_validate_path"
    )
    solver = make_solver(problem)
    kinds = _check_df(df, result, problem)
    weight = problem.sample_weight
    total = float(len(problem.y) if weight is None else weight.sum())
    n = total
    if problem.survival is not None:  # y is whether there is an event
        n = float(problem.y.sum() if weight is None else weight @ problem.y)
    deviance, free = np.empty(len(result)), np.empty(len(result))
    for k in range(len(result)):
        coef = np.concatenate(
            [part[:, [k]].toarray()[:, 0] for part in result._outputs]
        )
        coef, intercept = coef.astype(np.float64), result.intercepts[..., k]
        solver.set_coef(coef, intercept if intercept.ndim else float(intercept))
        deviance[k] = 2 * total * solver.objective(0.0)
        if isinstance(kinds, str):
            support = _free_support(coef, problem)
            free[k] = _count(support, problem)
            if kinds == "trace" and len(support):
                alpha = float(result.alphas[k])
                if problem.n_outputs > 1:
                    free[k] = _softmax_trace(problem, coef, intercept, support, alpha)
                else:
                    free[k] = _trace(problem, solver, support, alpha)
        else:
            free[k] = kinds[k]
    if family.dispersion == "variance":
        scale = noise_variance
    elif family.dispersion == "one":
        scale = 1.0
    else:
        scale = dispersion or _largest_model_dispersion(deviance, free, n)
    fit = _minus_two_log_likelihood(deviance, n, scale, family)
    values = fit + (2.0 if kind == "aic" else np.log(n)) * free
    if kind == "ebic":
        values += 2 * gamma * _log_binomial(_n_candidates(problem), free)
    return CriterionResult(
        kind=kind,
        alphas=result.alphas,
        values=values,
        df=free,
        deviance=deviance,
        n_samples=n,
        best=int(np.argmin(values)),
        dispersion=scale,
    )


def _such(dispersion: str) -> str:
    """The losses of that dispersion, in words."""
    return " and ".join(
        name for name, kind in LOSSES.items() if kind.dispersion == dispersion
    )


def _check_positive(name: str, value: float | None) -> float | None:
    return None if value is None else check_real(name, value, 0.0, open_low=True)


def _check_df(df: Any, result: PathResult, problem: Problem) -> str | np.ndarray:
    if not isinstance(df, str):
        return check_vector("df", df, len(result), of="alpha")
    if df not in ("auto", "support", "trace"):
        raise ValueError(
            f"df must be auto, support, trace or an array of {len(result)} numbers; "
            f"got {df!r}"
        )
    if df == "auto":
        return "support" if problem.l1_ratio == 1.0 else "trace"
    return df


def _minus_two_log_likelihood(
    deviance: np.ndarray, n: float, scale: float | None, family: Loss
) -> np.ndarray:
    if family.dispersion != "variance":
        assert scale is not None
        return deviance / scale
    if scale is None:
        with np.errstate(divide="ignore"):  # an exact fit
            return n * np.log(2 * np.pi * deviance / n) + n
    return n * np.log(2 * np.pi * scale) + deviance / scale


def _largest_model_dispersion(deviance: np.ndarray, df: np.ndarray, n: float) -> float:
    k = int(np.argmax(df))
    if not df[k] < n or not deviance[k] > 0:
        raise ValueError(
            f"the largest model has {df[k]:g} degrees of freedom for {n:g} rows, too "
            "many to estimate the dispersion from: give dispersion="
        )
    return float(deviance[k] / (n - df[k]))


def _n_candidates(problem: Problem) -> int:
    """Coefficients that may enter."""
    p, each = problem.shape[1], max(problem.n_outputs - 1, 1)
    if problem.penalty_factor is None:
        return p * each
    return int(np.isfinite(problem.penalty_factor).sum()) * each


def _count(support: np.ndarray, problem: Problem) -> int:
    """Coefficients in the support, at most one less than there are classes for each
    feature."""
    times = np.bincount(support % problem.shape[1])
    return int(np.minimum(times, max(problem.n_outputs - 1, 1)).sum())


def _log_binomial(p: int, df: np.ndarray) -> np.ndarray:
    from scipy.special import gammaln

    df = np.minimum(df, p)
    return gammaln(p + 1) - gammaln(df + 1) - gammaln(p - df + 1)


def _free_support(coef: np.ndarray, problem: Problem) -> np.ndarray:
    """Nonzero coefficients off their bounds, of one class after another."""
    free = coef != 0
    inside = 1.0 - 1e-6  # one on a bound is off by rounding, after scaling or a cast
    if problem.lower is not None:
        free &= coef > inside * np.tile(problem.lower, problem.n_outputs)
    if problem.upper is not None:
        free &= coef < inside * np.tile(problem.upper, problem.n_outputs)
    return np.flatnonzero(free)


def _trace(
    problem: Problem, solver: Solver, support: np.ndarray, alpha: float
) -> float:
    """tr((H + D)^+ H) of the columns in `support`."""
    h = solver.curvatures()
    Z = columns_of(problem.X, support)
    if problem.fit_intercept and h.sum() > 0:
        Z = Z - (h @ Z) / h.sum()
    H = (Z * h[:, None]).T @ Z
    return _trace_of(H, _l2(problem, support, alpha))


def _softmax_trace(
    problem: Problem,
    coef: np.ndarray,
    intercepts: np.ndarray,
    support: np.ndarray,
    alpha: float,
) -> float:
    """The same of the multinomial loss, whose Hessian has the blocks Z' S (diag(p) -
    p p') Z; the intercepts, of all classes but one, come first and are eliminated."""
    p, classes = problem.shape[1], problem.n_outputs
    owner, column = np.divmod(support, p)
    Z = columns_of(problem.X, column)
    eta = np.tile(intercepts, (len(Z), 1))
    np.add.at(eta.T, owner, (Z * coef[support]).T)
    if problem.offset is not None:
        eta += problem.offset
    P = softmax(eta)
    s = problem.sample_weight
    s = np.ones(len(Z)) if s is None else s
    s = s / s.sum()
    if problem.fit_intercept:
        Z = np.hstack([np.ones((len(Z), classes - 1)), Z])
        owner = np.concatenate([np.arange(1, classes), owner])
    own = Z * P[:, owner]
    same = owner[:, None] == owner
    H = ((Z * (s[:, None] * P[:, owner])).T @ Z) * same - (own * s[:, None]).T @ own
    if problem.fit_intercept:
        m = classes - 1
        H = (
            H[m:, m:]
            - H[m:, :m] @ np.linalg.pinv(H[:m, :m], hermitian=True) @ H[:m, m:]
        )
    return _trace_of(H, _l2(problem, column, alpha))


def _l2(problem: Problem, columns: np.ndarray, alpha: float) -> np.ndarray:
    """Second derivatives of the penalty of some columns."""
    penalty = np.full(len(columns), alpha * (1.0 - problem.l1_ratio))
    if problem.penalty_factor is not None:
        penalty *= problem.penalty_factor[columns]
    if problem.standardize:
        penalty *= _variances(problem, columns)
    return penalty


def _trace_of(H: np.ndarray, penalty: np.ndarray) -> float:
    """tr((H + D)^+ H), D diagonal."""
    # scaled to a unit diagonal, so that the rank does not depend on units
    root = np.sqrt(H.diagonal() + penalty)
    root[root == 0] = 1.0
    H = H / np.outer(root, root)
    inverse = np.linalg.pinv(
        H + np.diag(penalty / root**2), rcond=1e-10, hermitian=True
    )
    return float(np.einsum("ij,ij", inverse, H))


def columns_of(X: np.ndarray | CSC, columns: np.ndarray) -> np.ndarray:
    """Some columns of X as a dense float64 array (n, len(columns))."""
    if isinstance(X, np.ndarray):
        return X[:, columns].astype(np.float64)
    from scipy.sparse import csc_array

    whole = csc_array((X.data, X.indices, X.indptr), shape=X.shape)
    return whole[:, columns].toarray().astype(np.float64)


def _variances(problem: Problem, columns: np.ndarray) -> np.ndarray:
    """Weighted population variances."""
    Z = columns_of(problem.X, columns)
    weight = problem.sample_weight
    mean = np.average(Z, axis=0, weights=weight)
    return np.average((Z - mean) ** 2, axis=0, weights=weight)
