"""What the scikit-learn estimators share (extra ``sklearn``).

Hyperparameters and weights checked as scikit-learn does, one fit with its warning,
routing of metadata, the sparse view of the coefficients.
"""

import warnings
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastl1 import _runtime, exceptions
from fastl1._extras import require
from fastl1.fit.path import solve_path
from fastl1.fit.result import only_model
from fastl1.kernels.design._moments import Moments
from fastl1.problem.problem import Problem

require("sklearn", extra="sklearn")

from sklearn import exceptions as sk_exceptions  # noqa: E402
from sklearn import get_config  # noqa: E402
from sklearn.utils import check_array, check_scalar  # noqa: E402
from sklearn.utils.metadata_routing import process_routing  # noqa: E402
from sklearn.utils.validation import check_consistent_length  # noqa: E402

FLOATS = [np.float64, np.float32]


class ConvergenceWarning(
    exceptions.ConvergenceWarning, sk_exceptions.ConvergenceWarning
):
    """Both fastl1's and scikit-learn's ConvergenceWarning."""


def check_numbers(estimator: Any, **limits: tuple[type, Any, Any, str]) -> None:
    """Check hyperparameters: name=(type, low, high, include_boundaries)."""
    for name, (kind, low, high, include) in limits.items():
        check_scalar(
            getattr(estimator, name),
            name,
            kind,
            min_val=low,
            max_val=high,
            include_boundaries=include,
        )


def check_choice(estimator: Any, **choices: tuple[Any, ...]) -> None:
    """Check hyperparameters that are one of a few: name=(choice, ...)."""
    for name, known in choices.items():
        value = getattr(estimator, name)
        if not any(value is one or value == one for one in known):
            *others, last = (repr(one) for one in known)
            raise ValueError(
                f"{type(estimator).__name__}: {name} must be {', '.join(others)} or "
                f"{last}, got {value!r}"
            )


NON_NEGATIVE = (Real, 0, None, "left")
UNIT = (Real, 0, 1, "both")
COUNT = (Integral, 1, None, "left")
POSITIVE = (Real, 0, None, "neither")


def check_weight(sample_weight: Any, X: Any, total: bool = False) -> Any:
    """sample_weight as float64 (n,); None for None, and for a single number unless the
    sum of the weights counts: `total`."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        if not total:
            return None
        sample_weight = np.full(X.shape[0], float(sample_weight))
    weight = check_array(
        sample_weight,
        ensure_2d=False,
        dtype=np.float64,
        input_name="sample_weight",
    )
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be 1D, got shape {weight.shape}")
    check_consistent_length(X, weight)
    if np.any(weight < 0):
        row = int(np.argmax(weight < 0))
        raise ValueError(f"sample_weight is negative ({weight[row]}) at row {row}")
    if not weight.any():
        raise ValueError("sample_weight is 0 at every row: all weights are zero")
    return weight


def threads_of(n_jobs: int | None) -> int | None:
    """n_threads of a scikit-learn n_jobs: None and -1 mean the default, -2 all of them
    but one, and so on."""
    if n_jobs == 0:
        raise ValueError("n_jobs=0 has no meaning; use None, or -1, for all threads")
    if n_jobs is None or n_jobs > 0:
        return n_jobs
    return max(_runtime.resolve_threads(None) + 1 + n_jobs, 1)


class Fit(NamedTuple):
    """One model and its certificate.

    `gap` is divided by the objective of the null model, `dual_gap` is not; at alpha = 0
    `gap` is the relative norm of the gradient, and `dual_gap` that times the objective.
    """

    coef: np.ndarray
    intercept: Any
    gap: float
    dual_gap: float
    n_iter: int


def solve_one(
    problem: Problem,
    alpha: float,
    tol: float,
    max_iter: int,
    coef_init: np.ndarray | None = None,
    intercept_init: Any = None,
    stacklevel: int = 3,
    moments: Moments | None = None,
) -> Fit:
    """Solve at one alpha and warn if the gap stayed above tol."""
    path = solve_path(
        problem,
        alphas=[alpha],
        tol=tol,
        max_iter=max_iter,
        coef_init=coef_init,
        intercept_init=intercept_init,
        moments=moments,
    )
    coef, intercept = only_model(path.coefs, path.intercepts)
    if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise ValueError(
            "Coordinate descent iterations resulted in non-finite parameter values. "
            "The input data may contain large values and need to be preprocessed."
        )
    gap = float(path.dual_gaps[0])
    if not path.converged[0]:
        warnings.warn(
            "Objective did not converge. You might want to increase the number of "
            f"iterations. Relative duality gap: {gap:.3e}, tolerance: {tol:.3e}. "
            "Increase max_iter, tol or the penalty, or rescale the columns.",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
    dual_gap = gap * path.info.null_objective
    return Fit(coef, intercept, gap, dual_gap, int(path.n_iters[0]))


def tell(estimator: Any, fit: Fit) -> None:
    """Print a line on a fit where `verbose` asks for it."""
    if estimator.verbose:
        print(
            f"{type(estimator).__name__}: {fit.n_iter} iterations, relative duality "
            f"gap {fit.gap:.3g}, {np.count_nonzero(fit.coef)} coefficients not 0"
        )


def warn_changes(
    estimator: Any, changes: list[str], later: tuple[str, ...], stacklevel: int
) -> None:
    """Warn of a call that fitted another model with fastl1 0.1.

    Parameters
    ----------
    estimator : estimator
    changes : list of str
        What differs; nothing is said where it is empty.
    later : tuple of str
        Parameters that 0.1 did not have: a call that gives one is a new one.
    """
    kind = type(estimator)
    new = any(getattr(estimator, name) != getattr(kind, name) for name in later)
    if changes and not new:
        warnings.warn(
            f"{kind.__name__} is that of scikit-learn since fastl1 0.2: "
            f"{', and '.join(changes)}. docs/scikit-learn.md has the old models under "
            "their new names; fastl1 0.3 will not warn of this.",
            FutureWarning,
            stacklevel=stacklevel,
        )


def with_intercept_column(X: Any, value: float) -> Any:
    """X and a column of one value after it, of the same type and in Fortran order."""
    n = X.shape[0]
    if hasattr(X, "tocsc"):
        from scipy.sparse import hstack

        return hstack([X, np.full((n, 1), value, X.dtype)], format="csc")
    out = np.empty((n, X.shape[1] + 1), X.dtype, order="F")
    out[:, :-1], out[:, -1] = X, value
    return out


def as_csr(coef: ArrayLike) -> Any:
    """Sparse (rows, n_features) view of dense coefficients, of scikit-learn's type."""
    from scipy.sparse import csr_array, csr_matrix

    arrays = get_config().get("sparse_interface") == "sparray"
    return (csr_array if arrays else csr_matrix)(np.atleast_2d(coef))


def route(
    estimator: Any,
    method: str,
    params: dict[str, Any],
    sample_weight: ArrayLike | None = None,
) -> Any:
    """Metadata routed from a method of `estimator`, or None when routing is off.

    Raises
    ------
    ValueError
        If there are extra parameters and routing is off.
    """
    if get_config()["enable_metadata_routing"]:
        if sample_weight is not None:
            params = {**params, "sample_weight": sample_weight}
        return process_routing(estimator, method, **params)
    if params:
        name = type(estimator).__name__
        raise ValueError(
            f"Passing extra keyword arguments to {name}.{method} is only supported if "
            "enable_metadata_routing=True, which you can set using "
            f"`sklearn.set_config`. Extra parameters passed are: {set(params)}"
        )
    return None


class SparseCoef:
    """``sparse_coef_`` of estimators with a dense ``coef_``."""

    coef_: Any
    intercept_: Any
    n_iter_: Any

    @property
    def sparse_coef_(self) -> Any:
        """Sparse representation of the fitted ``coef_``, (n_targets, n_features)."""
        return as_csr(self.coef_)
