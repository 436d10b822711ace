"""Solution paths: the functional API over the compiled solver.

`path` validates (check_problem), runs `solve_path` and warns about what did not
converge; callers that have validated already, such as cross-validation and the
estimators, use `solve_path` and `warn_unconverged` themselves.
"""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fastl1 import _runtime
from fastl1._public import public
from fastl1.exceptions import ConvergenceWarning, FitInterrupted
from fastl1.kernels.design._moments import Moments
from fastl1.kernels.softmax._solver import MultinomialSolver
from fastl1.kernels.solver._solver import Solver
from fastl1.loss.losses import Loss, Multinomial, Squared
from fastl1.problem.validation import (
    CSC,
    Problem,
    check_features,
    check_flag,
    check_int,
    check_offset,
    check_problem,
    check_real,
    check_vector,
)

if TYPE_CHECKING:
    from fastl1.model.sparse_model import SparseModel

MAX_ITER = 500
_OVERFLOW = 1e210  # of a loss: room for products of sums
_SATURATED = 1e-3  # of the null loss: what leaves less has nearly fitted every row

_CONVERGED, _MAX_ITER, _INTERRUPTED, _FAILED = range(4)

Callback = Callable[[int, dict[str, Any]], Any]
Kind = Literal["response", "link", "class"]


def make_solver(problem: Problem, moments: Moments | None = None) -> Any:
    """The compiled solver of `problem`, at its null model: a `Solver`, or a
    `MultinomialSolver` with the same methods.

    With the moments of its rows (`fastl1.select.folds`) it needs no pass over X.
    """
    options: dict[str, Any] = {
        "l1_ratio": problem.l1_ratio,
        "penalty_factor": problem.penalty_factor,
        "lower": problem.lower,
        "upper": problem.upper,
        "fit_intercept": problem.fit_intercept,
        "standardize": problem.standardize,
        "sample_weight": problem.sample_weight,
        "offset": problem.offset,
        "n_threads": _runtime.resolve_threads(problem.n_threads),
    }
    if isinstance(problem.family, Multinomial):
        if problem.deferred:
            problem.check_values()
        return MultinomialSolver(
            problem.X, problem.y, n_classes=problem.n_outputs, **options
        )
    params = problem.family.params()
    if problem.survival is not None:
        params["risk"] = problem.survival.risk_sets(problem.sample_weight)
    solver = Solver(
        problem.X,
        problem.y,
        loss=problem.loss,
        loss_params=params,
        **options,
        moments=moments,
        check=problem.check_values if problem.deferred else None,
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


def _running_off(loss: str) -> str:
    """What columns without a penalty do where their coefficients grow without limit."""
    return (
        "put events in their order (a monotone likelihood)"
        if loss == "cox"
        else "separate rows of y"
    )


def zero_alpha(solver: Solver | MultinomialSolver, loss: str) -> float:
    """`alpha_max`, or an error where the unpenalized columns run off to infinity."""
    if solver.separated:
        raise ValueError(
            "there is no alpha_max: the columns with penalty_factor=0 "
            f"{_running_off(loss)}, so that their coefficients grow without limit. "
            "Penalize these columns, bound them, or pass alphas"
        )
    return float(solver.alpha_max)


@public
@dataclass(repr=False)
class PathResult:
    """Models along a decreasing grid of alphas.

    Attributes
    ----------
    alphas : ndarray (K,)
        The grid, or the part of it that was done.
    coefs : scipy.sparse.csc_array (p, K)
        Coefficients on the original scale; float32 when X was float32.  For the
        multinomial loss a tuple of such arrays, one per class: of all that give the
        same probabilities, those of least penalty (the coefficients of a feature have
        median 0 for l1).
    intercepts : ndarray (K,), float64
        For the multinomial loss (classes, K), of sum 0 at each alpha.
    dual_gaps : ndarray (K,)
        Certificate of each model: an upper bound on its distance from the optimal
        objective, divided by the objective P(0) at zero coefficients and best
        intercept. At alpha = 0 the relative gradient norm.  For float32 X it holds
        after the cast.
    n_iters : ndarray (K,), int
        Outer iterations.
    converged : ndarray (K,), bool
        Whether the gap is within `tol`.
    classes : ndarray (2,) or None
        Labels of a loss of labels; the link grows with the probability of the second.
        The multinomial loss has any number, and a link for each.
    info : dict
        Counters of the solver, and: ``alpha_max``; ``null_objective`` (P(0));
        ``stopped``: "end" of the grid, "max_features", "callback" or "interrupted";
        ``separated``, whether coefficients without a penalty grow without limit;
        ``seconds``; ``tol``; ``l1_ratio``; ``fit_intercept``; ``standardize``;
        ``n_threads``; ``isa``.  ``regime`` and ``regime_reason`` say how the working
        set of the last alpha was minimized ("gram", "residual", or "none": the gap was
        met at once) and why the cost model chose so; ``regimes`` counts the alphas of
        each "regime: reason".  ``loss_left``: the share of the null model's loss that
        each model which missed the tolerance leaves.
    loss : str
        Name of `family`.
    feature_names : list of str or None
    family : Loss
        The loss with its parameters, link and deviance.
    """

    alphas: np.ndarray
    coefs: Any
    intercepts: np.ndarray
    dual_gaps: np.ndarray
    n_iters: np.ndarray
    converged: np.ndarray
    classes: np.ndarray | None
    info: dict[str, Any]
    loss: str = "squared"
    feature_names: list[str] | None = None
    family: Loss = Squared()
    # for coef_at(exact=True); not pickled
    _problem: Problem | None = field(default=None, compare=False)
    _max_iter: int = MAX_ITER

    @property
    def _outputs(self) -> tuple[Any, ...]:
        """The coefficients by linear predictor: of every class, or the only ones."""
        return self.coefs if isinstance(self.coefs, tuple) else (self.coefs,)

    @property
    def support(self) -> Any:
        """Features with a nonzero coefficient (for some class), of each model: pattern
        of a csc_array (p, K)."""
        first, *others = (part != 0 for part in self._outputs)
        for part in others:
            first = first + part
        return first.tocsc()

    @property
    def n_nonzero(self) -> np.ndarray:
        """How many features each model has in its `support`."""
        return np.diff(self.support.indptr)

    def __repr__(self) -> str:
        p, count = self._outputs[0].shape
        text = f"<PathResult: {self.loss}, {count} alphas, {p} features"
        if count:
            kept = int(self.n_nonzero.max())
            text += f", up to {kept} nonzero, worst gap {self.dual_gaps.max():.1e}"
        return text + ">"

    def __len__(self) -> int:
        return len(self.alphas)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the data."""
        return {**self.__dict__, "_problem": None}

    def coef_at(self, alpha: float, exact: bool = False) -> tuple[np.ndarray, Any]:
        """Coefficients and intercept at any alpha.

        Parameters
        ----------
        alpha : float
            Within the grid.  Above it is accepted, and exact, when the grid starts at
            ``info["alpha_max"]`` or above: the model is the first one.
        exact : bool
            False interpolates linearly in alpha between the two neighbours on the grid,
            an approximation without a certificate (the path of the squared loss with
            l1_ratio = 1 is piecewise linear, but with corners of its own).  True solves
            at this alpha to the tolerance of the path, from the interpolated point; any
            alpha >= 0 is accepted then, and the data are needed: the result of a fit
            keeps a reference to them, one that was pickled does not.

        Returns
        -------
        coef : ndarray (p,), or (p, classes) for the multinomial loss
        intercept : float, or ndarray (classes,)

        Raises
        ------
        ValueError
            alpha is out of the grid's range, or exact=True has no data to work on.
        """
        alpha = check_real("alpha", alpha, 0.0)
        if not check_flag("exact", exact):
            return only_model(*self._interpolate(np.array([alpha])))
        if self._problem is None:
            raise ValueError(
                "exact=True solves again, and this result has no data: it was "
                "unpickled. Call fastl1.path with the data and this alpha"
            )
        low, high = self.alphas.min(), self.alphas.max()
        coef, intercept = only_model(*self._interpolate(np.clip([alpha], low, high)))
        refit = solve_path(
            self._problem,
            alphas=[alpha],
            tol=self.info["tol"],
            max_iter=self._max_iter,
            coef_init=coef,
            intercept_init=intercept,
        )
        warn_unconverged(refit, stacklevel=2)
        return only_model(refit.coefs, refit.intercepts)

    def _interpolate(self, alphas: np.ndarray) -> tuple[Any, np.ndarray]:
        """coefs and intercepts at m alphas, linear between grid points."""
        import scipy.sparse as sp

        grid = self.alphas
        if not len(grid):
            raise ValueError("the path holds no model")
        slack = 1e-12 * grid[0]
        top = np.inf if grid[0] >= self.info["alpha_max"] - slack else grid[0] + slack
        bad = (alphas < grid[-1] - slack) | (alphas > top)
        if bad.any():
            raise ValueError(
                f"alpha={alphas[bad.argmax()]:g} is outside of the path, "
                f"[{grid[-1]:g}, {grid[0]:g}]; "
                "use coef_at(alpha, exact=True) or another grid"
            )
        position = np.interp(-alphas, -grid, np.arange(len(grid), dtype=np.float64))
        left = np.minimum(position.astype(np.intp), len(grid) - 1)
        right = np.minimum(left + 1, len(grid) - 1)
        share = position - left
        m = np.arange(len(alphas))
        mix = sp.csc_array(
            (np.r_[1.0 - share, share], (np.r_[left, right], np.r_[m, m])),
            shape=(len(grid), len(alphas)),
        )
        mix.eliminate_zeros()
        coefs = tuple(
            (part @ mix).tocsc().astype(part.dtype, copy=False)
            for part in self._outputs
        )
        if not isinstance(self.coefs, tuple):
            (coefs,) = coefs
        return coefs, self.intercepts @ mix

    def predict(
        self,
        X: Any,
        alpha: ArrayLike | None = None,
        type: Kind = "response",
        *,
        offset: ArrayLike | None = None,
    ) -> np.ndarray:
        """Predictions of one, several or all models of the path.

        Parameters
        ----------
        X : array-like, SciPy sparse matrix or frame of shape (n, p)
        alpha : float or array-like of shape (m,), optional
            None takes every alpha of the grid.  Between grid points the coefficients
            are interpolated linearly, see `coef_at`.
        type : {"response", "link", "class"}
            "link": x.w + b.  "response": the mean of y at it, which for labels is the
            probability of ``classes[1]`` (the link itself for the hinge loss, which has
            none).  "class": the likelier label.  The multinomial loss has links and
            probabilities of every class, as a last axis of the result.
        offset : array-like of shape (n,), or (n, classes) (multinomial), optional
            Added to the link; a model fitted with an offset usually needs one here.

        Returns
        -------
        ndarray of shape (n,) for one alpha, else (n, m); links and probabilities of the
        multinomial loss have shape (n, classes) or (n, m, classes)

        Raises
        ------
        ValueError, TypeError
            X does not fit, alpha is outside of the path, or `type` is unknown or does
            not go with the loss.
        """
        if type not in ("response", "link", "class"):
            raise ValueError(f"type must be response, link or class; got {type!r}")
        if type == "class" and self.classes is None:
            raise ValueError(f"type='class' needs a classifier, loss is {self.loss!r}")
        X = check_features(X, self._outputs[0].shape[0], self.feature_names)
        coefs, intercepts = self.coefs, self.intercepts
        single = alpha is not None and np.ndim(alpha) == 0
        if alpha is not None:
            wanted = np.atleast_1d(alpha)
            wanted = check_vector("alpha", wanted, len(wanted), of="position")
            coefs, intercepts = self._interpolate(wanted)
        if isinstance(coefs, tuple):
            parts = [_link(X, *part) for part in zip(coefs, intercepts, strict=True)]
            eta = np.stack(parts, axis=-1)
        else:
            eta = _link(X, coefs, intercepts)
        if offset is not None:
            shift = check_offset(offset, X.shape[0], self.classes, self.family)
            eta += shift[:, None]
        if single:
            eta = eta[:, 0]
        if type == "class":
            return self.classes[self.family.decide(eta).astype(np.intp)]
        return self.family.inverse_link(eta) if type == "response" else eta

    def model(self, k: int) -> "SparseModel":
        """The k-th model of the path as a `SparseModel`, to save and to serve.

        Parameters
        ----------
        k : int
            Position on the grid; negative counts from the end.

        Returns
        -------
        SparseModel

        Raises
        ------
        IndexError
            There is no such model.
        """
        import scipy.sparse as sp

        from fastl1.model.sparse_model import SparseModel

        count = len(self.alphas)
        if not -count <= k < count:
            raise IndexError(f"model {k} of a path of {count}")
        k %= count
        params = self.family.params()
        return SparseModel.from_coef(
            sp.hstack([part[:, [k]] for part in self._outputs]).T.tocoo(),
            self.intercepts[..., k],
            link=self.family.link,
            classes=self.classes,
            feature_names=self.feature_names,
            metadata={
                "loss": self.loss,
                **({"loss_params": params} if params else {}),
                "alpha": float(self.alphas[k]),
                "alpha_max": float(self.info["alpha_max"]),
                "gap": float(self.dual_gaps[k]),
                "tol": float(self.info["tol"]),
                "converged": bool(self.converged[k]),
            },
        )


def only_model(coefs: Any, intercepts: np.ndarray) -> tuple[np.ndarray, Any]:
    """Coefficients and intercept of the only model, dense."""
    if isinstance(coefs, tuple):
        return np.hstack([part.toarray() for part in coefs]), intercepts[:, 0]
    return coefs.toarray()[:, 0], float(intercepts[0])


def _link(X: Any, coefs: Any, intercepts: np.ndarray) -> np.ndarray:
    """X @ coefs + intercepts, (n, m), by the rows of coefs that are used."""
    support = np.unique(coefs.indices)
    dense = coefs[support].toarray().astype(np.float64, copy=False)
    return X[:, support] @ dense + intercepts


def check_alphas(alphas: ArrayLike) -> np.ndarray:
    """A grid as float64 (K,): finite, not negative, not increasing; else an error."""
    grid = np.atleast_1d(np.asarray(alphas))
    grid = check_vector("alphas", grid, len(grid), of="position").copy()
    if not len(grid):
        raise ValueError("alphas is empty")
    bad = grid < 0
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(f"alphas[{k}] is negative: {grid[k]}")
    bad = np.diff(grid) > 0
    if bad.any():
        k = int(bad.argmax()) + 1
        raise ValueError(
            f"alphas must not increase, but alphas[{k}]={grid[k]:g} follows "
            f"{grid[k - 1]:g}; sort them from large to small"
        )
    return grid


def default_grid(
    problem: Problem,
    alpha_max: float,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
) -> np.ndarray:
    """`n_alphas` values from `alpha_max` down, evenly spaced in the logarithm.

    `alpha_min_ratio` is last / first: 1e-4 by default if rows of positive weight
    outnumber columns, else 1e-2.  When `alpha_max` is 0 (a constant y, or nothing to
    penalize) every alpha gives the same model and the grid starts at 1.
    """
    n, p = problem.shape
    if problem.sample_weight is not None:
        n = int(np.count_nonzero(problem.sample_weight))
    n_alphas = check_int("n_alphas", n_alphas, 1)
    if alpha_min_ratio is None:
        alpha_min_ratio = 1e-4 if n > p else 1e-2
    else:
        alpha_min_ratio = check_real(
            "alpha_min_ratio", alpha_min_ratio, 0.0, 1.0, open_low=True, open_high=True
        )
    if np.isnan(alpha_max):
        raise ValueError(
            "l1_ratio=0 (ridge) has no alpha at which all coefficients are 0, "
            "so no default grid: pass alphas"
        )
    top = alpha_max if alpha_max > 0 else 1.0
    grid = top * np.geomspace(1.0, alpha_min_ratio, n_alphas)
    grid[0] = top
    return grid


class _Collector:
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
        self.failed += status == _FAILED
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
        if problem.family.name == Multinomial.name:
            by_row = coefs.tocsr()
            coefs = tuple(by_row[k * p : (k + 1) * p].tocsc() for k in range(n_outputs))
            intercepts = intercepts.reshape(count, n_outputs).T.copy()
        gaps = np.array(self.gaps, dtype=np.float64)
        info = {
            **counters,
            "regimes": dict(self.regimes),
            "alpha_max": solver.alpha_max,
            "null_objective": solver.null_objective,
            "stopped": stopped,
            "n_failed": self.failed,
            "separated": bool(solver.separated),
            "loss_left": dict(self.left),
            "seconds": time.perf_counter() - self.start,
            "tol": self.tol,
            "max_iter": self.max_iter,
            "l1_ratio": problem.l1_ratio,
            "fit_intercept": problem.fit_intercept,
            "standardize": problem.standardize,
            "n_threads": problem.n_threads,
            "isa": _runtime.isa,
        }
        return PathResult(
            alphas=np.array(self.alphas, dtype=np.float64),
            coefs=coefs,
            intercepts=intercepts,
            dual_gaps=gaps,
            n_iters=np.array(self.n_iters, dtype=np.intp),
            converged=gaps <= self.tol,
            classes=problem.classes,
            info=info,
            loss=problem.loss,
            feature_names=problem.feature_names,
            family=problem.family,
            _problem=problem,
            _max_iter=self.max_iter,
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


def _check_start(coef_init: ArrayLike, problem: Problem) -> np.ndarray:
    """Initial coefficients within the bounds, one class after another."""
    p, n_outputs = problem.shape[1], problem.n_outputs
    if problem.family.name == Multinomial.name:
        coef_init = np.asarray(coef_init)
        if coef_init.shape != (p, n_outputs):
            raise ValueError(
                f"coef_init has shape {coef_init.shape}; {p} columns and {n_outputs} "
                f"classes make ({p}, {n_outputs})"
            )
        coef_init = coef_init.ravel(order="F")
    start = check_vector("coef_init", coef_init, p * n_outputs, of="column")
    if problem.lower is not None:
        start = np.maximum(start, np.tile(problem.lower, n_outputs))
    if problem.upper is not None:
        start = np.minimum(start, np.tile(problem.upper, n_outputs))
    return start


def _check_intercept(intercept_init: Any, problem: Problem) -> Any:
    if problem.family.name == Multinomial.name:
        n_outputs = problem.n_outputs
        return check_vector("intercept_init", intercept_init, n_outputs, of="position")
    return check_real("intercept_init", intercept_init)


def solve_path(
    problem: Problem,
    *,
    alphas: ArrayLike | None = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
    tol: float = 1e-6,
    max_iter: int = MAX_ITER,
    max_features: int | None = None,
    coef_init: ArrayLike | None = None,
    intercept_init: Any = None,
    callback: Callback | None = None,
    moments: Moments | None = None,
) -> PathResult:
    """`path` on a problem that has been validated; does not warn.

    Parameters
    ----------
    problem : Problem
        From `check_problem`.
    intercept_init : float, or array-like of shape (classes,), optional
        Goes with `coef_init`; by default that of the null model.
    moments : Moments, optional
        Of the rows of the problem, if they are known.
    alphas, n_alphas, alpha_min_ratio, tol, max_iter, max_features, coef_init, callback
        As in `path`.

    Returns
    -------
    PathResult

    Raises
    ------
    FitInterrupted
        Ctrl-C; `result` holds the alphas that were done.
    """
    tol = check_real("tol", tol, 0.0)
    max_iter = min(check_int("max_iter", max_iter, 1), np.iinfo(np.int32).max)
    if max_features is not None:
        max_features = check_int("max_features", max_features, 0)
    grid = None if alphas is None else check_alphas(alphas)
    if grid is None and problem.l1_ratio == 0:
        default_grid(problem, np.nan)
    if coef_init is not None:
        coef_init = _check_start(coef_init, problem)
    if intercept_init is not None:
        intercept_init = _check_intercept(intercept_init, problem)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {callback!r}")

    done = None
    try:
        solver = make_solver(problem, moments)
        done = _Collector(problem, solver, tol, max_iter)
        if grid is None:
            grid = default_grid(
                problem, zero_alpha(solver, problem.loss), n_alphas, alpha_min_ratio
            )
        if coef_init is not None:
            start: Any = solver.intercept if intercept_init is None else intercept_init
            solver.set_coef(coef_init, start)
        if len(grid) > 1 and max_features is None and problem.n_outputs == 1:
            solver.expect(float(grid[-1]))
        return done.result(_run(done, grid, max_features, callback))
    except KeyboardInterrupt:
        result = None if done is None else done.result("interrupted")
    raise FitInterrupted(
        f"the fit was interrupted after {len(result) if result else 0} of "
        f"{n_alphas if grid is None else len(grid)} alphas",
        result,
    )


def _run(
    done: _Collector,
    grid: np.ndarray,
    max_features: int | None,
    callback: Callback | None,
) -> str:
    """Solve along the grid; why it stopped."""
    solver = done.solver
    # room for the cast
    inner = done.tol * (0.9 if done.problem.dtype == np.float32 else 1.0)
    for k, alpha in enumerate(grid.tolist()):
        status = solver.solve(alpha, inner, done.max_iter)
        if status == _INTERRUPTED:
            raise KeyboardInterrupt
        done.add(alpha, status)
        n_nonzero = done.n_nonzero()
        if callback is not None and callback(
            k,
            {
                "alpha": alpha,
                "n_alphas": len(grid),
                "gap": solver.gap,
                "n_iter": solver.n_iter,
                "n_nonzero": n_nonzero,
                "converged": solver.gap <= done.tol,
                "intercept": done.intercepts[-1],
                "seconds": time.perf_counter() - done.start,
            },
        ):
            return "callback"
        if max_features is not None and n_nonzero > max_features:
            return "max_features"
    return "end"


def _explain_stall(result: PathResult, worst: int) -> str:
    """What about the problem may have kept model `worst` from the tolerance."""
    left = result.info.get("loss_left", {}).get(worst, 1.0)
    if not left < _SATURATED:
        return ""
    what = "the classes are separated" if result.family.labels else "y is all but met"
    return (
        f"; the fit is saturated: {what}, {100 * (1 - left):.4g} % of the null loss is "
        "explained"
    )


def warn_unconverged(result: PathResult, *, stacklevel: int = 1) -> None:
    """One `ConvergenceWarning` for the models of `result` that missed the tolerance,
    and one where coefficients without a penalty grow without limit."""
    if result.info["separated"]:
        warnings.warn(
            f"the columns without a penalty {_running_off(result.loss)}: their "
            "coefficients grow without limit, and are as large as "
            f"tol={result.info['tol']:g} makes them. "
            "Penalize these columns, or bound them",
            ConvergenceWarning,
            stacklevel=stacklevel + 1,
        )
    bad = ~result.converged
    if not bad.any():
        return
    worst = int(
        np.argmax(np.where(bad, np.nan_to_num(result.dual_gaps, nan=np.inf), 0))
    )
    info, n_iter = result.info, int(result.n_iters[worst])
    if info["n_failed"]:
        cause = "a numerical failure"
        advice = "look for columns of extreme scale, or try standardize=True"
    elif n_iter >= info["max_iter"]:
        cause = f"max_iter={info['max_iter']}"
        advice = "raise max_iter or tol, or keep to larger alphas"
    else:
        cause = f"a standstill after {n_iter} iterations"
        advice = "raise tol, try standardize=True, or keep to larger alphas"
        if result._outputs[0].dtype == np.float32:
            advice += ", or pass X as float64"
    cause += _explain_stall(result, worst)
    warnings.warn(
        f"{int(bad.sum())} of {len(bad)} models did not reach the relative duality gap "
        f"tol={info['tol']:g}; the worst gap is {result.dual_gaps[worst]:.3g} at "
        f"alpha={result.alphas[worst]:.6g}, where the solver ended at {cause}. The "
        f"coefficients are good to that gap; to do better, {advice}.",
        ConvergenceWarning,
        stacklevel=stacklevel + 1,
    )


@public
def path(
    X: Any,
    y: ArrayLike,
    *,
    loss: str | Loss = "squared",
    alphas: ArrayLike | None = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    strata: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    tol: float = 1e-6,
    max_iter: int = MAX_ITER,
    max_features: int | None = None,
    n_threads: int | None = None,
    coef_init: ArrayLike | None = None,
    intercept_init: ArrayLike | None = None,
    callback: Callback | None = None,
    check_input: bool = True,
) -> PathResult:
    """Certified sparse linear models along a grid of penalties.

    Minimizes over w and b, for every alpha of a decreasing grid::

        (1/sum(s)) sum_i s_i loss(y_i, x_i.w + b + offset_i)
            + alpha sum_j pf_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2)
        subject to lower_j <= w_j <= upper_j

    and proves each result by a duality gap.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, pandas or polars frame of shape (n, p)
        float32 and float64 in Fortran order are used in place, read-only memory maps
        included, and so is sorted CSC with int32 indices.  C order, integers and
        booleans are copied once; CSR and other sparse formats are converted to CSC.
        float32 stays float32, with all sums in float64.
    y : array-like of shape (n,)
        Numbers in the range of the loss, or any two labels (multinomial: any number).
    loss : str or Loss
        Half the unit deviance, of eta = x.w + b + offset: "squared", "huber" and
        "quantile" of real y; "poisson", "gamma" and "tweedie" of y >= 0 with mean
        exp(eta) (an exposure e is ``offset=log(e)``); "logistic", "probit", "cloglog"
        and "squared_hinge" of two labels; "multinomial" of any number, with a linear
        predictor each and a penalty on every coefficient; "cox" of times to an event, y
        being a structured array (event, time[, entry]) or such columns.  Parameters go
        with an object, such as ``loss=fastl1.Tweedie(1.5)``, ``Cox("efron")``,
        ``Huber(delta)`` or ``Quantile(q)``, whose docstrings define them.
    alphas : array-like of shape (K,), optional
        Decreasing penalties >= 0; 0 is allowed as the last one.  By default `n_alphas`
        values, evenly spaced in the logarithm, from the least alpha at which every
        penalized coefficient is 0 down to `alpha_min_ratio` times that.
    n_alphas : int
    alpha_min_ratio : float in (0, 1), optional
        By default 1e-4 if n > p, else 1e-2.
    l1_ratio : float in [0, 1]
        1 is the lasso; 0 is ridge, which needs explicit `alphas`.
    penalty_factor : scalar or array-like of shape (p,), optional
        Used as given: 1 by default, 0 never penalizes, inf excludes the column.
    lower, upper : scalar or array-like of shape (p,), optional
        lower <= 0 <= upper, on the original scale of the coefficients.
    fit_intercept : bool
        Whether to fit b, which is not penalized.
    standardize : bool
        Penalize the coefficients of the columns divided by their standard deviation
        (weighted, population).  Coefficients are returned on the original scale;
        constant columns get 0.  Sparse X is not made dense.
    sample_weight : array-like of shape (n,), optional
        >= 0; 0 acts as if the row were absent.
    class_weight : dict or "balanced", optional
        For losses of labels: factors on the weights of the rows, by label (1 where
        none is given), or in inverse proportion to the number of rows of each.
    strata : array-like of shape (n,), optional
        For the Cox loss: rows compare with rows of the same label only.
    offset : array-like of shape (n,), optional
        A known part of the linear predictor; (n, classes) for the multinomial loss.
    tol : float
        Relative duality gap at which a model counts as solved.
    max_iter : int
        Outer iterations for each alpha.
    max_features : int, optional
        Stop once more features than this have a nonzero coefficient.  The model that
        went over the limit is the last one kept, as in glmnet's ``dfmax``.
    n_threads : int, optional
        By default as many as there are physical cores.  The result has the same bits
        for any number.
    coef_init : array-like of shape (p,), or (p, classes) (multinomial), optional
        Where to start at the first alpha; see also `warm_start_from`.
    intercept_init : float, or array-like of shape (classes,), optional
        Goes with `coef_init`; by default that of the null model.
    callback : callable, optional
        ``callback(k, info)`` after each alpha, with a dict of its alpha, gap, n_iter,
        n_nonzero, converged, intercept, seconds, and n_alphas; a true return value
        stops the path with what is done.
    check_input : bool
        False skips the passes over the values: only for data known to be finite, sparse
        X in sorted CSC form without duplicates, labels in {0.0, 1.0}.

    Returns
    -------
    PathResult

    Raises
    ------
    ValueError, TypeError
        On bad input; the message names the offending row and column.
    FitInterrupted
        On Ctrl-C; its `result` holds the alphas that were done.

    Warns
    -----
    ConvergenceWarning
        Some gap is above `tol` after `max_iter` iterations.

    Examples
    --------
    >>> import numpy as np, fastl1
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = 3 * X[:, 0] - 2 * X[:, 5] + 0.1 * rng.standard_normal(100)
    >>> result = fastl1.path(X, y, n_alphas=10)
    >>> np.flatnonzero(result.coef_at(result.alphas[4])[0]).tolist()
    [0, 5]
    """
    problem = check_problem(
        X,
        y,
        loss=loss,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        sample_weight=sample_weight,
        class_weight=class_weight,
        strata=strata,
        offset=offset,
        n_threads=n_threads,
        check_input=check_flag("check_input", check_input),
        defer_values=True,
    )
    result = solve_path(
        problem,
        alphas=alphas,
        n_alphas=n_alphas,
        alpha_min_ratio=alpha_min_ratio,
        tol=tol,
        max_iter=max_iter,
        max_features=max_features,
        coef_init=coef_init,
        intercept_init=intercept_init,
        callback=callback,
    )
    warn_unconverged(result, stacklevel=2)
    return result


@public
def alpha_max(
    X: Any,
    y: ArrayLike,
    *,
    loss: str | Loss = "squared",
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    n_threads: int | None = None,
    check_input: bool = True,
) -> float:
    """The least alpha at which every penalized coefficient is 0.

    Exact for every option: it is taken after the intercept and the unpenalized columns
    have been fitted, and it counts only the directions that the bounds leave open.

    Parameters
    ----------
    X, y, loss, l1_ratio, penalty_factor, lower, upper, fit_intercept, standardize, \
sample_weight, strata, offset, n_threads, check_input
        As in `path`.

    Returns
    -------
    float
        0 for a constant y and when nothing is penalized.

    Raises
    ------
    ValueError, TypeError
        On bad input, and where there is no such alpha: for l1_ratio = 0, and where
        the unpenalized columns separate the labels (or the rows with y = 0), or put
        events in their order.
    """
    if l1_ratio == 0:
        raise ValueError("l1_ratio=0 (ridge): no alpha makes all coefficients 0")
    problem = check_problem(
        X,
        y,
        loss=loss,
        l1_ratio=l1_ratio,
        penalty_factor=penalty_factor,
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        sample_weight=sample_weight,
        strata=strata,
        offset=offset,
        n_threads=n_threads,
        check_input=check_input,
        defer_values=True,
    )
    return zero_alpha(make_solver(problem), problem.loss)


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
        As in `path`.
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
    gaps = result.dual_gaps * result.info["null_objective"]
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

    `enet_path` with ``l1_ratio=1``; see there.
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
