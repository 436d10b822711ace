"""Coefficients of an earlier model for data whose columns have changed since."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from fastl1._public import public


@public
class WarmStart(NamedTuple):
    """Where to start.

    Attributes
    ----------
    coef : ndarray (p,), or (n_outputs, p) for several outputs, float64
        The coefficient of each new column that the model knows by name, else 0.
    intercept : float, or ndarray (n_outputs,)
    gone : list of str
        Features that the model uses, and that the new columns lack.
    """

    coef: np.ndarray
    intercept: Any
    gone: list[str]


@public
def warm_start_from(model: Any, feature_names: Iterable[str]) -> WarmStart:
    """Coefficients and intercept of `model`, aligned by name with other columns.

    For the retrain whose columns have been added, removed or moved: the solution of
    yesterday is close to that of today, and a solver that starts from it has little
    left to do.  It changes the time of a fit and not its result, which is certified as
    any other.

    Parameters
    ----------
    model : SparseModel or fitted estimator
        A `SparseModel` with feature names or a column treatment; or an object with
        ``coef_``, ``intercept_`` and ``feature_names_in_``.
    feature_names : iterable of str
        Names of the columns to fit on next, in their order, such as ``frame.columns``.

    Returns
    -------
    WarmStart

    Raises
    ------
    ValueError
        The model knows no names, or a name occurs twice.
    TypeError
        `model` is no model, or a name is not a string.

    Examples
    --------
    >>> import fastl1
    >>> names = ["a", "b"]
    >>> model = fastl1.SparseModel([0, 1], [2.0, -1.0], 0.5, 2, feature_names=names)
    >>> start = fastl1.warm_start_from(model, ["b", "c", "a"])
    >>> start.coef.tolist(), start.intercept, start.gone
    ([-1.0, 0.0, 2.0], 0.5, [])

    To start a path there, or an estimator::

        fastl1.path(X, y, alphas=[alpha], coef_init=start.coef,
                    intercept_init=start.intercept)

        estimator = fastl1.Lasso(alpha, warm_start=True)
        estimator.coef_, estimator.intercept_ = start.coef, start.intercept
        estimator.fit(X, y)
    """
    places = _places(feature_names)
    names, coef, intercept = _known(model)
    out = np.zeros((len(coef), len(places)))
    gone = []
    for name, column in zip(names, coef.T, strict=True):
        if name in places:
            out[:, places[name]] = column
        elif column.any():
            gone.append(name)
    if len(coef) == 1:
        return WarmStart(out[0], float(intercept[0]), gone)
    return WarmStart(out, intercept, gone)


def _places(names: Iterable[str]) -> dict[str, int]:
    if isinstance(names, str):
        raise TypeError("feature_names must be a list of names, not one string")
    places: dict[str, int] = {}
    for j, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"feature_names[{j}] is {name!r}, not a string")
        if name in places:
            raise ValueError(f"feature name {name!r} occurs twice")
        places[name] = j
    return places


def _known(model: Any) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names (m,), coefficients (n_outputs, m) and intercepts (n_outputs,)."""
    if hasattr(model, "kept_names"):
        if model.feature_names is None and model.columns is None:
            raise ValueError(
                "the model has neither feature names nor a column treatment, so its "
                "coefficients cannot be matched by name"
            )
        coef = np.atleast_2d(model.coef_)[:, model.features]
        names, intercept = model.kept_names(), model.intercept
    elif hasattr(model, "coef_"):
        if not hasattr(model, "feature_names_in_"):
            raise ValueError(
                "the estimator was not fitted on a data frame, so its coefficients "
                "cannot be matched by name"
            )
        coef, intercept = model.coef_, model.intercept_
        coef = np.atleast_2d(coef.toarray() if hasattr(coef, "toarray") else coef)
        names = [str(name) for name in model.feature_names_in_]
    else:
        raise TypeError(f"model must be a SparseModel or a fitted estimator: {model!r}")
    return names, coef, np.atleast_1d(np.asarray(intercept, dtype=np.float64))
