"""Targets that share X, solved one by one: for losses whose problems do not go in lock
step, because rows depend on each other (cox) or have several outputs (multinomial), or
because the loss is the user's own.

A target is solved by one thread, so results do not depend on how many there are.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fastl1.exceptions import FitInterrupted
from fastl1.fit.parallel import Report, solve_all, split_threads
from fastl1.fit.path import solve_path
from fastl1.fit.result import PathResult
from fastl1.fit.solver import make_solver, zero_alpha
from fastl1.loss.losses import Loss
from fastl1.problem.problem import Problem, check_problem


def goes_alone(family: Loss) -> bool:
    """Whether targets of the loss are solved here."""
    return family.survival or family.by_class or family.own


def split_targets(Y: Any, family: Loss, n: int) -> list[np.ndarray]:
    """What each target has as y.

    Raises
    ------
    ValueError
        Y has not the dimensions that the loss needs.
    """
    values = np.asarray(Y.to_numpy() if hasattr(Y, "to_numpy") else Y)
    survival = family.survival and values.dtype.names is None
    form = f"({n}, targets, 2 or 3)" if survival else f"({n}, targets)"
    if survival:
        form += ", or a structured array of two dimensions"
    if values.ndim != 2 + survival or len(values) != n or not values.shape[1]:
        raise ValueError(
            f"Y has shape {values.shape}; loss={family.name!r} needs {form}"
        )
    return [values[:, j] for j in range(values.shape[1])]


def check_each(
    X: Any,
    Y: list[np.ndarray],
    *,
    sample_weight: np.ndarray | None,
    offset: np.ndarray | None,
    **options: Any,
) -> list[Problem]:
    """The validated problem of each target, `options` being keywords of
    `check_problem`.

    Raises
    ------
    ValueError, TypeError
        Naming the target and the place.
    """
    problems: list[Problem] = []
    by_class = options["loss"].by_class
    for j, y in enumerate(Y):
        own = {
            "sample_weight": _own(sample_weight, j),
            "offset": offset if by_class else _own(offset, j),
        }
        try:
            problem = check_problem(X, y, **own, **options, defer_values=True)
        except (ValueError, TypeError) as error:
            raise type(error)(f"target {j}: {error}") from None
        if problems and problem.classes is not None:
            first = problems[0].classes
            assert first is not None
            if problem.classes.tolist() != first.tolist():
                raise ValueError(
                    f"target {j} has the labels {problem.classes.tolist()}, target 0 "
                    f"has {first.tolist()}; all need the same"
                )
        problems.append(problem)
    return problems


def _own(value: np.ndarray | None, j: int) -> Any:
    return value[:, j] if value is not None and value.ndim == 2 else value


def solve_each(
    problems: list[Problem],
    penalties: np.ndarray,
    *,
    relative: bool,
    starts: list[Any] | None,
    tell: Callable[[int, PathResult], Any],
    n_threads: int,
    **solver: Any,
) -> tuple[list[PathResult | None], bool]:
    """A path of one alpha for each problem, and whether Ctrl-C came first.

    Parameters
    ----------
    penalties : ndarray (k,)
        Alphas, or (relative) fractions of each problem's alpha_max.
    starts : list of (coef, intercept), optional
    tell : callable
        ``tell(j, path)`` in the calling thread as problems are solved; a true answer
        stops with what is done.
    solver
        Keywords of `solve_path`.
    """
    workers, inner = split_threads(n_threads, len(problems))

    def solve(j: int, report: Report) -> PathResult:
        problem, alpha = replace(problems[j], n_threads=inner), float(penalties[j])
        if relative:
            alpha *= zero_alpha(make_solver(problem), problem.family)
        coef, intercept = (None, None) if starts is None else starts[j]
        try:
            path = solve_path(
                problem,
                alphas=[alpha],
                coef_init=coef,
                intercept_init=intercept,
                **solver,
            )
        except FitInterrupted:  # a target is whole or not there
            raise FitInterrupted from None
        report(j, path.forget_data())
        return path

    try:
        return solve_all(solve, len(problems), workers=workers, report=tell), False
    except FitInterrupted as error:
        return error.result, True


def joined(
    results: list[PathResult | None], problem: Problem, penalties: np.ndarray
) -> dict[str, Any]:
    """The models side by side, as `FitManyResult` has them; `status` apart."""
    import scipy.sparse as sp

    p, k, outputs = problem.shape[1], len(results), problem.n_outputs
    intercepts = np.zeros((outputs, k))
    arrays: dict[str, Any] = {
        "alphas": penalties.copy(),
        "alpha_max": np.full(k, np.nan),
        "dual_gaps": np.full(k, np.inf),
        "n_iters": np.zeros(k, dtype=np.int64),
    }
    missing = (sp.csc_array((p, 1), dtype=problem.dtype),) * outputs
    columns = [missing] * k
    for j, path in enumerate(results):
        if path is not None and len(path):
            columns[j] = path.outputs
            intercepts[:, j] = np.ravel(path.intercepts)
            arrays["alpha_max"][j] = path.info.alpha_max
            for name in ("alphas", "dual_gaps", "n_iters"):
                arrays[name][j] = getattr(path, name)[0]
    coefs = tuple(sp.hstack(part, format="csc") for part in zip(*columns, strict=True))
    several = problem.family.by_class
    arrays["coefs"] = coefs if several else coefs[0]
    arrays["intercepts"] = intercepts if several else intercepts[0]
    return arrays
