"""What `fit_many` and `fit_ragged` share: results, checks, progress."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fastl1 import _runtime
from fastl1.exceptions import ConvergenceWarning
from fastl1.fit.info import HasInfo
from fastl1.fit.status import (
    CONVERGED,
    FAILED,
    UNCONVERGED,
    Callback,
)
from fastl1.problem.problem import Problem, check_problem
from fastl1.problem.scalars import check_int, check_real
from fastl1.problem.vectors import check_vector


@dataclass(repr=False)
class Fits(HasInfo):
    """What the results of many fits share; the subclasses say what it means."""

    _problems: ClassVar[str]
    _feature_axis: ClassVar[int]  # of coefs

    coefs: Any
    intercepts: np.ndarray
    alphas: np.ndarray
    alpha_max: np.ndarray
    dual_gaps: np.ndarray
    n_iters: np.ndarray
    status: np.ndarray
    classes: np.ndarray | None = None
    loss: str = "squared"
    feature_names: list[str] | None = None
    info: Any = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.alphas)

    def __repr__(self) -> str:
        first = self.coefs[0] if isinstance(self.coefs, tuple) else self.coefs
        p = first.shape[self._feature_axis]
        return (
            f"<{type(self).__name__}: {self.loss}, {len(self)} {self._problems}, {p} "
            f"features, {_outcome(self.status, self.dual_gaps)}>"
        )

    @property
    def converged(self) -> np.ndarray:
        """Whether the gap of each is within `tol`."""
        return self.status == CONVERGED


def _outcome(status: np.ndarray, gaps: np.ndarray) -> str:
    good = status == CONVERGED
    text = f"{int(good.sum())} converged"
    return text + (f", worst gap of these {gaps[good].max():.1e}" if good.any() else "")


def check_penalties(
    alpha: ArrayLike | None, alpha_ratio: ArrayLike | None, count: int, l1_ratio: float
) -> tuple[np.ndarray, bool]:
    """(penalties (count,), whether they are fractions of each alpha_max)."""
    if (alpha is None) == (alpha_ratio is None):
        raise ValueError("give exactly one of alpha and alpha_ratio")
    name = "alpha_ratio" if alpha is None else "alpha"
    value: Any = alpha_ratio if alpha is None else alpha
    if alpha is None and l1_ratio == 0:
        raise ValueError(
            "l1_ratio=0 (ridge) has no alpha_max for alpha_ratio to be a fraction of: "
            "pass alpha"
        )
    if np.ndim(value) == 0:
        values = np.full(count, check_real(name, value, 0.0))
    else:
        values = check_vector(name, value, count, of="position")
        if (values < 0).any():
            j = int(np.argmax(values < 0))
            raise ValueError(f"{name}[{j}] is negative: {values[j]}")
    return values, alpha is None


def check_run(
    tol: float, max_iter: int, callback: Callback | None
) -> tuple[float, int]:
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")
    limit = int(np.iinfo(np.int32).max)
    return check_real("tol", tol, 0.0), min(check_int("max_iter", max_iter, 1), limit)


def progress_of(
    callback: Callback | None, status: np.ndarray, gaps: np.ndarray, start: float
) -> Callable[[int], Any] | None:
    """What the kernels call with the number of problems done."""
    if callback is None:
        return None

    def report(n_done: int) -> Any:
        solved = np.isfinite(gaps)
        return callback(
            n_done,
            {
                "n_problems": len(status),
                "n_unconverged": int(np.sum(solved & (status != CONVERGED))),
                "worst_gap": float(gaps[solved].max()) if solved.any() else np.nan,
                "seconds": time.perf_counter() - start,
            },
        )

    return report


def run_info(
    stopped: str, start: float, tol: float, max_iter: int, n_threads: int
) -> dict[str, Any]:
    return {
        "stopped": stopped,
        "seconds": time.perf_counter() - start,
        "tol": tol,
        "max_iter": max_iter,
        "n_threads": n_threads,
        "isa": _runtime.isa,
    }


def warn_unfinished(result: Fits, what: str) -> None:
    """One `ConvergenceWarning` for models that missed the tolerance."""
    bad = (result.status == UNCONVERGED) | (result.status == FAILED)
    if not bad.any():
        return
    gaps = np.where(bad, np.nan_to_num(result.dual_gaps, nan=np.inf), 0.0)
    worst, info = int(np.argmax(gaps)), result.info
    warnings.warn(
        f"{int(bad.sum())} of {len(bad)} {what} did not reach the relative duality gap "
        f"tol={info.tol:g}; the worst is {what[:-1]} {worst} with a gap of "
        f"{result.dual_gaps[worst]:.3g} after {int(result.n_iters[worst])} of "
        f"max_iter={info.max_iter} iterations. See result.status and "
        "result.dual_gaps.",
        ConvergenceWarning,
        stacklevel=3,
    )


def common_problem(X: Any, feature_names: list[str] | None, **options: Any) -> Problem:
    """What the problems share; X has been checked."""
    problem = check_problem(X, np.zeros(X.shape[0]), check_input=False, **options)
    problem.feature_names = feature_names
    return problem
