"""`PathResult`: the solutions of a path, what they predict, and their certificates."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public
from fastl1.exceptions import ConvergenceWarning
from fastl1.fit.info import HasInfo, PathInfo
from fastl1.fit.keywords import OF_THE_FIT, FitKeywords, check_keywords
from fastl1.fit.solver import running_off
from fastl1.loss.losses import Loss, Squared
from fastl1.penalty.penalties import L1
from fastl1.problem.matrix import check_features
from fastl1.problem.problem import Problem, check_problem
from fastl1.problem.scalars import check_flag, check_real
from fastl1.problem.target import check_offset
from fastl1.problem.vectors import check_vector

if TYPE_CHECKING:
    from fastl1.model.sparse_model import SparseModel

_SATURATED = 1e-3  # of the null loss: what leaves less has nearly fitted every row
Kind = Literal["response", "link", "class"]


@public
@dataclass(repr=False)
class PathResult(HasInfo, info=PathInfo):
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
    info : PathInfo
        How the path went: a dict whose keys are attributes as well.  Among them
        ``alpha_max``; ``null_objective``, which is P(0); ``stopped``: "end" of the
        grid, "max_features", "callback" or "interrupted"; ``separated``, whether
        coefficients without a penalty grow without limit; ``regime`` and
        ``regime_reason``, how the working set was minimized and why; and counters of
        the solver.  ``help(result.info)`` has them all.
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
    info: PathInfo
    loss: str = "squared"
    feature_names: list[str] | None = None
    family: Loss = Squared()
    # not pickled
    _problem: Problem | None = field(default=None, compare=False)

    @property
    def problem(self) -> Problem | None:
        """The validated problem that was solved, as long as the result keeps its data:
        for ``coef_at(exact=True)`` and for second fits.  None in one that was
        unpickled."""
        return self._problem

    def forget_data(self) -> "PathResult":
        """Let go of the data of the fit; returns the result itself."""
        self._problem = None
        return self

    @property
    def outputs(self) -> tuple[Any, ...]:
        """`coefs` by linear predictor: the one of every class, or the only one."""
        return self.coefs if isinstance(self.coefs, tuple) else (self.coefs,)

    @property
    def support(self) -> Any:
        """Features with a nonzero coefficient (for some class), of each model: pattern
        of a csc_array (p, K)."""
        first, *others = (part != 0 for part in self.outputs)
        for part in others:
            first = first + part
        return first.tocsc()

    @property
    def n_nonzero(self) -> np.ndarray:
        """How many features each model has in its `support`."""
        return np.diff(self.support.indptr)

    def __repr__(self) -> str:
        p, count = self.outputs[0].shape
        text = f"<PathResult: {self.loss}, {count} alphas, {p} features"
        if count:
            kept = int(self.n_nonzero.max())
            kind, worst = _distances(self)
            text += f", up to {kept} nonzero, worst {kind} {worst.max():.1e}"
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
            ``info.alpha_max`` or above: the model is the first one.
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
        if self.problem is None:
            raise ValueError(
                "exact=True solves again, and this result has no data: it was "
                "unpickled. Call fastl1.path with the data and this alpha"
            )
        low, high = self.alphas.min(), self.alphas.max()
        coef, intercept = only_model(*self._interpolate(np.clip([alpha], low, high)))
        from fastl1.fit.path import solve_path

        refit = solve_path(
            self.problem,
            alphas=[alpha],
            tol=self.info.tol,
            max_iter=self.info.max_iter,
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
        top = np.inf if grid[0] >= self.info.alpha_max - slack else grid[0] + slack
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
            (part @ mix).tocsc().astype(part.dtype, copy=False) for part in self.outputs
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
        X = check_features(X, self.outputs[0].shape[0], self.feature_names)
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
            sp.hstack([part[:, [k]] for part in self.outputs]).T.tocoo(),
            self.intercepts[..., k],
            link=self.family.link,
            classes=self.classes,
            feature_names=self.feature_names,
            metadata={
                "loss": self.loss,
                **({"loss_params": params} if params else {}),
                "alpha": float(self.alphas[k]),
                "alpha_max": float(self.info.alpha_max),
                "gap": float(self.dual_gaps[k]),
                "tol": float(self.info.tol),
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


def _explain_stall(result: PathResult, worst: int) -> str:
    """What about the problem may have kept model `worst` from the tolerance."""
    left = (result.info.loss_left or {}).get(worst, 1.0)
    if not left < _SATURATED:
        return ""
    what = "the classes are separated" if result.family.labels else "y is all but met"
    return (
        f"; the fit is saturated: {what}, {100 * (1 - left):.4g} % of the null loss is "
        "explained"
    )


def _distances(result: PathResult) -> tuple[str, np.ndarray]:
    """What judges the models, in a word, and each model's value of it."""
    if result.info.stationarity is None:
        return "gap", result.dual_gaps
    return "stationarity", result.info.stationarity


_ASKED = {"gap": "relative duality gap", "stationarity": "stationarity sqrt(tol) of"}


def warn_unconverged(result: PathResult, *, stacklevel: int = 1) -> None:
    """One `ConvergenceWarning` for the models of `result` that missed the tolerance,
    and one where coefficients without a penalty grow without limit."""
    if result.info.separated:
        warnings.warn(
            f"the columns without a penalty {running_off(result.family)}: their "
            "coefficients grow without limit, and are as large as "
            f"tol={result.info.tol:g} makes them. "
            "Penalize these columns, or bound them",
            ConvergenceWarning,
            stacklevel=stacklevel + 1,
        )
    bad = ~result.converged
    if not bad.any():
        return
    kind, distances = _distances(result)
    worst = int(np.argmax(np.where(bad, np.nan_to_num(distances, nan=np.inf), 0)))
    info, n_iter = result.info, int(result.n_iters[worst])
    if info.n_failed:
        cause = "a numerical failure"
        advice = "look for columns of extreme scale, or try standardize=True"
    elif n_iter >= info.max_iter:
        cause = f"max_iter={info.max_iter}"
        advice = "raise max_iter or tol, or keep to larger alphas"
    else:
        cause = f"a standstill after {n_iter} iterations"
        advice = "raise tol, try standardize=True, or keep to larger alphas"
        if result.outputs[0].dtype == np.float32:
            advice += ", or pass X as float64"
    cause += _explain_stall(result, worst)
    warnings.warn(
        f"{int(bad.sum())} of {len(bad)} models did not reach the {_ASKED[kind]} "
        f"tol={info.tol:g}; the worst {kind} is {distances[worst]:.3g} at "
        f"alpha={result.alphas[worst]:.6g}, where the solver ended at {cause}. The "
        f"coefficients are good to that {kind}; to do better, {advice}.",
        ConvergenceWarning,
        stacklevel=stacklevel + 1,
    )


def problem_of(
    function: Callable[..., Any],
    result: PathResult,
    X: Any,
    y: ArrayLike,
    keywords: FitKeywords,
) -> Problem:
    """The problem that `result` solved, on X and y.

    What the `keywords` of `function` leave open is taken from the fit while the result
    keeps its data; of one that was unpickled, only what its `info` tells is known, and
    the rest has the defaults of `path`.

    Raises
    ------
    ValueError, TypeError
        Bad input, or not the columns or labels of the fit.
    """
    given = {
        name: value
        for name, value in check_keywords(function, keywords).items()
        if value is not OF_THE_FIT
    }
    fit = result.problem
    known: dict[str, Any] = {
        name: result.info[name] for name in ("fit_intercept", "standardize")
    }
    if "penalty" not in given and "l1_ratio" not in given:
        known["penalty"] = result.info.penalty or L1(result.info.l1_ratio)
    if fit is not None:
        known["n_threads"] = fit.n_threads
        for name in ("penalty_factor", "lower", "upper", "sample_weight", "offset"):
            known[name] = getattr(fit, name)
        if fit.group_penalty is not None:  # has its weights
            del known["penalty_factor"]
        if fit.survival is not None:
            known["strata"] = fit.survival.strata
        if "class_weight" in given:  # contained in the weights of the fit
            del known["sample_weight"]
    problem = check_problem(X, y, loss=result.family, **{**known, **given})
    p = result.outputs[0].shape[0]
    if problem.shape[1] != p:
        raise ValueError(f"X has {problem.shape[1]} features, the path has {p}")
    if problem.classes is not None and list(problem.classes) != list(result.classes):
        raise ValueError(
            f"y has the labels {problem.classes.tolist()}, the path was fitted with "
            f"{result.classes.tolist()}"
        )
    return problem
