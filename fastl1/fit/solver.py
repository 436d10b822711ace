"""The compiled solver of a problem, and its least alpha that selects nothing."""

from typing import Any

import numpy as np

from fastl1 import _runtime
from fastl1.kernels.design._moments import Moments
from fastl1.kernels.softmax._solver import MultinomialSolver
from fastl1.kernels.solver._own import OwnLoss
from fastl1.kernels.solver._solver import Solver
from fastl1.loss.losses import Loss
from fastl1.problem.problem import Problem

_OVERFLOW = 1e210  # of a loss: room for products of sums


def make_solver(problem: Problem, moments: Moments | None = None) -> Any:
    """The compiled solver of `problem`, at its null model: a `Solver`, or a
    `MultinomialSolver` with the same methods.

    With the moments of its rows (`fastl1.select.folds`) it needs no pass over X.
    """
    options: dict[str, Any] = {
        **problem.of_columns(),
        "sample_weight": problem.sample_weight,
        "offset": problem.offset,
        "n_threads": _runtime.resolve_threads(problem.n_threads),
    }
    if problem.family.by_class:
        if problem.deferred:
            problem.check_values()
        return MultinomialSolver(
            problem.X, problem.y, n_classes=problem.n_outputs, **options
        )
    family = problem.family
    params: dict[str, Any] = {"own": OwnLoss(family)} if family.own else family.params()
    if problem.survival is not None:
        params["risk"] = problem.survival.risk_sets(problem.sample_weight)
    solver = Solver(
        problem.X,
        problem.y,
        loss="own" if family.own else family.name,
        loss_params=params,
        **options,
        moments=moments,
        check=problem.check_values if problem.deferred else None,
        groups=problem.groups,
        l2=0.0 if problem.group_penalty is None else problem.group_penalty.l2,
    )
    if not solver.null_objective < _OVERFLOW:
        size = np.abs(problem.y if problem.offset is None else problem.offset)
        name = "y" if problem.offset is None else "offset"
        i = int(size.argmax())
        raise ValueError(
            f"loss={problem.loss!r} overflows at coefficients of 0: {name} is as large "
            f"as {size[i]:g}, at row {i}; rescale it or centre it"
        )
    return solver


def running_off(loss: Loss) -> str:
    """What columns without a penalty do where their coefficients grow without limit."""
    return (
        "put events in their order (a monotone likelihood)"
        if loss.survival
        else "separate rows of y"
    )


def zero_alpha(solver: Solver | MultinomialSolver, loss: Loss) -> float:
    """`alpha_max`, or an error where the unpenalized columns run off to infinity."""
    if solver.separated:
        raise ValueError(
            "there is no alpha_max: the columns with penalty_factor=0 "
            f"{running_off(loss)}, so that their coefficients grow without limit. "
            "Penalize these columns, bound them, or pass alphas"
        )
    return float(solver.alpha_max)
