"""Keywords of `fastl1.path`, for functions that pass them on, and problems of results.

The types are for readers and type checkers; what is accepted, and what it means, is
decided by `check_problem` and `solve_path`.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

from numpy.typing import ArrayLike

from fastl1.fit.result import PathResult
from fastl1.loss.losses import Loss
from fastl1.problem.problem import Problem, check_problem


class ProblemKeywords(TypedDict, total=False):
    """What defines a problem beside X, y and the loss."""

    l1_ratio: float
    penalty_factor: ArrayLike | None
    lower: ArrayLike | None
    upper: ArrayLike | None
    fit_intercept: bool
    standardize: bool
    sample_weight: ArrayLike | None
    class_weight: Mapping[Any, float] | str | None
    strata: ArrayLike | None
    offset: ArrayLike | None
    n_threads: int | None
    check_input: bool


class PathKeywords(ProblemKeywords, total=False):
    """Everything `fastl1.path` takes beside X, y and the callback."""

    loss: str | Loss
    alphas: ArrayLike | None
    n_alphas: int
    alpha_min_ratio: float | None
    tol: float
    max_iter: int
    max_features: int | None
    coef_init: ArrayLike | None
    intercept_init: float | None


_PROBLEM = {*ProblemKeywords.__annotations__, "loss"}
_GRID = {"alphas", "n_alphas", "alpha_min_ratio"}


def split_keywords(
    function: str, keywords: Mapping[str, Any], *, refused: tuple[str, ...] = ()
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Keywords of `path` for (check_problem, the grid, the solver).

    Raises
    ------
    TypeError
        One is unknown, or `function` has no use for it.
    """
    known = set(PathKeywords.__annotations__) - set(refused)
    for name in keywords:
        if name not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
    problem = {k: v for k, v in keywords.items() if k in _PROBLEM}
    grid = {k: v for k, v in keywords.items() if k in _GRID}
    solver = {k: v for k, v in keywords.items() if k not in _PROBLEM | _GRID}
    return problem, grid, solver


def problem_of(
    result: PathResult, X: Any, y: ArrayLike, keywords: ProblemKeywords
) -> Problem:
    """The problem that `result` solved, on X and y.

    What `keywords` leave open is taken from the fit while the result keeps its data; of
    one that was unpickled, only what its `info` tells is known, and the rest has the
    defaults of `path`.

    Raises
    ------
    ValueError, TypeError
        Bad input, or not the columns or labels of the fit.
    """
    fit = result._problem
    known: dict[str, Any] = {
        name: result.info[name] for name in ("l1_ratio", "fit_intercept", "standardize")
    }
    if fit is not None:
        known["n_threads"] = fit.n_threads
        for name in ("penalty_factor", "lower", "upper", "sample_weight", "offset"):
            known[name] = getattr(fit, name)
        if fit.survival is not None:
            known["strata"] = fit.survival.strata
        if "class_weight" in keywords:  # contained in the weights of the fit
            del known["sample_weight"]
    problem = check_problem(X, y, loss=result.family, **{**known, **keywords})
    p = result._outputs[0].shape[0]
    if problem.shape[1] != p:
        raise ValueError(f"X has {problem.shape[1]} features, the path has {p}")
    if problem.classes is not None and list(problem.classes) != list(result.classes):
        raise ValueError(
            f"y has the labels {problem.classes.tolist()}, the path was fitted with "
            f"{result.classes.tolist()}"
        )
    return problem
