"""Solutions of a path as they come from the solver, put into a `PathResult`."""

import time
from collections import Counter
from typing import Any

import numpy as np

from fastl1 import _runtime
from fastl1.fit.info import PathInfo
from fastl1.fit.result import PathResult
from fastl1.fit.stationarity import stationarity
from fastl1.fit.status import FAILED
from fastl1.kernels.softmax._solver import MultinomialSolver
from fastl1.kernels.solver._solver import Solver
from fastl1.penalty.penalties import L1
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import Problem


class Collector:
    """Models as they come, made into a PathResult at any moment."""

    def __init__(
        self,
        problem: Problem,
        solver: Solver | MultinomialSolver,
        tol: float,
        max_iter: int,
    ):
        self.problem = problem
        # the multinomial solver has the same methods for the coefficients of all
        # classes as one vector, class after class, and an array of intercepts
        self.solver: Any = solver
        self.tol, self.max_iter = tol, max_iter
        self.alphas: list[float] = []
        self.indices: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        self.intercepts: list[Any] = []
        self.gaps: list[float] = []
        self.n_iters: list[int] = []
        self.regimes: Counter[str] = Counter()
        self.failed = 0
        # loss that each model which missed the tolerance leaves, of the null model's
        self.left: dict[int, float] = {}
        self.start = time.perf_counter()

    def add(self, alpha: float, status: int) -> None:
        """Take the solver's present state as the model at `alpha`."""
        indices, values = self._coef()
        self.alphas.append(alpha)
        self.indices.append(indices)
        self.values.append(values)
        self.intercepts.append(self.solver.intercept)
        self.gaps.append(self.solver.gap)
        self.n_iters.append(self.solver.n_iter)
        self.regimes[": ".join(self.solver.regime)] += 1
        self.failed += status == FAILED
        if not self.solver.gap <= self.tol and self.solver.null_objective > 0:
            left = self.solver.objective(0.0) / self.solver.null_objective
            self.left[len(self.gaps) - 1] = left

    def _coef(self) -> tuple[np.ndarray, np.ndarray]:
        indices, values = self.solver.sparse_coef()
        columns = indices % self.problem.shape[1]
        # a bound on the scaled column, scaled back, may be off by rounding
        if self.problem.lower is not None:
            np.maximum(values, self.problem.lower[columns], out=values)
        if self.problem.upper is not None:
            np.minimum(values, self.problem.upper[columns], out=values)
        return indices, values

    def n_nonzero(self) -> int:
        """Features with a nonzero coefficient in the last model."""
        if self.problem.n_outputs == 1:
            return len(self.indices[-1])
        return len(np.unique(self.indices[-1] % self.problem.shape[1]))

    def cast(self) -> None:
        """Round to float32, within the bounds; gaps become those of the rounded models.

        The dual point of the exact model bounds the optimum for any other: the gap
        grows by what the objective does, which is far less than a dual point made from
        rounded coefficients would say.
        """
        problem, solver = self.problem, self.solver
        p = problem.shape[1]
        mean = np.full(p, np.nan)
        for k, alpha in enumerate(self.alphas):
            output, j = np.divmod(self.indices[k], p)
            exact = self.values[k]
            self._start_from(k)
            before = solver.objective(alpha)
            self.values[k] = rounded = self._round(j, exact)
            if problem.fit_intercept:
                # the mean of the linear predictor stays where it was
                for column in np.unique(j[np.isnan(mean[j])]):
                    mean[column] = _column_mean(problem, column)
                shift = np.bincount(
                    output, mean[j] * (exact - rounded), problem.n_outputs
                )
                self.intercepts[k] += shift if problem.n_outputs > 1 else shift[0]
            self._start_from(k)
            if alpha == 0:
                self.gaps[k] = solver.certify(alpha)
            elif solver.null_objective > 0:
                growth = (solver.objective(alpha) - before) / solver.null_objective
                self.gaps[k] = max(self.gaps[k] + growth, 0.0)

    def _round(self, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        rounded = values.astype(np.float32)
        for bound, beyond in (
            (self.problem.lower, np.less),
            (self.problem.upper, np.greater),
        ):
            if bound is not None:
                out = beyond(rounded, bound[columns])
                rounded[out] = np.nextafter(rounded[out], np.float32(0))
        return rounded

    def _start_from(self, k: int) -> None:
        coef = np.zeros(self.problem.shape[1] * self.problem.n_outputs)
        coef[self.indices[k]] = self.values[k]
        self.solver.set_coef(coef, self.intercepts[k])

    def result(self, stopped: str) -> PathResult:
        import scipy.sparse as sp

        problem, solver = self.problem, self.solver
        counters = solver.counters()
        if problem.dtype == np.float32:
            self.cast()
        count = len(self.alphas)
        indptr = np.zeros(count + 1, dtype=np.int64)
        np.cumsum([len(part) for part in self.indices], out=indptr[1:])
        p, n_outputs = problem.shape[1], problem.n_outputs
        coefs: Any = sp.csc_array(
            (
                np.concatenate([np.empty(0, problem.dtype), *self.values]),
                np.concatenate([np.empty(0, np.int32), *self.indices]),
                indptr,
            ),
            shape=(p * n_outputs, count),
        )
        intercepts = np.array(self.intercepts, dtype=np.float64)
        if problem.family.by_class:
            by_row = coefs.tocsr()
            coefs = tuple(by_row[k * p : (k + 1) * p].tocsc() for k in range(n_outputs))
            intercepts = intercepts.reshape(count, n_outputs).T.copy()
        gaps = np.array(self.gaps, dtype=np.float64)
        converged = gaps <= self.tol
        judged: dict[str, Any] = {"certificate": "gap"}
        if not problem.family.certified:
            distance = stationarity(problem, self.alphas, coefs, intercepts)
            unit = solver.alpha_max
            if not np.isfinite(unit):  # nothing is selected: the largest slope at 0
                null = sp.csc_array((p, 1))
                (unit,) = stationarity(problem, [0.0], null, np.zeros(1))
            distance /= unit or 1.0
            judged = {"certificate": "stationarity", "stationarity": distance}
            converged = distance <= np.sqrt(self.tol)
            gaps = np.full(count, np.nan)
        info = PathInfo(
            **counters,
            **judged,
            regimes=dict(self.regimes),
            alpha_max=solver.alpha_max,
            null_objective=solver.null_objective,
            stopped=stopped,
            n_failed=self.failed,
            separated=bool(solver.separated),
            loss_left=dict(self.left),
            seconds=time.perf_counter() - self.start,
            tol=self.tol,
            max_iter=self.max_iter,
            l1_ratio=problem.l1_ratio,
            penalty=None if isinstance(problem.penalty, L1) else problem.penalty,
            fit_intercept=problem.fit_intercept,
            standardize=problem.standardize,
            n_threads=problem.n_threads,
            isa=_runtime.isa,
        )
        return PathResult(
            alphas=np.array(self.alphas, dtype=np.float64),
            coefs=coefs,
            intercepts=intercepts,
            dual_gaps=gaps,
            n_iters=np.array(self.n_iters, dtype=np.intp),
            converged=converged,
            classes=problem.classes,
            info=info,
            loss=problem.loss,
            feature_names=problem.feature_names,
            family=problem.family,
            _problem=problem,
        )


def _column_mean(problem: Problem, j: int) -> float:
    """Weighted mean of column j of X."""
    weight = problem.sample_weight
    if isinstance(problem.X, CSC):
        data, indices, indptr, shape = problem.X
        span = slice(indptr[j], indptr[j + 1])
        values = data[span].astype(np.float64)
        if weight is None:
            return float(values.sum() / shape[0])
        return float(np.einsum("i,i", values, weight[indices[span]]) / weight.sum())
    values = problem.X[:, j].astype(np.float64)
    if weight is None:
        return float(values.mean())
    return float(np.einsum("i,i", values, weight) / weight.sum())
